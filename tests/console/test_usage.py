"""Usage on pages: load, batches, backing out, rejects, records, taking one out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing.world import Used, bill, load, set_up, totals
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.billing import services as billing
from meterline.customers.services import account_by_code
from meterline.usage import jobs, services
from meterline.usage.models import Batch, Reject, Upload
from meterline.usage.pages import records

Clerk = Callable[[str], Client]
FILE = b"""id,meter,subscription,start,duration,quantity,mb
1,data,s1,2026-01-05T10:00:00Z,,,12
2,data,s9,2026-01-05T11:00:00Z,,,13
3,data,s8,2026-01-05T12:00:00Z,,,14
1,data,s1,2026-01-05T10:00:00Z,,,12
"""


@pytest.fixture
def world(db: None, home: Path) -> None:
    set_up()
    load([Used(number=100, subscription="s2", minute=600, meter="data", quantity=30)],
         date(2026, 2, 1))  # fmt: skip


def post(client: Client, name: str, *args: Any, **data: Any) -> Any:
    return client.post(reverse(name, args=args), data)


def text(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def given(client: Client, content: bytes = FILE, **more: Any) -> Upload:
    file = SimpleUploadedFile("../calls.csv", content)
    assert post(client, "usage.load", file=file, **more).status_code == 303
    job = ProcrastinateJob.objects.filter(task_name="meterline.usage.jobs.load_upload").latest("id")
    jobs.load_upload(**job.args)
    return Upload.objects.latest("id")


def test_a_file_is_loaded_and_its_counts_add_up(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    assert clerk("read-only").get(reverse("usage.load")).status_code == 403
    one = given(client)
    assert (one.state, one.file_name) == ("loaded", "calls.csv")
    assert list((home / "uploads").iterdir()) == []
    made = one.batch
    assert (made.records, made.rated, made.rejected, made.duplicates) == (4, 1, 2, 1)
    assert "Its batch" in text(client, "usage.upload", one.pk)
    page = text(client, "usage.batch", made.pk)
    assert f"?batch={made.pk}" in page
    assert "calls.csv" in text(client, "usage.batches")
    assert given(client).batch == made
    failed = given(client, b"\x00\x01")
    assert failed.state == "failed"
    assert "no format knows it" in text(client, "usage.upload", failed.pk)


def test_batches_are_found_by_their_format(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    given(client)
    assert "calls.csv" in text(client, "usage.batches", read_as="csv")
    assert "Nothing matches" in text(client, "usage.batches", read_as="jsonl")


def test_a_batch_is_backed_out_after_its_effect_was_seen(
    world: None, clerk: Clerk, home: Path
) -> None:
    client, batch, before = clerk("billing"), Batch.objects.get(), totals()
    assert post(clerk("support"), "usage.back_out", batch.pk).status_code == 403
    shown = post(client, "usage.back_out", batch.pk).content.decode()
    assert "Take out 1 charges" in shown
    assert (totals(), Batch.objects.count()) == (before, 1)
    answer = post(client, "usage.back_out", batch.pk, confirm="1")
    made = Batch.objects.latest("id")
    assert answer["Location"] == reverse("usage.batch", args=[made.pk])
    assert (made.corrects, totals()) == (batch, [])
    assert "Back out" not in text(client, "usage.batch", batch.pk)
    assert post(client, "usage.back_out", batch.pk, confirm="1").status_code == 422


def test_a_reject_is_mended_and_tried_again(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    given(client)
    first, second = Reject.objects.order_by("id")
    page = text(client, "usage.rejects")
    assert "unknown_identifier" in page
    form = {name: value or "" for name, value in first.record.items()} | {"subscription": "s2"}
    count, folders = Batch.objects.count(), sorted((home / "usage").iterdir())
    shown = client.post(reverse("usage.reject", args=[first.pk]), form).content.decode()
    assert "<dt>Will be rated</dt><dd>1</dd>" in shown
    assert (Batch.objects.count(), sorted((home / "usage").iterdir())) == (count, folders)
    client.post(reverse("usage.reject", args=[first.pk]), {**form, "confirm": "1"})
    first.refresh_from_db()
    assert (first.state, Batch.objects.latest("id").rated) == ("recycled", 1)
    assert clerk("read-only").post(reverse("usage.reject", args=[second.pk])).status_code == 403


def test_a_reject_is_told_as_people_read_it(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    given(client, b'{"meter":"data","identifier":"39021","start":"2026-01-05T10:00:00+01:00",'
                  b'"quantity":"1234.50","cells":[7,8],"home_zone":"north"}\n'
                  b'{"meter":"dat","subscription":"s1","start":"2026-01-05T10:00:00Z"}\n'
                  b'{"meter":"data",\n')  # fmt: skip
    one, unknown, broken = Reject.objects.order_by("line")
    page = text(client, "usage.reject", one.pk)
    for told in ("<dt>Meter</dt><dd>data", "<dt>Start</dt><dd>Jan 5, 2026, 9:00:00 AM UTC",
                 "<dt>Quantity</dt><dd>1,234.5<", "<dt>Cells</dt><dd>7, 8<",
                 "<dt>Home zone</dt><dd>north<", 'value="2026-01-05T10:00:00+01:00"'):  # fmt: skip
        assert told in page.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "nobody holds 39021" in page
    assert "the catalogue has no meter dat" in text(client, "usage.rejects")
    assert "the catalogue has no meter dat" in text(client, "usage.reject", unknown.pk)
    assert "<dt>As it came</dt>" in text(client, "usage.reject", broken.pk)
    Reject.objects.filter(pk=one.pk).update(record={}, detail="erased")
    assert "Nothing is left of it" in text(client, "usage.reject", one.pk)


def test_batches_that_no_file_made_are_told_in_words(world: None, clerk: Clerk, home: Path) -> None:
    client, batch = clerk("billing"), Batch.objects.get()
    given(client)
    services.recycle([one.pk for one in Reject.objects.all()])
    services.reverse("1")
    services.back_out(batch.pk)
    page = text(client, "usage.batches")
    for told in ("rejects tried again", "records taken out", "a batch taken back"):
        assert told in page
    for code in (">recycle<", ">reversal<", ">back-out<", ">rejects<"):
        assert code not in page
    made = Batch.objects.latest("id")
    assert f'<a href="{reverse("usage.batch", args=[batch.pk])}">{batch.pk}</a>' in text(
        client, "usage.batch", made.pk
    )
    for asked in ("back-out", "a batch taken back"):
        shown = text(client, "usage.batches", read_as=asked)
        assert "Format: a batch taken back" in shown
        assert "calls.csv" not in shown
    client.post("/language/", {"language": "de", "next": "/"})
    assert "ein zurückgenommener Stapel" in text(client, "usage.batch", made.pk)
    translation.activate("en")


def test_all_that_match_are_tried_again_or_discarded(world: None, clerk: Clerk, home: Path) -> None:
    client = clerk("billing")
    given(client)
    chosen = {"all": "1", "query": "state=open&reason=unknown_identifier"}
    shown = post(client, "usage.recycle", **chosen).content.decode()
    assert "Try 2 again" in shown
    assert "<dt>Refused again</dt><dd>2</dd>" in shown
    post(client, "usage.recycle", **chosen, confirm="1")
    assert Reject.objects.filter(state="recycled").count() == 2
    assert "Discard 2 rejects" in post(client, "usage.discard", **chosen).content.decode()
    assert Reject.objects.filter(state="open").count() == 2
    post(client, "usage.discard", **chosen, confirm="1")
    assert Reject.objects.filter(state="discarded").count() == 2
    assert post(clerk("support"), "usage.discard", **chosen).status_code == 403


def test_records_are_looked_up_and_explained(world: None, clerk: Clerk) -> None:
    client, batch = clerk("support"), Batch.objects.get()
    days = {"from": "2026-01-01", "to": "2026-01-31"}
    page = text(client, "usage.records", of="s2", **days)
    url = reverse("usage.record", args=[batch.pk, 1])
    assert url in page
    assert "0 EUR" in page
    assert url not in text(client, "usage.records", of="s2", **{**days, "from": "2026-01-20"})
    assert "No subscription has that code" in text(client, "usage.records", of="nobody", **days)
    assert "Whose records?" in text(client, "usage.records")
    one = text(client, "usage.record", batch.pk, 1)
    assert "r100" in one
    assert "The period is priced as a whole" in one
    assert "Take out" not in one
    assert client.get(reverse("usage.record", args=[batch.pk, 9])).status_code == 404


def test_records_are_paged(world: None, clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    load([Used(number=101, subscription="s2", minute=700, meter="data", quantity=5)],
         date(2026, 2, 1))  # fmt: skip
    monkeypatch.setattr(records, "MOST", 1)
    client, older, newer = clerk("support"), *Batch.objects.order_by("id")
    days = {"of": "s2", "from": "2026-01-01", "to": "2026-01-31"}
    urls = [reverse("usage.record", args=[batch.pk, 1]) for batch in (newer, older)]
    for number, (there, elsewhere) in enumerate([urls, urls[::-1]], start=1):
        page = text(client, "usage.records", page=number, **days)
        assert f"Page {number} of 2" in page
        assert there in page
        assert elsewhere not in page
    assert "page=2" in text(client, "usage.records", **days)
    assert "Page 1 of 2" in text(client, "usage.records", page="nonsense", **days)


def test_a_record_is_taken_out_and_the_next_bill_corrects_it(
    world: None, clerk: Clerk, home: Path
) -> None:
    client, batch = clerk("billing"), Batch.objects.get()
    bill(date(2026, 2, 1))
    account = account_by_code("a").pk
    before, folders = billing.preview(account), sorted((home / "usage").iterdir())
    assert post(clerk("support"), "billing.record_reverse", batch.pk, 1).status_code == 403
    shown = post(client, "billing.record_reverse", batch.pk, 1).content.decode()
    assert "It changes by" in shown
    assert billing.preview(account) == before
    assert sorted((home / "usage").iterdir()) == folders
    post(client, "billing.record_reverse", batch.pk, 1, confirm="1")
    (note,) = billing.preview(account)
    assert note.total == Decimal("-0.48")  # 30 MB at 0.013, and 22 %
    assert "\N{MINUS SIGN}0.48" in shown
    assert services.batch(Batch.objects.latest("id").pk).format == "reversal"
