"""How much is generated: customers, months and the seed; one stream of chance for each purpose."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

_KEPT = "size.json"


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


def keep(size: Size, folder: Path) -> None:
    """Leave in the demo's folder how large it is."""
    told = {"customers": size.customers, "months": size.months, "seed": size.seed}
    (folder / _KEPT).write_text(json.dumps(told), "utf-8")


def kept(folder: Path, today: date) -> Size | None:
    """The size of the demo of a folder, up to today; None where it was made before it was kept."""
    path = folder / _KEPT
    if not path.is_file():
        return None
    told = json.loads(path.read_text("utf-8"))
    return last_months(told["customers"], told["months"], told["seed"], today)


def last_months(customers: int, months: int, seed: int, today: date) -> Size:
    """The `months` whole months before `today`."""
    number = today.year * 12 + today.month - 1 - months
    first = date(number // 12, number % 12 + 1, 1)
    return Size(customers=customers, months=months, seed=seed, first=first)
