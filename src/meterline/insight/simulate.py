"""What a catalogue file would have changed: the months that were, billed under both catalogues.

Reads at one moment and writes nothing. The same functions make the bills of both sides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import polars as pl

from meterline.billing.charges.measured import wanted_detail
from meterline.billing.document import make_documents
from meterline.billing.frames import Commitment, Minimum
from meterline.billing.given import discounts_of
from meterline.billing.snapshot import earliest_period, load, reach_of, settled_by
from meterline.billing.workers import in_workers
from meterline.catalog import services as catalog
from meterline.catalog.candidate import Candidate, affected, candidate, compiled
from meterline.catalog.files import CatalogFile
from meterline.insight import members
from meterline.insight.compare import BILLS, added_revenue, bills, extremes, revenue
from meterline.insight.parts import Side, cover_of, detail_of, detailed, explained
from meterline.insight.rerate import Rerated, rerate
from meterline.insight.segment import Condition
from meterline.insight.under import Used, of_subscriptions, under
from meterline.insight.window import Window, charges
from meterline.platform import clock
from meterline.platform.database import export_snapshot, reading
from meterline.rating.tariff import Tariff
from meterline.subscriptions.frames import phases_frame
from meterline.usage import services as usage
from meterline.usage.accounts import billing_days
from meterline.usage.place import Timelines
from meterline.usage.process import Contracts

CHUNK_SIZE = 10_000
CHUNKS_A_WORKER = 4  # few are not worth starting processes
SHOWN = 10  # largest rises and falls
_BEGINNING = datetime(1, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A chunk of accounts, and all that its bills need beside the database."""

    accounts: pl.DataFrame  # account_id, account, currency
    subscription_ids: list[int]
    candidate: Candidate
    used: Used
    window: Window
    issued_at: datetime


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The bills of the window under today's catalogue (now) and under the file (then)."""

    window: Window
    reasons: dict[str, tuple[str, ...]]  # affected plan -> why
    subscriptions: dict[str, int]  # affected plan -> how many
    left_out: dict[str, int]  # subscriptions of affected plans that cannot be compared, by reason
    unfit: dict[str, int]  # plan.price -> subscriptions whose override does not fit any more
    records: int  # usage records that were rated anew
    rejects: pl.DataFrame  # plan, meter, reason, detail, records
    bills: pl.DataFrame  # compare.BILLS
    revenue: pl.DataFrame  # compare.REVENUE
    rises: list[dict[str, Any]]  # the largest, with the lines of both sides explained
    falls: list[dict[str, Any]]


def simulate(
    catalogue: CatalogFile,
    *,
    months: int = 1,
    segment: Sequence[Condition] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Bill the last full months of the subscriptions of affected plans (of a segment) twice.

    `workers`: processes; None: as many as there are cores, where the base is worth starting them.
    `progress(done, all)` is called with accounts.
    """
    moment = clock.now()
    window = Window.before(moment.astimezone(catalogue.timezone).date(), months)
    with reading():
        found = affected(catalogue)
        base = members.load(list(found.reasons), window, segment)
        made = candidate(found, base["plan_version_id"].unique().to_list())
        wanted, left_out = members.comparable(base, made.currencies, made.versions)
        if progress:
            progress(0, wanted["account_id"].n_unique())
        again = _rerated(wanted, window, made, compiled(catalogue, found, made))
        jobs = list(_jobs(wanted, window, made, again))
        parts = _compared(jobs, workers, progress, wanted["account_id"].n_unique())
        compared = pl.concat([pl.DataFrame(schema=BILLS), *(part[0] for part in parts)])
        rises, falls = _explained(compared, wanted, window, made, again)
    return Simulation(
        window=window,
        reasons=dict(found.reasons),
        subscriptions=members.by_plan(wanted),
        left_out=left_out,
        unfit=members.unfit(wanted, made.unfit),
        records=again.records,
        rejects=_named(again.rejects, made),
        bills=compared,
        revenue=added_revenue([part[1] for part in parts]),
        rises=rises,
        falls=falls,
    )


def _rerated(base: pl.DataFrame, window: Window, made: Candidate, tariff: Tariff) -> Rerated:
    accounts = base["account_id"].unique().to_list()
    phases = phases_frame(account_ids=accounts).with_columns(
        pl.col("plan_version_id").replace(list(made.versions), list(made.versions.values()))
    )
    contracts = Contracts(
        timelines=Timelines(phases=phases, billing_days=billing_days(accounts)),
        tariff=tariff,
        cover=cover_of(made, phases, tariff),
    )
    since, until = _used(window, made)
    versions = {
        price.id: made.versions[price.plan_version_id]
        for price in catalog.prices(made.versions)
        if price.kind == "usage"
    }
    records = usage.guided(base["subscription_id"].unique().to_list(), list(versions), since, until)
    return rerate(records, contracts, versions, detailed(made))


def _used(window: Window, made: Candidate) -> tuple[datetime, datetime]:
    """From when to when usage can matter for bills of the window; a day covers the zones.

    What rolls over, is carried or is measured against earlier peaks goes back to the beginning.
    """
    day = timedelta(days=1)
    until = datetime.combine(window.until, time(0), tzinfo=UTC) + day
    granted = [one for allowances in made.allowances.values() for one in allowances]
    if wanted_detail(made.prices, made.meters).whole or any(
        one.rollover or one.valid is not None for one in granted
    ):
        return _BEGINNING, until
    minimums = [Minimum(**one) for one in made.minimums]
    commitments = [Commitment(**one) for one in made.commitments]
    amounts_off = any(one.amount is not None for one in made.discounts.values())
    counting = reach_of(settled_by(minimums, commitments, made.prices, amounts_off=amounts_off))
    since = datetime.combine(window.since, time(0), tzinfo=UTC) - counting
    first = datetime.combine(earliest_period(made.prices, since), time(0), tzinfo=UTC)
    return first - reach_of(one.interval for one in granted) - day, until


def _jobs(base: pl.DataFrame, window: Window, made: Candidate, again: Rerated) -> Iterator[Job]:
    """Chunks of accounts, each with its part of everything."""
    detail = detail_of(again, made)
    everybody = base["account_id"].unique().sort()
    for first in range(0, len(everybody), CHUNK_SIZE):
        ids = everybody[first : first + CHUNK_SIZE]
        inside = pl.col("account_id").is_between(ids[0], ids[-1])
        part = base.filter(inside)
        subscriptions = part["subscription_id"].unique().sort().to_list()
        yield Job(
            accounts=part.select("account_id", "account", "currency").unique("account_id"),
            subscription_ids=subscriptions,
            candidate=made.part(part["plan_version_id"].unique().to_list()),
            used=Used(
                totals=again.totals.filter(inside),
                covered=again.covered.filter(inside),
                detail=detail.filter(
                    pl.col("subscription_id").is_in(pl.Series(subscriptions).implode())
                ),
            ),
            window=window,
            issued_at=datetime.combine(window.until, time(12), tzinfo=UTC),
        )


def _compared(
    jobs: list[Job],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
    accounts: int,
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """(BILLS, REVENUE) of each job."""
    if workers is None:
        workers = min(os.cpu_count() or 1, len(jobs) // CHUNKS_A_WORKER)
    if workers > 1:
        snapshot = export_snapshot()
        made = in_workers(compare_chunk, ((job, snapshot) for job in jobs), workers)
    else:
        made = (compare_chunk(job) for job in jobs)
    parts, done = [], 0
    for job, part in zip(jobs, made, strict=True):
        parts.append(part)
        done += job.accounts.height
        if progress:
            progress(done, accounts)
    return parts


def compare_chunk(job: Job, snapshot: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """BILLS and REVENUE of a chunk; reads as of an exported `snapshot`, if one is given."""
    with reading(snapshot):
        now, then = both_sides(job)
    plans = {price.plan_version_id: price.plan for price in (*now.prices, *then.prices)}
    return (
        bills(job.accounts, now.documents, then.documents),
        revenue(job.accounts, now.documents, then.documents, plans),
    )


def both_sides(job: Job) -> tuple[Side, Side]:
    """A chunk's bills under today's catalogue and under the candidate, by the same functions."""
    ids = job.accounts["account_id"].to_list()
    whole = load(ids, job.window.until, since=job.window.since)
    now = of_subscriptions(whole, job.subscription_ids)
    then = under(job.candidate, now, job.used, discounts_of(ids, job.candidate.discounts))
    sides = []
    for snapshot, versions in (
        (now, job.candidate.versions.keys()),
        (then, job.candidate.versions.values()),
    ):
        lines = charges(snapshot).filter(pl.col("plan_version_id").is_in(list(versions)))
        documents = make_documents(lines, snapshot, job.issued_at)
        sides.append(Side(documents=documents, prices=snapshot.prices))
    return sides[0], sides[1]


def _explained(
    compared: pl.DataFrame, base: pl.DataFrame, window: Window, made: Candidate, again: Rerated
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The largest rises and falls with their lines, old and new."""
    ends = extremes(compared, SHOWN)
    ids = pl.concat(ends)["account_id"].implode()
    shown = base.filter(pl.col("account_id").is_in(ids))
    lines: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for job in _jobs(shown, window, made, again):
        currencies = dict(job.accounts.select("account_id", "currency").iter_rows())
        for name, side in zip(("now", "then"), both_sides(job), strict=True):
            for account_id, line in _lines(side, currencies):
                lines.setdefault((account_id, name), []).append(line)
    rises, falls = (
        [
            {
                **row,
                **{f"lines_{s}": lines.get((row["account_id"], s), []) for s in ("now", "then")},
            }
            for row in end.to_dicts()
        ]
        for end in ends
    )
    return rises, falls


def _lines(side: Side, currencies: dict[int, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(account, line): plan, price, name, period, quantity, amount, and how it came about."""
    plans = {price.plan_version_id: price.plan for price in side.prices}
    for line, _price, why in explained(side, currencies):
        yield (
            line["account_id"],
            {
                "plan": plans[line["plan_version_id"]],
                **{name: line[name] for name in _TOLD},
                "rule": why.rule,
                "expression": why.expression,
            },
        )


_TOLD = (
    "price_code", "name", "kind", "start_at", "end_at", "quantity", "band", "by_value", "amount",
)  # fmt: skip


def _named(rejects: pl.DataFrame, made: Candidate) -> pl.DataFrame:
    """Rejects by plan."""
    plans = {price.plan_version_id: price.plan for price in made.prices}
    return (
        rejects.with_columns(
            plan=pl.col("plan_version_id").replace_strict(plans, return_dtype=pl.String)
        )
        .group_by("plan", "meter", "reason")
        .agg(pl.col("detail").first(), pl.col("records").sum())
        .sort("records", "plan", "meter", descending=[True, False, False])
    )
