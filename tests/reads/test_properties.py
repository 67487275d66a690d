"""Whatever the order in which reads arrive, the same is billed: what the registers have counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from reads.test_decisions import channel

from meterline.reads.frames import CHANNELS, CUTS, FACTORS, PIECES, PROFILES, READS
from meterline.reads.pieces import changes, consumption
from meterline.reads.points import points

START = datetime(2026, 1, 1, tzinfo=UTC)
NO_FACTORS, NO_PROFILES = pl.DataFrame(schema=FACTORS), pl.DataFrame(schema=PROFILES)


@st.composite
def stories(draw: st.DrawFn) -> dict[str, Any]:
    """Devices one after another at a place; reads of each, some missing, some by the customer, some
    that are corrected; days at which an estimate is asked for; an order of arrival."""
    devices, arrivals, counted, day = [], [], 0, 0
    for number in range(1, draw(st.integers(1, 3)) + 1):
        digits = draw(st.integers(3, 5))
        since, value = day, draw(st.integers(0, 10**digits - 1))
        arrivals.append((number, since, value, "actual"))
        steps = draw(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 10**digits // 20)),
                              min_size=1, max_size=8))  # fmt: skip
        for index, (days, used) in enumerate(steps):
            day, value, counted = day + days, (value + used) % 10**digits, counted + used
            last = index == len(steps) - 1
            quality = "final" if last else draw(st.sampled_from(["actual", "customer", "missed"]))
            if quality == "customer" and draw(st.booleans()):
                arrivals.append((number, day, value, "actual"))  # read besides
                wrong = draw(st.integers(0, 10**digits - 1))
                arrivals.append((number, day, wrong, "customer"))
            elif quality != "missed":
                arrivals.append((number, day, value, quality))
            if draw(st.booleans()):
                guess = draw(st.integers(0, 10**digits - 1))
                arrivals.append((number, day - 1, guess, "estimated"))
        devices.append(
            channel(number, since_at=START + timedelta(days=since),
                    until_at=START + timedelta(days=day), modulus=10**digits)
        )  # fmt: skip
    asked = draw(st.lists(st.integers(1, day), max_size=6))
    order = draw(st.permutations(range(len(arrivals) + len(asked))))
    return {"devices": devices, "arrivals": arrivals, "asked": asked, "order": order,
            "counted": counted}  # fmt: skip


def billed(story: dict[str, Any], so_far: list[int]) -> pl.DataFrame:
    """PIECES of what has arrived."""
    arrivals, asked = story["arrivals"], story["asked"]
    own = pl.DataFrame(story["devices"], schema=CHANNELS)
    came = [(index, *arrivals[index]) for index in so_far if index < len(arrivals)]
    found = pl.DataFrame(
        [(index, number, START + timedelta(days=day), value, quality, False)
         for index, number, day, value, quality in came],
        schema=READS, orient="row",
    )  # fmt: skip
    days = [asked[index - len(arrivals)] for index in so_far if index >= len(arrivals)]
    wanted = [(one["channel"], START + timedelta(days=day), True)
              for day in days for one in story["devices"]
              if one["since_at"] < START + timedelta(days=day) <= one["until_at"]]  # fmt: skip
    cuts = pl.DataFrame(wanted, schema=CUTS, orient="row")
    return consumption(points(found, cuts, own, NO_PROFILES), own, NO_FACTORS)


@settings(max_examples=40)
@given(stories())
def test_what_is_billed_is_what_was_counted_in_any_order(story: dict[str, Any]) -> None:
    stands = pl.DataFrame(schema={"piece_id": pl.Int64, **PIECES})
    order = story["order"]
    for batches in range(1, 5):  # in four loads
        so_far = order[: len(order) * batches // 4]
        new, gone = changes(billed(story, so_far), stands)
        assert new["quantity"].min() is None or new["quantity"].min() >= 0
        kept = stands.join(gone, on="piece_id", how="anti")
        first = (stands["piece_id"].max() or 0) + 1
        numbered = new.with_row_index("piece_id", offset=first)
        stands = pl.concat([kept, numbered.with_columns(pl.col("piece_id").cast(pl.Int64))])
    assert stands["quantity"].sum() == Decimal(story["counted"])
    assert (
        stands.drop("piece_id")
        .sort(PIECES.keys())
        .equals(billed(story, sorted(order)).sort(PIECES.keys()))
    )
    by_device = stands.sort("serial", "start_at")
    gaps = by_device.filter(
        (pl.col("start_at") != pl.col("end_at").shift(1)).over("serial").fill_null(False)
    )
    assert gaps.is_empty()
