"""What differs between two decks of rates: what rises, falls, appears and vanishes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from meterline.kernel.money import round_fraction
from meterline.rating.card import Step

Deck = tuple[pl.DataFrame, tuple[tuple[Step, ...], ...]]  # rating.card.ROW_SCHEMA with keys; steps
CHANGES = ("rises", "falls", "appears", "vanishes", "changes", "same")
_PRICED = ("steps", "connection_fee", "max_charge", "effective")
_VERDICT: dict[str, Any] = {
    "pair": pl.UInt32,
    "change": pl.String,
    "before": pl.String,
    "after": pl.String,
    "percent": pl.Decimal(38, 2),
}


def compare_decks(old: Deck, new: Deck) -> pl.DataFrame:
    """key0 ..., band, effective, change (CHANGES), before, after (texts of what is compared) and
    percent (null where there is nothing to compare to), in the order of the keys.

    Rows of one key and band are matched from the newest date backwards. What rises or falls is the
    first of: the price of a unit in each step, the connection fee. `changes`: increments, caps,
    dates and the bounds of steps.
    """
    keys = [name for name in old[0].columns if name.startswith("key")]
    match = [*keys, "band", "place"]
    joined = _placed(old, keys).join(
        _placed(new, keys), on=match, how="full", suffix="_new", coalesce=True, nulls_equal=True
    )
    columns = [*_PRICED, *(f"{name}_new" for name in _PRICED)]
    pairs = joined.select(*columns, "there", "there_new").unique().with_row_index("pair")
    verdicts = pl.DataFrame(
        [_verdict(pair, old[1], new[1]) for pair in pairs.iter_rows(named=True)],
        schema=_VERDICT,
        orient="row",
    )
    found = joined.join(pairs, on=[*columns, "there", "there_new"], nulls_equal=True)
    return (
        found.join(verdicts, on="pair")
        .with_columns(effective=pl.coalesce("effective_new", "effective"))
        .sort(*keys, "band", "effective", nulls_last=False)
        .select(*keys, "band", "effective", "change", "before", "after", "percent")
    )


def counts(found: pl.DataFrame) -> dict[str, int]:
    """How many rows there are of each kind of change."""
    seen = dict(found["change"].value_counts().iter_rows())
    return {change: seen.get(change, 0) for change in CHANGES}


def _placed(deck: Deck, keys: Sequence[str]) -> pl.DataFrame:
    """The rows with `place`: 0 for the newest of a key and band, and so on."""
    rank = pl.col("effective").rank("ordinal", descending=True).over(*keys, "band")
    last = pl.len().over(*keys, "band")  # a row without date is the oldest
    return deck[0].with_columns(
        place=pl.coalesce(rank.cast(pl.Int64), last.cast(pl.Int64)), there=pl.lit(True)
    )


def _verdict(
    pair: dict[str, Any], old: Sequence[tuple[Step, ...]], new: Sequence[tuple[Step, ...]]
) -> tuple[int, str, str | None, str | None, Decimal | None]:
    number = pair["pair"]
    if pair["there"] is None:
        return number, "appears", None, _price(new[pair["steps_new"]][0]), None
    if pair["there_new"] is None:
        return number, "vanishes", _price(old[pair["steps"]][0]), None, None
    before, after = old[pair["steps"]], new[pair["steps_new"]]
    for one, other in zip(before, after, strict=False):
        low = Fraction(one.price) / Fraction(one.per)
        high = Fraction(other.price) / Fraction(other.per)
        if low != high:
            return _moved(number, low, high, _price(one), _price(other))
    low, high = Fraction(pair["connection_fee"]), Fraction(pair["connection_fee_new"])
    if low != high:
        texts = (f"fee {pair['connection_fee'].normalize():f}",
                 f"fee {pair['connection_fee_new'].normalize():f}")  # fmt: skip
        return _moved(number, low, high, *texts)
    rest = [(pair[name], pair[f"{name}_new"]) for name in ("max_charge", "effective")]
    same = before == after and all(one == other for one, other in rest)
    return number, "same" if same else "changes", _price(before[0]), _price(after[0]), None


def _moved(
    number: int, low: Fraction, high: Fraction, before: str, after: str
) -> tuple[int, str, str, str, Decimal | None]:
    percent = round_fraction((high - low) / abs(low) * 100, 2) if low else None
    return number, "rises" if high > low else "falls", before, after, percent


def _price(step: Step) -> str:
    return f"{step.price.normalize():f}/{step.per.normalize():f}"
