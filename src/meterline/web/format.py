"""Amounts, numbers, dates and periods as people read them, in the language of the page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_datetime,
    format_interval,
    format_skeleton,
    format_timedelta,
)
from babel.numbers import format_compact_decimal, format_decimal
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from meterline.kernel.money import decimals
from meterline.platform import clock

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
_LONG_AGO = timedelta(days=30)


def locale() -> Locale:
    """The language of the page."""
    return _locale(get_language() or "en")


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code.replace("-", "_"))


def language(code: str) -> str:
    """What a language is called: it; German, in the language of the page."""
    try:
        return str(Locale.parse(code.replace("-", "_")).get_display_name(locale()))
    except (UnknownLocaleError, ValueError):
        return code


def number(value: Decimal | int, places: int | None = None) -> str:
    """1,240.5, with a real minus sign; `places` decimals, or those that it has."""
    if places is None:
        pattern = "#,##0.##########"
    else:
        pattern = "#,##0" + ("." + "0" * places if places else "")
    size = -value if value < 0 else value
    written = _written(str(size), pattern, get_language() or "en")
    return f"{MINUS}{written}" if value < 0 else written


@lru_cache(maxsize=10_000)
def _written(size: str, pattern: str, language: str) -> str:
    """A list has a few hundred of them, most of them small and the same again."""
    return format_decimal(Decimal(size), format=pattern, locale=_locale(language))


def amount(value: Decimal | int, currency: str) -> str:
    """1,240.50 EUR, in the decimals of the currency, as text."""
    return f"{number(value, decimals(currency))}\N{NO-BREAK SPACE}{currency}"


def money(value: Decimal | int | None, currency: str) -> SafeString:
    """An amount for a page: the number, then its currency, set smaller."""
    if value is None:
        return format_html('<span class="none">{}</span>', DASH)
    return format_html(
        '<span class="money{}">{}<span class="currency">&nbsp;{}</span></span>',
        " negative" if value < 0 else "", number(value, decimals(currency)), currency,
    )  # fmt: skip


def short(value: Decimal | int) -> str:
    """1.2M: for charts and cards, where the whole number stands one click away."""
    size = -value if value < 0 else value
    if size < 10_000:
        return number(value, 0)
    written = format_compact_decimal(size, locale=locale(), fraction_digits=1)
    return f"{MINUS}{written}" if value < 0 else written


def day(value: date) -> str:
    """3 Mar 2026."""
    return _day(value, get_language() or "en")


@lru_cache(maxsize=10_000)
def _day(value: date, language: str) -> str:
    return str(format_date(value, "medium", locale=_locale(language)))


def moment(value: datetime) -> str:
    """The exact instant, in UTC."""
    return f"{format_datetime(value, 'medium', locale=locale())} UTC"


def ago(value: datetime) -> str:
    """3 hours ago, in 2 days, or the day where it is long ago."""
    distance = value - clock.now()
    if abs(distance) > _LONG_AGO:
        return day(value.date())
    return str(format_timedelta(distance, add_direction=True, locale=locale(), threshold=1))


def who(actor: str) -> str:
    """A user by e-mail; programs and the product itself as the audit names them."""
    return actor.removeprefix("user:")


def period(start: date, end: date) -> str:
    """A half-open period as people say it, with its last day: 1 Mar - 31 Mar 2026."""
    last = end - timedelta(days=1)
    if last <= start:
        return day(start)
    return str(format_interval(start, last, "yMMMd", locale=locale()))


def month(value: date) -> str:
    """Mar 2026."""
    return str(format_skeleton("yMMM", value, locale=locale()))
