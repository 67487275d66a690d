"""What price models have in common: rows to lines, amounts to explanations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, cast

import polars as pl

from meterline.kernel.errors import MeterlineError
from meterline.kernel.explain import Explanation, evaluate, number
from meterline.kernel.money import EXACT, from_scaled, round_fraction, sum_over, to_scaled
from meterline.pricing.model import CHARGED, Inputs

_SCALE = 10**20
_WIDE = Context(prec=60)  # beyond all columns, so that nothing is rounded on the way
_MOST = 10**38  # beyond it 128-bit decimals end


class AmountTooLarge(MeterlineError):
    """{what}: a quantity of {quantity} at these prices is beyond what can be counted exactly (38
    digits): check the usage and the price's decimals"""

    code = "amount_too_large"


def scaled(value: Decimal, scale: int = 10) -> pl.Expr:
    """A parameter in units of 10^-scale."""
    return pl.lit(int(value.scaleb(scale, _WIDE)), pl.Int128)


def units() -> pl.Expr:
    """The rows' quantity x their divisor, in units of 10^-10."""
    return to_scaled(pl.col("quantity"), 10)


def divisor() -> pl.Expr:
    """What `units` must be divided by."""
    return pl.col("divisor").cast(pl.Int128)


def started(amount: pl.Expr, size: pl.Expr) -> pl.Expr:
    """How many blocks of a size are started."""
    return (amount + size - 1) // size


def beyond(free: Decimal) -> pl.Expr:
    """`units` less the free ones, at least 0."""
    if not free:
        return units()
    return pl.max_horizontal(units() - scaled(free) * divisor(), pl.lit(0, pl.Int128))


def check_range(
    what: str,
    rows: pl.DataFrame,
    rates: Sequence[Decimal],
    amounts: Sequence[Decimal] = (),
    scale: int = 20,
) -> None:
    """Raise AmountTooLarge where quantities x `rates` + `amounts`, in units of 10^-scale, could
    leave 128 bits.

    Columns of whole numbers would wrap around silently.
    """
    if rows.is_empty():
        return
    facts = rows.select(
        pl.col("quantity").max().alias("most"), pl.col("quantity").min().alias("least"),
        pl.col("divisor").max(),
    ).row(0)  # fmt: skip
    largest = max(abs(Fraction(facts[0] or 0)), abs(Fraction(facts[1] or 0)))
    bound = largest * sum(map(abs, map(Fraction, rates)))
    bound += sum(map(abs, map(Fraction, amounts))) * facts[2]
    if bound * 10**scale >= _MOST:
        raise AmountTooLarge(what=what, quantity=number(largest / facts[2]))


def one_row_a_line(
    rows: pl.DataFrame,
    amount: pl.Expr,
    *,
    quantity: pl.Expr | None = None,
    parts: pl.Expr | int = 1,
) -> pl.DataFrame:
    """CHARGED with `amount` for each row: an exact expression over the rows, `divisor` x `parts`
    times what the row comes to."""
    return rows.with_columns(
        quantity=(plain_quantity() if quantity is None else quantity).cast(pl.Decimal(38, 10)),
        amount=amount.cast(EXACT),
        denominator=pl.col("divisor") * parts,
    ).select(CHARGED.keys())


def plain_quantity() -> pl.Expr:
    """quantity / divisor, rounded half up to ten decimals: what the line shows."""
    rounded = (units().abs() * 2 + divisor()) // (divisor() * 2) * units().sign()
    return pl.when(pl.col("divisor") == 1).then("quantity").otherwise(from_scaled(rounded, 10))


def quantity_of(row: Mapping[str, Any]) -> Fraction:
    """The exact quantity of a row of an explanation."""
    return Fraction(row["quantity"]) / int(row.get("divisor") or 1)


def sum_by_line(rows: pl.DataFrame, *also: str) -> pl.DataFrame:
    """CHARGED: the events' amounts added up a line and value (and, say, band), exactly."""
    key = ["line", "by_value", *also]
    rows = rows.with_columns(quantity=plain_quantity())
    single = rows.group_by(key, maintain_order=True).agg(
        pl.col("quantity").sum(),
        pl.col("amount").sum(),
        pl.col("denominator").first(),
        pl.col("denominator").n_unique().alias("denominators"),
    )
    mixed = single.filter(pl.col("denominators") > 1).drop("denominators")
    plain = single.filter(pl.col("denominators") == 1).drop("denominators")
    if not mixed.is_empty():
        plain = pl.concat(
            [plain, _sum_mixed(rows.join(mixed, on=key, how="semi", nulls_equal=True), key)]
        )
    missing = [name for name in ("season", "band") if name not in plain.columns]
    return plain.with_columns(pl.lit(None, pl.String).alias(name) for name in missing).select(
        pl.col(name).cast(kind) for name, kind in CHARGED.items()
    )


def _sum_mixed(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    found = []
    for values, group in rows.group_by(key, maintain_order=True):
        quantity = cast(Decimal, group["quantity"].sum())
        amount, denominator = exact_sum("a sum", group, quantity)
        found.append((*values, quantity, amount, denominator))
    schema = {name: rows.schema[name] for name in key}
    return pl.DataFrame(
        found,
        schema={**schema, "quantity": rows.schema["quantity"], "amount": EXACT,
                "denominator": pl.Int64},
        orient="row",
    )  # fmt: skip


def exact_sum(what: str, rows: pl.DataFrame, quantity: Decimal) -> tuple[Decimal, int]:
    """The sum of `rows` (amount, denominator) as amount, denominator; of so many units.

    Raises AmountTooLarge where columns do not hold it.
    """
    units_, denominator = sum_over(rows.select("amount", "denominator").iter_rows())
    if abs(units_) >= _MOST or denominator >= 2**63:
        raise AmountTooLarge(what=what, quantity=number(quantity))
    return Decimal(units_).scaleb(-20, _WIDE), denominator


def charged_row(what: str, row: Mapping[str, Any], amount: Fraction) -> dict[str, Any]:
    """One CHARGED row with an exact amount as decimal / denominator."""
    quantity = quantity_of(row)
    denominator = amount.denominator
    for prime in (2, 5):  # the decimal holds up to 20 decimals, the denominator what is left
        for _ in range(20):
            denominator //= prime if denominator % prime == 0 else 1
    exact_amount = Decimal(int(amount * denominator * _SCALE)).scaleb(-20, _WIDE)
    if abs(exact_amount) * _SCALE >= _MOST or denominator >= 2**63:
        raise AmountTooLarge(what=what, quantity=number(quantity))
    return {
        **{name: row.get(name) for name in CHARGED},
        "quantity": round_fraction(quantity, 10),
        "amount": exact_amount,
        "denominator": denominator,
    }


def only_row(inputs: Inputs) -> Mapping[str, Any]:
    """The row of the line (of its value, where the price makes a line for each)."""
    rows: Sequence[Mapping[str, Any]] = inputs["rows"]
    for row in rows:
        if row["by_value"] == inputs.get("by_value"):
            return row
    raise AssertionError("a line without rows")


def worked_out(rule: str, expression: str) -> Explanation:
    """An explanation whose amount is what its expression comes to (28 digits)."""
    value = evaluate(expression)
    return Explanation(
        rule=rule,
        expression=expression,
        amount=Decimal(value.numerator) / Decimal(value.denominator),
    )


def line_sum(rule: str, inputs: Inputs, text: Callable[[Fraction], str] = number) -> Explanation:
    """The explanation of a line that adds up the amounts of its events."""
    rows = [
        row
        for row in inputs["rows"]
        if row["by_value"] == inputs.get("by_value")
        and (inputs.get("band") is None or row["band"] == inputs["band"])
    ]
    total = sum((Fraction(row["amount"]) / int(row["denominator"]) for row in rows), Fraction(0))
    events = sum(int(row["events"]) for row in rows)
    return worked_out(f"{rule} ({events} of them)", text(total))
