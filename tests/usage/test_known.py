"""The keys by which records are known that come again: in runs on disk, whatever happens to them,
exactly those of the records that count."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from billing.world import set_up, undone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.platform import clock, files
from meterline.subscriptions import services as subscriptions
from meterline.usage import folders, key_run, known, pack, services, tend_keys
from meterline.usage.deduplicate import KEY, keys
from meterline.usage.key_run import ENTRIES, NOBODY, KeyRun
from meterline.usage.models import Batch, KnownKeys
from meterline.usage.tend_keys import tend

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HALVES = st.sampled_from([0, 1, 2, 2**32, 2**63, 2**64 - 1])  # also keys that share a half
SOME_KEYS = st.dictionaries(st.tuples(HALVES, HALVES), st.integers(NOBODY, 3), max_size=30)
Keys = dict[tuple[int, int], int]


def entries(keys: Keys) -> pl.DataFrame:
    rows = [(high, low, owner) for (high, low), owner in keys.items()]
    return pl.DataFrame(rows, schema=ENTRIES, orient="row")


def written(keys: Keys, path: Path) -> KeyRun:
    path.mkdir()
    assert key_run.write(entries(keys), path) == len(keys)
    return key_run.opened(path)


def owners(run: KeyRun, keys: Sequence[tuple[int, int]]) -> list[int | None]:
    asked = entries(dict.fromkeys(keys, 0))
    rows = run.find(*(asked[name].to_numpy() for name in KEY))
    return [None if row < 0 else int(run.owner[row]) for row in rows]


@given(
    older=SOME_KEYS, newer=SOME_KEYS, dead=st.sets(st.integers(1, 3)), last=st.booleans(),
    window=st.sampled_from([1, 2, 7, key_run._WINDOW]),
)  # fmt: skip
def test_runs_hold_what_was_put_there(
    older: Keys, newer: Keys, dead: set[int], last: bool, window: int
) -> None:
    asked = sorted({*older, *newer, (2**31, 5)})
    with TemporaryDirectory() as work, pytest.MonkeyPatch.context() as patched:
        patched.setattr(key_run, "_WINDOW", window)
        folder = Path(work)
        one, two = written(older, folder / "older"), written(newer, folder / "newer")
        assert owners(one, asked) == [older.get(key) for key in asked]
        (folder / "both").mkdir()
        gone = np.array(sorted(dead), dtype=np.int64)
        count = key_run.merge(one, two, folder / "both", dead=gone, last=last)
        expected = {
            key: NOBODY if owner in dead else owner for key, owner in {**older, **newer}.items()
        }
        if last:
            expected = {key: owner for key, owner in expected.items() if owner != NOBODY}
        assert count == len(expected)
        assert owners(key_run.opened(folder / "both"), asked) == [expected.get(k) for k in asked]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 KiB, of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("nobody but root can mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_refuses_a_merge(small_disk: Path, tmp_path: Path) -> None:
    """As an error: pages of a file without room would end the process when they are written."""
    older, newer = (
        written({(n, n): 1 for n in range(first, first + 8_000)}, tmp_path / str(first))
        for first in (0, 8_000)
    )
    with pytest.raises(OSError, match="No space left"):
        key_run.merge(older, newer, small_disk, dead=np.array([], dtype=np.int64), last=False)


def test_machine_code_does_what_python_does() -> None:
    chance = np.random.default_rng(20260201)
    high, low = (np.sort(chance.integers(0, 2**64, 3_000, dtype=np.uint64)) for _ in range(2))
    some = chance.permutation(high)
    with np.errstate(over="ignore"):
        for find in (key_run.find_rows, key_run.find_rows.plain):
            assert find(high, low, high, low).tolist() == list(range(3_000))
            assert (find(some, low, high, low) < 0).sum() >= 2_990


@pytest.mark.parametrize(
    ("text", "high", "low"),
    [
        ("", 0, 0),
        ("hello", 0xCBD8A7B341BD9B02, 0x5B1E906A48AE1D19),
        ("hello, world", 0x342FAC623A5EBC8E, 0x4CDCBC079642414D),
        ("The quick brown fox jumps over the lazy dog.", 0xCD99481F9EE902C9, 0x695DA1A38987B6E7),
    ],
)
def test_the_key_of_an_id_is_the_same_for_ever(text: str, high: int, low: int) -> None:
    """Published values: what is stored must be known by later versions too."""
    beside = pl.Series(["before", text, None, text, "behind"])
    assert keys(beside[1:4]).rows() == [(high, low), (0, 0), (high, low)]


HEADER = "id,meter,subscription,start,mb\n"
STEPS = st.one_of(
    st.tuples(st.just("load"), st.lists(st.integers(0, 30), min_size=1, max_size=12)),
    st.tuples(st.just("back out"), st.integers(0, 20)),
    st.sampled_from([("tend", 0), ("new process", 0), ("pack", 0), ("lose a run", 0)]),
)


class Told:
    """What is known, by the simplest means, beside the program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.came_with: dict[int, int] = {}

    def load(self, numbers: list[int]) -> None:
        self.number += 1
        path = self.folder / f"{self.number}.csv"
        lines = [f"r{n},data,s1,2026-01-{n % 28 + 1:02}T12:00:00Z,3\n" for n in numbers]
        path.write_text(f"{HEADER}{''.join(lines)}")
        before = Batch.objects.order_by("-pk").first()
        batch = services.load_file(path)
        if before is not None and batch.pk <= before.pk:
            return  # the very same file
        new = set(numbers) - self.came_with.keys()
        assert (batch.rated, batch.duplicates) == (len(new), len(numbers) - len(new))
        self.came_with.update(dict.fromkeys(new, batch.pk))

    def back_out(self, number: int) -> None:
        rows = Batch.objects.filter(state="committed", format="csv").order_by("pk")
        if not rows:
            return
        gone = rows[number % len(rows)].pk
        services.back_out(gone)
        self.came_with = {n: batch for n, batch in self.came_with.items() if batch != gone}


def lose_a_run() -> None:
    row = KnownKeys.objects.first()
    if row is not None:
        shutil.rmtree(files.folder("usage") / row.path)
        known.forget()


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
def test_a_record_is_known_as_long_as_it_counts(
    tmp_path: Path, steps: list[tuple[str, object]]
) -> None:
    with undone():
        set_up()
        clock.move_to(NOW)
        told = Told(tmp_path)
        for step, about in steps:
            match step, about:
                case "load", list():
                    told.load(about)
                case "back out", int():
                    told.back_out(about)
                case "tend", _:
                    tend(batches_most=0, keys_most=0)
                case "new process", _:
                    known.forget()
                case "pack", _:
                    pack.compact()
                case "lose a run", _:
                    lose_a_run()
        told.load(list(range(31)))


@pytest.mark.django_db
def test_many_runs_are_merged_without_writing_keys_over_and_over(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as one load of very many records makes: each key is written as often as a tree is
    high."""
    set_up()
    clock.move_to(NOW)
    told, written = Told(tmp_path), []
    for number in range(16):
        told.load(list(range(5 * number, 5 * number + 5)))
    merge = key_run.merge

    def noted(*args: Any, **named: Any) -> int:
        written.append(merge(*args, **named))
        return written[-1]

    monkeypatch.setattr(key_run, "merge", noted)
    monkeypatch.setattr(tend_keys, "_RUN_KEYS", 1)
    tend(batches_most=0, keys_most=0)
    assert max(written) == 16 * 5
    assert sum(written) <= 16 * 5 * 4
    told.load(list(range(16 * 5)))


@pytest.mark.django_db
@pytest.mark.parametrize("tended", ["before", "before and after", "after", "never"])
def test_what_cannot_be_rated_any_more_may_come_again(
    home: Path, tmp_path: Path, tended: str
) -> None:
    """Its reject is a record of its own, and rated when it can be, exactly once."""
    set_up()
    clock.move_to(NOW)
    told = Told(tmp_path)
    told.load([1, 2, 20])
    if "before" in tended:
        tend(batches_most=0, keys_most=0)
    subscriptions.cancel("s1", datetime(2026, 1, 10, tzinfo=UTC))
    if "after" in tended:
        tend(batches_most=0, keys_most=0)
        known.forget()
    assert Batch.objects.get(format="re-rate").rejected == 1
    path = tmp_path / "again.csv"
    path.write_text(
        f"{HEADER}r20,data,s1,2026-01-21T12:00:00Z,3\nr1,data,s1,2026-01-02T12:00:00Z,3\n"
    )
    again = services.load_file(path)
    assert (again.rejected, again.duplicates) == (1, 1)
    path.write_text(f"{HEADER}r20,data,s3,2026-01-21T12:00:00Z,3\n")
    assert services.load_file(path).rated == 1
    tend(batches_most=0, keys_most=0)
    path.write_text(f"{HEADER}r20,data,s3,2026-01-21T12:00:00Z,4\n")
    assert services.load_file(path).duplicates == 1
    assert folders.sweep() == 0
