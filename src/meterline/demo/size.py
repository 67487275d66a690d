"""How much is generated: customers, months and the seed; one stream of chance for each purpose."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Size:
    """A demo's measure. The same size always generates the same data."""

    customers: int
    months: int
    seed: int
    first: date
    """First day of the first month."""

    def month(self, index: int) -> date:
        """First day of the month with this index; the index `months` is the day after the last."""
        number = self.first.year * 12 + self.first.month - 1 + index
        return date(number // 12, number % 12 + 1, 1)

    def chance(self, *purpose: str | int) -> np.random.Generator:
        """Random numbers of their own for a purpose, whatever else is generated."""
        words = [zlib.crc32(str(word).encode()) for word in purpose]
        return np.random.default_rng([self.seed, *words])


def last_months(customers: int, months: int, seed: int, today: date) -> Size:
    """The `months` whole months before `today`."""
    number = today.year * 12 + today.month - 1 - months
    first = date(number // 12, number % 12 + 1, 1)
    return Size(customers=customers, months=months, seed=seed, first=first)
