"""Reads that stand, points and consumption: pure decisions, a case each."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from meterline.reads.frames import CHANNELS, CUTS, FACTORS, PROFILES, READS
from meterline.reads.pieces import TERMS, VIRTUALS, combined, consumption
from meterline.reads.points import points
from meterline.reads.standing import standing
from meterline.reads.validate import LIMITS, OCCUPIED, judged
from meterline.reads.weigh import WEIGHT_SCALE


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def channel(number: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "channel": number, "register_id": number, "identifier": "place", "code": "1",
        "serial": f"S{number}", "since_at": at("2020-01-01"), "until_at": None,
        "modulus": 100_000, "decimals": 0, "multiplier": Decimal(1), "unit": "kWh",
        "usage_meter": "energy", "usage_unit": "kWh", "zone": None, "band": None,
        "profile": None, "annual": None, "method": "average",
    }  # fmt: skip
    return row | changes


def channels(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows) or [channel()], schema=CHANNELS)


def reads(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """(day, units, quality="actual", channel=1, reviewed=False) each."""
    usual = ("actual", 1, False)
    made = [
        (number, one, at(day), units, quality, reviewed)
        for number, row in enumerate(rows, start=1)
        for day, units, quality, one, reviewed in [(*row, *usual[len(row) - 2 :])]
    ]
    return pl.DataFrame(made, schema=READS, orient="row")


def cuts(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """(day, asked, channel=1) each."""
    made = [(row[2] if len(row) > 2 else 1, at(row[0]), row[1]) for row in rows]
    return pl.DataFrame(made, schema=CUTS, orient="row")


NO_CUTS = pl.DataFrame(schema=CUTS)
NO_PROFILES = pl.DataFrame(schema=PROFILES)
NO_FACTORS = pl.DataFrame(schema=FACTORS)


def shown(found: pl.DataFrame) -> list[tuple[str, int, str]]:
    rows = found.select(pl.col("at").dt.strftime("%Y-%m-%d"), "units", "quality")
    return list(rows.iter_rows())


def used(found: pl.DataFrame, **given: Any) -> list[tuple[str, str, str]]:
    """The day each piece ends, its quantity and quality."""
    made = consumption(found, given.get("channels", channels()), given.get("factors", NO_FACTORS))
    rows = made.select(pl.col("end_at").dt.strftime("%Y-%m-%d"), "quantity", "quality")
    return [(day, f"{amount.normalize():f}", quality) for day, amount, quality in rows.iter_rows()]


def known(found: pl.DataFrame, *wanted: tuple[Any, ...], **given: Any) -> pl.DataFrame:
    own = given.get("channels", channels())
    return points(found, cuts(*wanted), own, given.get("profiles", NO_PROFILES))


def test_the_better_read_of_an_instant_stands() -> None:
    found = reads(("2026-01-01", 100), ("2026-02-01", 190, "estimated"),
                  ("2026-02-01", 200, "customer"), ("2026-02-01", 210))  # fmt: skip
    assert shown(standing(found, channels())) == [
        ("2026-01-01", 100, "actual"), ("2026-02-01", 210, "actual")
    ]  # fmt: skip


def test_an_actual_read_sets_a_customers_aside_that_it_contradicts() -> None:
    found = reads(("2026-01-01", 100), ("2026-01-20", 900, "customer"), ("2026-02-01", 300))
    assert shown(standing(found, channels())) == [
        ("2026-01-01", 100, "actual"), ("2026-02-01", 300, "actual")
    ]  # fmt: skip
    # one that goes together with both stays
    found = reads(("2026-01-01", 100), ("2026-01-20", 250, "customer"), ("2026-02-01", 300))
    assert standing(found, channels()).height == 3


def test_a_reviewed_read_sets_its_equals_aside() -> None:
    found = reads(("2026-01-01", 100), ("2026-02-01", 9_000),
                  ("2026-03-01", 300, "actual", 1, True))  # fmt: skip
    assert [units for _, units, _ in shown(standing(found, channels()))] == [100, 300]


def test_a_register_turns_over() -> None:
    found = known(reads(("2026-01-01", 99_900), ("2026-02-01", 50), ("2026-03-01", 150)))
    assert [amount for _, amount, _ in used(found)] == ["150", "100"]


def test_between_reads_a_cut_is_a_share_by_time_that_loses_nothing() -> None:
    found = known(reads(("2026-01-01", 0), ("2026-01-11", 101)), ("2026-01-04", False),
                  ("2026-01-06", False))  # fmt: skip
    assert used(found) == [
        ("2026-01-04", "30", "interpolated"), ("2026-01-06", "21", "interpolated"),
        ("2026-01-11", "50", "interpolated"),
    ]  # fmt: skip


def test_after_the_last_read_the_daily_average_goes_on() -> None:
    found = known(reads(("2026-01-01", 0), ("2026-01-31", 300)), ("2026-03-02", True),
                  ("2026-02-10", False), ("2026-04-01", False))  # fmt: skip
    assert used(found) == [
        ("2026-01-31", "300", "actual"), ("2026-02-10", "100", "estimated"),
        ("2026-03-02", "200", "estimated"),
    ]  # fmt: skip


def test_a_read_turns_the_estimate_into_a_share() -> None:
    found = known(reads(("2026-01-01", 0), ("2026-01-31", 300), ("2026-03-12", 420)),
                  ("2026-03-02", True))  # fmt: skip
    assert used(found) == [
        ("2026-01-31", "300", "actual"), ("2026-03-02", "90", "interpolated"),
        ("2026-03-12", "30", "interpolated"),
    ]  # fmt: skip


def test_an_estimate_by_the_same_time_of_last_year() -> None:
    history = reads(("2025-01-01", 0), ("2025-02-01", 620), ("2025-03-01", 900),
                    ("2026-01-01", 2_000), ("2026-02-01", 2_500))  # fmt: skip
    own = channels(channel(method="last_year"))
    found = known(history, ("2026-03-01", True), channels=own)
    assert used(found)[-1] == ("2026-03-01", "280", "estimated")
    # where no read tells of it, the daily average is what is left
    found = known(reads(("2026-01-01", 0), ("2026-01-31", 300)), ("2026-02-10", True), channels=own)
    assert used(found)[-1] == ("2026-02-10", "100", "estimated")


def test_an_estimate_by_profile_and_by_what_is_expected_of_a_year() -> None:
    weights = [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    year = pl.DataFrame(
        [("heat", month, weight * WEIGHT_SCALE) for month, weight in enumerate(weights, start=1)],
        schema=PROFILES, orient="row",
    )  # fmt: skip
    own = channels(channel(profile="heat"))
    found = known(reads(("2025-12-01", 0), ("2026-01-01", 100)), ("2026-02-01", True),
                  channels=own, profiles=year)  # fmt: skip
    assert used(found)[-1] == ("2026-02-01", "200", "estimated")
    own = channels(channel(profile="heat", annual=1300))
    found = known(reads(("2026-01-01", 0)), ("2026-02-01", True), ("2026-03-01", True),
                  channels=own, profiles=year)  # fmt: skip
    assert [amount for _, amount, _ in used(found)] == ["200", "100"]
    assert used(known(reads(("2026-01-01", 0)), ("2026-02-01", True))) == []


def test_a_new_device_is_estimated_by_the_one_before_it() -> None:
    own = channels(
        channel(1, until_at=at("2026-02-01")),
        channel(2, since_at=at("2026-02-01"), decimals=1, modulus=1_000_000,
                multiplier=Decimal(10)),
    )  # fmt: skip
    found = reads(("2026-01-01", 1_000), ("2026-02-01", 1_310, "final"),
                  ("2026-02-01", 0, "actual", 2))  # fmt: skip
    pieces = used(known(found, ("2026-03-01", True, 2), channels=own), channels=own)
    assert pieces == [("2026-02-01", "310", "actual"), ("2026-03-01", "280", "estimated")]


def test_what_an_estimate_is_not_needed_for_is_left_out() -> None:
    own = channels(channel(until_at=at("2026-02-01")))
    found = known(reads(("2026-01-01", 0), ("2026-02-01", 10)), ("2026-03-01", True),
                  ("2025-12-01", True), channels=own)  # fmt: skip
    assert len(shown(found)) == 2


def test_an_estimate_of_others_stands_until_something_is_read() -> None:
    found = reads(("2026-01-01", 0), ("2026-01-31", 300), ("2026-03-02", 1_000, "estimated"))
    assert used(known(found))[-1] == ("2026-03-02", "700", "estimated")
    read = pl.concat([found, reads(("2026-03-12", 420)).with_columns(read_id=pl.lit(9, pl.Int64))])
    assert used(known(read)) == [
        ("2026-01-31", "300", "actual"), ("2026-03-02", "90", "interpolated"),
        ("2026-03-12", "30", "interpolated"),
    ]  # fmt: skip


def factors(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    made = [("north", at(day), Decimal(value), Decimal(correction), decimals)
            for day, value, correction, decimals in rows]  # fmt: skip
    return pl.DataFrame(made, schema=FACTORS, orient="row")


def test_gas_becomes_energy_as_bills_say_it() -> None:
    """Ofgem's example: m3 x 1.02264 x calorific value / 3.6; imperial meters count 100 ft3."""
    own = channels(channel(zone="north", unit="m3"))
    found = known(reads(("2026-01-01", 1_000), ("2026-02-01", 1_100)), channels=own)
    rated = used(found, channels=own, factors=factors(("2020-01-01", "39.5", "1.02264", 2)))
    assert rated == [("2026-02-01", "1122.06", "actual")]
    own = channels(channel(zone="north", unit="ccf"))
    rated = used(found, channels=own, factors=factors(("2020-01-01", "39.5", "1.02264", 0)))
    assert rated == [("2026-02-01", "3177", "actual")]


def test_the_calorific_value_is_the_mean_over_the_time() -> None:
    own = channels(channel(zone="north", unit="m3"))
    found = known(reads(("2026-01-01", 0), ("2026-01-11", 3_600)), channels=own)
    mixed = factors(("2020-01-01", "38", "1", 4), ("2026-01-04", "40", "1", 4))
    made = consumption(found, own, mixed)
    assert made["calorific_value"].to_list() == [Decimal("39.4000")]
    assert made["quantity"].to_list() == [Decimal(39_400)]
    late = factors(("2026-01-04", "40", "1", 4))
    assert consumption(found, own, late)["quantity"].to_list() == [None]


def test_quantities_are_in_the_unit_of_the_meter() -> None:
    own = channels(channel(unit="Wh", multiplier=Decimal("2.5"), decimals=1, modulus=1_000_000))
    found = known(reads(("2026-01-01", 0), ("2026-01-11", 12_345)), channels=own)
    assert used(found, channels=own)[0][1] == "3.08625"


def virtual(**changes: Any) -> pl.DataFrame:
    row = {"virtual_id": 7, "identifier": "place", "code": "net", "usage_meter": "energy",
           "surplus_meter": "fed_in"}  # fmt: skip
    return pl.DataFrame([row | changes], schema=VIRTUALS)


def test_net_metering_by_interval() -> None:
    own = channels(channel(1, code="in"), channel(2, code="out"))
    found = known(
        reads(("2026-01-01", 0), ("2026-02-01", 100), ("2026-03-01", 150),
              ("2026-01-01", 0, "actual", 2), ("2026-02-01", 40, "actual", 2),
              ("2026-02-15", 90, "actual", 2), ("2026-03-01", 140, "actual", 2)),
        channels=own,
    )  # fmt: skip
    terms = pl.DataFrame([(7, "place", "in", 1), (7, "place", "out", -1)], schema=TERMS,
                         orient="row")  # fmt: skip
    made = combined(consumption(found, own, NO_FACTORS), virtual(), terms)
    rows = made.sort("start_at").select("usage_meter", "quantity", "quality").rows()
    assert rows == [("energy", Decimal(60), "actual"), ("fed_in", Decimal(50), "actual")]


def test_a_virtual_register_waits_for_all_its_parts() -> None:
    own = channels(channel(1, code="a"), channel(2, code="b"))
    found = known(reads(("2026-01-01", 0), ("2026-02-01", 100), ("2026-03-01", 150),
                        ("2026-01-01", 0, "actual", 2), ("2026-02-01", 40, "actual", 2)),
                  channels=own)  # fmt: skip
    terms = pl.DataFrame([(7, "place", "a", 1), (7, "place", "b", 1)], schema=TERMS, orient="row")
    made = combined(consumption(found, own, NO_FACTORS), virtual(), terms)
    assert made["quantity"].to_list() == [Decimal(140)]


def limits(**changes: Any) -> pl.DataFrame:
    row = {"channel": 1, "spike_percent": 300, "spike_least": 50, "stuck_reads": 3,
           "zero_days": 20, "imports": True}  # fmt: skip
    return pl.DataFrame([row | changes], schema=LIMITS)


def reasons(new: pl.DataFrame, before: pl.DataFrame, *, held: bool = True, **rules: Any) -> Any:
    occupied = pl.DataFrame(
        [(1, at("2020-01-01"), None)] if held else [], schema=OCCUPIED, orient="row"
    )
    numbered = new.with_columns(pl.col("read_id") + 100)
    looked = judged(numbered, before, channels(), limits(**rules), occupied)
    return looked.sort("at", "read_id")["reason"].to_list()


HISTORY = reads(("2025-11-01", 1_000), ("2025-12-01", 1_300), ("2026-01-01", 1_600))


def test_what_is_held_for_review() -> None:
    assert reasons(reads(("2026-02-01", 1_900)), HISTORY) == [None]
    assert reasons(reads(("2026-02-01", 1_500)), HISTORY) == ["negative"]
    assert reasons(reads(("2025-12-15", 1_700)), HISTORY) == ["negative"]
    assert reasons(reads(("2026-02-01", 2_700)), HISTORY) == ["spike"]
    assert reasons(reads(("2026-01-01", 1_610)), HISTORY) == ["conflict"]
    assert reasons(reads(("2026-02-01", 1_600)), HISTORY) == ["zero"]
    assert reasons(reads(("2026-02-01", 1_600)), HISTORY, held=False) == [None]
    assert reasons(reads(("2026-02-01", 1_600)), HISTORY, imports=False) == [None]
    assert reasons(reads(("2026-01-10", 1_600)), HISTORY) == [None]
    stuck = reads(("2026-01-10", 1_600), ("2026-01-15", 1_600))
    assert reasons(stuck, HISTORY) == [None, "stuck"]


def test_the_same_time_of_last_year_excuses_a_spike() -> None:
    winter = reads(("2025-01-01", 0), ("2025-02-01", 1_000), ("2025-12-01", 1_500),
                   ("2026-01-01", 1_550))  # fmt: skip
    assert reasons(reads(("2026-02-01", 2_550)), winter) == [None]
    assert reasons(reads(("2026-02-01", 4_700)), winter) == ["spike"]


def test_a_customer_does_not_hold_an_actual_read_back() -> None:
    told = pl.concat([HISTORY, reads(("2026-01-15", 5_000, "customer")).with_columns(
        read_id=pl.lit(50, pl.Int64))])  # fmt: skip
    assert reasons(reads(("2026-02-01", 1_900)), told) == [None]
    assert reasons(reads(("2026-02-01", 1_900, "customer")), told) == ["negative"]


def test_reads_of_one_file_are_looked_at_in_the_order_of_time() -> None:
    new = reads(("2026-03-01", 2_200), ("2026-02-01", 19_000), ("2026-02-15", 2_050))
    assert reasons(new, HISTORY) == ["spike", None, None]
