"""Damaged files: bits turned over, parts cut out, doubled, moved, numbers made large. Each is
decoded, refused with an error that names it, or ends as rejects; none takes long."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from usage.formats.samples import FILES, decoded, mapping_of, path_of

from meterline.rating.properties import as_properties
from meterline.usage import remap
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import mapped_csv, nem12, nem13
from meterline.usage.mapping import read_mapping
from meterline.usage.normalise import CANONICAL
from meterline.usage.process import prepare

NAMES = sorted(FILES)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
FEW, MANY = 150, int(os.environ.get("METERLINE_DAMAGED", "1500"))
SECONDS_MOST = 10
_MAY_BE_EMPTY = ("tap3", "parquet")  # a notification; a number of rows that became 0
NASTY = (
    b"\0", b"\xff\xff\xff\xff", b"\x80", b"\x7f\xff\xff\xff", b"\x30\x80", b"\x84\xff\xff\xff\xff",
    b'"', b"\r\n", b"\n\n", b",,,", b";", b"\t", b"{", b"]", b"<", b"&amp;", b"<![CDATA[", b"-",
    b"9" * 40, b"1e400", b"-1e-400", b"NaN", b"inf", b"0x10", b"\xed\xa0\x80", b"\\ud800",
    b"9999-12-31T23:59:59Z", b"0000-00-00", b"2026-02-30T25:61:61+99:99", b"PK\x03\x04",
    b"\xef\xbb\xbf", b"null", b"[[[[[[", b"=", b"%s", b"\x1f\x8b", b"18446744073709551616",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _mappings_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a mapping takes longer than all the rest."""
    for module in (mapped_csv, nem12, nem13, remap):
        monkeypatch.setattr(module, "read_mapping", cache(read_mapping))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The file after one to six accidents."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(made) + 1)
        to = min(len(made), at + chance.choice((1, 2, 4, 16, 200)))
        match chance.randrange(7):
            case 0 if made and at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                del made[at:to]
            case 2:
                made[at:at] = chance.choice(NASTY)
            case 3:
                made[at:to] = chance.choice(NASTY)
            case 4:
                made[at:at] = made[at:to] * chance.choice((1, 3))
            case 5:
                part = bytes(made[at:to])
                del made[at:to]
                place = chance.randrange(len(made) + 1)
                made[place:place] = part
            case 6:
                del made[at + chance.randrange(200) :]
    return bytes(made)


def fuzz(name: str, path: Path, count: int) -> tuple[int, int]:
    """How many damaged files were decoded, and how many refused."""
    data, mapping = path_of(name).read_bytes(), mapping_of(name)
    outcomes = [0, 0]
    decoded(path_of(name), name, mapping)  # what is loaded once is no part of the time
    for seed in range(count):
        path.write_bytes(mutated(data, random.Random(f"{name} {seed}")))
        begun = time.process_time()
        try:
            made = decoded(path, name, mapping)
            named = as_properties(made.records, ("line", *CANONICAL))
            prepared = prepare(named, source="fuzz", now=NOW)
            assert prepared.typed.height + prepared.malformed.height == named.height, seed
        except UsageFileError as error:
            assert path.name in error.message, seed
            outcomes[1] += 1
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}")
            raise
        else:
            outcomes[0] += 1
            found = made.records.height + made.rejects.height + made.left_out
            claims = () if made.control is None else made.control.claims
            told = any(not claim.holds for claim in claims)  # such a file is refused when loaded
            assert found or told or path.stat().st_size < len(data) or name in _MAY_BE_EMPTY, seed
        assert time.process_time() - begun < SECONDS_MOST, seed
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    read, refused = fuzz(name, tmp_path / "damaged", FEW)
    assert read + refused == FEW
    assert read, "every file was refused: the accidents are too bad to tell anything"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_damaged_files(name: str, tmp_path: Path) -> None:
    assert sum(fuzz(name, tmp_path / "damaged", MANY)) == MANY
