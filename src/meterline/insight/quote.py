"""What a plan would cost: a contract and use that somebody thinks of, or the real use of one
subscription, billed by the functions that make every bill. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from meterline.billing.document import make_documents
from meterline.billing.frames import (
    ACCOUNTS,
    BILLED,
    COVERED,
    DISCOUNTS,
    PHASES,
    TOTALS,
    Commitment,
    Minimum,
    Snapshot,
)
from meterline.billing.snapshot import join_denominators, settled_by, tax_frame, with_reach
from meterline.catalog import services as catalog
from meterline.catalog.offered import Offered
from meterline.insight.errors import TooManyEvents
from meterline.insight.parts import Side, cover_of, detail_of, detailed, explained
from meterline.insight.rerate import Rerated, rerate
from meterline.insight.window import charges
from meterline.kernel.cycle import BillingDay, clamped, sorted_days
from meterline.kernel.explain import Explanation
from meterline.pricing import needs_detail
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating import properties
from meterline.rating.tariff import Tariff
from meterline.subscriptions import frames, timeline
from meterline.subscriptions.log import Change
from meterline.subscriptions.terms import Stage, Terms
from meterline.usage import services as usage
from meterline.usage.place import Timelines
from meterline.usage.process import Contracts

EVENTS_MOST = 100_000
_ONE = 1  # the account and the subscription that there are not
_GUIDED: dict[str, Any] = {
    "line": pl.UInt32, "id": pl.String, "meter": pl.String, "identifier": pl.String,
    "subscription": pl.String, "account_id": pl.Int64, "subscription_id": pl.Int64,
    "price_id": pl.Int64, "start": pl.Datetime("us", "UTC"), "duration_us": pl.Int64,
    "quantity": pl.Decimal(38, 10),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Use:
    """So many events of a meter, each of a quantity (None: what its properties say)."""

    meter: str
    start: datetime
    events: int = 1
    quantity: Decimal | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody who has the plan since a day, and what is billed of [start, end)."""

    since: date
    start: date
    end: date
    quantity: Decimal = Decimal(1)
    region: str = ""
    uses: Sequence[Use] = ()
    subscription_id: int | None = None  # whose real use of the period it is, beside `uses`


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The bill: its lines explained, what it comes to, and what could not be rated."""

    lines: list[tuple[dict[str, Any], Price | None, Explanation]]
    net: Decimal
    tax: Decimal
    total: Decimal
    records: int
    rejects: list[dict[str, Any]]  # meter, reason, detail, records


def quote(offered: Offered, ask: Ask) -> Quote:
    """What the plan would cost. Raises TooManyEvents."""
    offered = _counted_at_once(offered)
    zone = ZoneInfo(offered.timezone)
    phases = _phases(offered, ask, zone)
    again = _rated(offered, ask, phases, zone)
    snapshot = _snapshot(offered, ask, phases, again, zone)
    issued = datetime.combine(ask.end, time(12), tzinfo=UTC)
    documents = make_documents(charges(snapshot), snapshot, issued)
    side = Side(documents=documents, prices=offered.candidate.prices)
    sums = documents.documents.select("net", "tax", "total").rows() or [(Decimal(0),) * 3]
    net, tax, total = sums[0]
    return Quote(
        lines=list(explained(side, {_ONE: offered.currency})), net=net, tax=tax, total=total,
        records=again.records,
        rejects=again.rejects.select("meter", "reason", "detail", "records").to_dicts(),
    )  # fmt: skip


def at_once(price: Price, meters: Mapping[str, Meter]) -> bool:
    """Whether only the sum of a period counts, so that many events may be one record."""
    return not (model(price.model).prices_events or needs_detail(price, meters) or price.by)


def _counted_at_once(offered: Offered) -> Offered:
    """Meters that count events take a number of them as a quantity, where only that counts."""
    meters = offered.tariff.meters
    single = {one.meter for one in offered.tariff.prices.values() if not at_once(one, meters)}
    taken = {
        code: replace(one, aggregation="sum", value=None)
        if one.aggregation == "count" and code not in single and not one.filter
        else one
        for code, one in meters.items()
    }
    return replace(
        offered, tariff=replace(offered.tariff, meters=taken),
        candidate=replace(offered.candidate, meters=taken),
    )  # fmt: skip


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def _phases(offered: Offered, ask: Ask, zone: ZoneInfo) -> list[timeline.Phase]:
    begin = _midnight(ask.since, zone)
    terms = Terms(
        stages=tuple(Stage(plan_version_id=one, length=length) for one, length in offered.stages),
        trial=offered.trial, by_seconds=offered.by_seconds,
    )  # fmt: skip
    taken = Change(number=1, kind="subscribe", effective_at=begin, requested_at=begin,
                   terms=terms, quantity=ask.quantity)  # fmt: skip
    return timeline.phases([taken], zone)


def _frame(
    phases: Sequence[timeline.Phase], schema: Mapping[str, Any], **common: Any
) -> pl.DataFrame:
    rows = [{"account_id": _ONE, "subscription_id": _ONE, **common, **vars(one)} for one in phases]
    kept = [{name: row.get(name) for name in schema} for row in rows]
    return pl.DataFrame(kept, schema=schema)


def _days(ask: Ask) -> dict[int, Sequence[BillingDay]]:
    return {_ONE: sorted_days([BillingDay(date(1, 1, 1), ask.start.day)])}


def _rated(offered: Offered, ask: Ask, phases: Sequence[timeline.Phase], zone: ZoneInfo) -> Rerated:
    made = offered.candidate
    frame = _frame(phases, frames.PHASES, code="", timezone=offered.timezone)
    contracts = Contracts(
        timelines=Timelines(phases=frame, billing_days=_days(ask)),
        tariff=offered.tariff,
        cover=cover_of(made, frame, offered.tariff),
    )
    records = [*_made_up(ask, offered.tariff), *_real(offered, ask, zone)]
    parts = _by_version(records, phases)
    return rerate(parts, contracts, {one: one for one in made.versions.values()}, detailed(made))


def _by_version(
    records: Iterable[pl.DataFrame], phases: Sequence[timeline.Phase]
) -> list[pl.DataFrame]:
    """Records within the contract, with the plan version of their time in place of a price."""
    parts = []
    for one in records:
        version = pl.lit(None, pl.Int64)
        for phase in phases:
            version = (
                pl.when(pl.col("start") >= phase.start_at)
                .then(pl.lit(phase.plan_version_id, pl.Int64))
                .otherwise(version)
            )
        parts.append(one.with_columns(price_id=version).drop_nulls("price_id"))
    return parts


def _made_up(ask: Ask, tariff: Tariff) -> list[pl.DataFrame]:
    rows: list[dict[str, Any]] = []
    prices = tariff.prices.values()
    for number, use in enumerate(ask.uses):
        meter = tariff.meters[use.meter]
        whole = all(at_once(one, tariff.meters) for one in prices if one.meter == use.meter)
        count, quantity = use.events, use.quantity
        if whole and not meter.filter:
            each = Decimal(1) if quantity is None else quantity
            count, quantity = 1, use.events * each
        if len(rows) + count > EVENTS_MOST:
            raise TooManyEvents(most=EVENTS_MOST)
        common = {
            "meter": use.meter, "account_id": _ONE, "subscription_id": _ONE, "price_id": 0,
            "start": use.start.astimezone(UTC), "duration_us": _duration(meter, quantity),
            "quantity": quantity,
            **{properties.column(name): value for name, value in use.properties.items()},
        }  # fmt: skip
        rows += [
            {**common, "id": f"{number}-{n}", **_value(meter, quantity, f"{number}-{n}", common)}
            for n in range(count)
        ]
    if not rows:
        return []
    names = dict.fromkeys(name for row in rows for name in row if name not in _GUIDED)
    schema = {**_GUIDED, **dict.fromkeys(names, pl.String)}
    kept = [{name: row.get(name) for name in schema} for row in rows]
    made = pl.DataFrame(kept, schema=schema)
    return [made.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32))]


def _value(
    meter: Meter, quantity: Decimal | None, own: str, row: Mapping[str, Any]
) -> dict[str, str]:
    """The property that a meter looks at, where the row does not say it: the quantity, or, of what
    is counted by different values, one of its own."""
    if meter.value is None or properties.column(meter.value) in row:
        return {}
    if meter.aggregation == "unique":
        return {properties.column(meter.value): own}
    return {} if quantity is None else {properties.column(meter.value): f"{quantity:f}"}


def _duration(meter: Meter, quantity: Decimal | None) -> int | None:
    """Of what is metered in seconds, how long it lasts."""
    if meter.unit not in ("second", "seconds") or quantity is None:
        return None
    return int(quantity * 1_000_000)


def _real(offered: Offered, ask: Ask, zone: ZoneInfo) -> list[pl.DataFrame]:
    """What a subscription used in the period, of the meters that the plan prices."""
    if ask.subscription_id is None:
        return []
    begin, end = _midnight(ask.start, zone), _midnight(ask.end, zone)
    wanted = {one.meter for one in offered.tariff.prices.values()}
    held = frames.phases_frame(subscription_ids=[ask.subscription_id])
    own = catalog.prices(held["plan_version_id"].unique().to_list())
    ids = [price.id for price in own if price.kind == "usage"]
    parts = usage.guided([ask.subscription_id], ids, begin, end)
    return [
        part.filter(pl.col("meter").cast(pl.String).is_in(wanted)).with_columns(
            account_id=pl.lit(_ONE, pl.Int64), subscription_id=pl.lit(_ONE, pl.Int64),
            meter=pl.col("meter").cast(pl.String),
        )
        for part in parts
    ]  # fmt: skip


def _snapshot(
    offered: Offered, ask: Ask, phases: Sequence[timeline.Phase], again: Rerated, zone: ZoneInfo
) -> Snapshot:
    made = offered.candidate
    minimums = [Minimum(**one) for one in made.minimums]
    commitments = [Commitment(**one) for one in made.commitments]
    account = {
        "account_id": _ONE, "account_code": "", "seller_id": 0, "currency": offered.currency,
        "timezone": offered.timezone, "tax_region": ask.region, "payment_terms_days": 0,
        "until_at": _midnight(ask.end, zone), "horizon_at": _midnight(ask.start, zone),
        "settled_at": None, "reach_at": None,
    }  # fmt: skip
    begin = _midnight(ask.since, zone)
    return Snapshot(
        progressive=False,
        accounts=with_reach(
            pl.DataFrame([account], schema=ACCOUNTS),
            settled_by(minimums, commitments, made.prices, amounts_off=False),
        ).select(ACCOUNTS.keys()),
        billing_days=_days(ask),
        phases=_frame(phases, PHASES, started_at=begin),
        prices=made.prices,
        minimums=minimums,
        commitments=commitments,
        meters=made.meters,
        calendars=made.calendars,
        taxes=tax_frame(made.taxes),
        totals=join_denominators(again.totals.select(TOTALS.keys())),
        covered=again.covered.select(COVERED.keys()),
        detail=detail_of(again, made),
        discounts=pl.DataFrame(schema=DISCOUNTS),
        billed=pl.DataFrame(schema=BILLED),
    )


def long_since(offered: Offered, start: date) -> date:
    """A day, whole years before a period, on which somebody may have taken the plan whose trial and
    phases are long over."""
    lengths = [length for _, length in offered.stages if length is not None]
    lengths += [offered.trial] if offered.trial else []
    months = sum(length.months + length.days // 28 + 1 for length in lengths)
    return clamped(start.year - 2 - months // 12, start.month, start.day)


def last_month(today: date) -> tuple[date, date]:
    """The last full month, half-open."""
    end = today.replace(day=1)
    return (end - timedelta(days=1)).replace(day=1), end
