"""Sources of usage on pages, a trial of a file, and rejects as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from console.test_usage import given, post, text, world
from django.test import Client
from django.urls import reverse

from meterline.usage import jobs
from meterline.usage.models import Batch, Gap, Reject, Source, Stream, Upload
from meterline.usage.sources import set_source

Clerk = Callable[[str], Client]
__all__ = ["world"]


def test_a_file_is_tried_then_loaded(world: None, clerk: Clerk, home: Path) -> None:
    client, before = clerk("billing"), Batch.objects.count()
    one = given(client, trial="1")
    assert (one.state, Batch.objects.count(), Reject.objects.count()) == ("tried", before, 0)
    assert one.figures["records"] == 4
    assert [one.figures[name] for name in ("rated", "rejected", "duplicates")] == [1, 2, 1]
    page = text(client, "usage.upload", one.pk)
    assert "Load it" in page
    assert "Download the rejects" in page
    refused = b"".join(client.get(reverse("usage.upload_refused", args=[one.pk]))).decode()
    assert "s9" in refused
    assert refused.splitlines()[0].startswith("reject,file,line,reason,detail,")
    post(client, "usage.upload_load", one.pk)
    jobs.load_upload(one.pk, "user:somebody")
    one.refresh_from_db()
    assert (one.state, one.batch.rated) == ("loaded", 1)
    again = given(client, trial="1")
    assert again.figures["batch"] == one.batch.pk
    assert "loaded already" in text(client, "usage.upload", again.pk)
    post(client, "usage.upload_drop", again.pk)
    assert not Upload.objects.filter(pk=again.pk).exists()
    assert list((home / "uploads").iterdir()) == []
    file = client.get(reverse("usage.batch_rejects", args=[one.batch.pk])).content.decode()
    assert file.count("\n") == 3
    assert clerk("support").get(reverse("usage.batch_rejects", args=[1])).status_code == 403


def test_what_is_missing_of_a_source_is_shown(world: None, clerk: Clerk, home: Path) -> None:
    one = given(clerk("billing"), source="exchange")
    source = Source.objects.get(code="exchange")
    assert one.batch.file_name in text(clerk("read-only"), "usage.source", source.pk)
    stream = Stream.objects.create(source=source, name="north", expected=12)
    Gap.objects.create(stream=stream, first=8, last=9, noticed_at="2026-02-01T00:00:00Z")
    assert "north 8-9" in text(clerk("read-only"), "usage.source_list")
    assert "8-9" in text(clerk("read-only"), "usage.source", source.pk)


def test_how_a_source_is_read_is_said_by_an_administrator(
    world: None, clerk: Clerk, home: Path, tmp_path: Path
) -> None:
    data = {"code": "exchange", "folder": str(tmp_path), "format": "csv", "mapping": "",
            "settle": "9"}  # fmt: skip
    assert post(clerk("billing"), "usage.source_new", **data).status_code == 403
    assert post(clerk("admin"), "usage.source_new", **data).status_code == 303
    made = Source.objects.get(code="exchange")
    assert (made.folder, made.format, made.settle_seconds) == (str(tmp_path), "csv", 9)
    wrong = post(clerk("admin"), "usage.source_edit", made.pk, **(data | {"folder": "/no/such"}))
    assert "There is no folder" in wrong.content.decode()
    post(clerk("admin"), "usage.source_edit", made.pk, **(data | {"folder": ""}))
    made.refresh_from_db()
    assert made.folder == ""


@pytest.mark.parametrize("name", ["a/b", "Ö x"])
def test_any_name_of_a_source_has_its_page(world: None, clerk: Clerk, name: str) -> None:
    made = set_source(name, folder=None, format=None, mapping=None, settle=5)
    assert name in text(clerk("read-only"), "usage.source", made.pk)
