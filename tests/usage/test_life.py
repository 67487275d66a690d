"""The life of usage data: packed, archived, restored, erased; totals and bills stay as they are."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import psycopg
import pytest
from billing.world import BILLED, FIRST, bill, charged, set_up, totals
from django.db import connection
from typer.testing import CliRunner

from meterline.catalog import files as catalogues
from meterline.catalog import services as catalog
from meterline.cli import app
from meterline.customers.services import create_account
from meterline.doctor import examine
from meterline.platform import clock, files
from meterline.subscriptions import services as subscriptions
from meterline.subscriptions.models import Subscription
from meterline.usage import archive, erase, folders, pack, retention, services
from meterline.usage.errors import InvalidRetention, NoArchive, RecordsAway
from meterline.usage.models import Batch, Reject, Retired, Total
from meterline.usage.parts import Selection
from meterline.usage.rework import rework
from meterline.usage.store import live

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HEADER = "id,meter,subscription,start,duration,quantity,mb\n"
WHOLE = Selection(start=datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(NOW)


def load(folder: Path, number: int, *, extra: str = "", source: str = "files") -> Batch:
    lines = [
        f"{number}-{n},{('data', 'calls')[n % 2]},s{n % 2 + 1},2026-01-{n + 5:02}T10:00:00Z,60,,3"
        for n in range(6)
    ]
    header = HEADER if not extra else HEADER.replace("\n", f",{extra}\n")
    path = folder / f"{number}.csv"
    path.write_text(header + "".join(f"{line}{',x' if extra else ''}\n" for line in lines))
    return services.load_file(path, source=source)


def whole() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM usage_total ORDER BY id")
        return cursor.fetchall()


def read() -> dict[str, pl.DataFrame]:
    """All that readers see."""
    standing = live()
    rated = standing.rated().sort("batch_id", "line", "price_id")
    records = standing.records(rated.select("batch_id", "line").unique())
    return {
        "rated": rated, "keys": standing.keys().sort("batch_id", "line"),
        "records": records.select("batch_id", "line", "id", "meter", "start", "duration_us")
        .sort("batch_id", "line"),
    }  # fmt: skip


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return all(one[name].equals(other[name]) for name in one)


def test_packing_changes_nothing_that_anybody_sees(tmp_path: Path) -> None:
    batches = [load(tmp_path, n, extra="net" if n == 2 else "") for n in range(4)]
    services.reverse("1-0")
    subscriptions.change("s2", "large", datetime(2026, 1, 7, tzinfo=UTC), when="now")
    before, sums, told = read(), whole(), totals()
    reading = live()
    done = pack.compact()
    assert done.packs == 1
    assert done.batches >= 4
    assert (same(read(), before), whole(), totals()) == (True, sums, told)
    assert reading.rated().height == before["rated"].height
    assert folders.sweep() == 0
    assert Retired.objects.count() == done.batches
    assert folders.sweep(timedelta(0)) == done.batches
    assert same(read(), before)
    paths = set(Batch.objects.exclude(path="").values_list("path", flat=True))
    assert {path.name for path in files.folder("usage").iterdir()} == paths
    assert (services.orphans(), services.without_folder()) == ([], [])
    assert pack.compact().packs == 0
    assert load(tmp_path, 1).pk == batches[1].pk
    assert rework(WHOLE).changed == 0
    again = tmp_path / "again.csv"
    again.write_text(HEADER + "3-0,data,s1,2026-01-05T10:00:00Z,60,,3\n")
    assert services.load_file(again).duplicates == 1
    services.back_out(batches[3].pk)
    assert read()["rated"].filter(pl.col("batch_id") == batches[3].pk).is_empty()


def test_a_folder_is_not_removed_while_an_older_transaction_may_read_it(tmp_path: Path) -> None:
    load(tmp_path, 1)
    load(tmp_path, 2)
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"]
    ) as reader:
        reader.execute("SELECT 1")
        pack.compact()
        assert folders.sweep(timedelta(0)) == 0
        reader.commit()
        assert folders.sweep(timedelta(0)) == 2


@pytest.mark.parametrize("to", ["", "memory://archive"])
def test_an_archived_batch_comes_back_as_it_was(tmp_path: Path, to: str) -> None:
    one, two = load(tmp_path, 1), load(tmp_path, 2)
    pack.compact()
    bill(BILLED[0])
    before, sums, lines = read(), whole(), charged("usage")
    made = archive.archive(one.pk, to)
    assert made.records_at == "archived"
    assert to in made.archive
    system, root = fsspec.core.url_to_fs(made.archive)
    assert system.isdir(root)
    with pytest.raises(NoArchive, match="nowhere"):
        archive.archive(two.pk, "nowhere://archive")
    assert (whole(), same({"keys": read()["keys"]}, {"keys": before["keys"]})) == (sums, True)
    assert read()["rated"].filter(pl.col("batch_id") == one.pk).height < 6
    bill(BILLED[0])
    assert charged("usage") == lines
    for act in (services.back_out, archive.archive):
        with pytest.raises(RecordsAway):
            act(one.pk)
    with pytest.raises(RecordsAway):
        services.reverse("1-0")
    assert rework(WHOLE).records == 6
    again = tmp_path / "again.csv"
    again.write_text(HEADER + "1-0,data,s1,2026-01-05T10:00:00Z,60,,3\n")
    assert services.load_file(again).duplicates == 1
    assert {f.check: f.state for f in examine()}["usage archives"] == "good"
    back = archive.restore(one.pk)
    assert (back.records_at, back.archive) == ("here", "")
    assert (same(read(), before), whole()) == (True, sums)
    services.back_out(one.pk)
    services.back_out(two.pk)
    assert totals() == []


def test_a_damaged_archive_is_told_and_changes_nothing(tmp_path: Path) -> None:
    one = load(tmp_path, 1)
    made = archive.archive(one.pk, str(tmp_path / "away"))
    file = next(Path(made.archive).glob("records-*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    count = len(list(files.folder("usage").iterdir()))
    with pytest.raises(NoArchive, match="damaged"):
        archive.restore(one.pk)
    file.unlink()
    with pytest.raises(NoArchive, match="missing"):
        archive.restore(one.pk)
    assert len(list(files.folder("usage").iterdir())) == count
    assert {f.check: f.state for f in examine()}["usage archives"] == "bad"


def test_retention_by_source(tmp_path: Path) -> None:
    old, kept = load(tmp_path, 1, source="switch"), load(tmp_path, 2, source="meters")
    for wrong in ({"keep_months": 0}, {"keep_months": 3, "afterwards": "forget"}):
        with pytest.raises(InvalidRetention):
            retention.set_retention("switch", **wrong)  # type: ignore[arg-type]
    retention.set_retention("switch", keep_months=2)
    assert retention.due() == []
    clock.move_to(datetime(2026, 4, 2, tzinfo=UTC))
    assert [one.batch.pk for one in retention.due()] == [old.pk]
    retention.keep_to_it()
    old.refresh_from_db()
    kept.refresh_from_db()
    assert (old.records_at, kept.records_at) == ("archived", "here")
    assert retention.due() == []
    retention.set_retention("switch", keep_months=2, afterwards="erase")
    url, sums = old.archive, whole()
    retention.keep_to_it()
    old.refresh_from_db()
    assert (old.records_at, old.archive, whole()) == ("erased", "", sums)
    assert url
    shown = CliRunner().invoke(app, ["usage", "retention", "--json"])
    assert [rule["keep_months"] for rule in json.loads(shown.output)["sources"]] == [None, 2]


@pytest.mark.parametrize("way", ["alone", "packed", "archived"])
def test_one_persons_records_are_erased_and_totals_stay(tmp_path: Path, way: str) -> None:
    one = load(tmp_path, 1, extra="net")
    load(tmp_path, 2)
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + "9,water,s1,2026-01-05T10:00:00Z,,,3\n")
    services.load_file(bad)
    bill(BILLED[0])
    if way != "alone":
        pack.compact()
    if way == "archived":
        archive.archive(one.pk)
    sums, lines = whole(), charged("usage")
    account = Subscription.objects.get(code="s1").account
    theirs = list(Subscription.objects.filter(account=account).values_list("pk", flat=True))
    records, batches = erase.concerned([account.pk])
    assert (records > 0, batches) == (True, 2)
    count = erase.erase([account.pk])
    assert count > 0
    assert (whole(), charged("usage")) == (sums, lines)
    if way == "archived":
        archive.restore(one.pk)
    rows = live().rated(theirs)
    assert set(rows["price_id"].to_list()) <= set(folders.measured_prices())
    for path in files.folder("usage").iterdir():
        if path.name in set(Retired.objects.values_list("path", flat=True)):
            continue
        for file in path.glob("rated-*.parquet"):
            left = pl.read_parquet(file).filter(pl.col("account_id") == account.pk)
            assert set(left["price_id"].to_list()) <= set(folders.measured_prices())
    (reject,) = Reject.objects.all()
    assert (reject.record, reject.detail, reject.state) == ({}, "erased", "discarded")
    bill(BILLED[0])
    assert charged("usage") == lines
    rework(WHOLE)
    subscriptions.change("s1", "large", datetime(2026, 1, 7, tzinfo=UTC), when="now")
    assert Total.objects.filter(account_id=account.pk, events__lt=0).count() == 0


def test_the_commands(tmp_path: Path) -> None:
    one = load(tmp_path, 1)
    load(tmp_path, 2)
    runner = CliRunner()

    def ran(*words: str) -> str:
        done = runner.invoke(app, ["usage", *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert '"packs": 1' in ran("compact", "--json")
    assert "is archived" in ran("archive", str(one.pk), "--to", str(tmp_path / "away"))
    assert "are back" in ran("restore", str(one.pk))
    account = Subscription.objects.get(code="s1").account
    assert "--commit erases them" in ran("erase", "--account", account.code)
    assert "are erased" in ran("erase", "--account", account.code, "--commit")
    assert "for ever" in ran("retention", "files", "--for-ever")


MEASURED = """
currency: EUR
timezone: Europe/Rome
meters:
  peak: {aggregation: max, value: kw}
  users: {aggregation: unique, value: user}
plans:
  grid:
    prices:
      peak: {kind: usage, meter: peak, model: per_unit, unit_amount: "2"}
      users: {kind: usage, meter: users, model: per_unit, unit_amount: "3"}
"""


@pytest.mark.parametrize("way", ["archive", "erase", "person"])
def test_what_bills_measure_record_by_record_stays(tmp_path: Path, way: str) -> None:
    """A late record lets the period be measured anew, after its other records are gone."""
    path = tmp_path / "grid.yaml"
    path.write_text(MEASURED)
    catalog.apply(catalogues.parse(path))
    account = create_account(code="grid", currency="EUR", timezone="Europe/Rome")
    subscriptions.subscribe(account_id=account.pk, plan="grid", code="g1", at=FIRST)
    header = "id,meter,subscription,start,kw,user\n"
    path = tmp_path / "u.csv"
    path.write_text(
        header + "".join(f"p{n},peak,g1,2026-01-0{n}T10:00:00Z,{n},\n" for n in (1, 4, 2))
        + "".join(f"u{n},users,g1,2026-01-0{n}T10:00:00Z,,{n % 2}\n" for n in (1, 2, 3))
    )  # fmt: skip
    batch = services.load_file(path)
    bill(BILLED[0])
    before = charged("usage")
    match way:
        case "archive":
            archive.archive(batch.pk)
        case "erase":
            archive.let_go(batch.pk)
        case _:
            assert erase.erase([account.pk]) == 6
    late = tmp_path / "late.csv"
    late.write_text(header + "p9,peak,g1,2026-01-09T10:00:00Z,3,\n")
    services.load_file(late)
    bill(BILLED[0])
    assert charged("usage") == before
    assert rework(WHOLE).changed == 0
    if way == "person":
        stored = live().records(live().rated().select("batch_id", "line").unique())
        gone = stored.filter(pl.col("batch_id") == batch.pk)
        assert gone["id"].str.starts_with("erased-").all()
        users = gone.filter(pl.col("meter") == "users")["property:user"].to_list()
        assert users[0] == users[2] != users[1]
        assert all(re.fullmatch("erased-[0-9a-f]{24}", one) for one in users)
        assert "identifier" not in gone.drop_nulls().columns or gone["identifier"].null_count()
