"""Several pay the same account at once: nothing is paid twice or lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from django.db import connection

from meterline.customers.services import create_account
from meterline.payments import services
from meterline.payments.errors import NotEnoughCredit
from meterline.payments.models import Payment


def at_the_same_time(count: int, act: Callable[[int], Any]) -> list[Any]:
    def inner(number: int) -> Any:
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(inner, range(count)))


def test_payments_of_one_account(
    at_once: None, issue: Any, books_agree: Callable[[], None]
) -> None:
    account = create_account(code="A", currency="EUR")
    issue(account, "10")
    at_the_same_time(6, lambda _: services.pay(account.pk, Decimal(3)))
    found = services.balance(account.pk)
    assert (found.receivable, found.credit) == (0, 8)
    books_agree()


def test_the_same_code_at_once_is_one_payment(at_once: None) -> None:
    account = create_account(code="A", currency="EUR")
    made = at_the_same_time(6, lambda _: services.pay(account.pk, Decimal(3), code="c").pk)
    assert len(set(made)) == 1
    assert Payment.objects.count() == 1


def test_credit_is_refunded_once(at_once: None, books_agree: Callable[[], None]) -> None:
    account = create_account(code="A", currency="EUR")
    services.grant_credit(account.pk, Decimal(10))

    def refund(_: int) -> bool:
        try:
            services.refund(account.pk, Decimal(4))
        except NotEnoughCredit:
            return False
        return True

    assert sorted(at_the_same_time(4, refund)) == [False, False, True, True]
    books_agree()
