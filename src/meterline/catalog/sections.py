"""The catalogue file's sections but plans: policy, meters, calendars, cards, taxes, discounts."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import Field

from meterline.catalog.model_types import (
    Code,
    Day,
    DayOfYear,
    Section,
    Text,
    TimeOfDay,
    Validated,
)
from meterline.kernel.calendar import Weekday
from meterline.kernel.money import RoundingMode
from meterline.kernel.policy import Boundary, DayCount, When
from meterline.pricing.parameters import Exact, NotNegative, Positive
from meterline.pricing.price import Aggregation


class PolicySection(Validated):
    """The choices in which operators differ; a plan or price may override any of them."""

    day_count: DayCount | None = Field(None, description="How a stub's days are counted.")
    boundary_day: Boundary | None = Field(
        None, description="Whether the day of a change or cancellation belongs to the new state."
    )
    change_day: Boundary | None = Field(None, description="boundary_day, of changes alone.")
    cancel_day: Boundary | None = Field(None, description="boundary_day, of cancellations alone.")
    upgrade: When | None = Field(None, description="When an upgrade takes effect.")
    downgrade: When | None = Field(None, description="When a downgrade takes effect.")
    credit: Literal["prorated", "none"] | None = Field(
        None, description="Whether what was billed in advance and is not used comes back."
    )
    anchor: Literal["keep", "reset"] | None = Field(
        None, description="The cycle after a change to a plan of another interval."
    )
    align: Literal["subscription", "calendar"] | None = Field(
        None, description="Where weeks, quarters and years begin."
    )
    rounding: RoundingMode | None = Field(None, description="How a line is rounded.")
    tax_rounding: Literal["document", "line"] | None = Field(
        None, description="Whether tax is rounded on the document or on each line."
    )

    def resolved(self) -> dict[str, str]:
        """The fields that are given, boundary_day spread over change_day and cancel_day."""
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        both = given.pop("boundary_day", None)
        if both is not None:
            given = {"change_day": both, "cancel_day": both, **given}
        return given


class MeterSection(Validated):
    """What of an event is counted, and how a period's events come together."""

    aggregation: Aggregation = Field(description="How a period's events come together.")
    value: Text | None = Field(None, description="The property that holds the quantity.")
    unit: Text | None = Field(None, description="Unit of the quantity; seconds elapse in time.")
    carry: bool = Field(False, description="The value stands over into the next period.")
    filter: dict[str, tuple[Text, ...]] = Field(
        default_factory=dict, description="Only events with one of these values count."
    )
    factor: Positive | None = Field(None, description="The period's total is multiplied by it.")
    round: int | None = Field(None, ge=0, le=10, description="And rounded to so many decimals.")

    def check(self) -> None:
        if self.aggregation != "count" and self.value is None:
            raise ValueError(f"a meter of aggregation {self.aggregation} needs `value`")


class SeasonSection(Validated):
    """A part of the year; the last one takes the rest."""

    season: Text
    from_: DayOfYear | None = Field(None, alias="from", description="First day, MM-DD.")
    to: DayOfYear | None = Field(None, description="The day after the last one, MM-DD.")

    def check(self) -> None:
        if (self.from_ is None) != (self.to is None):
            raise ValueError("expected both from and to, or neither")


class BandSection(Section):
    """Hours of some weekdays; the first band that matches wins."""

    band: Text
    days: tuple[Weekday, ...] | None = None
    from_: TimeOfDay | None = Field(None, alias="from")
    to: TimeOfDay | None = None
    season: Text | None = None


class HolidaySection(Section):
    """Public holidays, priced as a band."""

    country: Text = Field(description="ISO 3166 code.")
    band: Text
    subdivision: Text | None = None


class CalendarSection(Validated):
    """Seasons, bands and holidays of a time zone."""

    timezone: Text
    seasons: tuple[SeasonSection, ...] = ()
    bands: tuple[BandSection, ...] = Field(min_length=1)
    holidays: HolidaySection | None = None

    def check(self) -> None:
        last = self.bands[-1]
        if last.days or last.from_ or last.to or last.season:
            raise ValueError("the last band must take the rest: only its name, no days or hours")
        if any(season.from_ is None for season in self.seasons[:-1]):
            raise ValueError("only the last season may leave out from and to")
        names = {season.season for season in self.seasons}
        for band in self.bands:
            if band.season is not None and band.season not in names:
                raise ValueError(f"band {band.band}: unknown season {band.season}")
        if self.holidays and self.holidays.band not in {band.band for band in self.bands}:
            raise ValueError(f"holidays: unknown band {self.holidays.band}")


class KeySection(Section):
    """A property of the event by which the card's rows are found."""

    field: Text
    match: Literal["prefix", "exact"] = "prefix"


class StepSection(Validated):
    """From so many units on, a price."""

    from_: NotNegative = Field(Decimal(0), alias="from")
    price: Exact = Field(description="Price of `per` units.")
    per: Positive = Field(Decimal(1), description="Units that the price is for.")
    increment: Positive = Field(Decimal(1), description="Charged by started increments of it.")


class RowSection(Validated):
    """Keys with their price."""

    key: tuple[Text | tuple[Text, ...], ...] = Field(min_length=1)
    band: Text | None = None
    connection_fee: NotNegative = Decimal(0)
    steps: tuple[StepSection, ...] = Field(min_length=1)
    max_charge: NotNegative | None = None
    effective: Day | None = None

    def check(self) -> None:
        starts = [step.from_ for step in self.steps]
        if starts[0] != 0:
            raise ValueError("the first step starts from 0")
        for number, (low, high) in enumerate(pairwise(starts), start=2):
            if high <= low:
                raise ValueError(f"step {number} starts from {high}, not after {low}")


class QuantitySection(Section):
    """What of the event the card prices."""

    field: Text = "duration"
    unit: Text = "second"


class RoundSection(Section):
    """How one event's amount is rounded."""

    mode: RoundingMode = "half_up"
    decimals: int = Field(ge=0, le=10)


class RateCardSection(Validated):
    """Prices by key, band and step; rows here or in a CSV deck."""

    quantity: QuantitySection | None = None
    key: KeySection | tuple[KeySection, ...]
    calendar: Text | None = None
    increments_across_bands: Literal["first", "split"] = "first"
    round: RoundSection | None = None
    rows: tuple[RowSection, ...] = ()
    file: Text | None = Field(None, description="A CSV deck with the same columns.")

    def check(self) -> None:
        if bool(self.rows) == (self.file is not None):
            raise ValueError("expected either rows or file")

    @property
    def keys(self) -> tuple[KeySection, ...]:
        """The key fields."""
        return (self.key,) if isinstance(self.key, KeySection) else self.key


class TaxRateSection(Section):
    """A rate of a region from a day on."""

    region: Text
    percent: NotNegative = Field(le=1_000, decimal_places=6)
    from_: Day | None = Field(None, alias="from")


class TaxSection(Section):
    """A tax and its rates by region."""

    code: Code
    rates: tuple[TaxRateSection, ...] = Field(min_length=1)


class DiscountSection(Validated):
    """Percent or an amount off."""

    code: Code
    percent: NotNegative | None = None
    amount: NotNegative | None = Field(None, description="Once a charge period, or an invoice.")
    on: Literal["prices", "invoice"] = Field(
        "prices", description="On prices, or on all lines that fall due together."
    )
    applies_to: tuple[Text, ...] = Field((), description="Codes of prices; all if left out.")
    plans: tuple[Text, ...] = Field((), description="Only on prices of these plans.")
    periods: int | None = Field(None, gt=0, le=10_000, description="For so many charge periods.")
    from_: Day | None = Field(None, alias="from", description="Periods that begin then or later.")
    to: Day | None = Field(None, description="Periods that begin before then.")
    order: int = Field(100, ge=-(10**6), le=10**6, description="Lower ones are taken off first.")
    of: Literal["left", "gross"] = Field(
        "left", description="Of what earlier discounts left, or of the whole line."
    )
    exclusive: bool = Field(False, description="No other discount is taken off beside it.")

    def check(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("expected either percent or amount")
        if self.percent is not None and self.percent > 100:
            raise ValueError("percent is at most 100")
        if self.on == "invoice" and (self.applies_to or self.plans):
            raise ValueError("a discount on the invoice takes no applies_to and no plans")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError(f"to: expected a day after {self.from_}, not {self.to}")


class PromotionSection(Validated):
    """A code by which customers get a discount, as often and as long as it says."""

    code: Code
    discount: Text
    from_: Day | None = Field(None, alias="from", description="First day on which it is taken.")
    to: Day | None = Field(None, description="The day after the last one.")
    limit: int | None = Field(None, gt=0, le=10**9, description="So many times in all.")
    limit_per_customer: int | None = Field(None, gt=0, le=10**9)
    plans: tuple[Text, ...] = Field((), description="Only for subscriptions of these plans.")

    def check(self) -> None:
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError(f"to: expected a day after {self.from_}, not {self.to}")
