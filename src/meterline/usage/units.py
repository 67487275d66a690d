"""Units of measurement, and what turns one into another. Pure."""

from __future__ import annotations

from fractions import Fraction

_KINDS: tuple[dict[str, Fraction], ...] = (
    {  # data, in bytes
        "bit": Fraction(1, 8), "byte": Fraction(1), "kB": Fraction(10**3), "MB": Fraction(10**6),
        "GB": Fraction(10**9), "TB": Fraction(10**12), "KiB": Fraction(2**10),
        "MiB": Fraction(2**20), "GiB": Fraction(2**30), "TiB": Fraction(2**40),
    },
    {  # time, in seconds
        "millisecond": Fraction(1, 1000), "second": Fraction(1), "minute": Fraction(60),
        "hour": Fraction(3600), "day": Fraction(86_400), "decisecond": Fraction(1, 10),
    },
    {  # energy, in watt-hours
        "Wh": Fraction(1), "kWh": Fraction(10**3), "MWh": Fraction(10**6), "GWh": Fraction(10**9),
        "J": Fraction(1, 3600), "MJ": Fraction(10**6, 3600), "GJ": Fraction(10**9, 3600),
    },
    {"W": Fraction(1), "kW": Fraction(10**3), "MW": Fraction(10**6)},  # power, in watts
    {  # volume, in cubic metres; the international foot is 0.3048 m
        "l": Fraction(1, 1000), "m3": Fraction(1), "ft3": Fraction(3048, 10_000) ** 3,
        "ccf": 100 * Fraction(3048, 10_000) ** 3,
    },
)  # fmt: skip


def names() -> list[str]:
    """All units."""
    return [name for kind in _KINDS for name in kind]


def ratio(old: str, new: str) -> Fraction | None:
    """What a number of `old` is multiplied by to be one of `new`; None if they are not alike."""
    for kind in _KINDS:
        if old in kind and new in kind:
            return kind[old] / kind[new]
    return None
