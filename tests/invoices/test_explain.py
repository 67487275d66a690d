"""The arithmetic of a line's explanation gives its amount."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meterline.invoices.explain import explain_line
from meterline.kernel.explain import evaluate

_FIXED = {"fixed": "2.0000000000", "percent": None, "share": "1/1"}


@pytest.mark.parametrize(
    ("kind", "amount", "inputs", "expression"),
    [
        ("discount", "-1.50", {**_FIXED, "part": "3/4"}, "-1.5"),
        ("discount", "-0.50", {**_FIXED, "before": "-1.5000000000"}, "-2 - (-1.5)"),
        (
            "discount", "-0.67",
            {"target": "10.0000000000", "percent": "10.000000", "rounding": "half_up",
             "decimals": 2, "part": "2/3"},
            "round(-round(10 * 10 / 100, 2, half_up) * 2/3, 2, half_up)",
        ),
        ("usage", "3.20", {"before": "-3.2000000000"}, "3.2"),
        (
            "discount", "0.50",
            {"credit_of": "-1.0000000000", "share": "1/2", "rounding": "half_up",
             "left": "-1.0000000000"},
            "-max(round(-1 * 1/2, 2, half_up), -1)",
        ),
        (
            "recurring", "-4.00",
            {"credit_of": "10.0000000000", "share": "1/2", "rounding": "half_up",
             "left": "4.0000000000"},
            "-min(round(10 * 1/2, 2, half_up), 4)",
        ),
        ("adjustment", "-1.00", {}, "-1"),
    ],
)  # fmt: skip
def test_lines_without_a_price(
    kind: str, amount: str, inputs: dict[str, object], expression: str
) -> None:
    line = {"name": "Fee", "kind": kind, "amount": Decimal(amount), "inputs": inputs}
    why = explain_line(line, None, 2)
    assert why.expression == expression
    assert why.amount == evaluate(expression) == Decimal(amount)
