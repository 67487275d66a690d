"""Types of the catalogue file's fields beyond those of price models."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from meterline.kernel.interval import Interval, InvalidInterval
from meterline.pricing.parameters import NotNegative

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Section(BaseModel):
    """Base of all sections: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _interval(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('expected an interval such as month or "3 months"')
    try:
        return str(Interval.parse(value))
    except InvalidInterval as error:
        raise ValueError(error.message) from None


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if _DAY.fullmatch(str(value)) else "")
    except ValueError:
        raise ValueError(f"expected a date such as 2026-01-31, not {value!r}") from None


def _clock(value: Any) -> time:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?", str(value))
    if match is None or (match[1] == "24" and (match[2], match[3] or "00") != ("00", "00")):
        raise ValueError(f'expected a time of day such as "18:00", not {value!r}')
    return time(int(match[1]) % 24, int(match[2]), int(match[3] or 0))


def _month_day(value: Any) -> tuple[int, int]:
    if isinstance(value, tuple | list):
        return (int(value[0]), int(value[1]))
    match = re.fullmatch(r"([0-9]{2})-([0-9]{2})", str(value))
    if match is None:
        raise ValueError(f'expected a day of the year such as "06-01", not {value!r}')
    month, day = int(match[1]), int(match[2])
    try:
        date(2024, month, day)
    except ValueError:
        raise ValueError(f"{value} is no day of the year") from None
    return month, day


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"expected text, not {value!r}")
    return str(value)


def _code(value: Any) -> str:
    code = _text(value)
    if not code or len(code) > 100 or code != code.strip() or not code.isprintable():
        raise ValueError("expected a code: 1 to 100 characters, no space at its ends")
    return code


Text = Annotated[str, BeforeValidator(_text)]
Code = Annotated[str, BeforeValidator(_code)]
Name = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=300)]
IntervalText = Annotated[str, BeforeValidator(_interval)]
Day = Annotated[
    date, BeforeValidator(_date), PlainSerializer(lambda day: day.isoformat(), return_type=str)
]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_clock),
    PlainSerializer(lambda at: at.isoformat("minutes"), return_type=str),
]
DayOfYear = Annotated[
    tuple[int, int],
    BeforeValidator(_month_day),
    PlainSerializer(lambda day: f"{day[0]:02}-{day[1]:02}", return_type=str),
    Field(json_schema_extra={"type": "string"}),
]


class AmountLimit(Section):
    """An amount, or an amount a day: "0.15/day"."""

    amount: NotNegative
    per_day: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, dict | AmountLimit):
            return value
        if isinstance(value, str) and value.endswith("/day"):
            return {"amount": value.removesuffix("/day"), "per_day": True}
        return {"amount": value}

    def __str__(self) -> str:
        return f"{self.amount:f}" + ("/day" if self.per_day else "")


LimitField = Annotated[AmountLimit, PlainSerializer(str, return_type=str)]


class Validated(Section):
    """Sections that check themselves as a whole."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check()
        return self

    def check(self) -> None:
        """Raise ValueError where the fields do not go together."""
