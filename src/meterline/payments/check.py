"""What is asked of a payment before it is recorded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from meterline.customers import validate
from meterline.customers.errors import InvalidField
from meterline.customers.models import Account
from meterline.kernel.money import decimals
from meterline.payments.errors import (
    InvalidAmount,
    PaymentCodeTaken,
    ReservedCode,
    WrongCurrency,
)
from meterline.payments.models import Payment

_OWN_CODE = re.compile(r"P-[0-9]{8,}")


class Known(NamedTuple):
    """What a payment recorded under a code is."""

    kind: str
    account: str
    currency: str
    amount: Decimal


def written(amount: Decimal, currency: str) -> str:
    """An amount as people read it, with the decimals of its currency."""
    return f"{amount:.{decimals(currency)}f}"


def check_amount(amount: Decimal, account: Account, currency: str | None) -> None:
    """That it is a sum of the account's currency. Raises WrongCurrency, InvalidAmount."""
    places = decimals(account.currency)
    if currency is not None and currency != account.currency:
        raise WrongCurrency(account=account.code, expected=account.currency, currency=currency)
    whole = amount.is_finite() and 0 < amount < 10**15
    if not whole or amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise InvalidAmount(amount=amount, places=places)


def check_texts(code: str | None, reference: str, method: str = "") -> None:
    """That the texts of a payment fit. Raises InvalidField."""
    if code is not None:
        validate.code(code)
    for name, value, limit in (("reference", reference, 200), ("method", method, 40)):
        validate.length(name, value, limit)
        if "\0" in value:
            raise InvalidField(field=name, value=value, expected="a text without NUL characters")


def known_codes(codes: list[str]) -> dict[str, Known]:
    """What is recorded under those of the codes that are taken."""
    found = Payment.objects.filter(code__in=codes).values_list(
        "code", "kind", "account__code", "currency", "amount"
    )
    return {code: Known(*facts) for code, *facts in found}


def is_known(code: str, account: Account, amount: Decimal, known: dict[str, Known]) -> bool:
    """Whether this very payment is recorded. Raises PaymentCodeTaken, ReservedCode."""
    found = known.get(code)
    if found is None:
        if _OWN_CODE.fullmatch(code):
            raise ReservedCode(payment=code)
        return False
    if found != Known("payment", account.code, account.currency, amount):
        raise PaymentCodeTaken(
            payment=code, amount=written(found.amount, found.currency), currency=found.currency,
            account=found.account,
        )  # fmt: skip
    return True
