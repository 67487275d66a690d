"""A voice rate deck: home numbers, and the world by prefix, each in two bands."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl

from meterline.demo.size import Size

HOME = {"390": "0.09", "393": "0.12", "39800": "0.00", "39": "0.15"}
"""Price a minute by day; the evening costs half of it, rounded up to a tenth of a cent."""

_WORLD = {
    "33": "0.14", "34": "0.14", "44": "0.16", "49": "0.14", "31": "0.15", "32": "0.15",
    "41": "0.22", "43": "0.15", "48": "0.17", "351": "0.16", "353": "0.17", "30": "0.18",
    "40": "0.19", "385": "0.21", "386": "0.21", "45": "0.17", "46": "0.16", "47": "0.21",
    "358": "0.18", "1": "0.11", "52": "0.24", "55": "0.26", "54": "0.29", "56": "0.31",
    "57": "0.28", "61": "0.19", "64": "0.22", "65": "0.18", "81": "0.21", "82": "0.22",
    "86": "0.16", "852": "0.17", "91": "0.23", "92": "0.38", "90": "0.31", "7": "0.34",
    "20": "0.36", "27": "0.33", "212": "0.52", "216": "0.58", "221": "0.61", "234": "0.42",
    "254": "0.44", "380": "0.33", "355": "0.41", "373": "0.47", "972": "0.19", "971": "0.31",
}  # fmt: skip

COLUMNS = (
    "key", "band", "connection_fee", "step1_from", "step1_price", "step1_per", "step1_increment",
    "step2_from", "step2_price", "step2_per", "step2_increment",
)  # fmt: skip


def deck(size: Size, areas: int = 40) -> pl.DataFrame:
    """Rows of the deck (all String, columns: COLUMNS); `areas` prefixes below each country."""
    chance = size.chance("deck")
    rows: list[tuple[str, ...]] = []
    for prefix, price in HOME.items():
        rows += _rows(prefix, Decimal(price), "0.00" if price == "0.00" else "0.02")
    for country, price in _WORLD.items():
        rows += _rows(country, Decimal(price), "0.05")
        factors = chance.integers(80, 190, areas)
        for area in range(areas):
            own = (Decimal(price) * int(factors[area]) / 100).quantize(Decimal("0.001"))
            rows += _rows(f"{country}{area + 10}", own, "0.05")
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _rows(prefix: str, price: Decimal, fee: str) -> list[tuple[str, ...]]:
    evening = (price / 2).quantize(Decimal("0.001"))
    return [
        (
            prefix,
            band,
            fee,
            "0",
            f"{minute:f}",
            "60",
            "30",
            "30",
            f"{minute:f}",
            "60",
            "1",
        )
        for band, minute in (("day", price), ("evening", evening))
    ]


def destinations(chance: np.random.Generator, count: int) -> np.ndarray:
    """Numbers called: most at home, some abroad."""
    home = np.array(["390", "393", "39800"])[chance.choice(3, count, p=[0.25, 0.72, 0.03])]
    world = np.array([f"{country}{area}" for country in _WORLD for area in range(10, 50)])
    abroad = world[chance.integers(0, len(world), count)]
    prefix = np.where(chance.random(count) < 0.07, abroad, home)
    subscriber = chance.integers(1_000_000, 9_999_999, count).astype(str)
    return np.char.add(prefix, subscriber)
