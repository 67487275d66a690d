"""Usage from file or frame to totals; correcting it; reading it back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl
from django.db import transaction
from django.db.models import Q

from meterline.catalog import services as catalog
from meterline.customers.models import Account
from meterline.kernel.frames import empty
from meterline.platform import audit, clock, files
from meterline.platform.ahead import ahead
from meterline.rating import properties
from meterline.subscriptions.models import Subscription
from meterline.subscriptions.store import changed_since, find
from meterline.usage import deliveries, formats, intake
from meterline.usage import reference as references
from meterline.usage.allowances import (
    Balance,
    balances,
    covered,
    of_owners,
)
from meterline.usage.contracts import (
    follow_contract,
    follow_identifiers,
    follow_moved,
    follow_new,
)
from meterline.usage.correct import back_out, rerate, rerate_each, reverse, take_out
from meterline.usage.errors import LateRejects, UnknownBatch, UnknownRejects, UsageFileError
from meterline.usage.fetch import fetched
from meterline.usage.load import CHECK, Load, lock_loading, warm_up
from meterline.usage.mapping import tables_of
from meterline.usage.models import Batch, Delivery, KnownKeys, Reject, Retired
from meterline.usage.normalise import CANONICAL
from meterline.usage.process import TOO_LATE, Prepared
from meterline.usage.store import live
from meterline.usage.tend_keys import lock_tending, tend_behind

__all__ = [
    "accept_late",
    "as_decoded",
    "back_out",
    "balances",
    "balances_of",
    "batch",
    "control_totals",
    "covered",
    "delivered",
    "detail",
    "detail_schema",
    "digest_of",
    "discard",
    "edit_reject",
    "finish",
    "follow_contract",
    "follow_identifiers",
    "follow_moved",
    "follow_new",
    "guided",
    "load_all",
    "load_file",
    "load_records",
    "orphans",
    "recycle",
    "rejects",
    "replace",
    "rerate",
    "reverse",
    "with_about",
    "without_folder",
]

FILES = "files"  # the source of records that come in files, unless another is named
_NOTHING = Q(pk__in=[])
_BLOCK = 8 << 20  # large, since another thread may hold the interpreter between two
_AHEAD = 1  # chunks that are decoded while those before are rated
_LARGE = 4 << 20  # bytes of a file that holds many records


def load_file(
    path: Path | str,
    *,
    format: str | None = None,
    mapping: Path | str | None = None,
    source: str = FILES,
    progress: Callable[[int], None] | None = None,
) -> Batch:
    """Load a usage file; its format is recognised from its content unless given.

    A file that is loaded already (the same bytes, from the same source by the same mapping) changes
    nothing: its batch is returned.
    Raises UsageFileError for a file that cannot be read. `progress(records)` is called as it goes.
    """
    file = Path(path)
    rule = None if mapping is None else Path(mapping)
    warm_up()
    with ThreadPoolExecutor(1) as beside:
        read = beside.submit(digest_of, source, format, rule, file)
        try:
            return _load_once(file, read, format, rule, source, progress)
        except UsageFileError as error:
            if read.exception() is None:
                deliveries.refused(source, error)
            raise


@transaction.atomic
def _load_once(
    file: Path, read: Future[str], format: str | None, rule: Path | None, source: str,
    progress: Callable[[int], None] | None,
) -> Batch:  # fmt: skip
    """Load a file, unless one with its digest (`read`) is loaded already."""
    lock_loading()
    there = file.is_file()
    other = intake.of_file(file, format) if there and rule is None else None
    many = there and other is None and file.stat().st_size > _LARGE
    everybody = references.everybody() if many else None  # while the digest is read
    digest = read.result()
    known = Batch.objects.filter(digest=digest, state="committed").first()
    if known is not None:
        return known
    if other is not None:
        return other.load(file, source=source, digest=digest, progress=progress)
    name = format or formats.recognise(file, mapping=rule)
    chunks = formats.decode(file, format=name, mapping=rule)
    checked = deliveries.Checked(chunks, path=file, mapping=rule)
    load = Load(source=source, file_name=file.name, format=name, digest=digest, everybody=everybody)
    batch = finish(load, checked, progress)
    deliveries.note(batch, checked)
    return batch


def load_all(
    location: str | Path,
    *,
    format: str | None = None,
    mapping: Path | str | None = None,
    source: str = FILES,
    progress: Callable[[int], None] | None = None,
) -> list[Batch]:
    """Load what is at a path or URL: a file, files that a pattern matches, the members of an
    archive; a batch each. Those before one that is refused stay loaded."""
    return [
        load_file(path, format=format, mapping=mapping, source=source, progress=progress)
        for path in fetched(location)
    ]


def load_records(records: pl.DataFrame, *, source: str) -> Batch:
    """Load records (String columns as in the canonical CSV) that some other source hands over."""
    with transaction.atomic():
        lock_loading()
        load = Load(source=source, file_name=source, format="records")
        lines = records if "line" in records.columns else records.with_row_index("line", offset=1)
        none = pl.DataFrame(schema=formats.REJECTS)
        return finish(load, [formats.Decoded(records=lines, rejects=none)])


def finish(
    load: Load,
    chunks: Iterable[formats.Decoded],
    progress: Callable[[int], None] | None = None,
) -> Batch:
    """Take a load from its chunks to the registered batch; what was written goes if it breaks."""
    try:
        for rejects, prepared in ahead(_prepared(load, chunks), _AHEAD):
            if rejects.height:
                load.reject(rejects)
            if prepared is not None:
                load.add(prepared)
            if progress:
                progress(load.records)
        batch = _registered(load)
    except BaseException:
        load.discard()
        raise
    return batch


def _prepared(
    load: Load, chunks: Iterable[formats.Decoded]
) -> Iterator[tuple[pl.DataFrame, Prepared | None]]:
    """What could not be decoded of each chunk, and the rest, normalised."""
    for chunk in chunks:
        named = properties.as_properties(chunk.records, ("line", *CANONICAL))
        if chunk.file_names is not None:
            named = named.with_columns(chunk.file_names.alias("file_name"))
        yield chunk.rejects, load.prepare(named) if named.height else None


def _registered(load: Load) -> Batch:
    batch = load.register()
    rerate_each(of_owners(load.late))
    _follow_changes(load)
    transaction.on_commit(tend_behind)
    return batch


def _follow_changes(load: Load) -> None:
    """Contracts that changed while the batch was in the making."""
    if references.newest_change() == load.newest_change:
        return
    for subscription_id, since in changed_since(load.newest_change, load.touched()):
        follow_contract(subscription_id, since)


def balances_of(whose: str, at: date | datetime | None = None) -> list[Balance]:
    """What is left of the allowances that an account, or one subscription, can use (by its code).

    Raises UnknownSubscription where neither has the code.
    """
    account = Account.objects.filter(code=whose).first()
    subscription = None if account else find(whose)
    owner = account or cast(Subscription, subscription).account
    moment = clock.now() if at is None else at
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(0), tzinfo=ZoneInfo(owner.timezone))
    return balances(owner.pk, moment, subscription_id=subscription and subscription.pk)


def digest_of(source: str, format: str | None, mapping: Path | None, file: Path) -> str:
    """What a load is known by: the file's content, and how it is to be read."""
    digest = hashlib.sha256(f"{source}\n{format or ''}\n".encode())
    how = [] if mapping is None else [mapping, *tables_of(mapping)]
    for path in (*how, file):
        try:
            with path.open("rb") as content:
                while block := content.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise UsageFileError(file=path, why=error.strerror or str(error)) from error
    return digest.hexdigest()


def batch(batch_id: int) -> Batch:
    """A batch by its number. Raises UnknownBatch."""
    found = Batch.objects.filter(pk=batch_id).first()
    if found is None:
        raise UnknownBatch(batch_id=batch_id)
    return found


def delivered(batch: Batch) -> dict[str, Any]:
    """What the file of a batch told of itself: its number, rows that were left out, remarks."""
    found = Delivery.objects.filter(batch=batch).first()
    if found is None:
        return {}
    return {"sequence": found.sequence, "left_out": found.left_out, "remarks": found.remarks}


def control_totals(batch: Batch) -> list[dict[str, Any]]:
    """A batch's control totals, with the codes of plan and price."""
    known = {price.id: price for price in catalog.tariff().prices.values()}
    return [
        {"plan": known[row["price_id"]].plan, "price": known[row["price_id"]].code, **row}
        for row in batch.totals
    ]


def rejects(
    *, batch_id: int | None = None, reason: str | None = None, state: str = "open"
) -> list[Reject]:
    """Rejects in a state, of a batch or a reason, in order."""
    rows = Reject.objects.filter(state=state).order_by("id")
    if batch_id is not None:
        rows = rows.filter(batch_id=batch_id)
    if reason is not None:
        rows = rows.filter(reason=reason)
    return list(rows)


def recycle(
    ids: Sequence[int] | None = None,
    *,
    changes: Mapping[str, str] | None = None,
    why: str = "",
) -> Batch | None:
    """Try open rejects again (those given, or all but what a check of a mapping refused), with some
    fields changed; None if there are none. What is refused again is a new reject of the same file
    and line.

    Records that came too late are left out, and refused if they are given: `accept_late` takes
    them. Raises UnknownRejects, LateRejects.
    """
    late = Reject.objects.filter(pk__in=ids or [], reason=TOO_LATE)
    if found := list(late.values_list("pk", flat=True)):
        raise LateRejects(ids=json.dumps(found))
    return _again(ids, Q(reason=TOO_LATE), dict(changes or {}), "usage.recycle", why)


def accept_late(ids: Sequence[int] | None = None) -> Batch | None:
    """Rate records that came later than their source may (those given, or all); None if there are
    none. Raises UnknownRejects; also for rejects of another reason."""
    return _again(ids, ~Q(reason=TOO_LATE), {}, "usage.accept_late")


def _again(
    ids: Sequence[int] | None, but: Q, changes: dict[str, str], action: str, why: str = ""
) -> Batch | None:
    with transaction.atomic():
        lock_loading()
        taken = _open_rejects(ids, but)
        if ids is None:
            taken = [row for row in taken if row.reason != CHECK]
        taken, others = intake.apart(taken)
        made = intake.recycled(others, changes)
        if not taken:
            return made
        load = Load(source=FILES, file_name="rejects", format="recycle", late_too=True)
        named = as_decoded([{**row.record, **changes} for row in taken]).with_columns(
            line=pl.Series([row.line for row in taken], dtype=pl.UInt32),
            file_name=pl.Series([row.file_name for row in taken]),
        )
        load.add(load.prepare(named))
        batch = _registered(load)
        Reject.objects.filter(pk__in=[row.pk for row in taken]).update(state="recycled")
        audit.record(
            action, f"usage_batch:{batch.pk}",
            after={"rejects": [row.pk for row in taken], "changes": changes,
                   **({"why": why} if why else {})},
        )  # fmt: skip
        return batch


def replace(gone: Sequence[str], records: pl.DataFrame, *, source: str) -> Batch | None:
    """Take out the records of these ids, with their open rejects, and load others in their place;
    the batch of these, None if there are none."""
    with transaction.atomic():
        lock_loading()
        if gone:
            take_out(gone, source=source)
            open_ones = Reject.objects.filter(state="open", batch__source=source)
            open_ones.filter(record__id__in=list(gone)).update(state="discarded")
        return load_records(records, source=source) if records.height else None


def as_decoded(records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The records of rejects as a format hands them over."""
    texts = [{name: str(value) for name, value in record.items() if value is not None}
             for record in records]  # fmt: skip
    names = sorted({name for record in texts for name in record})
    frame = pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String), orient="row")
    return properties.as_properties(frame, CANONICAL)


def edit_reject(reject_id: int, changes: Mapping[str, str]) -> Reject:
    """Change fields of an open reject (an empty text takes one away); it stays open until it is
    tried again. Raises UnknownRejects."""
    with transaction.atomic():
        (row,) = _open_rejects([reject_id])
        before = dict(row.record)
        after = {name: value for name, value in {**before, **changes}.items() if value != ""}
        row.record = after
        row.save(update_fields=["record"])
        told = ({name: side.get(name) for name in changes} for side in (before, after))
        audit.record("usage.reject_edit", f"usage_reject:{row.pk}", **dict(
            zip(("before", "after"), told, strict=True)))  # fmt: skip
    return row


def discard(ids: Sequence[int]) -> int:
    """Give up open rejects; they stay on record."""
    with transaction.atomic():
        taken = _open_rejects(ids)
        Reject.objects.filter(pk__in=[row.pk for row in taken]).update(state="discarded")
        audit.record("usage.discard", "usage_rejects", after={"rejects": [r.pk for r in taken]})
    return len(taken)


def _open_rejects(ids: Sequence[int] | None, but: Q = _NOTHING) -> list[Reject]:
    rows = Reject.objects.filter(state="open").exclude(but).select_for_update().order_by("id")
    if ids is None:
        return list(rows)
    found = list(rows.filter(pk__in=ids))
    missing = sorted(set(ids) - {row.pk for row in found})
    if missing:
        raise UnknownRejects(ids=json.dumps(missing))
    return found


def orphans() -> list[Path]:
    """Folders of batches that were not registered: what interrupted loads left. None is reported
    while a load is at work."""
    with transaction.atomic():
        lock_tending()
        lock_loading()
        known = set(Batch.objects.exclude(path="").values_list("path", flat=True))
        for others in (KnownKeys, Retired):
            known |= set(others.objects.values_list("path", flat=True))
        return sorted(path for path in files.folder("usage").iterdir() if path.name not in known)


def without_folder() -> list[int]:
    """The batches whose folder is not there."""
    folder = files.folder("usage")
    rows = Batch.objects.exclude(path="").order_by("pk").values_list("pk", "path")
    there = {path.name for path in folder.iterdir()}
    return [number for number, path in rows if path not in there]


def detail(
    subscription_ids: Sequence[int],
    price_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    ids: bool = False,
    fields: Sequence[str] = (),
) -> pl.DataFrame:
    """Rated records that count: subscription_id, price_id, period_start, start, end, quantity (to
    be paid; null: the meter's filter leaves it out), covered (by allowances), season, band,
    by_value, amount, denominator; with `ids` the record's id and identifier, and `property:NAME`
    (String) for each of the properties `fields`."""
    schema = detail_schema(ids=ids, fields=fields)
    if not subscription_ids or not price_ids:
        return empty(schema)
    standing = live(start, end)
    rows = standing.rated(subscription_ids, price_ids, start, end)
    if rows.is_empty():
        return empty(schema)
    if not ids and not fields:
        return with_about(rows, None, schema)
    about = standing.records(rows.select("batch_id", "line").unique())
    return with_about(rows, about, schema)


def with_about(
    rated: pl.DataFrame, about: pl.DataFrame | None, schema: Mapping[str, Any]
) -> pl.DataFrame:
    """The columns of `detail` that `schema` names, of rated records (store.RATED); `about`: their
    records, by batch_id and line (or line alone), None where no property is wanted."""
    shown = rated.with_columns(end=pl.col("start") + pl.duration(microseconds="duration_us"))
    if about is None:
        return shown.select(*schema)
    wanted = [name for name in schema if name.startswith(properties.PREFIX)]
    key = [name for name in ("batch_id", "line") if name in about.columns and name in rated.columns]
    fields = [properties.text(properties.plain(name), about).alias(name) for name in wanted]
    named = about.with_columns(fields).select(*key, *_ABOUT, *wanted)
    return shown.join(named, on=key).select(*schema)


def detail_schema(*, ids: bool = False, fields: Sequence[str] = ()) -> dict[str, Any]:
    """The columns of `detail`."""
    named = {properties.column(name): pl.String() for name in fields}
    return {**(_ABOUT if ids else {}), **_DETAIL, **named}


def guided(
    subscription_ids: Sequence[int],
    price_ids: Sequence[int],
    start: datetime,
    end: datetime,
) -> Iterator[pl.DataFrame]:
    """The records that count of subscriptions and prices and start within [start, end), a part of
    a batch at a time: what process.rate_and_place takes, but for the plan version, with the
    price_id by which they were rated (one of them)."""
    yield from live(start, end, whole=True).guided(subscription_ids, price_ids, start, end)


_ABOUT: dict[str, Any] = {"id": pl.String, "identifier": pl.String}
_DETAIL: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    "start": pl.Datetime("us", "UTC"),
    "end": pl.Datetime("us", "UTC"),
    "quantity": pl.Decimal(38, 10),
    "covered": pl.Decimal(38, 10),
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64,
}
