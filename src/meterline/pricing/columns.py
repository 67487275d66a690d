"""What price models have in common: rows to lines, amounts to explanations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import polars as pl

from meterline.kernel.explain import Explanation, evaluate, number
from meterline.kernel.money import EXACT
from meterline.pricing.model import CHARGED, Inputs

_SCALE = 10**20


def one_row_a_line(
    rows: pl.DataFrame,
    amount: pl.Expr,
    *,
    quantity: pl.Expr | None = None,
    denominator: pl.Expr | None = None,
) -> pl.DataFrame:
    """CHARGED with `amount` / `denominator` (exact expressions over the rows) for each row."""
    return rows.with_columns(
        quantity=(pl.col("quantity") if quantity is None else quantity).cast(pl.Decimal(38, 10)),
        amount=amount.cast(EXACT),
        denominator=pl.lit(1, pl.Int64) if denominator is None else denominator,
    ).select(CHARGED.keys())


def sum_by_line(rows: pl.DataFrame, *also: str) -> pl.DataFrame:
    """CHARGED: the events' amounts added up a line and value (and, say, band), exactly."""
    key = ["line", "by_value", *also]
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
        common = lcm(*group["denominator"].to_list())
        total = sum(
            (a * (common // d) for a, d in group.select("amount", "denominator").iter_rows()),
            Decimal(0),
        )
        found.append((*values, group["quantity"].sum(), total, common))
    schema = {name: rows.schema[name] for name in key}
    return pl.DataFrame(
        found,
        schema={**schema, "quantity": rows.schema["quantity"], "amount": EXACT,
                "denominator": pl.Int64},
        orient="row",
    )  # fmt: skip


def charged_row(row: Mapping[str, Any], amount: Fraction) -> dict[str, Any]:
    """One CHARGED row with an exact amount as decimal / denominator."""
    denominator = amount.denominator
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if max(twos, fives) > 20:
        denominator, scaled = amount.denominator, Decimal(amount.numerator)
    else:
        exact = amount * denominator
        scaled = Decimal(int(exact * _SCALE)).scaleb(-20)
    return {
        **{name: row.get(name) for name in CHARGED},
        "amount": scaled,
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
