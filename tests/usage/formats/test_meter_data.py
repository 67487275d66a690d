"""NEM12, NEM13 and mapped files: what they add up to, and what is wrong with damaged ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from meterline.usage import formats
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Decoded

ROOT = Path(__file__).resolve().parents[3]
NEM = ROOT.parent / "shared" / "data" / "nem"
ELECTRICITY = ROOT.parent / "shared" / "data" / "electricity"
MAPPINGS = ROOT / "examples" / "meter-data" / "mappings"
GREEN_BUTTON = ROOT.parent / "shared" / "data" / "greenbutton" / "sample.xml"
needs_data = pytest.mark.skipif(not NEM.is_dir(), reason="the real data is not here")


def decoded(path: Path, mapping: Path | None = None) -> Decoded:
    name = formats.recognise(path, mapping=mapping)
    parts = list(formats.decode(path, format=name, mapping=mapping))
    return Decoded(
        records=pl.concat([part.records for part in parts]),
        rejects=pl.concat([part.rejects for part in parts]),
    )


def sums(records: pl.DataFrame) -> dict[str, tuple[int, Decimal]]:
    grouped = records.group_by("suffix").agg(
        pl.len(), pl.col("quantity").cast(pl.Decimal(38, 10)).sum()
    )
    return {suffix: (count, total) for suffix, count, total in grouped.iter_rows()}


@needs_data
@pytest.mark.parametrize(
    ("name", "suffix", "count", "total"),
    [
        ("NEM12_actual_interval", "E1", 48, "53.328"),
        ("NEM12_actual_interval", "Q1", 48, "106.656"),
        ("NEM12_different_interval_length", "E1", 48, "254.0"),
        ("NEM12_different_interval_length", "E2", 48, "120.0"),
        ("NEM12_different_interval_length", "V1", 144, "33129.99"),
        ("NEM12_month_solar", "B1", 8928, "589.172"),
        ("NEM12_month_solar", "E1", 8928, "270.738"),
        ("NEM12_multiple_quality", "E1", 48, "896.99"),
        ("NEM12_substituted_interval", "E1", 48, "110.976"),
        ("NEM13_consumption_data", "11", 1, "1312.1"),
        ("NEM13_forward_estimate", "11", 1, "111.0"),
        ("NEM13_forward_estimate", "41", 1, "65.0"),
    ],
)
def test_published_sums(name: str, suffix: str, count: int, total: str) -> None:
    made = decoded(NEM / f"Example_{name}.csv")
    assert made.rejects.is_empty()
    assert sums(made.records)[suffix] == (count, Decimal(total))


@needs_data
def test_qualities_of_intervals() -> None:
    made = decoded(NEM / "Example_NEM12_multiple_quality.csv").records
    counts = dict(made["quality"].value_counts().iter_rows())
    assert counts == {"F14": 20, "A": 4, "S14": 24}
    assert made["start"][0] == "2004-04-17T00:00:00+10:00"


@needs_data
def test_watt_hours_are_kilowatt_hours() -> None:
    made = decoded(NEM / "Example_NEM12_multiple_meters.csv").records
    assert set(made["unit"]) == {"Wh", "Varh"} or "Wh" in set(made["unit"])
    assert made["quantity"][0] == "0.010"


@needs_data
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing_header", "record 100"),
        ("powercor_missing_fields", "record 100"),
    ],
)
def test_damaged_files_are_refused(name: str, words: str) -> None:
    with pytest.raises(UsageFileError, match=words):
        decoded(NEM / "invalid" / f"Example_NEM12_{name}.csv")


@needs_data
@pytest.mark.parametrize(
    ("name", "records", "line", "words"),
    [
        ("15min_200_30min_300", 0, 3, "interval 49 of 96 holds V"),
        ("incomplete_interval", 144, 3, "interval 1 of 48 holds V"),
        ("empty", 0, None, ""),
    ],
)
def test_damaged_days_are_rejects(name: str, records: int, line: int | None, words: str) -> None:
    made = decoded(NEM / "invalid" / f"Example_NEM12_{name}.csv")
    assert made.records.height == records
    found = made.rejects.select("line", "detail").rows()
    assert (not found) if line is None else (found[0][0] == line and words in found[0][1])


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_text("100,NEM12,200405011135,MDA1,Ret1\n200,N1,E1,1,E1,N1,M,kWh,30,\n")
    with pytest.raises(UsageFileError, match="cut off"):
        decoded(path)


@needs_data
@pytest.mark.parametrize(
    ("name", "mapping", "records"),
    [
        ("il-electricity-hourly.csv.gz", "illinois-tou", 19417),
        ("il-gas-daily.csv.gz", "illinois-gas", 809),
        ("uk-electricity-hourly-0.csv.gz", "uk-0", 23508),
        ("uk-electricity-hourly-1.csv.gz", "uk-1", 22536),
        ("uk-electricity-hourly-2.csv.gz", "uk-2", 35468),
        ("commercial-8760-kw.csv", "office", 8760),
    ],
)
def test_mapped_files(name: str, mapping: str, records: int) -> None:
    made = decoded(ELECTRICITY / name, MAPPINGS / f"{mapping}.yaml")
    assert (made.records.height, made.rejects.height) == (records, 0)
    if mapping == "office":
        kw = made.records["quantity"].cast(pl.Decimal(38, 10))
        assert (round(kw.sum(), 3), round(kw.max(), 3)) == (
            Decimal("726208.384"), Decimal("274.231"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colums: {a: start}", "colums"),
        ("columns: {a: start}\ntimezone: Mars/Here", "expected a time zone"),
        ("- 1", "one YAML document"),
        ("columns: {a: [", "not YAML"),
        ("columns: {nowhere: start}", "no column nowhere"),
    ],
)
def test_faulty_mappings_are_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageFileError, match=words):
        decoded(tmp_path / "f.csv", tmp_path / "m.yaml")


def test_wall_clocks_over_the_change_of_clocks(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "columns: {at: start, kwh: quantity}\nconstants: {meter: e, identifier: x}\n"
        "timezone: Europe/London\n"
    )
    stamps = ["2024-10-27 00:30", "2024-10-27 01:30", "2024-10-27 01:30", "2024-10-27 02:30"]
    rows = "\n".join(f"{stamp}:00,1" for stamp in stamps)
    (tmp_path / "f.csv").write_text(f"at,kwh\n{rows}\n")
    made = decoded(tmp_path / "f.csv", tmp_path / "m.yaml").records["start"].to_list()
    hours = [stamp[11:16] for stamp in made]
    assert hours == ["23:30", "00:30", "01:30", "02:30"]


@needs_data
def test_a_real_green_button_file() -> None:
    made = decoded(GREEN_BUTTON)
    records = made.records
    assert (records.height, made.rejects.height) == (362, 0)
    assert records["quantity"].cast(pl.Decimal(38, 10)).sum() == Decimal("291.018")
    assert set(records["meter"]) == {"electricity"}
    assert records["start"][0] == "2011-01-01T08:00:00Z"
