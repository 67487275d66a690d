"""What recurring revenue does from month to month: new, back, expansion, contraction, churn. Pure.

The monthly recurring revenue (MRR) of a subscription is what its recurring prices come to a month
at list price, before discounts and tax.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from meterline import pricing
from meterline.kernel.interval import Interval
from meterline.kernel.money import round_fraction
from meterline.pricing.price import Price

CAUSES = ("new", "back", "expansion", "contraction", "churn")
Held = tuple[int, Decimal]  # plan version, quantity


@dataclass(frozen=True, kw_only=True)
class Step:
    """So many subscriptions that had `before` at a month's beginning and `after` at its end."""

    month: date
    currency: str
    before: Held | None
    after: Held | None
    returned: bool  # had been there earlier
    count: int


@dataclass(kw_only=True)
class Month:
    """A month of one currency; amounts of MRR."""

    month: date
    currency: str
    opening: Fraction = Fraction(0)
    closing: Fraction = Fraction(0)
    causes: dict[str, Fraction] = field(default_factory=lambda: dict.fromkeys(CAUSES, Fraction(0)))
    subscriptions: int = 0  # at the beginning
    lost: int = 0

    @property
    def churn_percent(self) -> Decimal | None:
        """Of the subscriptions at the beginning, how many are gone; None where there were none."""
        if not self.subscriptions:
            return None
        return round_fraction(Fraction(self.lost * 100, self.subscriptions), 2)


def monthly(interval: Interval, amount: Fraction) -> Fraction:
    """An amount an interval as one a month; a month has 365 / 12 days."""
    if interval.months:
        return amount / interval.months
    return amount * Fraction(365, 12) / interval.days


def worth(prices: Sequence[Price], quantity: Decimal) -> Fraction:
    """The MRR of one subscription with these prices; riders on other lines do not count."""
    return sum(
        (
            monthly(price.interval, pricing.recurring_amount(price, Fraction(quantity)))
            for price in prices
            if price.kind == "recurring" and price.model != "percent_of"
        ),
        Fraction(0),
    )


def movements(steps: Iterable[Step], worths: Mapping[Held, Fraction]) -> list[Month]:
    """The months by currency, then month; opening + all causes = closing."""
    months: dict[tuple[str, date], Month] = {}
    for step in steps:
        key = (step.currency, step.month)
        one = months.setdefault(key, Month(month=step.month, currency=step.currency))
        before = worths[step.before] if step.before else Fraction(0)
        after = worths[step.after] if step.after else Fraction(0)
        one.opening += before * step.count
        one.closing += after * step.count
        one.subscriptions += step.count if step.before else 0
        one.lost += step.count if step.before and not step.after else 0
        if cause := _cause(step, after - before):
            one.causes[cause] += (after - before) * step.count
    return [months[key] for key in sorted(months)]


def _cause(step: Step, change: Fraction) -> str | None:
    if step.before is None:
        return "back" if step.returned else "new"
    if step.after is None:
        return "churn"
    if not change:
        return None
    return "expansion" if change > 0 else "contraction"
