"""The pages on formats and mappings are true: their examples decode what they say."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
from usage.formats.samples import decoded, joined, told

from meterline.usage import formats
from meterline.usage.errors import UsageFileError

HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to"
LOG = b"2026-01-05 10:00 | truck-7 | 12.4 t\n\nno line of it\n2026-01-05 10:30 | truck-8 | 3 t\n"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    text = (HOW_TO / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def weighbridge(tmp_path: Path) -> ModuleType:
    (code,) = blocks("write-a-format.md", "python")
    path = tmp_path / "weighbridge.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("weighbridge", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_format_of_the_page(weighbridge: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LOG)
    assert weighbridge.sniff(LOG)
    assert not any(
        formats.decoder(name).sniff(LOG) or weighbridge.sniff(sample.read_bytes())
        for name in formats.names()
        for sample in [Path(__file__).parent / "golden" / f"{name}.csv"]
        if sample.exists()
    )
    made = joined(weighbridge.decode(path, None))
    assert told(made)["records"] == [
        {"identifier": "truck-7", "line": 1, "meter": "tonnes", "quantity": "12.4",
         "start": "2026-01-05 10:00:00"},
        {"identifier": "truck-8", "line": 4, "meter": "tonnes", "quantity": "3",
         "start": "2026-01-05 10:30:00"},
    ]  # fmt: skip
    assert [reject["line"] for reject in told(made)["rejects"]] == [3]
    mapping = tmp_path / "kg.yaml"
    mapping.write_text("factor: 1000\nconstants: {meter: kilograms}\ntimezone: Europe/Rome\n")
    first = joined(weighbridge.decode(path, mapping)).records.row(0, named=True)
    assert (first["quantity"], first["meter"], first["start"]) == (
        "12400", "kilograms", "2026-01-05T09:00:00Z",
    )  # fmt: skip


def test_a_format_of_another_package_is_found(
    weighbridge: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = blocks("write-a-format.md", "toml")
    group, name = re.findall(r'"([a-z_.]+)"', text)
    entry = EntryPoint(name="weighbridge", value=name, group=group)
    monkeypatch.setattr(EntryPoint, "load", lambda _: weighbridge)
    monkeypatch.setattr(
        formats, "entry_points", lambda group: [entry] if group == entry.group else []
    )
    formats._all.cache_clear()
    try:
        path = tmp_path / "log"
        path.write_bytes(LOG)
        assert formats.recognise(path) == "weighbridge"
        assert "weighbridge" in formats.names()
    finally:
        monkeypatch.undo()
        formats._all.cache_clear()


def test_the_mapping_of_the_page(tmp_path: Path) -> None:
    (calls,), (mapping,) = blocks("map-a-csv.md", "text"), blocks("map-a-csv.md", "yaml")
    (tmp_path / "calls.csv").write_text(calls)
    (tmp_path / "calls.yaml").write_text(mapping)
    made = told(decoded(tmp_path / "calls.csv", "mapped_csv", tmp_path / "calls.yaml"))
    assert made == {
        "records": [
            {"id": "05.01.2026/1", "identifier": "39320000001", "line": 3, "meter": "voice",
             "quantity": "61", "start": "2026-01-05T09:00:00Z", "to": "44201234"},
            {"id": "05.01.2026/2", "identifier": "39320000001", "line": 4, "meter": "data",
             "quantity": "1.5", "start": "2026-01-05T09:05:00Z"},
        ],
        "rejects": [], "left_out": 1, "claims": [["records", "3", "3"]], "sequence": 17,
    }  # fmt: skip


def test_every_key_of_a_mapping_stands_in_the_reference() -> None:
    from meterline.usage.mapping import Mapping

    text = (HOW_TO.parent / "reference" / "usage-files.md").read_text("utf-8")
    named = {word for row in re.findall(r"^\| ([a-z0-9_, ]+) \|", text, re.MULTILINE)
             for word in row.split(", ")}  # fmt: skip
    assert set(Mapping.model_fields) <= named
    assert set(formats.names()) <= named


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: {a: start}\nunits: {quantity: {from: MB, to: second}}", "does not become"),
        ("columns: {a: start}\ntimes: {start: {format: '%Q'}}", "a pattern"),
        ("columns: {a: start}\ntimes: {start: {format: soon}}", "a pattern"),
        ("columns: {a: start}\nfilters: [{column: a, matches: '('}]", "no regular expression"),
        ("columns: {a: start}\nsequence: {name: 'x'}", "a group that is the number"),
        ("columns: {a: start}\nsequence: {name: '('}", "no regular expression"),
        ("columns: {a: start}\ntrailer: {begins: T, total: 2}", "total and of go together"),
        ("columns: {a: start}\nfirst: soon", "soon"),
        ("columns: {a: start}\nheader: [a, a]", "each once"),
        ("columns: {a: start}\nfactor: many", "expected a number"),
        ("columns: {a: start}\nencoding: utf-16", "encoding"),
        ("columns: {a: start}\nlookups: {meter: {file: none.csv}}", "none.csv: No such file"),
        ("columns: {a: start}\nlookups: {meter: {file: short.csv}}", "no second column"),
        ("constants: {meter: x}", "names no columns"),
    ],
)
def test_faulty_mappings(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    (tmp_path / "short.csv").write_text("a\n")
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageFileError, match=words):
        decoded(tmp_path / "f.csv", "mapped_csv", tmp_path / "m.yaml")


@pytest.mark.parametrize(
    ("mapping", "row", "field", "value"),
    [
        ("factor: 0.001", "39,5,x", "quantity", "0.005"),
        ("factor: 1000", "39,99999999999999999999999999,x", "quantity", "9" * 26),
        ("units: {quantity: {from: MiB, to: byte}}", "39,1.5,x", "quantity", "1572864"),
        ("units: {quantity: {from: J, to: kWh}}", "39,3600000,x", "quantity", "1"),
        ("units: {quantity: {from: ft3, to: m3}}", "39,1000,x", "quantity", "28.3168"),
        ("lookups: {meter: {from: c, table: {x: voice}}}", "39,1,x", "meter", "voice"),
        ("lookups: {meter: {from: c, table: {y: voice}}}", "39,1,x", "meter", "x"),
        ("lookups: {meter: {from: c, table: {y: v}, otherwise: o}}", "39,1,x", "meter", "o"),
        ("lookups: {meter: {from: c, file: table.csv}}", "39,1,z", "meter", "from-file"),
        ("times: {start: {from: b, format: unix}}", "39,1767607200,x", "start",
         "2026-01-05T10:00:00Z"),
        ("times: {start: {from: b, format: unix_ms}}", "39,1767607200500,x", "start",
         "2026-01-05T10:00:00.500Z"),
        ("times: {start: {from: b, format: '%Y%m%d%H%M%S%z'}}", "39,20260105100000+0200,x", "start",
         "2026-01-05T08:00:00Z"),
        ("times: {start: {from: b, format: '%Y%m%d%H%M'}}\ntimezone_column: c",
         "39,202601051000,America/New_York", "start", "2026-01-05T15:00:00Z"),
        ("times: {start: {from: b, format: unix}}", "39,soon,x", "start", "soon"),
    ],
)  # fmt: skip
def test_what_mappings_make(tmp_path: Path, mapping: str, row: str, field: str, value: str) -> None:
    (tmp_path / "m.yaml").write_text(f"columns: {{a: identifier, b: quantity}}\n{mapping}\n")
    (tmp_path / "table.csv").write_text("z,from-file\n")
    (tmp_path / "f.csv").write_text(f"a,b,c\n{row}\n")
    (record,) = told(decoded(tmp_path / "f.csv", "mapped_csv", tmp_path / "m.yaml"))["records"]
    found = record[field]
    assert found.rstrip("0") == value.rstrip("0") or found.startswith(value)


def test_an_unknown_zone_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("columns: {a: start}\ntimezone_column: b\n")
    (tmp_path / "f.csv").write_text("a,b\n2026-01-05 10:00:00,Mars/Here\n")
    made = told(decoded(tmp_path / "f.csv", "mapped_csv", tmp_path / "m.yaml"))
    assert (made["records"], made["rejects"][0]["detail"]) == ([], "unknown time zone Mars/Here")
