"""Why a document differs from the one before it: cause by cause, to the cent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from meterline.kernel.money import round_fraction

CAUSES = ("usage", "days", "services", "price", "one_offs", "minimums", "credits", "tax")
_DAY = timedelta(days=1)

Line = Mapping[str, Any]


@dataclass
class _Charge:
    """What a document charges for one thing: amount, quantity, and for how long."""

    amount: Decimal = Decimal(0)
    quantity: Fraction = Fraction(0)
    length: Fraction = Fraction(0)  # days of usage; periods, weighted, of what recurs


@dataclass
class _Document:
    recurring: dict[tuple[Any, ...], _Charge] = field(default_factory=dict)
    usage: dict[tuple[Any, ...], _Charge] = field(default_factory=dict)
    others: dict[str, Decimal] = field(default_factory=dict)  # cause -> amount


def causes(
    before: Iterable[Line], after: Iterable[Line], taxes: tuple[Decimal, Decimal], decimals: int
) -> list[tuple[str, Decimal]]:
    """(cause, amount) of CAUSES that are not nothing; their sum is the difference of the totals.

    Lines: subscription_id, price_code, kind, season, band, by_value, start_at, end_at, quantity,
    amount, inputs. Usage changes by the days of its period, then by what was used a day, then by
    its (average) price; what recurs by its number, the part of its periods, then its price.
    """
    one, other = _gathered(before), _gathered(after)
    found = dict.fromkeys(CAUSES, Decimal(0))
    for key in _either(one.usage, other.usage):
        parts = _steps(one.usage.get(key), other.usage.get(key), "days", "usage", decimals)
        _add(found, parts, "usage")
    for key in _either(one.recurring, other.recurring):
        parts = _steps(one.recurring.get(key), other.recurring.get(key), "days", "services",
                       decimals)  # fmt: skip
        _add(found, parts, "services")
    for cause in _either(one.others, other.others):
        found[cause] += other.others.get(cause, Decimal(0)) - one.others.get(cause, Decimal(0))
    found["tax"] = taxes[1] - taxes[0]
    return [(cause, amount) for cause, amount in found.items() if amount]


def _steps(
    before: _Charge | None, after: _Charge | None, length: str, quantity: str, decimals: int
) -> dict[str, Decimal] | Decimal:
    """By cause; or one amount, where the charge is new or gone or has nothing to be measured by."""
    old, new = before or _Charge(), after or _Charge()
    change = new.amount - old.amount
    if not (old.quantity and old.length and new.length and old.amount):
        return change
    longer = new.length / old.length
    by_length = _rounded(Fraction(old.amount) * (longer - 1), decimals)
    by_quantity = _rounded(Fraction(old.amount) * (new.quantity / old.quantity - longer), decimals)
    rest = change - by_length - by_quantity
    return {length: by_length, quantity: by_quantity, "price": rest}


def _add(found: dict[str, Decimal], parts: dict[str, Decimal] | Decimal, otherwise: str) -> None:
    for cause, amount in ({otherwise: parts} if isinstance(parts, Decimal) else parts).items():
        found[cause] += amount


def _gathered(lines: Iterable[Line]) -> _Document:
    made = _Document()
    for line in lines:
        inputs = line["inputs"] or {}
        cause = _cause(line["kind"], inputs)
        if cause is not None:
            made.others[cause] = made.others.get(cause, Decimal(0)) + line["amount"]
            continue
        held = made.usage if line["kind"] == "usage" else made.recurring
        names = ("season", "band", "by_value") if line["kind"] == "usage" else ()
        key = (line["subscription_id"], line["price_code"], *(line[name] for name in names))
        charge = held.setdefault(key, _Charge())
        length = _days(line) if line["kind"] == "usage" else _share(inputs)
        charge.amount += line["amount"]
        charge.length += length
        charge.quantity += (
            Fraction(line["quantity"] or 0) if line["kind"] == "usage"
            else _units(line, inputs) * length
        )  # fmt: skip
    return made


def _cause(kind: str, inputs: Mapping[str, Any]) -> str | None:
    """The cause of lines that are not measured; None for usage and what recurs."""
    if "credit_of" in inputs or "before" in inputs or kind in ("discount", "adjustment"):
        return "credits"
    if kind in ("minimum", "commitment"):
        return "minimums"
    return None if kind in ("usage", "recurring") else "one_offs"


def _days(line: Line) -> Fraction:
    if line["start_at"] is None or line["end_at"] is None:
        return Fraction(0)
    return Fraction(max(round((line["end_at"] - line["start_at"]) / _DAY), 1))


def _units(line: Line, inputs: Mapping[str, Any]) -> Fraction:
    """Of how many units a recurring line charges; its quantity counts the intervals too, where they
    are shorter than the bill's period."""
    rows = inputs.get("rows")
    if not rows:
        return Fraction(line["quantity"] or 0)
    return sum((Fraction(row["quantity"]) for row in rows), Fraction(0))


def _share(inputs: Mapping[str, Any]) -> Fraction:
    """Which part of its period a recurring line charges for."""
    return Fraction(inputs.get("share", "1/1")) * Fraction(inputs.get("part", "1/1"))


def _either(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Sequence[Any]:
    return list(dict.fromkeys([*one, *other]))


def _rounded(value: Fraction, decimals: int) -> Decimal:
    return round_fraction(value, decimals, "half_up")
