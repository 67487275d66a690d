"""Shares of a cycle by each day count."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from meterline.kernel.interval import Interval
from meterline.kernel.prorate import days_30_360, share

CASES = [
    # day count, interval, start, end, cycle, share
    ("actual", "month", "2011-09-01", "2011-09-15", ("2011-08-15", "2011-09-15"), (14, 31)),
    ("actual", "year", "2023-09-28", "2024-06-29", ("2023-06-29", "2024-06-29"), (275, 366)),
    ("actual", "30 days", "2025-01-16", "2025-01-31", ("2025-01-01", "2025-01-31"), (15, 30)),
    ("fixed_30", "month", "2021-01-27", "2021-02-01", ("2021-01-01", "2021-02-01"), (5, 30)),
    ("fixed_30", "quarter", "2021-03-01", "2021-04-01", ("2021-01-01", "2021-04-01"), (31, 90)),
    ("30_360", "month", "2023-05-15", "2023-05-23", ("2023-04-23", "2023-05-23"), (8, 30)),
    ("30_360", "month", "2023-05-23", "2023-06-15", ("2023-05-15", "2023-06-15"), (22, 30)),
    ("30_360", "year", "2023-05-15", "2023-12-01", ("2022-12-01", "2023-12-01"), (196, 360)),
    ("mean_month", "month", "2018-01-01", "2018-01-30", ("2018-01-01", "2018-02-01"), (348, 365)),
    ("mean_month", "year", "2018-01-01", "2018-01-30", ("2018-01-01", "2019-01-01"), (29, 365)),
    ("fixed_30", "week", "2024-01-03", "2024-01-08", ("2024-01-01", "2024-01-08"), (5, 7)),
]


@pytest.mark.parametrize(("day_count", "interval", "start", "end", "cycle", "expected"), CASES)
def test_share(
    day_count: str,
    interval: str,
    start: str,
    end: str,
    cycle: tuple[str, str],
    expected: tuple[int, int],
) -> None:
    found = share(
        date.fromisoformat(start),
        date.fromisoformat(end),
        (date.fromisoformat(cycle[0]), date.fromisoformat(cycle[1])),
        Interval.parse(interval),
        day_count,  # type: ignore[arg-type]
    )
    assert found == Fraction(*expected)


@pytest.mark.parametrize("day_count", ["actual", "fixed_30", "30_360", "mean_month"])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_whole_cycle_is_charged_in_full(day_count: str, month: int) -> None:
    start = date(2024, month, 1)
    end = date(2024 + month // 12, month % 12 + 1, 1)
    assert share(start, end, (start, end), Interval(months=1), day_count) == 1  # type: ignore[arg-type]


def test_every_month_has_30_days() -> None:
    assert days_30_360(date(2024, 1, 31), date(2024, 2, 29)) == 29
    assert days_30_360(date(2024, 1, 1), date(2025, 1, 1)) == 360
