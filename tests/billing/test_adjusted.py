"""What a credit note by hand has taken is not credited again by the next bill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from billing.world import bill, rows, set_up, undone

from meterline.customers.services import account_by_code
from meterline.invoices.adjust import adjust
from meterline.invoices.errors import AdjustedTooMuch
from meterline.subscriptions import discounts
from meterline.subscriptions import services as subscriptions

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("taken", "credited"),
    [("1.00", "-1.28"), ("2.00", "-0.87")],  # of 2.87 until the 10th; unused: 4 of 9 days
)
def test_never_more_than_what_is_left(home: Path, taken: str, credited: str) -> None:
    with undone():
        set_up()
        bill(date(2026, 1, 1))
        owner = account_by_code("b").pk
        at = datetime(2026, 1, 5, 10, tzinfo=UTC)
        adjust(owner, price="base", from_=None, amount=Decimal(taken), at=at)
        subscriptions.cancel("s3", datetime(2026, 1, 6, 10, tzinfo=UTC))
        bill(date(2026, 1, 7))
        found = rows(
            "SELECT amount FROM invoices_line l JOIN customers_account a ON a.id = l.account_id"
            " WHERE a.code = 'b' AND l.kind = 'recurring' AND amount < 0"
        )
        assert [amount for (amount,) in found] == [Decimal(credited)]


def test_what_a_discount_took_is_not_credited(home: Path) -> None:
    with undone():
        set_up()
        midnight = datetime(2025, 12, 31, 23, tzinfo=UTC)
        discounts.give("tenth", discounts.holder(subscription="s3"), midnight)
        bill(date(2026, 1, 1))
        owner, at = account_by_code("b").pk, datetime(2026, 1, 5, 10, tzinfo=UTC)
        with pytest.raises(AdjustedTooMuch, match=r"2\.58 EUR are left"):  # of 2.87 less 0.29
            adjust(owner, price="base", from_=None, amount=Decimal("2.59"), at=at)
        adjust(owner, price="base", from_=None, amount=Decimal("2.58"), at=at)
