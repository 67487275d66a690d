"""The explanation of a usage or recurring line: its model's arithmetic, its share, its rounding."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from meterline.kernel.explain import Explanation, evaluate, number
from meterline.pricing.price import Price
from meterline.pricing.registry import model


def explain_line(price: Price, inputs: Mapping[str, Any]) -> Explanation:
    """`inputs` as billing keeps them with the line: rows, share, exact, rounding, decimals."""
    exact = model(price.model).explain(price, inputs)
    numerator, denominator = map(int, inputs["share"].split("/"))
    expression, rule = exact.expression, exact.rule
    if (numerator, denominator) != (1, 1):
        expression = f"({expression}) * {numerator}/{denominator}"
        rule = f"{rule}; for {numerator}/{denominator} of the period"
    expression, rule = _within_limits(price, inputs, expression, rule)
    rounded = f"round({expression}, {inputs['decimals']}, {inputs['rounding']})"
    value = evaluate(rounded)
    return Explanation(
        rule=rule,
        expression=rounded,
        amount=Decimal(value.numerator) / Decimal(value.denominator),
        parts=(exact,),
    )


def _within_limits(
    price: Price, inputs: Mapping[str, Any], expression: str, rule: str
) -> tuple[str, str]:
    """Where a minimum or maximum amount changed the line, the exact amount that it left."""
    if price.minimum_amount is None and price.maximum_amount is None:
        return expression, rule
    top, bottom = map(int, inputs["exact"].split("/"))
    exact = Fraction(top, bottom) / 10**20
    if evaluate(expression) == exact:
        return expression, rule
    return number(exact), f"{rule}; within the price's least and greatest amount"
