"""Which values the fields of sellers, customers and accounts may have. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from meterline.customers.errors import InvalidField
from meterline.kernel.money import UnknownCurrency, decimals

CODE = re.compile(r"\S(?:.{0,98}\S)?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_REGION = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PREFIX = re.compile(r"[A-Za-z0-9/_.-]{1,20}")

ANNIVERSARY = "anniversary"
KINDS = ("person", "organisation")
DELIVERIES = ("portal", "email", "post")
PURPOSES = ("offers_by_email", "offers_by_phone", "usage_insight")


def code(value: str, field: str = "code") -> str:
    """A code as people type it: 1 to 100 characters, no space at its ends."""
    return _matching(field, value, CODE, "1 to 100 characters without spaces at the ends")


def delivery(value: str) -> str:
    """A way by which documents reach customers."""
    if value not in DELIVERIES:
        raise InvalidField(field="delivery", value=value, expected=" or ".join(DELIVERIES))
    return value


def purpose(value: str) -> str:
    """What customers are asked to agree to."""
    if value not in PURPOSES:
        raise InvalidField(field="purpose", value=value, expected=" or ".join(PURPOSES))
    return value


def word(value: str) -> str:
    """An identifier or its kind: not empty, without spaces at its ends."""
    if not value or value != value.strip() or "\0" in value:
        raise InvalidField(
            field="identifier", value=value, expected="a text without spaces at its ends"
        )
    return value


def name(value: str) -> str:
    """A name to print: not empty, at most 300 characters."""
    if not value.strip() or len(value) > 300:
        raise InvalidField(field="name", value=value, expected="1 to 300 characters")
    return value


def currency(value: str) -> str:
    """An ISO 4217 code."""
    try:
        decimals(value)
    except UnknownCurrency as error:
        raise InvalidField(
            field="currency", value=value, expected="an ISO 4217 code such as EUR"
        ) from error
    return value


def country(value: str) -> str:
    """An ISO 3166 code of two letters, or empty."""
    return value and _matching("country", value, _COUNTRY, "an ISO 3166 code such as IT")


def region(value: str | None) -> str | None:
    """A tax region, a country or a part of it; None if there is none."""
    expected = "a country or a part of one, such as IT or US-NY"
    return _matching("region", value, _REGION, expected) if value else None


def email(value: str) -> str:
    """An e-mail address, or empty."""
    return value and _matching("email", value, _EMAIL, "an address such as ann@example.com")


def iban(value: str) -> str:
    """An IBAN with its check digits (ISO 13616), or empty."""
    try:
        return value and str(IBAN(value))
    except SchwiftyException as error:
        raise InvalidField(
            field="iban", value=value, expected="an IBAN, its check digits included"
        ) from error


def colour(value: str) -> str:
    """A colour of documents."""
    return _matching("colour", value, _COLOUR, "a colour such as #1f3a5f")


def invoice_prefix(value: str) -> str:
    """What a seller's invoice numbers begin with."""
    return _matching("invoice_prefix", value, _PREFIX, "1 to 20 letters, digits or any of / _ . -")


def kind(value: str) -> str:
    """Whether a party is a person or an organisation."""
    if value not in KINDS:
        raise InvalidField(field="kind", value=value, expected="person or organisation")
    return value


def payment_terms(value: int | str) -> int:
    """Days until an invoice is due."""
    if not re.fullmatch(r"\d{1,3}", str(value)):
        raise InvalidField(field="payment_terms_days", value=value, expected="0 to 999")
    return int(value)


def billing_day(value: int | str | None) -> int | None:
    """1..31, or None for the anniversary (in files the word `anniversary`)."""
    if value is None or value == ANNIVERSARY:
        return None
    text = str(value)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 31:
        raise InvalidField(field="billing_day", value=value, expected="1 to 31 or anniversary")
    return int(text)


@lru_cache
def timezone(value: str) -> str:
    """A zone of the IANA database."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidField(
            field="timezone", value=value, expected="an IANA zone such as Europe/Rome"
        ) from error
    return value


def _matching(field: str, value: str, pattern: re.Pattern[str], expected: str) -> str:
    if not pattern.fullmatch(value):
        raise InvalidField(field=field, value=value, expected=expected)
    return value


def length(field: str, value: object, limit: int | None) -> None:
    """That a text is not longer than its column may be."""
    if isinstance(value, str) and limit is not None and len(value) > limit:
        raise InvalidField(field=field, value=value, expected=f"at most {limit} characters")


Check = Callable[[str], object]
PARTY: dict[str, Check] = {
    "code": code, "kind": kind, "name": name, "email": email, "country": country,
}  # fmt: skip
SELLER: dict[str, Check] = {
    "code": code, "name": name, "email": email, "country": country, "iban": iban, "colour": colour,
    "invoice_prefix": invoice_prefix, "payment_terms_days": payment_terms,
}  # fmt: skip
ACCOUNT: dict[str, Check] = {
    "code": code, "currency": currency, "timezone": timezone, "region": region,
    "billing_day": billing_day,
}  # fmt: skip
