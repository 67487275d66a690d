"""Numbered files, counts in trailers, folders that are watched, archives and object stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest
from billing.world import set_up
from typer.testing import CliRunner

from meterline.platform import clock
from meterline.platform.models import Event
from meterline.usage import services, sources, watch
from meterline.usage.commands import app
from meterline.usage.errors import UnknownFolder, UsageFileError
from meterline.usage.jobs import watch_folders
from meterline.usage.models import Batch, Gap
from meterline.usage.sequence import Arrival, arrived, shown

pytestmark = pytest.mark.django_db

MAPPING = """
leader: {begins: H, sequence: 2}
trailer: {begins: T, records: 2, total: 3, of: mb}
sequence: {last: 99}
columns: {id: id, sub: subscription, at: start, mb: mb}
constants: {meter: data}
header: [id, sub, at, mb]
"""


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(datetime(2026, 2, 1, 12, tzinfo=UTC))


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING)
    return path


def content(number: int, *, records: int = 1, told: int | None = None, mb: int = 2) -> str:
    rows = [f"{number}-{row},s1,2026-01-05T10:00:00Z,{mb}" for row in range(records)]
    end = f"T,{records if told is None else told},{records * mb}"
    return "\n".join([f"H,{number:02d}", *rows, end]) + "\n"


def send(folder: Path, number: int, mapping: Path, **more: int) -> Batch:
    path = folder / f"usage-{number}.txt"
    path.write_text(content(number, **more))
    return services.load_file(path, mapping=mapping, source="switch")


def told(name: str) -> list[dict[str, object]]:
    return [event.payload for event in Event.objects.filter(name=name).order_by("id")]


def missing() -> str:
    (source,) = sources.sources()
    (stream,) = source.streams
    return stream.missing


@pytest.mark.parametrize(
    ("number", "expected", "gaps", "last", "outcome"),
    [
        (5, None, [], None, Arrival(expected=6)),
        (6, 6, [], None, Arrival(expected=7)),
        (9, 6, [], None, Arrival(expected=10, opened=(6, 8))),
        (6, 10, [(6, 8)], None, Arrival(expected=10, filled=(6, 8), left=((7, 8),))),
        (7, 10, [(6, 8)], None, Arrival(expected=10, filled=(6, 8), left=((6, 6), (8, 8)))),
        (7, 10, [(7, 7)], None, Arrival(expected=10, filled=(7, 7))),
        (5, 10, [(7, 7)], None, Arrival(expected=10, repeated=True)),
        (99, 99, [], 99, Arrival(expected=1)),
        (1, 99, [], 99, Arrival(expected=2, opened=(99, 99))),
        (0, 1, [], 99, Arrival(expected=1)),
        (98, 2, [], 99, Arrival(expected=2, repeated=True)),
        (99, 2, [(99, 99)], 99, Arrival(expected=2, filled=(99, 99))),
        (3, 2, [], 99, Arrival(expected=4, opened=(2, 2))),
    ],
)
def test_what_a_number_means(
    number: int, expected: int | None, gaps: list[tuple[int, int]], last: int | None,
    outcome: Arrival,
) -> None:  # fmt: skip
    assert arrived(number, expected=expected, gaps=gaps, last=last) == outcome


def test_missing_numbers_are_shown() -> None:
    assert shown([(14, 14), (8, 9)]) == "8-9, 14"


def test_a_missing_file_is_told_until_it_comes(tmp_path: Path, mapping: Path) -> None:
    for number in (1, 2, 6):
        send(tmp_path, number, mapping)
    assert missing() == "3-5"
    (gap,) = told("usage.sequence_gap")
    assert (gap["first"], gap["last"], gap["file"]) == (3, 5, "usage-6.txt")
    send(tmp_path, 4, mapping)
    assert missing() == "3, 5"
    send(tmp_path, 3, mapping)
    send(tmp_path, 5, mapping)
    assert (missing(), Gap.objects.count()) == ("", 0)
    assert len(told("usage.sequence_filled")) == 3
    assert told("usage.sequence_repeated") == []


def test_a_number_that_comes_twice_is_told(tmp_path: Path, mapping: Path) -> None:
    first = send(tmp_path, 1, mapping)
    assert send(tmp_path, 1, mapping).pk == first.pk  # the same file: nothing happens
    assert told("usage.sequence_repeated") == []
    send(tmp_path, 1, mapping, records=2)
    assert [event["number"] for event in told("usage.sequence_repeated")] == [1]
    taken_out = send(tmp_path, 2, mapping)
    services.back_out(taken_out.pk)
    send(tmp_path, 2, mapping)
    assert len(told("usage.sequence_repeated")) == 1


def test_numbers_begin_anew(tmp_path: Path, mapping: Path) -> None:
    for number in (98, 99, 1):
        send(tmp_path, number, mapping)
    assert (missing(), told("usage.sequence_gap")) == ("", [])


def test_the_number_may_stand_in_the_name(tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING.replace("{last: 99}", r"{name: 'usage-([0-9]+)\.'}"))
    for number, inside in ((7, 1), (9, 1)):
        (tmp_path / f"usage-{number}.txt").write_text(content(inside, mb=number))
        services.load_file(tmp_path / f"usage-{number}.txt", mapping=mapping, source="switch")
    assert missing() == "8"


@pytest.mark.parametrize(
    ("more", "words"), [({"told": 2}, "it tells 2 records, and has 1"), ({"mb": 0}, None)]
)
def test_a_trailer_that_disagrees(
    tmp_path: Path, mapping: Path, more: dict[str, int], words: str | None
) -> None:
    if words is None:
        assert send(tmp_path, 1, mapping, **more).records == 1
        return
    with pytest.raises(UsageFileError, match=words):
        send(tmp_path, 1, mapping, **more)
    assert (Batch.objects.count(), len(told("usage.file_refused"))) == (0, 1)
    assert services.orphans() == []
    mapping.write_text(MAPPING + "mismatch: flag\n")
    batch = send(tmp_path, 1, mapping, **more)
    assert services.delivered(batch)["remarks"] == [words]
    assert [event["remarks"] for event in told("usage.file_flagged")] == [[words]]
    (source,) = sources.sources()
    assert (source.files, source.flagged, source.records) == (1, 1, 1)


def test_a_sum_that_disagrees_is_refused(tmp_path: Path, mapping: Path) -> None:
    path = tmp_path / "usage.txt"
    path.write_text(content(1).replace("T,1,2", "T,1,3"))
    with pytest.raises(UsageFileError, match="it tells 3 mb, and has 2"):
        services.load_file(path, mapping=mapping)
    path.write_text(content(1).replace("T,1,2", "T,1"))
    with pytest.raises(UsageFileError, match="it does not tell its mb"):
        services.load_file(path, mapping=mapping)
    path.write_text(content(1).replace("T,1,2\n", ""))
    with pytest.raises(UsageFileError, match="does not end with a line T"):
        services.load_file(path, mapping=mapping)


def test_rows_that_are_left_out_are_counted(tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING + "filters: [{column: id, not: ['1-0']}]\n")
    batch = send(tmp_path, 1, mapping, records=3)
    assert (batch.records, services.delivered(batch)["left_out"]) == (2, 1)


def test_an_archive_of_several_files(tmp_path: Path, mapping: Path) -> None:
    path = tmp_path / "january.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (1, 2):
            archive.writestr(f"day/usage-{number}.txt", content(number))
    batches = services.load_all(path, mapping=mapping, source="switch")
    assert [batch.file_name for batch in batches] == [
        "january.zip:day_usage-1.txt", "january.zip:day_usage-2.txt",
    ]  # fmt: skip
    again = services.load_all(path, mapping=mapping, source="switch")
    assert [batch.pk for batch in again] == [batch.pk for batch in batches]


def test_files_of_an_object_store(tmp_path: Path, mapping: Path) -> None:
    store = fsspec.filesystem("memory")
    for number in (1, 2):
        store.pipe(f"/usage/switch-{number}.txt", content(number).encode())
    batches = services.load_all("memory://usage/switch-*.txt", mapping=mapping)
    assert [batch.file_name for batch in batches] == ["switch-1.txt", "switch-2.txt"]
    path = tmp_path / "three.txt"
    path.write_text(content(3))
    (third,) = services.load_all(f"file://{path}", mapping=mapping)
    assert third.records == 1
    for url, words in (
        ("memory://usage/none-*.txt", "matches no file"),
        ("memory://usage/none.txt", "cannot be read"),
        ("nowhere://usage/x", "nowhere"),
    ):
        with pytest.raises(UsageFileError, match=words):
            services.load_all(url)


def test_only_files_that_have_settled_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.csv", "b.csv", ".hidden", "c.csv.part"):
        (folder / name).write_text("x")

    def meanwhile(seconds: float) -> None:
        with (folder / "b.csv").open("a") as file:
            file.write("y")  # still being written
        (folder / "d.csv").write_text("x")  # came later

    assert [path.name for path in watch.settled(folder, 1, wait=meanwhile)] == ["a.csv"]
    assert watch.settled(tmp_path / "in", 1, wait=lambda _: os.remove(folder / "a.csv")) == [
        folder / "b.csv", folder / "d.csv",
    ]  # fmt: skip


def test_a_watched_folder(tmp_path: Path, mapping: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.txt").write_text(content(1))
    (folder / "2.txt").write_text(content(2, told=5))
    found = watch.look(folder, source="switch", mapping=mapping, settle=0)
    assert [(one.name, len(one.batches), bool(one.why)) for one in found] == [
        ("1.txt", 1, False), ("2.txt", 0, True),
    ]  # fmt: skip
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert left == ["done/1.txt", "failed/2.txt", "failed/2.txt.why.txt"]
    assert "it tells 5 records" in (folder / "failed" / "2.txt.why.txt").read_text()
    (folder / "1.txt").write_text(content(1))  # the same again
    watch.look(folder, source="switch", mapping=mapping, settle=0)
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["1.txt", "1.txt.2"]
    assert Batch.objects.count() == 1


def test_the_worker_watches_folders_of_sources(tmp_path: Path, mapping: Path) -> None:
    folder = tmp_path / "in"
    with pytest.raises(UnknownFolder):
        sources.set_source("switch", folder=folder, format=None, mapping=mapping, settle=0)
    folder.mkdir()
    with pytest.raises(UsageFileError, match="there is no format x"):
        sources.set_source("switch", folder=folder, format="x", mapping=mapping, settle=0)
    sources.set_source("switch", folder=folder, format=None, mapping=mapping, settle=0)
    (folder / "1.txt").write_text(content(1))
    watch_folders(0)
    (source,) = sources.sources()
    assert (source.files, source.records, source.folder) == (1, 1, str(folder))
    assert (folder / "done" / "1.txt").exists()


def test_the_worker_knows_the_job() -> None:
    code = (
        "import django; django.setup(); from procrastinate.contrib.django import app;"
        "print(*app.tasks)"
    )
    where = {**os.environ, "METERLINE_HOME": os.environ["METERLINE_TEST_HOME"]}  # no server more
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=where
    )
    assert "meterline.usage.jobs.watch_folders" in done.stdout


def test_commands(tmp_path: Path, mapping: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    run = CliRunner().invoke
    (folder / "4.txt").write_text(content(4))
    given = ["--mapping", str(mapping), "--settle", "0", "--source", "switch"]
    assert "batch" in run(app, ["watch", str(folder), "--once", *given]).output
    (folder / "7.txt").write_text(content(7, told=3))
    assert "7.txt: failed" in run(app, ["watch", str(folder), "--once", *given]).output
    path = tmp_path / "6.txt"
    path.write_text(content(6))
    loaded = run(app, ["load", f"file://{path}", "--mapping", str(mapping), "--source", "switch"])
    assert "6.txt: batch" in loaded.output
    (listed,) = json.loads(run(app, ["sources", "--json"]).output)
    assert (listed["code"], listed["streams"][0]["missing"]) == ("switch", "5")
    assert "switch" in run(app, ["sources"]).output
    assert "no folder is watched" in run(app, ["source", "switch"]).output
    batch = Batch.objects.order_by("-id")[0]
    shown = json.loads(run(app, ["show", str(batch.pk), "--json"]).output)
    assert (shown["sequence"], shown["left_out"], shown["remarks"]) == (6, 0, [])


def test_a_file_whose_lookups_have_changed_is_another_load(tmp_path: Path) -> None:
    rule = tmp_path / "mapping.yaml"
    rule.write_text(
        "columns: {id: id, sub: subscription, at: start, mb: mb}\n"
        "lookups: {meter: {from: kind, file: kinds.csv}}\n"
    )
    usage, kinds = tmp_path / "usage.csv", tmp_path / "kinds.csv"
    usage.write_text("id,sub,at,mb,kind\na,s1,2026-01-05T10:00:00Z,2,d\n")
    kinds.write_text("d,unknown\n")
    first = services.load_file(usage, mapping=rule)
    assert (first.rated, first.rejected) == (0, 1)
    assert services.load_file(usage, mapping=rule).pk == first.pk
    services.back_out(first.pk)
    kinds.write_text("d,data\n")
    again = services.load_file(usage, mapping=rule)
    assert again.pk != first.pk
    assert again.rated == 1
