"""Files that mean harm, or do it: refused, or rejects, quickly and in little memory."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from usage.formats.samples import decoded, path_of, told

from meterline.usage import formats
from meterline.usage.blocks import content
from meterline.usage.errors import UsageFileError
from meterline.usage.fetch import fetched

BOMB = """<?xml version="1.0"?>
<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feed xmlns="http://naesb.org/espi">&b;</feed>
"""


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(BOMB)
    assert formats.recognise(path) == "green_button"
    with pytest.raises(UsageFileError, match="document type"):
        decoded(path, "green_button")
    path.write_text(BOMB.replace("<!ENTITY a", '<!ENTITY c SYSTEM "file:///etc/passwd"><!ENTITY a'))
    with pytest.raises(UsageFileError, match="document type"):
        decoded(path, "green_button")


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "[" * 400 + "]" * 400])
@pytest.mark.parametrize("name", ["jsonl", "cloudevents"])
def test_json_that_is_nested_deep(name: str, deep: str, tmp_path: Path) -> None:
    path = tmp_path / "deep"
    line = f'{{"specversion":"1.0","id":"x","deep":{deep}}}'
    path.write_text(f'{line}\n{{"specversion":"1.0","id":"y"}}\n')
    made = decoded(path, name)
    assert made.records.height + made.rejects.height == 2
    assert "y" in " ".join(made.records["id"].drop_nulls())


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    numbers = ["0.1", "12345678901234567.89", "9007199254740993", "1e-7", "123456789012345678901",
               "0.30000000000000004", "-5.0", "1E3"]  # fmt: skip
    path = tmp_path / "numbers"
    path.write_text("".join(f'{{"quantity":{number}}}\n' for number in numbers))
    found = decoded(path, "jsonl").records["quantity"].cast(pl.Decimal(38, 17))
    assert found.to_list() == pl.Series(numbers).cast(pl.Decimal(38, 17)).to_list()


def test_fields_that_come_late_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "late"
    with path.open("w") as file:
        for number in range(3000):
            more = {"late": "yes"} if number == 2500 else {}
            file.write(json.dumps({"id": str(number), "quantity": number, **more}) + "\n")
    records = decoded(path, "jsonl").records
    assert records["late"].drop_nulls().to_list() == ["yes"]
    assert records["quantity"].drop_nulls().len() == 3000


def test_both_ways_of_reading_json_lines_agree(tmp_path: Path) -> None:
    path = tmp_path / "both"
    rows = [
        {"id": "1", "meter": "m", "properties": {"a": 1, "b": {"c": "x"}}, "note": "ü"},
        {"id": "2", "meter": "m", "properties": {"a": 2.5}, "ok": True, "none": None, "note": ""},
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    path.write_text(lines)
    quick = told(decoded(path, "jsonl"))
    path.write_text(lines + "no json\n")
    slow = told(decoded(path, "jsonl"))
    assert quick["records"] == slow["records"]
    assert len(slow["rejects"]) == 1


def test_quotes_are_read_alike_in_a_block_and_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    rows = ['1,m,"a ""b"", c",2026-01-05', '2,m,"",2026-01-05', '"3",m,x;y,"2026-01-05"']
    text = "id,meter,identifier,start\r\n" + "".join(f"{row}\r\n" for row in rows)
    path.write_bytes(text.encode())
    quick = told(decoded(path, "csv"))
    path.write_bytes(text.encode() + b'4,m,"open,2026-01-05\r\n')
    slow = told(decoded(path, "csv"))
    assert quick["records"] == slow["records"]
    assert quick["records"][0]["identifier"] == 'a "b", c'
    assert [reject["line"] for reject in slow["rejects"]] == [5]


def test_archives(tmp_path: Path) -> None:
    path = tmp_path / "usage.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", path_of("csv").read_bytes())
        archive.writestr("folder/b.jsonl", path_of("jsonl").read_bytes())
    found = [(one.name, formats.recognise(one)) for one in fetched(path)]
    assert found == [("usage.zip:a.csv", "csv"), ("usage.zip:folder_b.jsonl", "jsonl")]
    with pytest.raises(UsageFileError, match="2 files in it"):
        list(content(path))
    with zipfile.ZipFile(path, "w"):
        pass
    assert path.read_bytes().startswith(b"PK\x05\x06")
    with pytest.raises(UsageFileError, match="no format knows it"):
        formats.recognise(path)
    data = bytearray()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "x" * 100)
        archive.writestr("b", "y" * 100)
    data += path.read_bytes()
    data[40] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UsageFileError, match=r"usage\.zip"):
        list(fetched(path))


def test_what_unfolds_to_much_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(200 << 20), 9))
    with pytest.raises(UsageFileError, match="a line of more than 64 MiB"):
        decoded(path, "csv")
