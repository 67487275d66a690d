"""Faulty catalogue files: each fault is told with file, line, field and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.files import parse

GOOD = """\
currency: EUR
timezone: Europe/Rome
meters:
  voice: {aggregation: sum, value: duration, unit: second}
calendars:
  hours: {timezone: Europe/Rome, bands: [{band: day, from: "08:00", to: "18:00"}, {band: night}]}
rate_cards:
  world:
    key: {field: to, match: prefix}
    rows: [{key: ["39"], steps: [{from: 0, price: "0.10", per: 60, increment: 1}]}]
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
discounts: [{code: ten, percent: 10}]
plans:
  a:
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: voice, model: rate_card, card: world}
      data: {kind: usage, meter: voice, model: graduated,
             tiers: [{up_to: 5, unit_amount: 1}, {unit_amount: 2}]}
      power: {kind: usage, meter: voice, model: time_of_use, calendar: hours,
              rates: {day: {unit_amount: 1}, night: {unit_amount: 2}}}
"""
BASE, DATA, POWER = "plans.a.prices.base", "plans.a.prices.data", "plans.a.prices.power"
CALLS, ROW = "plans.a.prices.calls", "rate_cards.world.rows.0"


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(text, "utf-8", newline="")
    try:
        parse(path)
    except CatalogInvalid as error:
        return [f"{p.line}: {p.field}: {p.message}" for p in error.problems]
    return []


def test_the_good_one(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: file: expected one catalogue, found 0 documents"),
        ("hello", "1: file: expected a mapping with the key `currency`"),
        ("- a", "1: file: expected a mapping with the key `currency`"),
        (GOOD + "---\n" + GOOD, "1: file: expected one catalogue, found 2 documents"),
        ("currency: [", "1: file: not YAML: "),
        ("a: 1\n b: 2", "2: file: not YAML: "),
        ("a: *x", "1: file: not YAML: found undefined alias"),
        ("a: &a [*a]", "1: file: not YAML: nested too deeply"),
        ("a: " + "[" * 5000 + "]" * 5000, "1: file: not YAML: nested too deeply"),
        ("a: 1\nb: x\0y", "2: file: not YAML: expected text, found character U+0000"),
        (GOOD + 'x: "\\0"\n', "22: x: expected text, found character U+0000"),
        (GOOD + 'x: "\\ud800"\n', "22: x: expected text, found character U+D800"),
        (GOOD + "x: !!python/object:os.system y\n", "22: x: unknown tag python/object:os.system"),
        (GOOD + "? [a]\n: 1\n", "22: file: expected text as a key"),
        (GOOD + "currency: USD\n", "22: currency: expected once; the key is on line 1 too"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_or_no_catalogue(tmp_path: Path, text: str, expected: str) -> None:
    assert any(one.startswith(expected) for one in faults(tmp_path, text)), faults(tmp_path, text)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # the file
        ("currency: EUR", "currency: EURO", "1: currency: unknown currency 'EURO'"),
        ("currency: EUR", "currency: true", "1: currency: expected text, not True"),
        ("currency: EUR\n", "", "1: currency: expected, but it is missing"),
        ("Rome\nmeters", "Roma\nmeters", "2: timezone: unknown time zone 'Europe/Roma'"),
        ("Europe/Rome\nm", "Europe\nm", "2: timezone: unknown time zone 'Europe'"),
        ("meters:", "metres:", "3: metres: unknown key"),
        ("meters:", "meters: []\nx:", "3: meters: expected a mapping"),
        ("  a:\n", "  a:\n    policy: {day_count: some}\n",
         "15: plans.a.policy.day_count: expected 'actual', "),
        # meters, calendars, taxes, discounts
        ("aggregation: sum", "aggregation: total", "4: meters.voice.aggregation: expected 'count'"),
        ("value: duration, ", "", "4: meters.voice: a meter of aggregation sum needs `value`"),
        ("unit: second", "unit: second, unti: x", "4: meters.voice.unti: unknown key"),
        ("unit: second", "filter: {a: x}", "4: meters.voice.filter.a: expected a list"),
        ("unit: second", "factor: -1", "4: meters.voice.factor: expected more than 0, not -1"),
        ("  voice:", "  \" \":", "4: meters. : expected a code: 1 to 100 characters"),
        ('from: "08:00"', 'from: "28:00"', "6: calendars.hours.bands.0.from: expected a time"),
        ("hours: {timezone: Europe/Rome", "hours: {timezone: Mars",
         "6: calendars.hours.timezone: unknown time zone 'Mars'"),
        ("{band: night}]", "{band: night, days: [sun]}]",
         "6: calendars.hours: the last band must take the rest"),
        ("{band: night}]", "{band: night}], holidays: {country: ZZ, band: day}",
         "6: calendars.hours.holidays.country: unknown country 'ZZ'"),
        ("{band: night}]", "{band: night}], holidays: {country: IT, band: eve}",
         "6: calendars.hours: holidays: unknown band eve"),
        ("{band: night}]", "{band: night}], holidays: {country: IT, subdivision: ZZ, band: day}",
         "6: calendars.hours.holidays.subdivision: unknown subdivision 'ZZ'"),
        ("bands: [{b", 'seasons: [{season: s, from: "13-01", to: "05-05"}], bands: [{b',
         "6: calendars.hours.seasons.0.from: 13-01 is no day of the year"),
        ("percent: 22", "percent: many", "11: taxes.0.rates.0.percent: expected a decimal"),
        ("percent: 22", "percent: .nan", "11: taxes.0.rates.0.percent: expected a decimal"),
        ("percent: 22", "percent: -22", "11: taxes.0.rates.0.percent: expected at least 0"),
        ("percent: 22", "percent: 22.1234567", "11: taxes.0.rates.0.percent: decimal input should"),
        ("percent: 22", "percent: 22, from: 10000-01-01",
         "11: taxes.0.rates.0.from: expected a date such as 2026-01-31, not '10000-01-01'"),
        ("percent: 22", "percent: 22, from: 2026-02-30", "11: taxes.0.rates.0.from: expected a d"),
        ("percent: 22}", "percent: 22}, {region: IT, percent: 4}",
         "11: taxes.0.rates.1.region: expected once"),
        ("percent: 10}", "percent: 10, amount: 5}", "12: discounts.0: expected either percent or"),
        ("percent: 10}", "percent: 10, applies_to: [bass]}",
         "12: discounts.0.applies_to: unknown price 'bass' (expected one of base, calls"),
        ("percent: 10}", "percent: 10}, {code: ten, percent: 5}", "12: discounts.1.code: expected"),
        # rate cards
        ("rows: [{", "file: nowhere.csv  # [{",
         "10: rate_cards.world.file: expected a CSV deck; no such file: nowhere.csv"),
        ("rows: [{", "rows: []  # [{", "8: rate_cards.world: expected either rows or file"),
        ('price: "0.10"', "price: cheap", f"10: {ROW}.steps.0.price: expected a decimal number"),
        ("from: 0,", "from: 5,", f"10: {ROW}: the first step starts from 0"),
        ("from: 0,", "from: 0, price: 1}, {from: 0,", f"10: {ROW}: step 2 starts from 0, not"),
        ("per: 60", "per: 0", f"10: {ROW}.steps.0.per: expected more than 0, not 0"),
        ('["39"]', '["39", "39"]', f"10: {ROW}.key: key 39 has this band and date in another row"),
        ('["39"]', '["39", ""]', f"10: {ROW}.key: expected text, but it is empty"),
        ('["39"]', '[["39", "1"]]', f"10: {ROW}.key: expected 1 fields in a key, found 2"),
        ('["39"],', '["39"], band: day,', f"10: {ROW}.band: the card has no calendar, so no bands"),
        ("    key: {f", "    calendar: days\n    key: {f",
         "9: rate_cards.world.calendar: unknown calendar 'days' (expected one of hours)"),
        # plans and prices
        ("  a:\n", "  a:\n    existing: maybe\n", "15: plans.a.existing: expected 'keep', 'mo"),
        ("  a:\n", "  a:\n    trial: -14 days\n", "15: plans.a.trial: unknown interval '-14 days'"),
        ("  a:\n", "  a:\n    effective: 10000-01-01\n", "15: plans.a.effective: expected a date"),
        ("  a:\n", "  a:\n    effective: 2026-W01-1\n", "15: plans.a.effective: expected a date"),
        ("  a:\n", "  a:\n    minimum: {amount: 5, of: [x]}\n", "15: plans.a.minimum.of: unknown"),
        ("  a:\n", "  a:\n    phases: [{for: month, prices: {bass: {amount: 1}}}]\n",
         "15: plans.a.phases.0.prices: unknown price 'bass'"),
        ("  a:\n", "  a:\n    phases: [{for: month, prices: {base: {amonut: 1}}}]\n",
         "15: plans.a.phases.0.prices.base.amonut: unknown key"),
        ("  a:\n", "  a:\n    allowances: [{code: x, meter: v, amount: 1}]\n",
         "15: plans.a.allowances.0.meter: unknown meter 'v'"),
        ("kind: recurring", "kind: monthly", f"16: {BASE}.kind: expected 'recurring', 'one_time'"),
        ("model: flat", "model: flatt", f"16: {BASE}.model: expected a price model: demand, "),
        ("interval: month", "interval: -1 month", f"16: {BASE}.interval: unknown interval"),
        ("interval: month", "interval: fortnight", f"16: {BASE}.interval: unknown interval"),
        ("interval: month", "parameters: {}", f"16: {BASE}.parameters: unknown key"),
        ("interval: month", "meter: voice", f"16: {BASE}: a recurring price takes no meter"),
        ("interval: month", "due: activation", f"16: {BASE}: only a one_time price has `due`"),
        ('amount: "9.90"', "amonut: 1", f"16: {BASE}.amount: expected, but it is missing"),
        ('amount: "9.90"', "amount: 1e400", f"16: {BASE}.amount: expected at most 10 decimals"),
        ('amount: "9.90"', 'amount: "1e999999999"', f"16: {BASE}.amount: expected a number of"),
        ('amount: "9.90"', "amount: NaN", f"16: {BASE}.amount: expected a finite number"),
        ('amount: "9.90"', "amount: -.inf", f"16: {BASE}.amount: expected a decimal number"),
        ('amount: "9.90"', "amount: 0.12345678901", f"16: {BASE}.amount: expected at most 10 dec"),
        ("tax: vat", "tax: gst", f"16: {BASE}.tax: unknown tax 'gst' (expected one of vat)"),
        ("tax: vat", "minimum_amount: x/day", f"16: {BASE}.minimum_amount: expected a decimal"),
        ("kind: usage, meter: voice, model: rate", "kind: recurring, model: rate",
         f"17: {CALLS}: model rate_card: expected kind usage, not recurring"),
        ("meter: voice, model: rate", "model: rate", f"17: {CALLS}: a usage price needs a `meter`"),
        ("meter: voice, model: rate", "meter: v, model: rate", f"17: {CALLS}.meter: unknown meter"),
        ("card: world", "card: moon", f"17: {CALLS}.card: unknown rate card 'moon'"),
        ("{up_to: 5, unit_amount: 1}, {", "{up_to: 5}, {up_to: 4}, {",
         f"19: {DATA}.tiers: tier 2 overlaps tier 1"),
        ("{unit_amount: 2}]}", "{up_to: 9, unit_amount: 2}]}",
         f"19: {DATA}.tiers: the last tier must be open (no up_to)"),
        ("{up_to: 5, unit_amount: 1}", "{unit_amount: 1}", f"19: {DATA}.tiers: tier 1 has no up"),
        ("{up_to: 5,", "{up_to: 5/demand,", f"18: {DATA}: a tier is per demand: expected a price"),
        ("calendar: hours", "calendar: days", f"20: {POWER}.calendar: unknown calendar 'days'"),
        ("rates: {day:", "rates: {noon:", f"21: {POWER}.rates: unknown band 'noon'"),
        (", night: {unit_amount: 2}", "", f"21: {POWER}.rates: expected a rate for night too"),
    ],
)  # fmt: skip
def test_a_fault_is_told(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in GOOD
    found = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(text.startswith(expected) for text in found), found


RIDER = "{kind: recurring, model: percent_of, percent: 5, of: [%s]}"
MATRIX = "{kind: usage, meter: voice, model: matrix, by: [to], cells: [{when: {to: '39'}, "
X = "plans.a.prices.x"


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (RIDER % "base", None),
        (RIDER % "base, none", f"23: {X}.of: unknown price 'none' (expected one of base, calls,"),
        (RIDER % "x", f"23: {X}.of: expected no cycle: x of x"),
        ((RIDER % "y") + "\n      y: " + RIDER % "base, x",
         f"23: {X}.of: expected no cycle: x of y of x"),
        (RIDER.replace("recurring", "usage") % "base", None),
        (RIDER.replace("recurring", "usage, meter: voice") % "base", None),
        (RIDER.replace("recurring", "recurring, meter: voice") % "base",
         f"23: {X}: a recurring price takes no meter"),
        (RIDER.replace("recurring", "one_time") % "base",
         f"23: {X}: model percent_of: expected kind recurring or usage, not one_time"),
        (MATRIX + "unit_amount: 1}]}", None),
        (MATRIX.replace("by: [to], ", "") + "unit_amount: 1}]}",
         f"23: {X}: model matrix: expected `by` with the properties"),
        (MATRIX.replace("{to:", "{too:") + "unit_amount: 1}]}",
         f"23: {X}.cells.0.when: unknown property 'too' (expected one of to)"),
        (MATRIX + "}]}", f"23: {X}.cells.0.unit_amount: expected, but it is missing"),
        ("{kind: usage, meter: seats, model: demand, unit_amount: 1}",
         f"23: {X}.meter: model demand: expected a meter of aggregation sum or max, not unique"),
        ("{kind: usage, meter: seats, model: percentage, percent: 1, min_per_event: 2,"
         " max_per_event: 1}", f"23: {X}: min_per_event 2 is more than max_per_event 1"),
        ("{kind: recurring, model: flat, amount: 1, by: [a]}",
         f"23: {X}: only the price of a meter has `by`"),
    ],
)  # fmt: skip
def test_faults_of_models_that_name_others(
    tmp_path: Path, price: str, expected: str | None
) -> None:
    meters = "  voice: {", "  seats: {aggregation: unique, value: user}\n  voice: {"
    found = faults(tmp_path, (GOOD + f"      x: {price}\n").replace(*meters))
    if expected is None:
        assert found == []
    else:
        assert any(text.startswith(expected) for text in found), found


def test_all_faults_at_once(tmp_path: Path) -> None:
    """What is broken does not hide what else is wrong, nor make other faults of itself."""
    text = (
        GOOD.replace("currency: EUR", "currency: EURO\ncurrency: EUR0")
        .replace("aggregation: sum", "aggregation: total")
        .replace("from: 0", "from: -1")
        .replace("percent: 10", "percent: 200")
        .replace("interval: month, model: flat", "interval: fortnight, model: flat, meter: voice")
        .replace('amount: "9.90", tax: vat', "amonut: 1, tax: gst")
        .replace("card: world", "card: moon")
        .replace("up_to: 5", "up_to: x")
    )
    assert [one.split(": ")[:2] for one in faults(tmp_path, text)] == [
        ["2", "currency"],
        ["2", "currency"],
        ["5", "meters.voice.aggregation"],
        ["11", "rate_cards.world.rows.0.steps.0.from"],
        ["13", "discounts.0"],
        *(
            ["17", one]
            for one in (BASE, f"{BASE}.amonut", f"{BASE}.amount", f"{BASE}.interval", f"{BASE}.tax")
        ),
        ["18", f"{CALLS}.card"],
        ["20", f"{DATA}.tiers.0.up_to"],
    ]


def test_other_encodings_and_lost_files(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("currency: EUR # ü\n".encode("latin-1"))
    with pytest.raises(CatalogInvalid, match=r"latin\.yaml:1: file: expected UTF-8"):
        parse(path)
    with pytest.raises(CatalogInvalid, match=r"gone\.yaml:1: file: cannot be read"):
        parse(tmp_path / "gone.yaml")


HEADER = (
    "key,connection_fee,step1_from,step1_price,step1_per,step1_increment,step2_from,step2_price"
)


@pytest.mark.parametrize(
    ("deck", "expected"),
    [
        ("", "1: file: expected a header and rows"),
        ("key,step1_price\n", "1: file: expected at least one row"),
        ("prefix,step1_price\n39,0.1\n", "1: header: unknown prefix, missing key (expected such"),
        ("key,step1_price\n39,0.1,7\n", "1: file: not a CSV deck"),
        ("key,step1_price\n39,cheap\n", "2: step1_price: expected a number of at most 16 digits"),
        ("key,step1_price\n39,0.1\n44,NaN\n", "3: step1_price: expected a number"),
        ("key,step1_price\n39,0.12345678901\n", "2: step1_price: expected a number"),
        ("key,step1_price\n,0.1\n", "2: key: expected, but it is empty"),
        ("key,step1_price\n39|,0.1\n", "2: key0: expected text, but it is empty"),
        ("key,step1_price\n39,0.1\n44|39,0.2\n", "3: key: key 39 has this band and date"),
        ("key,step1_price,effective\n39,0.1,soon\n", "2: effective: expected a date"),
        ("key,step1_price,effective\n39,0.1,10000-01-01\n", "2: effective: expected a date"),
        ("key,step1_price,band\n39,0.1,day\n", "2: band: the card has no calendar"),
        (f"{HEADER}\n39,-1,,1,,,,\n", "2: connection_fee: expected at least 0"),
        (f"{HEADER}\n39,,7,1,,,,\n", "2: step1_from: expected 0"),
        (f"{HEADER}\n39,,,1,0,,,\n", "2: step1_per: expected more than 0"),
        (f"{HEADER}\n39,,,1,,-1,,\n", "2: step1_increment: expected more than 0"),
        (f"{HEADER}\n39,,,1,,,0,2\n", "2: step2_from: expected more than the step1_from"),
        (f"{HEADER}\n39,,,1,,,60,\n", "2: step2_price: expected a price"),
    ],
)  # fmt: skip
def test_faulty_decks(tmp_path: Path, deck: str, expected: str) -> None:
    (tmp_path / "deck.csv").write_text(deck)
    (tmp_path / "c.yaml").write_text(GOOD.replace("rows: [{", "file: deck.csv  # [{"))
    with pytest.raises(CatalogInvalid) as raised:
        parse(tmp_path / "c.yaml")
    assert f"{tmp_path / 'deck.csv'}:{expected}" in raised.value.message


def test_each_key_of_a_card_is_priced_in_every_band(tmp_path: Path) -> None:
    card = GOOD.replace("    key: {f", "    calendar: hours\n    key: {f")
    only_day = card.replace('key: ["39"],', 'key: ["39"], band: day,')
    (found,) = faults(tmp_path, only_day)
    assert found.endswith("key 39: expected a row for band night too, or one without band")
    unknown = card.replace('key: ["39"],', 'key: ["39"], band: noon,')
    assert any("unknown band 'noon'" in one for one in faults(tmp_path, unknown))
    (tmp_path / "deck.csv").write_text(
        "key,band,step1_price\n39,day,1\n39,night,2\n44,day,1\n44,,2\n"
    )
    deck = card.replace("rows: [{", "file: deck.csv  # [{")
    assert faults(tmp_path, deck) == []


def test_bands_of_a_season_are_priced_in_that_season_only(tmp_path: Path) -> None:
    seasons = 'seasons: [{season: summer, from: "06-01", to: "09-01"}, {season: winter}], '
    summer = GOOD.replace("bands: [{band: day,", seasons + "bands: [{band: day, season: summer,")
    assert faults(tmp_path, summer) == []
    rates = "rates: {summer.day: {unit_amount: 1}, winter.night: {unit_amount: 2}}"
    lacking = summer.split("rates: {day")[0] + rates + "}\n"
    (found,) = faults(tmp_path, lacking)
    assert found.endswith("power.rates: expected a rate for summer.night too")
