"""Customers who are signed in to the portal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from billing.world import BILLED, Used, bill, load, set_up
from browsing import BACKEND
from django.test import Client

from meterline.access.models import User
from meterline.invoices.models import Invoice
from meterline.portal import services


@pytest.fixture
def billed(db: None, home: Path) -> list[Invoice]:
    """Accounts a and b, three bills each, of more and more usage; the invoices of a."""
    set_up()
    for number, (month, quantity) in enumerate(zip(BILLED, (30, 60, 90), strict=True)):
        start = (month.month - 2) * 44_640
        load(
            [
                Used(number=number * 10 + part, subscription=subscription,
                     minute=start + 600 + part * 1_500, meter=meter, quantity=quantity + part)
                for part, (subscription, meter) in enumerate(
                    (("s1", "data"), ("s1", "data"), ("s2", "calls"), ("s2", "data"),
                     ("s3", "data"))
                )
            ],
            month,
        )  # fmt: skip
        bill(month)
    return list(Invoice.objects.filter(account__code="a").order_by("id"))


@pytest.fixture
def customer(billed: list[Invoice]) -> Callable[[str], Client]:
    """`customer("a")`: a client signed in as the customer of that code."""

    def sign_in(code: str) -> Client:
        services.invite(code, f"{code}@example.com")
        client = Client()
        client.force_login(User.objects.get(email=f"{code}@example.com"), backend=BACKEND)
        return client

    return sign_in


@pytest.fixture
def signed_in(product: Any, chromium: Any) -> str:
    """The cookies of a customer of the demo company are kept under this role."""
    return str(product.invited(chromium, "E000001"))
