"""Early fees: each explains itself, and a run again adds nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from billing.world import bill, check_books
from subscriptions.house import account, publish

from meterline.invoices import reports
from meterline.invoices.models import Invoice
from meterline.kernel.explain import evaluate
from meterline.platform import clock
from meterline.subscriptions import services

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


def fee_line(plan: str, end: date) -> tuple[Decimal, str]:
    """Subscribe, leave and bill: the amount of the fee, and its arithmetic."""
    clock.move_to(START)
    publish()
    services.subscribe(account_id=account(), plan=plan, at=START, code="s", quantity=2)
    services.cancel("s", START, end)
    (made,) = bill(end)
    assert bill(end) == []
    check_books()
    number = Invoice.objects.get(pk=made).number
    lines = [
        (row, explanation)
        for row, explanation in reports.explain(number)
        if row["price_code"] == "early_fee"
    ]
    for row, explanation in lines:
        assert evaluate(explanation.expression) == row["amount"] == explanation.amount
        assert "the term runs until" in explanation.rule
    ((row, explanation),) = lines
    return row["amount"], explanation.expression


@pytest.mark.parametrize(
    ("plan", "end", "amount", "expression"),
    [
        ("fibre", date(2027, 12, 31), "5.00", "round(5 * 1, 2, half_up)"),
        ("fibre", date(2027, 11, 1), "10.00", "round(5 * 2, 2, half_up)"),
        ("fibre", date(2027, 10, 31), "15.00", "round(5 * 3, 2, half_up)"),
        ("flat_fee", date(2026, 2, 1), "99.00", "round(99, 2, half_up)"),
        # half of 31.00 + 6.20 for December
        ("share_fee", date(2026, 12, 1), "18.60", "round(37.2 * 50 / 100, 2, half_up)"),
        ("fixed_term", date(2026, 6, 30), "50.00", "round(50, 2, half_up)"),
    ],
)
def test_a_fee_explains_itself(
    home: Path, plan: str, end: date, amount: str, expression: str
) -> None:
    assert fee_line(plan, end) == (Decimal(amount), expression)


@pytest.mark.parametrize(
    ("plan", "end"),
    [("fibre", date(2028, 1, 1)), ("flat_fee", date(2027, 1, 2)), ("fixed_term", date(2026, 7, 1))],
)
def test_no_fee_at_the_end_of_a_term_nor_after_it(home: Path, plan: str, end: date) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        fee_line(plan, end)
