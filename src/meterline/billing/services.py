"""Bill runs and previews: the same computation, committed or only shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.billing import chunk
from meterline.billing.errors import OtherRunUnfinished, RunInProgress, UnknownAccounts
from meterline.billing.models import BillRun
from meterline.billing.snapshot import Until
from meterline.billing.turns import committed
from meterline.billing.workers import compute_chunks
from meterline.payments import grants
from meterline.platform import audit, clock, engine
from meterline.platform.ahead import ahead
from meterline.reads import services as reads
from meterline.subscriptions import renewals
from meterline.usage import waiting

CHUNK_SIZE = 5000
CHUNKS_A_WORKER = 6
_LOCK = 7206254  # the advisory lock that bill runs take, so that there is one at a time


@dataclass(kw_only=True)
class RunReport:
    """What a run did, or (dry run) would do."""

    run_id: int | None
    until: Until
    accounts: int
    invoices: int = 0
    invoice_ids: list[int] = field(default_factory=list)  # of runs in this process
    totals: dict[str, Decimal] = field(default_factory=dict)  # by currency
    largest: list[dict[str, Any]] = field(default_factory=list)
    documents: pl.DataFrame | None = None  # of a dry run: account_id, account_code, currency, total


@dataclass(frozen=True, kw_only=True)
class DocumentPreview:
    """A document that a run would issue now."""

    account_id: int
    account_code: str
    kind: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    credit_applied: Decimal
    due: Decimal
    lines: list[dict[str, Any]]


def run(
    until: Until | None = None,
    *,
    account_codes: Sequence[str] | None = None,
    dry_run: bool = False,
    progressive: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    started: Callable[[BillRun], None] | None = None,
) -> RunReport:
    """Bill all accounts (or those named) for what is due at `until`.

    `progress(done, all)` is called with accounts; `started(run)` in the transaction that notes the
    run, before its first chunk (not for a dry run). An interrupted run is to be resumed first.
    Usage whose owner has become known since is rated before.
    """
    moment = clock.now()
    until = until or moment
    with _one_at_a_time():
        _refuse_unfinished()
        reads.catch_up()
        waiting.recycle_owned()
        ids = account_ids(account_codes)
        if dry_run:
            return _dry_run(ids, until, moment, progressive=progressive, progress=progress)
        with transaction.atomic():
            bill_run = BillRun.objects.create(
                until=until.isoformat(),
                started_at=moment,
                chunk_size=CHUNK_SIZE,
                chunks=-(-len(ids) // CHUNK_SIZE),
                accounts=len(ids),
                boundaries=ids[::CHUNK_SIZE],
                selection=None if account_codes is None else list(account_codes),
                progressive=progressive,
            )
            if started:
                started(bill_run)
        return _execute(bill_run, workers, progress)


def resume(
    *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
) -> RunReport | None:
    """Finish the run that was interrupted; None if there is none."""
    with _one_at_a_time():
        unfinished = BillRun.objects.filter(finished_at=None).order_by("id").first()
        return None if unfinished is None else _execute(unfinished, workers, progress)


def preview(
    account_id: int, until: Until | None = None, *, progressive: bool = False
) -> list[DocumentPreview]:
    """What a run would issue to one account: a batch of one, of the same computation."""
    moment = clock.now()
    bill = chunk.compute([account_id], until or moment, moment, progressive=progressive)
    return previews(bill, moment)


def previews(bill: chunk.Bill, issued_at: datetime) -> list[DocumentPreview]:
    """The documents of a computed bill with their lines."""
    lines = bill.documents.lines.partition_by("account_id", as_dict=True)
    return [
        DocumentPreview(
            lines=lines[(document["account_id"],)].sort("position").to_dicts(),
            **{name: document[name] for name in DocumentPreview.__annotations__ if name != "lines"},
        )
        for document in chunk.with_credit(bill, issued_at, lock=False)[0].to_dicts()
    ]


def _execute(
    bill_run: BillRun, workers: int | None, progress: Callable[[int, int], None] | None
) -> RunReport:
    report = RunReport(run_id=bill_run.id, until=bill_run.until_at, accounts=bill_run.accounts)
    grants.expire(bill_run.started_at)
    renewals.tell(bill_run.started_at)
    chunks = _chunks(bill_run)[bill_run.chunks_done :]
    if workers is None:  # a core is the database's; few chunks are not worth starting processes
        workers = min((os.cpu_count() or 1) - 1, len(chunks) // CHUNKS_A_WORKER)
    workers = len(chunks) if engine.is_far() else min(workers, len(chunks))
    done = bill_run.chunks_done * bill_run.chunk_size
    for made, size in _bill_chunks(bill_run, chunks, workers, report):
        report.invoices += made
        done += size
        if progress:
            progress(done, bill_run.accounts)
    bill_run.refresh_from_db()
    report.totals, report.largest = _summary(bill_run.id)
    bill_run.finished_at = clock.now()
    bill_run.report = {
        "totals": {currency: str(total) for currency, total in report.totals.items()},
        "largest": [{**row, "total": str(row["total"])} for row in report.largest],
    }
    bill_run.save(update_fields=["finished_at", "report"])
    audit.record(
        "bill.run",
        f"bill_run:{bill_run.id}",
        after={"until": bill_run.until, "invoices": bill_run.invoices},
    )
    return report


def _bill_chunks(
    bill_run: BillRun, chunks: list[list[int]], workers: int, report: RunReport
) -> Iterator[tuple[int, int]]:
    """(invoices made, accounts) of each chunk, committed in order."""
    issued_at, until, progressive = bill_run.started_at, bill_run.until_at, bill_run.progressive
    bills = compute_chunks if workers > 1 or engine.is_far() else _compute_here
    ready = bills(chunks, until, issued_at, progressive=progressive, workers=workers)
    commit = partial(_commit, issued_at=issued_at, bill_run=bill_run)
    done = map(commit, ready) if connection.in_atomic_block else committed(ready, commit)
    for ids, made in zip(chunks, done, strict=True):
        report.invoice_ids += made
        yield len(made), len(ids)


def _commit(
    bill: chunk.Bill,
    in_turn: Callable[[], None] | None = None,
    *,
    issued_at: datetime,
    bill_run: BillRun,
) -> list[int]:
    return chunk.commit(bill, issued_at, bill_run, in_turn)


def _compute_here(
    chunks: list[list[int]], until: Until, issued_at: datetime, *, progressive: bool, workers: int
) -> Iterator[chunk.Bill]:
    """The bills of chunks, each computed while the one before is committed (inside a transaction
    there is one connection, and no working ahead)."""
    bills = (chunk.compute(ids, until, issued_at, progressive=progressive) for ids in chunks)
    return bills if connection.in_atomic_block else ahead(_then_disconnect(bills))


def _then_disconnect(bills: Iterator[chunk.Bill]) -> Iterator[chunk.Bill]:
    """The thread in which they are computed has a connection of its own."""
    try:
        yield from bills
    finally:
        connection.close()


def _dry_run(
    ids: list[int],
    until: Until,
    moment: datetime,
    *,
    progressive: bool,
    progress: Callable[[int, int], None] | None,
) -> RunReport:
    report = RunReport(run_id=None, until=until, accounts=len(ids))
    found = []
    for first in range(0, len(ids), CHUNK_SIZE):
        part = ids[first : first + CHUNK_SIZE]
        found.append(
            chunk.compute(part, until, moment, progressive=progressive).documents.documents
        )
        if progress:
            progress(first + len(part), len(ids))
    documents = pl.concat(found) if found else pl.DataFrame()
    report.invoices = documents.height
    if documents.height:
        report.documents = documents.select("account_id", "account_code", "currency", "total")
        sums = documents.group_by("currency").agg(pl.col("total").sum()).sort("currency")
        report.totals = dict(sums.iter_rows())
        largest = documents.top_k(3, by="total").select("account_code", "currency", "total")
        report.largest = largest.to_dicts()
    return report


def _summary(run_id: int) -> tuple[dict[str, Decimal], list[dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT currency, sum(total) FROM invoices_invoice WHERE bill_run_id = %s"
            " GROUP BY currency ORDER BY currency",
            [run_id],
        )
        totals = dict(cursor.fetchall())
        cursor.execute(
            "SELECT a.code, i.currency, i.total, i.number FROM invoices_invoice i"
            " JOIN customers_account a ON a.id = i.account_id WHERE i.bill_run_id = %s"
            " ORDER BY i.total DESC, i.id LIMIT 3",
            [run_id],
        )
        names = ("account_code", "currency", "total", "number")
        return totals, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def account_ids(codes: Sequence[str] | None) -> list[int]:
    """The accounts that a run is for: those of these codes, or all. Raises UnknownAccounts."""
    with connection.cursor() as cursor:
        if codes is None:
            cursor.execute("SELECT id FROM customers_account ORDER BY id")
            return [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "SELECT id, code FROM customers_account WHERE code = ANY(%s) ORDER BY id",
            [list(codes)],
        )
        found = cursor.fetchall()
    unknown = sorted(set(codes) - {code for _, code in found})
    if unknown:
        raise UnknownAccounts(codes=", ".join(unknown))
    return [account_id for account_id, _ in found]


def _chunks(bill_run: BillRun) -> list[list[int]]:
    """The chunks of a run: accounts between its boundaries, so always the same ones."""
    ids = account_ids(bill_run.selection)
    edges = [*bill_run.boundaries, None]
    return [
        [i for i in ids if i >= low and (high is None or i < high)] for low, high in pairwise(edges)
    ]


def _refuse_unfinished() -> None:
    unfinished = BillRun.objects.filter(finished_at=None).order_by("id").first()
    if unfinished is not None:
        raise OtherRunUnfinished(
            run_id=unfinished.id,
            until=unfinished.until,
            done=unfinished.chunks_done,
            chunks=unfinished.chunks,
        )


def at_work() -> bool:
    """Is a run at work on this database now?"""
    try:
        with _one_at_a_time():
            return False
    except RunInProgress:
        return True


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise RunInProgress
    try:
        yield
    finally:
        if connection.is_usable() and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
