"""The frames that decisions on reads work with. Pure.

A register's value is a whole number of its last decimal ("units"): 01234.5 of a register with one
decimal is 12345. So all arithmetic on values is on whole numbers, and exact.
"""

from __future__ import annotations

from typing import Any

import polars as pl

INSTANT = pl.Datetime("us", "UTC")
QUANTITY = pl.Decimal(38, 10)
UNITS = pl.Int64

CHANNELS: dict[str, Any] = {  # a register while it is installed at a place of supply
    "channel": pl.Int64,
    "register_id": pl.Int64,
    "identifier": pl.String,  # of the place of supply
    "code": pl.String,  # of the register
    "serial": pl.String,
    "since_at": INSTANT,
    "until_at": INSTANT,  # null: it is there still
    "modulus": UNITS,  # where the register begins anew, 10 ** (dials + decimals)
    "decimals": pl.Int64,
    "multiplier": pl.Decimal(18, 6),
    "unit": pl.String,
    "usage_meter": pl.String,  # of the catalogue; null: its consumption is not billed by itself
    "usage_unit": pl.String,  # of that meter; null: as the register's
    "zone": pl.String,  # of gas, whose factors make energy of volume; null: none
    "band": pl.String,
    "profile": pl.String,  # how consumption is spread over a year; null: evenly
    "annual": UNITS,  # what is expected of a year; null: not known
    "method": pl.String,  # of estimates: average or last_year
}
READS: dict[str, Any] = {
    "read_id": pl.Int64,
    "channel": pl.Int64,
    "at": INSTANT,
    "units": UNITS,
    "quality": pl.String,
    "reviewed": pl.Boolean,  # somebody has said that it is right
}
CUTS: dict[str, Any] = {  # instants at which a value is wanted though nobody has read one
    "channel": pl.Int64,
    "at": INSTANT,
    "asked": pl.Boolean,  # also after the last read: an estimate. Else only between reads
}
POINTS: dict[str, Any] = {
    "channel": pl.Int64,
    "at": INSTANT,
    "total": pl.Int64,  # units since the first read, whole turns of the register included
    "units": UNITS,  # what the register shows
    "quality": pl.String,
}
PIECES: dict[str, Any] = {  # consumption from one point to the next
    "register_id": pl.Int64,  # null: of a virtual one
    "virtual_id": pl.Int64,  # null: of a real one
    "identifier": pl.String,
    "code": pl.String,
    "usage_meter": pl.String,
    "start_at": INSTANT,
    "end_at": INSTANT,
    "from_units": UNITS,
    "to_units": UNITS,
    "from_quality": pl.String,
    "to_quality": pl.String,
    "quality": pl.String,  # the less certain one
    "quantity": QUANTITY,
    "serial": pl.String,
    "band": pl.String,
    "calorific_value": pl.Decimal(18, 4),  # MJ a cubic metre, the mean over the time; null: no gas
    "correction_factor": pl.Decimal(18, 6),
}
CHANGED: dict[str, Any] = {  # what following reads came to, at a place
    "identifier": pl.String,
    "usage_meter": pl.String,
    "by": QUANTITY,
}
FACTORS: dict[str, Any] = {
    "zone": pl.String,
    "since_at": INSTANT,
    "calorific_value": pl.Decimal(18, 4),
    "correction_factor": pl.Decimal(18, 6),
    "decimals": pl.Int64,  # to which the energy of a piece is rounded
}
PROFILES: dict[str, Any] = {"profile": pl.String, "month": pl.Int8, "weight": pl.Int64}

QUALITIES = ("final", "actual", "customer", "substituted", "estimated")
"""What reads may be, the most certain first."""

CERTAINTY = {"final": 0, "actual": 0, "customer": 1, "substituted": 2, "interpolated": 3,
             "estimated": 4}  # fmt: skip
"""The higher, the less certain. Interpolated: a share of what was read, by time or profile."""
