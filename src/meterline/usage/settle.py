"""Settling: which allowances cover which records, and what is left to be paid. Pure.

Units first, then money: an allowance of money pays for what no allowance of units covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

import numpy as np
import polars as pl

from meterline.kernel.money import EXACT, from_scaled, to_scaled
from meterline.pricing.price import Price
from meterline.rating.allowance import Allowance
from meterline.rating.draw import allocate
from meterline.rating.rate import charge_rest
from meterline.rating.tariff import Tariff
from meterline.subscriptions.periods import INSTANT

LOT_KEY: dict[str, Any] = {  # what a lot is known by where its uses are kept
    "account_id": pl.Int64,
    "owner_id": pl.Int64,  # the subscription; 0: all of the account
    "allowance": pl.String,  # its code
    "definition": pl.String,  # its digest
    "lot_start": INSTANT,
}
USES: dict[str, Any] = {  # a row a record, price and lot; the amount is units, or money
    "line": pl.UInt32,
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    **LOT_KEY,
    "amount": EXACT,
    "denominator": pl.Int64,
}
DRAWN: dict[str, Any] = {  # what a batch takes of a lot for a subscription's period at a price
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "period_start": pl.Date,
    **LOT_KEY,
    "amount": EXACT,  # 0: records that may use the lot found it used up
    "denominator": pl.Int64,
    "last_start": INSTANT,  # of the records that may use it
}
USED: dict[str, Any] = {  # what was taken of a lot before
    **LOT_KEY, "amount": EXACT, "denominator": pl.Int64, "last_start": INSTANT,
}  # fmt: skip
LATE: dict[str, Any] = {"account_id": pl.Int64, "owner_id": pl.Int64, "since": INSTANT}


@dataclass(frozen=True, kw_only=True)
class Cover:
    """Which allowances there are, who grants them, and what they may cover."""

    allowances: Sequence[Allowance]
    carriers: pl.DataFrame  # plan_version_id, definition (place in `allowances`)
    prices: pl.DataFrame  # definition, price_id
    accounts: pl.Series  # those in which a subscription carries a shared allowance

    def touches(self, rated: pl.DataFrame) -> pl.Series | None:
        """Which rated records may use an allowance; None: none of them."""
        if self.prices.is_empty():
            return None
        shared = [n for n, one in enumerate(self.allowances) if one.shared != "subscription"]
        common = self.prices["definition"].is_in(shared)
        own_prices, shared_prices = (
            self.prices.filter(which)["price_id"].unique().implode() for which in (~common, common)
        )
        found = rated.select(
            pl.col("price_id").is_in(own_prices)
            | (
                pl.col("price_id").is_in(shared_prices)
                & pl.col("account_id").is_in(self.accounts.implode())
            )
        ).to_series()
        return found if found.any() else None


def covered_prices(allowances: Sequence[Allowance], tariff: Tariff) -> pl.DataFrame:
    """definition, price_id: what each allowance may cover."""
    by_plan: dict[str, list[Price]] = {}
    for price in tariff.prices.values():
        by_plan.setdefault(price.plan, []).append(price)
    rows = []
    for number, one in enumerate(allowances):
        among = by_plan.get(one.plan, []) if one.plan else tariff.prices.values()
        rows += [
            (number, price.id)
            for price in among
            if one.names(price) and one.unfit(price, tariff.meters[price.meter or ""]) is None
        ]
    return pl.DataFrame(rows, schema={"definition": pl.Int32, "price_id": pl.Int64}, orient="row")


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Rated records after allowances. `late`: owners who had used up a lot before records came
    that lie before others: theirs are to be rated again from then on."""

    rated: pl.DataFrame  # as given, with quantity and amount left to pay, and `covered`
    uses: pl.DataFrame  # USES
    drawn: pl.DataFrame  # DRAWN
    late: pl.DataFrame  # LATE


def settle(
    records: pl.DataFrame,
    rated: pl.DataFrame,
    cover: Cover,
    lots: pl.DataFrame,
    used: pl.DataFrame,
    tariff: Tariff,
) -> Settled:
    """`records`: line, id and the properties; `rated`: store.RATED but covered, rated in full;
    `lots`: LOTS of all that these may use; `used`: USED of them."""
    rows = _in_order(records, rated)
    known = _known_lots(lots, cover.allowances)
    pairs = _pairs(rows, known, cover, tariff)
    told, reached = [pl.DataFrame(schema=_TOLD)], [pl.DataFrame(schema=_REACHED)]
    for money in (False, True):
        chosen = pairs.filter(known["money"].gather(pairs["lot"]) == money)
        if chosen.is_empty():
            continue
        some = known.filter(pl.col("money") == money)
        common = _common(rows, chosen, used) if money else 1
        scale = 20 if money else 10
        demand = _amounts(rows, common, tariff) if money else _quantities(rows)
        state = _state(some, used, scale, common)
        drawn = chosen.with_columns(allocate(demand, state, chosen))
        uses = drawn.filter(pl.col("units") > 0)
        each = uses.group_by("row").agg(pl.col("units").sum())
        rows = _paid(rows, each, common) if money else _covered(rows, each, records, tariff)
        told.append(_told(drawn, scale, common))
        reached.append(_reached(rows, chosen, uses, state))
    drawn = _about(pl.concat(told), rows, known)
    return Settled(
        rated=rows.drop("row", "id", "place"),
        uses=drawn.filter(pl.col("amount") != 0).select(USES.keys()),
        drawn=_drawn(drawn),
        late=_late(pl.concat(reached), used),
    )


_REACHED: dict[str, Any] = {**LOT_KEY, "since": INSTANT, "used_up": pl.Boolean}
_TOLD: dict[str, Any] = {
    "row": pl.UInt32, "lot": pl.UInt32, "amount": EXACT, "denominator": pl.Int64,
}  # fmt: skip


def _in_order(records: pl.DataFrame, rated: pl.DataFrame) -> pl.DataFrame:
    """Rated records in the order in which they draw (start, id, price), with row, id, covered, and
    place (in `records`)."""
    about = records.select("line", "id").with_row_index("place")
    if rated["line"].equals(about["line"]):  # a price a record, as is usual
        known = rated.hstack(about.drop("line"))
    else:
        known = rated.join(about, on="line", how="left", maintain_order="left")
    return (
        known[_drawing_order(known)]
        .with_row_index("row")
        .with_columns(covered=pl.lit(0).cast(rated.schema["quantity"]))
    )


def _drawing_order(known: pl.DataFrame) -> pl.Series:
    """The places of the first, the second ... to draw. Most have a start of their own."""
    starts = known["start"].to_physical().to_numpy()
    order = np.argsort(starts, kind="stable")
    alike = starts[order[1:]] == starts[order[:-1]]
    tied = np.flatnonzero(np.append(alike, False) | np.append(False, alike))
    if len(tied):
        places = pl.Series("at", order[tied])
        some = known.select("start", "id", "price_id")[places].with_columns(places)
        order[tied] = some.sort("start", "id", "price_id")["at"].to_numpy()
    return pl.Series(order)


def remaining(
    lots: pl.DataFrame, used: pl.DataFrame, allowances: Sequence[Allowance]
) -> pl.DataFrame:
    """Lots with what is left of them: LOT_KEY, subscription or account (owner_id), lot_end, money,
    granted Decimal, left EXACT / denominator, used_up (nothing of it can be used any more)."""
    known = _known_lots(lots, allowances)
    parts = []
    for money in (False, True):
        some = known.filter(pl.col("money") == money)
        common = (
            lcm(1, *used.join(some, on=list(LOT_KEY), how="semi")["denominator"].unique())
            if money
            else 1
        )
        scale = 20 if money else 10
        state = _state(some, used, scale, common)
        fine = pl.lit(10 ** (20 - scale), pl.Int128)
        parts.append(
            state.join(
                some.select("lot", "lot_end", "money", "granted"), on="lot", maintain_order="left"
            ).select(
                *LOT_KEY,
                "lot_end",
                "money",
                "granted",
                from_scaled(pl.col("left") * fine, 20).alias("left"),
                pl.lit(common, pl.Int64).alias("denominator"),
                (pl.col("left") < pl.col("increment")).alias("used_up"),
            )
        )
    return pl.concat(parts)


def _known_lots(lots: pl.DataFrame, allowances: Sequence[Allowance]) -> pl.DataFrame:
    """LOTS with lot, LOT_KEY, money, increment, bands, and level: the order of use."""
    terms = pl.DataFrame(
        [
            (number, one.code, one.digest, one.money, one.priority, one.increment, list(one.bands),
             one.digest if one.shared != "subscription" else "")
            for number, one in enumerate(allowances)
        ],
        schema={
            "definition_place": pl.Int32, "allowance": pl.String, "digest": pl.String,
            "money": pl.Boolean, "priority": pl.Int64, "increment": pl.Decimal(38, 10),
            "bands": pl.List(pl.String), "tie": pl.String,
        },
        orient="row",
    )  # fmt: skip
    # equals of single subscriptions share no event: one level; those of accounts may
    order = pl.struct("priority", "allowance", "tie", "age")
    return (
        lots.rename({"definition": "definition_place"})
        .join(terms, on="definition_place")
        .rename({"digest": "definition"})
        .with_row_index("lot")
        .with_columns(level=order.rank("dense").cast(pl.Int32))
    )


def _pairs(rows: pl.DataFrame, known: pl.DataFrame, cover: Cover, tariff: Tariff) -> pl.DataFrame:
    """row, lot: which records may draw on which lots, by row."""
    shared = [n for n, one in enumerate(cover.allowances) if one.shared != "subscription"]
    own = ~pl.col("definition").is_in(shared)
    banded = known["bands"].list.len().sum() > 0
    events = rows.select("row", "account_id", "subscription_id", "price_id", "start")
    placed = events.with_columns(band=_bands(rows, tariff)) if banded else events
    joined = (
        placed.join(cover.prices, on="price_id", maintain_order="left")
        .with_columns(owner_id=pl.when(own).then("subscription_id").otherwise(0))
        .join(
            known.select(
                "lot", "lot_start", "lot_end", "bands", "account_id", "owner_id",
                definition="definition_place",
            ),
            on=["definition", "account_id", "owner_id"], maintain_order="left",
        )
    )  # fmt: skip
    start = pl.col("start")
    inside = (start >= pl.col("lot_start")) & (
        pl.col("lot_end").is_null() | (start < pl.col("lot_end"))
    )
    if banded:
        fits = (pl.col("bands").list.len() == 0) | pl.col("band").is_in("bands")
        inside &= fits.fill_null(False)
    return joined.filter(inside).select("row", "lot")


def _bands(rows: pl.DataFrame, tariff: Tariff) -> pl.Series:
    """The band in which each record starts, by the calendar of its price; null: it has none."""
    found = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
    for price_id in rows["price_id"].unique():
        price = tariff.prices[price_id]
        if price.model == "rate_card":
            calendar = tariff.cards[price.parameter("card")].calendar
        else:
            calendar = tariff.calendars.get(price.parameter("calendar") or "")
        if calendar is not None:
            part = rows.filter(pl.col("price_id") == price_id)
            band = calendar.calendar.place(part["start"])["band"]
            found = found.scatter(part["row"], band)
    return found


def _quantities(rows: pl.DataFrame) -> pl.Series:
    """What each record wants of units; one that its meter leaves out wants nothing."""
    return rows.select(
        to_scaled(pl.col("quantity"), 10).fill_null(pl.lit(0, pl.Int128))
    ).to_series()


def _common(rows: pl.DataFrame, chosen: pl.DataFrame, used: pl.DataFrame) -> int:
    """A common denominator of all amounts that draw on allowances of money."""
    drawing = rows.join(chosen, on="row", how="semi")["denominator"].unique()
    return lcm(1, *drawing, *used["denominator"].unique())


def _amounts(rows: pl.DataFrame, common: int, tariff: Tariff) -> pl.Series:
    """What each record costs, in units of 10^-20 / common; never below 0."""
    prices = [tariff.prices[price_id] for price_id in rows["price_id"].unique()]
    units = pl.DataFrame(
        [(p.id, p.parameter("unit_amount")) for p in prices if p.model == "per_unit"],
        schema={"price_id": pl.Int64, "unit_amount": pl.Decimal(38, 10)},
        orient="row",
    )
    shared = pl.lit(common, pl.Int128)
    by_unit = to_scaled(pl.col("quantity"), 10) * to_scaled(pl.col("unit_amount"), 10) * shared
    by_event = to_scaled(pl.col("amount")) * (shared // pl.col("denominator").cast(pl.Int128))
    return (
        rows.join(units, on="price_id", how="left", maintain_order="left")
        .select(pl.max_horizontal(pl.coalesce(by_unit, by_event), pl.lit(0, pl.Int128)))
        .to_series()
    )


def _state(some: pl.DataFrame, used: pl.DataFrame, scale: int, common: int) -> pl.DataFrame:
    """Lots with left and increment, in units of 10^-scale / common."""
    unit = pl.lit(10 ** (scale - 10) * common, pl.Int128)
    fine = pl.lit(10 ** (20 - scale), pl.Int128)
    shared = pl.lit(common, pl.Int128) // pl.col("denominator").cast(pl.Int128)
    taken = used.group_by(list(LOT_KEY)).agg(
        (to_scaled(pl.col("amount")) * shared // fine).sum().alias("taken")
    )
    return some.join(taken, on=list(LOT_KEY), how="left").select(
        "lot", "level", *LOT_KEY,
        (to_scaled(pl.col("granted"), 10) * unit - pl.col("taken").fill_null(0)).alias("left"),
        (to_scaled(pl.col("increment"), 10) * unit).fill_null(pl.lit(1, pl.Int128))
        .alias("increment"),
    )  # fmt: skip


def _covered(
    rows: pl.DataFrame, each: pl.DataFrame, records: pl.DataFrame, tariff: Tariff
) -> pl.DataFrame:
    """Rows with covered, the quantity that is left to pay, and what it costs by a rate card."""
    none = pl.zeros(rows.height, pl.Int128, eager=True)
    taken = from_scaled(pl.lit(none.scatter(each["row"], each["units"])), 10)
    found = rows.with_columns(covered=taken, quantity=pl.col("quantity") - taken)
    amounts = [found.select("amount", "denominator")]
    chosen = np.arange(rows.height)
    for price_id, part in _by_card(found[each["row"].sort()], tariff):
        about = records.drop("quantity", "line")[part["place"]].with_columns(
            part["covered"], rows["quantity"][part["row"]]
        )
        paid = charge_rest(about, tariff.prices[price_id], tariff)
        chosen[part["row"]] = np.arange(part.height) + sum(one.height for one in amounts)
        amounts.append(paid.select("amount", "denominator"))
    return found.with_columns(pl.concat(amounts)[chosen].get_columns())


def _by_card(rows: pl.DataFrame, tariff: Tariff) -> Iterator[tuple[int, pl.DataFrame]]:
    """The rows of each price that has a rate card."""
    one = rows["price_id"].n_unique() == 1  # as is usual
    parts = [rows] if one else rows.partition_by("price_id", maintain_order=True)
    for part in parts:
        price_id = part["price_id"][0]
        if tariff.prices[price_id].model == "rate_card":
            yield price_id, part


def _paid(rows: pl.DataFrame, each: pl.DataFrame, common: int) -> pl.DataFrame:
    """Rows with less to pay; per_unit, whose records have no amount, with an amount below 0."""
    shared = pl.lit(common, pl.Int128) // pl.col("denominator").cast(pl.Int128)
    rest = to_scaled(pl.col("amount")) * shared - pl.col("units")
    joined = rows.join(each, on="row", how="left", maintain_order="left").with_columns(
        amount=pl.coalesce(from_scaled(rest, 20), "amount"),
        denominator=pl.when(pl.col("units").is_null()).then("denominator").otherwise(common),
    )
    return joined.drop("units")


def _told(uses: pl.DataFrame, scale: int, common: int) -> pl.DataFrame:
    """_TOLD of uses: amounts as fractions in their lowest terms, so that equals are equal."""
    fine = pl.lit(10 ** (20 - scale), pl.Int128)
    told = uses.select("row", "lot", top=pl.col("units") * fine, bottom=pl.lit(common, pl.Int64))
    for prime in _primes(common):
        divides = pl.col("top") % pl.lit(prime, pl.Int128) == 0
        told = told.with_columns(
            top=pl.when(divides).then(pl.col("top") // pl.lit(prime, pl.Int128)).otherwise("top"),
            bottom=pl.when(divides).then(pl.col("bottom") // prime).otherwise("bottom"),
        )
    return told.select(
        "row", "lot", from_scaled(pl.col("top"), 20).alias("amount"), denominator="bottom"
    )


def _primes(value: int) -> Iterator[int]:
    """The prime factors of a number, each as often as it divides it."""
    factor = 2
    while factor * factor <= value:
        while value % factor == 0:
            yield factor
            value //= factor
        factor += 1
    if value > 1:
        yield value


def _reached(
    rows: pl.DataFrame, chosen: pl.DataFrame, uses: pl.DataFrame, state: pl.DataFrame
) -> pl.DataFrame:
    """_REACHED: from when on records came to a lot, and whether it is used up now."""
    first = chosen.with_columns(start=rows["start"].gather(chosen["row"]))
    taken = uses.group_by("lot").agg(pl.col("units").sum())
    left = pl.col("left") - pl.col("units").fill_null(0)
    return (
        first.group_by("lot").agg(pl.col("start").min().alias("since"))
        .join(state, on="lot").join(taken, on="lot", how="left")
        .select(*LOT_KEY, "since", (left < pl.col("increment")).alias("used_up"))
    )  # fmt: skip


def _late(reached: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """LATE: only where a lot is used up does it matter who came first."""
    newest = used.group_by(list(LOT_KEY)).agg(pl.col("last_start").max())
    return (
        reached.filter("used_up")
        .join(newest, on=list(LOT_KEY))
        .filter(pl.col("since") <= pl.col("last_start"))
        .group_by("account_id", "owner_id", maintain_order=True)
        .agg(pl.col("since").min())
        .select(LATE.keys())
    )


def _about(told: pl.DataFrame, rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """_TOLD with the lot's LOT_KEY and what is kept of the record."""
    about = rows.select("line", "subscription_id", "price_id", "period_start", "start")
    return told.hstack(about[told["row"]]).hstack(known.select(*LOT_KEY)[told["lot"]])


def _drawn(about: pl.DataFrame) -> pl.DataFrame:
    """DRAWN of _about. A lot is known by its number here, which tells as much as LOT_KEY."""
    key = ["subscription_id", "price_id", "period_start", "lot", "denominator"]
    return (
        about.group_by(key)
        .agg(pl.col(*LOT_KEY).first(), pl.col("amount").sum(), last_start=pl.col("start").max())
        .select(pl.col(name).cast(kind) for name, kind in DRAWN.items())
    )
