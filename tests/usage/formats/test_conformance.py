"""What every format keeps, whatever is in a file: it is decoded, refused with a clear error, or
ends as rejects; nothing crashes, nothing is lost without a word."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from usage.formats import samples
from usage.formats.samples import FILES, decoded, expected, mapping_of, path_of, told

from meterline.usage import blocks, formats
from meterline.usage.blocks import head
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Decoded

NAMES = sorted(FILES)
LINES = ("aws_cur", "csv", "jsonl", "mapped_csv")  # a record a line, wherever a file is cut


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr("folder/usage", data)
    return file.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zip": zipped,
    "zst": zstandard.ZstdCompressor().compress,
}  # fmt: skip


def attempt(name: str, path: Path) -> Decoded | None:
    """What a file decodes to; None if it is refused, with an error that names it."""
    try:
        return decoded(path, name, mapping_of(name))
    except UsageFileError as error:
        assert path.name in error.message
        return None


def accounted(made: Decoded) -> int:
    return made.records["line"].n_unique() + made.rejects.height + made.left_out


def test_every_format_has_a_sample() -> None:
    assert sorted(formats.names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_samples_decode_to_what_they_hold(name: str) -> None:
    if os.environ.get("METERLINE_GOLDEN") == "write":
        samples.write()
    assert told(decoded(path_of(name), name, mapping_of(name))) == expected(name)


@pytest.mark.parametrize("name", sorted(samples.binary()))
def test_binary_samples_are_what_is_written_today(name: str) -> None:
    if name != "parquet":  # whose bytes depend on who writes it
        assert samples.binary()[name] == path_of(name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_one_format_recognises_a_sample(name: str) -> None:
    beginning = head(path_of(name))
    found = [other for other in formats.names() if formats.decoder(other).sniff(beginning)]
    assert found == ([] if name == "mapped_csv" else [name])
    assert formats.recognise(path_of(name), mapping=mapping_of(name)) == name


@pytest.mark.parametrize("kind", sorted(COMPRESSIONS))
@pytest.mark.parametrize("name", NAMES)
def test_compressed_samples(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"sample.{kind}"
    packed = COMPRESSIONS[kind](path_of(name).read_bytes())
    path.write_bytes(packed)
    assert formats.recognise(path, mapping=mapping_of(name)) == name
    assert told(decoded(path, name, mapping_of(name))) == expected(name)
    path.write_bytes(packed[: len(packed) - len(packed) // 3])
    with pytest.raises(UsageFileError, match=r"cut off|damaged"):
        decoded(path, name, mapping_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_that_is_cut_off(name: str, tmp_path: Path) -> None:
    data = path_of(name).read_bytes()
    path = tmp_path / "cut"
    for length in sorted({len(data) * part // 23 for part in range(1, 23)}):
        path.write_bytes(data[:length])
        made = attempt(name, path)
        if made is not None and name in LINES:
            lines = data[:length].splitlines()
            assert accounted(made) >= sum(bool(line.strip()) for line in lines) - 4


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    made = attempt(name, path)
    assert made is None or accounted(made) == 0
    with pytest.raises(UsageFileError, match="no format knows it"):
        formats.recognise(path)


@pytest.mark.parametrize("name", NAMES)
def test_garbage(name: str, tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    for seed in range(20):
        path.write_bytes(random.Random(seed).randbytes(3000))
        made = attempt(name, path)
        assert made is None or made.records["line"].n_unique() <= made.rejects.height + 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", [b"\0", b"\xff\xfe", b"9" * 2_000_000, b"\n" * 3000, b"\r"])
def test_something_stray_in_the_middle(name: str, what: bytes, tmp_path: Path) -> None:
    data = path_of(name).read_bytes()
    path = tmp_path / "stray"
    whole = accounted(decoded(path_of(name), name, mapping_of(name)))
    for part in (1, 3, 5):
        at = len(data) * part // 6
        path.write_bytes(data[:at] + what + data[at:])
        made = attempt(name, path)
        if made is not None and name in LINES:
            assert accounted(made) >= whole - 1  # a field of two lines may be torn in two


@pytest.mark.parametrize("name", NAMES)
def test_another_encoding(name: str, tmp_path: Path) -> None:
    path = tmp_path / "utf-16"
    path.write_bytes(path_of(name).read_bytes().decode("latin-1").encode("utf-16"))
    made = attempt(name, path)
    assert made is None or made.records.is_empty()


def test_a_line_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LINE_MOST", 1 << 20)
    path = tmp_path / "long"
    path.write_bytes(b"x" * (5 << 20))
    with pytest.raises(UsageFileError, match="a line of more than 1 MiB"):
        list(blocks.blocks(path, 1 << 10))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(b"x") + b"", "no format knows it"),
        (b"PK\x03\x04 no archive", "damaged"),
        (b"\x1f\x8b no gzip", "damaged|cut off"),
    ],
)
def test_archives_that_hold_nothing(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(data)
    with pytest.raises(UsageFileError, match=words):
        formats.recognise(path)


def test_golden_files_are_whole() -> None:
    for name in NAMES:
        made = json.loads((samples.GOLDEN / f"{name}.json").read_text("utf-8"))
        assert made["records"], name
