"""A load knows which of its records come again, however many there are and wherever their keys
lie by then."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from billing.world import set_up
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.platform import clock
from meterline.usage import formats, seen_many, services
from meterline.usage.deduplicate import KEY
from meterline.usage.errors import NotWritten
from meterline.usage.load import Load
from meterline.usage.seen_many import SeenMany

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HALVES = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
CHUNKS = st.lists(st.lists(st.tuples(HALVES, HALVES), max_size=12), max_size=12)


@settings(max_examples=60, deadline=None)
@given(chunks=CHUNKS, held=st.integers(0, 12))
def test_keys_are_seen_once_wherever_they_lie(
    chunks: list[list[tuple[int, int]]], held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("batch")
    came: set[tuple[int, int]] = set()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seen_many, "_HELD_MOST", held)
        seen = SeenMany(folder)
        for chunk in chunks:
            keyed = pl.DataFrame(chunk, schema=dict.fromkeys(KEY, pl.UInt64), orient="row")
            expected = []
            for high, low in chunk:
                kept = (high >> 32, max(low >> 32, 1), low & 0xFFFF_FFFF)
                expected.append(kept in came)
                came.add(kept)
            assert seen.add(keyed).to_list() == expected
            assert list(folder.iterdir()) == []
        seen.close()


def decoded(*numbers: int) -> formats.Decoded:
    records = pl.DataFrame({"line": range(1, len(numbers) + 1), "id": numbers}).select(
        pl.col("line").cast(pl.UInt32), id=pl.format("r{}", "id"), meter=pl.lit("data"),
        subscription=pl.lit("s1"), start=pl.lit("2026-01-05T10:00:00Z"), mb=pl.lit("3"),
    )  # fmt: skip
    return formats.Decoded(records=records, rejects=pl.DataFrame(schema=formats.REJECTS))


@pytest.mark.django_db
def test_a_load_of_very_many_counts_each_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    clock.move_to(NOW)
    monkeypatch.setattr(seen_many, "_HELD_MOST", 4)
    load = Load(source="files", file_name="many.csv", format="csv")
    chunks = [decoded(*range(n, n + 5)) for n in range(0, 40, 2)]
    batch = services.finish(load, chunks)
    assert (batch.records, batch.rated, batch.duplicates) == (100, 43, 57)
    names = {path.name.partition("-")[0] for path in load.folder.path.iterdir()}
    assert names == {"records", "rated", "keys"}


@pytest.mark.django_db
def test_a_full_disk_refuses_the_load_as_a_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up()
    clock.move_to(NOW)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(seen_many, "_HELD_MOST", 4)
    monkeypatch.setattr(seen_many, "TemporaryFile", full)
    load = Load(source="files", file_name="many.csv", format="csv")
    with pytest.raises(NotWritten):
        services.finish(load, [decoded(*range(n, n + 5)) for n in range(0, 40, 5)])
    assert not load.folder.path.exists()
