"""A price in words and in tables, for people who read a tariff."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel

from meterline.catalog.code_words import word
from meterline.kernel.money import decimals
from meterline.pricing.price import Limit, Meter, Price
from meterline.web import format as written
from meterline.web.rows import Column, Rows


@dataclass(frozen=True, kw_only=True)
class Told:
    """A price told: a sentence of what is charged, one of when, facts, and tables."""

    what: str
    when: str
    facts: list[tuple[str, Any]]
    tables: list[Rows]


def told(price: Price, meter: Meter | None) -> Told:
    """What a price says; `meter` is its meter, if it has one."""
    words = _Words(price, (meter.unit if meter else None) or _("unit"))
    return Told(
        what=words.what(), when=_when(price), facts=list(_facts(price)), tables=words.tables()
    )


def unit_amount(value: Decimal, currency: str) -> str:
    """A price of a unit: at least the decimals of the currency, and as many as it has."""
    exponent = value.normalize().as_tuple().exponent
    places = max(decimals(currency), -exponent if isinstance(exponent, int) else 0)
    return f"{written.number(value, places)}\N{NO-BREAK SPACE}{currency}"


def interval(price: Price) -> str:
    """month, or 3 months."""
    return str(price.interval)


def _when(price: Price) -> str:
    words = {"interval": interval(price), "meter": price.meter}
    if price.kind == "one_time":
        if price.due == "cancellation":
            return _("Once, when the subscription ends.")
        return _("Once, when the subscription starts.")
    if price.kind == "usage":
        text = _("Charged for what was used, at the end of each %(interval)s.") % words
        return text if price.meter is None else f"{text} {_('Counted by %(meter)s.') % words}"
    if price.timing == "advance":
        text = _("Charged at the beginning of each %(interval)s.") % words
    else:
        text = _("Charged at the end of each %(interval)s.") % words
    part = (
        _("A part of it is charged in part.") if price.prorate
        else _("A part of it is charged in full.")
    )  # fmt: skip
    return f"{text} {part}"


def _facts(price: Price) -> Iterator[tuple[str, Any]]:
    yield _("Code"), price.code
    yield _("Kind"), word(price.kind)
    yield _("Model"), word(price.model)
    yield _("Tax"), price.tax or _("none")
    if price.by:
        yield _("A line for each"), ", ".join(price.by)
    for term, limit in (
        (_("At least"), price.minimum_amount), (_("At most"), price.maximum_amount),
    ):  # fmt: skip
        if limit is not None:
            yield term, _limit(limit, price.currency)
    if price.kind == "recurring":
        yield _("Days are counted"), word(price.policy.day_count)
    yield _("Rounding"), word(price.policy.rounding)


def _limit(limit: Limit, currency: str) -> str:
    amount = unit_amount(limit.amount, currency)
    return _("%(amount)s a day") % {"amount": amount} if limit.per_day else amount


class _Words:
    """The sentence and the tables of one price; a model that is not known here is told by its
    own words and parameters."""

    def __init__(self, price: Price, unit: str) -> None:
        self.price = price
        self.given = price.parameters
        self.unit = unit

    def what(self) -> str:
        found: Callable[[], str] | None = getattr(self, f"_{self.price.model}", None)
        return found() if found else _((type(self.given).__doc__ or "").split("\n")[0])

    def _money(self, value: Decimal) -> str:
        return unit_amount(value, self.price.currency)

    def _get(self, name: str) -> Any:
        return self.price.parameter(name)

    def _flat(self) -> str:
        return self._money(self._get("amount"))

    def _per_unit(self) -> str:
        text = _("%(amount)s a %(unit)s.") % {
            "amount": self._money(self._get("unit_amount")), "unit": self.unit,
        }  # fmt: skip
        return f"{text}{self._free()}"

    def _free(self) -> str:
        free = self._get("free_units")
        if not free:
            return ""
        return " " + _("The first %(free)s of each period are free.") % {
            "free": written.number(free)
        }

    def _graduated(self) -> str:
        return _("Each %(unit)s at the price of its own tier.") % {"unit": self.unit}

    def _volume(self) -> str:
        return _("All units at the price of the tier that the whole quantity reaches.")

    def _package(self) -> str:
        text = _("%(amount)s for each started package of %(size)s %(unit)s.") % {
            "amount": self._money(self._get("amount")),
            "size": written.number(self._get("size")),
            "unit": _("units") if self.unit == _("unit") else self.unit,
        }  # fmt: skip
        return f"{text}{self._free()}"

    def _percentage(self) -> str:
        text = _("%(percent)s %% of the value of each event.") % {
            "percent": written.number(self._get("percent"))
        }
        fixed = self._get("fixed_amount")
        if not fixed:
            return text
        return f"{text} {_('And %(amount)s an event.') % {'amount': self._money(fixed)}}"

    def _graduated_percentage(self) -> str:
        return _("A percentage of the period's value, tier by tier.")

    def _percent_of(self) -> str:
        return _("%(percent)s %% of what %(prices)s come to.") % {
            "percent": written.number(self._get("percent")), "prices": ", ".join(self._get("of")),
        }  # fmt: skip

    def _matrix(self) -> str:
        return _("Each unit at the price of the first row whose values match.")

    def _rate_card(self) -> str:
        return _("Each event at the price of its row in the rate card %(card)s.") % {
            "card": self._get("card")
        }

    def _time_of_use(self) -> str:
        return _("Each unit at the rate of the band in which its interval starts (calendar"
                 " %(calendar)s).") % {"calendar": self._get("calendar")}  # fmt: skip

    def _demand(self) -> str:
        return _("The highest %(minutes)s minutes of the period, in %(unit)s, at its price.") % {
            "minutes": self._get("window"),
            "unit": self.unit,
        }

    def _dynamic(self) -> str:
        return _("The sum of the amounts that events carry in %(field)s.") % {
            "field": self._get("value")
        }

    def tables(self) -> list[Rows]:
        """Tiers, cells and rates; then whatever other parameters are given."""
        made = []
        if self._get("tiers"):
            made.append(self._tiers(_("Tiers"), self._get("tiers")))
        if self._get("cells"):
            made.append(self._cells())
        if self._get("rates"):
            made += self._rates(self._get("rates"))
        if rest := list(self._rest()):
            columns = [Column("name", _("Setting")), Column("value", _("Value")),
                       Column("hint", _("What it means"))]  # fmt: skip
            made.append(Rows(columns, rest, caption=_("Settings")))
        return made

    def _tiers(self, title: str, tiers: Any) -> Rows:
        rows, low = [], "0"
        percent = hasattr(tiers[0], "percent")
        for tier in tiers:
            high = "" if tier.up_to is None else str(tier.up_to)
            price = (
                f"{written.number(tier.percent)} %" if percent else self._money(tier.unit_amount)
            )
            size = getattr(tier, "size", None)
            if size:
                price = _("%(price)s a started %(size)s") % {
                    "price": price, "size": written.number(size)
                }  # fmt: skip
            flat = self._money(tier.flat_amount) if tier.flat_amount else ""
            rows.append({"above": low, "up_to": high or _("no end"), "price": price, "flat": flat})
            low = high
        columns: list[Column] = [
            Column("above", _("More than")), Column("up_to", _("Up to")),
            Column("price", _("Percent") if percent else _("Price of a %s") % self.unit),
        ]  # fmt: skip
        if any(tier.flat_amount for tier in tiers):
            columns.append(Column("flat", _("Once the tier is reached")))
        return Rows(columns, rows, caption=title)

    def _cells(self) -> Rows:
        names = list(dict.fromkeys(name for cell in self._get("cells") for name in cell.when))
        rows: list[dict[str, Any]] = [
            {
                **{name: ", ".join(cell.when.get(name, (_("any"),))) for name in names},
                "price": self._money(cell.unit_amount),
            }
            for cell in self._get("cells")
        ]
        if self._get("default") is not None:
            any_ = dict.fromkeys(names, _("any other"))
            rows.append({**any_, "price": self._money(self._get("default"))})
        columns = [Column(name, name) for name in names]
        columns.append(Column("price", _("Price of a %s") % self.unit))
        return Rows(columns, rows, caption=_("Prices by values"))

    def _rates(self, rates: Mapping[str, Any]) -> list[Rows]:
        plain = [
            {"band": key, "price": self._money(rate.unit_amount)}
            for key, rate in rates.items() if rate.tiers is None
        ]  # fmt: skip
        made = [self._tiers(key, rate.tiers) for key, rate in rates.items() if rate.tiers]
        if plain:
            columns = [Column("band", _("Band")), Column("price", _("Price of a %s") % self.unit)]
            made.insert(0, Rows(columns, plain, caption=_("Rates")))
        return made

    def _rest(self) -> Iterator[dict[str, Any]]:
        told_above = {"tiers", "cells", "default", "rates"}
        for name, field in type(self.given).model_fields.items():
            value = getattr(self.given, name)
            if name in told_above or value is None or value in ((), Decimal(0)):
                continue
            yield {
                "name": name.strip("_").replace("_", " "), "value": _plain(value),
                "hint": _(field.description) if field.description else "",
            }  # fmt: skip


def _plain(value: Any) -> str:
    match value:
        case Decimal():
            return written.number(value)
        case tuple() | list():
            return ", ".join(map(_plain, value))
        case BaseModel():
            given = value.model_dump(exclude_none=True, by_alias=True)
            return ", ".join(f"{name} {_plain(inner)}" for name, inner in given.items())
    return str(value)
