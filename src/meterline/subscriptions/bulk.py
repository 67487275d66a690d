"""Many subscriptions at once: what `subscribe` does, on columns.

Few distinct contracts (plan, overrides, start, zone) stand behind many subscriptions: the
timeline of each distinct one is worked out once and joined.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from django.db import transaction

from meterline.customers.imports import codes, new_ids
from meterline.platform import audit, clock, events
from meterline.platform.database import read_frame, write_frame
from meterline.subscriptions import bases, decide, moves, plans, store, timeline
from meterline.subscriptions.bases import Bases
from meterline.subscriptions.frames import INSTANT, PHASE_COLUMNS
from meterline.subscriptions.log import Change
from meterline.subscriptions.terms import Terms

CONTRACTS: dict[str, Any] = {
    "code": pl.String,
    "account_id": pl.Int64,
    "plan": pl.String,
    "at": INSTANT,
    "end_at": INSTANT,  # null: open
    "quantity": pl.Decimal(38, 10),
    "overrides": pl.String,  # JSON; null: none
    "discounts": pl.List(pl.String),  # codes in order; null: none
    "base": pl.String,  # of an add-on: the code of its base, which is there or in the frame
}
"""A row a subscription. Codes, plans, discounts and bases must be known to be good: imports check
them."""

_KEY = ("plan", "at", "end_at", "overrides", "timezone", "currency", "stay")
_ALONE = Bases(rows=pl.DataFrame(schema=bases.ROWS), timelines={}, plans={})


@dataclass(frozen=True)
class Contract:
    """One distinct contract, and what its subscriptions share."""

    start: Change
    end: Change | None
    phases: list[timeline.Phase]
    state: str
    renews_at: datetime | None
    ends_at: datetime | None
    offer: plans.Offer
    base_quantity: bool
    """Whether the quantities of the phases are those of the base, and not each row's own."""

    @property
    def end_at(self) -> datetime | None:
        """When it ends: cancelled, or with its term."""
        if self.phases:
            return self.phases[-1].end_at
        return None if self.end is None else self.end.effective_at


@transaction.atomic
def subscribe_many(frame: pl.DataFrame) -> pl.DataFrame:
    """Make a subscription of each row of `frame` (columns: CONTRACTS; those after `at` may be
    left out); gives its `code`, `subscription_id`, `start_at` and `end_at`.

    Bundles bring along those of their add-ons that the frame does not have.
    """
    rows = _with_zones(_complete(frame))
    if rows.is_empty():
        return pl.DataFrame(schema=_MADE)
    store.lock_log()
    first, included = _make(rows.filter(pl.col("base").is_null()), _ALONE)
    beside = rows.filter(pl.col("base").is_not_null())
    included = included.join(beside, on=["base", "plan"], how="anti")
    beside = pl.concat([beside, _with_codes(included, rows["code"]).select(beside.columns)])
    second, _ = _make(beside, bases.load(beside["base"].unique().to_list()))
    return rows.select("code").join(
        pl.concat([first, second]), on="code", how="left", maintain_order="left"
    )


def _make(rows: pl.DataFrame, under: Bases) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write the subscriptions of `rows`, all of them add-ons or none; gives _MADE, and the rows of
    the add-ons that they bring along."""
    from meterline.usage.services import follow_new  # usage stands on subscriptions

    if rows.is_empty():
        return pl.DataFrame(schema=_MADE), rows
    rows, contracts = with_contracts(rows, under)
    ids = new_ids("subscriptions_subscription", rows.height).rename("subscription_id")
    rows = rows.with_columns(ids)
    write_frame(
        "subscriptions_subscription",
        rows.select(
            pl.col("subscription_id").alias("id"), "code", "account_id",
            pl.col("start_at").alias("started_at"), "state", "renews_at", "ends_at",
            "base_id",
        ),
    )  # fmt: skip
    _write_changes(rows, contracts)
    _write_phases(rows, contracts)
    _write_discounts(rows)
    _tell(rows)
    for (plan,), part in rows.partition_by("plan", as_dict=True).items():
        since = part["start_at"].min()
        assert isinstance(since, datetime)
        moves.catch_up(plan, since.date(), part["subscription_id"].to_list())
    follow_new(rows.select("subscription_id", since="start_at"))
    made = rows.select("code", "subscription_id", "start_at", pl.col("until_at").alias("end_at"))
    return made, _included(rows, contracts)


def with_contracts(
    rows: pl.DataFrame, under: Bases = _ALONE
) -> tuple[pl.DataFrame, dict[int, Contract]]:
    """`rows` (CONTRACTS, timezone, currency) with `base_id`, `key` of their distinct contract,
    `start_at`, `until_at`, `state`, `renews_at` and `ends_at`; and the contracts by key."""
    rows = rows.join(
        under.rows.select("base", "base_id", "stay"), on="base", how="left", maintain_order="left"
    )
    keys = rows.select(_KEY).unique(maintain_order=True).with_row_index("key")
    contracts = dict(enumerate(_contracts(keys, under)))
    shared = pl.DataFrame(
        [
            (key, one.start.effective_at, one.end_at, one.state, one.renews_at, one.ends_at)
            for key, one in contracts.items()
        ],
        schema={
            "key": pl.UInt32, "start_at": INSTANT, "until_at": INSTANT, "state": pl.String,
            "renews_at": INSTANT, "ends_at": INSTANT,
        },
        orient="row",
    )  # fmt: skip
    return rows.join(
        keys, on=_KEY, nulls_equal=True, how="left", maintain_order="left"
    ).join(shared, on="key", how="left", maintain_order="left"), contracts  # fmt: skip


def _included(rows: pl.DataFrame, contracts: Mapping[int, Contract]) -> pl.DataFrame:
    """The rows of the add-ons that bundles bring along."""
    found = pl.DataFrame(
        [(key, plan, quantity) for key, one in contracts.items()
         for plan, quantity in one.offer.includes],
        schema={"key": pl.UInt32, "plan": pl.String, "quantity": CONTRACTS["quantity"]},
        orient="row",
    )  # fmt: skip
    kept = rows.select("key", "account_id", "at", "timezone", "currency", base="code")
    beside = kept.join(found, on="key", maintain_order="left_right").with_columns(
        code=pl.concat_str("base", "plan", separator="-")
    )
    return _complete(beside).with_columns(beside["timezone"], beside["currency"])


def _with_codes(included: pl.DataFrame, others: pl.Series) -> pl.DataFrame:
    """`included` with codes that nobody else has."""
    wanted = included["code"]
    taken = {*others, *codes("subscriptions_subscription", wanted)}
    free = [f"{one}-{secrets.token_hex(3)}" if one in taken else one for one in wanted]
    return included.with_columns(code=pl.Series(free, dtype=pl.String))


_MADE: dict[str, Any] = {
    "code": pl.String, "subscription_id": pl.Int64, "start_at": INSTANT, "end_at": INSTANT,
}  # fmt: skip


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [
        pl.lit(None, kind).alias(n) for n, kind in CONTRACTS.items() if n not in frame.columns
    ]
    return frame.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in CONTRACTS.items()
    ).with_columns(pl.col("quantity").fill_null(1))  # fmt: skip


def _with_zones(rows: pl.DataFrame) -> pl.DataFrame:
    accounts = read_frame(
        "SELECT id AS account_id, timezone, currency FROM customers_account WHERE id = ANY(%s)",
        [rows["account_id"].unique().to_list()],
        schema={"account_id": pl.Int64, "timezone": pl.String, "currency": pl.String},
    )
    return rows.join(accounts, on="account_id", how="left", maintain_order="left")


def _contracts(keys: pl.DataFrame, under: Bases) -> Iterator[Contract]:
    offers: dict[tuple[Any, ...], plans.Offer] = {}
    now = clock.now()
    for row in keys.iter_rows(named=True):
        zone = ZoneInfo(row["timezone"])
        day = row["at"].astimezone(zone).date()
        key = (row["plan"], day, row["overrides"])
        if key not in offers:
            overrides = json.loads(row["overrides"]) if row["overrides"] else None
            offers[key] = plans.offer(row["plan"], day, overrides)
        offer = offers[key]
        offer.check_currency("of the file", row["currency"])
        begin = decide.start_instant(row["at"], offer.policy, zone)
        base = under.timelines.get(row["stay"])
        log = _log(offer, row["at"], max(begin, base[0].start_at) if base else begin, row["end_at"])
        made = timeline.phases(log, zone)
        if base is not None:
            made = timeline.followed(made, base, _always(offer.terms), under.plans)
        yield Contract(
            start=log[0], end=log[1] if len(log) > 1 else None, phases=made, offer=offer,
            state=timeline.state_at(made, now, zone),
            renews_at=store.next_renewal(log, made, zone),
            ends_at=timeline.ends_at(made, log[0].effective_at),
            base_quantity=base is not None and offer.terms.base_quantity,
        )  # fmt: skip


def _always(terms: Terms) -> Callable[[datetime], Terms]:
    return lambda at: terms


def _log(
    offer: plans.Offer, at: datetime, begin: datetime, end_at: datetime | None
) -> list[Change]:
    """The beginning of a contract, and its end. The quantity is each row's own; 1 stands for it,
    since it steps nowhere."""
    start = Change(
        number=1, kind="subscribe", effective_at=begin, requested_at=at, terms=offer.terms,
        quantity=_ONE,
    )  # fmt: skip
    if end_at is None:
        return [start]
    stop = max(end_at, begin)
    return [start, Change(number=2, kind="cancel", effective_at=stop, requested_at=at)]


_ONE = CONTRACTS["quantity"].to_python()(1)


def _write_changes(rows: pl.DataFrame, contracts: Mapping[int, Contract]) -> None:
    """The log: the beginning of each, then the end of those that have one."""
    heads, tails = {}, {}
    for key, one in contracts.items():
        body = store.payload(one.start, {})
        body.pop("quantity")
        heads[key] = json.dumps(body)[:-1]
        if one.end is not None:
            tails[key] = json.dumps(store.payload(one.end, {}))
    recorded = pl.lit(clock.now().astimezone(UTC)).cast(INSTANT).alias("recorded_at")
    begun = rows.select(
        "subscription_id",
        pl.col("start_at").alias("effective_at"),
        recorded,
        pl.lit("subscribe").alias("kind"),
        pl.concat_str(
            _by_key(heads),
            pl.lit(', "quantity": "'), pl.col("quantity").cast(pl.String),
            pl.lit('", "plan": '), _json("plan"),
            pl.lit(', "overrides": '), pl.col("overrides").fill_null("{}"),
            pl.lit("}"),
        ).alias("payload"),
    )  # fmt: skip
    write_frame("subscriptions_change", begun)
    cancelled = {k: one.end.effective_at for k, one in contracts.items() if one.end is not None}
    ended = rows.filter(pl.col("key").is_in(list(cancelled))).select(
        "subscription_id",
        pl.col("key").replace_strict(cancelled, return_dtype=INSTANT).alias("effective_at"),
        recorded,
        pl.lit("cancel").alias("kind"),
        _by_key(tails).alias("payload"),
    )
    write_frame("subscriptions_change", ended)


def _write_phases(rows: pl.DataFrame, contracts: Mapping[int, Contract]) -> None:
    columns = {**PHASE_COLUMNS, "base_quantity": pl.Decimal(38, 10)}
    made = pl.DataFrame(
        [
            {
                "key": key,
                **{name: getattr(phase, name) for name in PHASE_COLUMNS},
                "base_quantity": phase.quantity if one.base_quantity else None,
            }
            for key, one in contracts.items()
            for phase in one.phases
        ],
        schema={"key": pl.UInt32, **columns},
        orient="row",
    )
    phases = rows.select("key", "subscription_id", "account_id", "quantity").join(
        made.drop("quantity"), on="key", how="inner", maintain_order="left"
    )
    own = pl.coalesce("base_quantity", "quantity").alias("quantity")
    write_frame("subscriptions_phase", phases.with_columns(own).drop("key", "base_quantity"))


def _write_discounts(rows: pl.DataFrame) -> None:
    given = rows.filter(pl.col("discounts").list.len() > 0)
    write_frame(
        "subscriptions_discount",
        given.select(
            "subscription_id",
            pl.col("start_at").alias("since_at"),
            pl.col("discounts").alias("discount_code"),
            pl.int_ranges(1, pl.col("discounts").list.len() + 1).alias("position"),
        ).explode("discount_code", "position"),
    )


def _tell(rows: pl.DataFrame) -> None:
    payload = pl.concat_str(
        pl.lit('{"code": '), _json("code"), pl.lit(', "plan": '), _json("plan"),
        pl.lit(', "state": "'), "state", pl.lit('"}'),
    )  # fmt: skip
    events.emit_many(
        "subscription.created",
        rows.select(
            pl.concat_str(pl.lit("subscription:"), "code").alias("subject"),
            payload.alias("payload"),
        ),
    )
    audit.record("subscriptions.created", "subscriptions", after={"count": rows.height})


def _by_key(texts: Mapping[int, str]) -> pl.Expr:
    return pl.col("key").replace_strict(texts, return_dtype=pl.String)


def _json(name: str) -> pl.Expr:
    """A column's texts as JSON strings."""
    escaped = pl.col(name).str.replace_all("\\", "\\\\", literal=True)
    return pl.concat_str(
        pl.lit('"'), escaped.str.replace_all('"', '\\"', literal=True), pl.lit('"')
    )
