"""What-if on pages: asked, watched, reported, taken along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from console.conftest import axe
from console.test_drafts import file
from django.test import Client
from django.urls import reverse
from insight.operator import CATALOGUE, RAISED, changed, set_up
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.catalog import drafts
from meterline.catalog.drafts import Kept
from meterline.insight import what_ifs
from meterline.insight.models import WhatIf

pytestmark = pytest.mark.django_db
NEW = "/insight/what-ifs/new/"


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_from_the_draft_to_the_report(
    clerk: Callable[[str], Client], tmp_path: Path, home: Path
) -> None:
    set_up(tmp_path, CATALOGUE, ended=True)
    text = changed(*RAISED)
    draft = drafts.create("c.yaml", [Kept(path="c.yaml", content=text.encode())])
    product = clerk("product")
    where = reverse("authoring.draft", args=[draft.pk])
    assert f"{NEW}?draft={draft.pk}" in body(product.get(where))
    answer = product.post(NEW, {"draft": draft.pk, "months": "1", "region": "IT, DE"})
    one = WhatIf.objects.get()
    assert one.segment == ["region=IT", "region=DE"]
    assert answer["Location"] == reverse("authoring.what_if", args=[one.pk])
    waiting = body(product.get(answer["Location"]))
    assert "<live-progress" in waiting
    assert "Waiting for a worker" in waiting
    what_ifs.run(one.pk)
    told = body(product.get(answer["Location"]))
    for words in ("Pay more", "Pay less", "Accounts by the change", "The ten largest"):
        assert words in told
    assert "explained-sum" in told
    assert "the last month" in body(product.get(where))
    assert "c.yaml" in body(product.get("/insight/what-ifs/"))
    csv = b"".join(product.get(f"{answer['Location']}bills/")).decode()
    assert csv.splitlines()[0].startswith("account,currency,net_now")
    assert len(csv.splitlines()) == 3


def test_a_file_is_asked_about(clerk: Callable[[str], Client], home: Path) -> None:
    product = clerk("product")
    product.post(NEW, {"catalogue": file("c.yaml", CATALOGUE), "months": "3"})
    one = WhatIf.objects.get()
    assert (one.name, one.draft, one.months) == ("c.yaml", None, 3)
    assert [row.path for row in one.files.all()] == ["c.yaml"]


def test_faults_are_told(clerk: Callable[[str], Client], home: Path) -> None:
    product = clerk("product")
    assert "Choose a draft, or give a catalogue file" in body(product.post(NEW, {"months": "1"}))
    bad = {"catalogue": file("c.yaml", "currency: XXXX"), "months": "1"}
    assert "currency" in body(product.post(NEW, bad))
    assert WhatIf.objects.count() == 0


def test_who_may(clerk: Callable[[str], Client], home: Path) -> None:
    draft = drafts.create("c.yaml", [Kept(path="c.yaml", content=CATALOGUE.encode())])
    one = what_ifs.ask_draft(draft, months=1, segment=[])
    support, auditor = clerk("support"), clerk("auditor")
    assert support.get(f"/insight/what-ifs/{one.pk}/").status_code == 200
    assert support.post(NEW, {"draft": draft.pk, "months": "1"}).status_code == 403
    what_ifs.run(one.pk)
    assert support.get(f"/insight/what-ifs/{one.pk}/bills/").status_code == 403
    assert auditor.get(f"/insight/what-ifs/{one.pk}/bills/").status_code == 200


def test_an_interrupted_one_can_begin_anew(clerk: Callable[[str], Client], home: Path) -> None:
    draft = drafts.create("c.yaml", [Kept(path="c.yaml", content=CATALOGUE.encode())])
    one = what_ifs.ask_draft(draft, months=1, segment=[])
    ProcrastinateJob.objects.all()._raw_delete("default")
    product = clerk("product")
    assert "It was interrupted" in body(product.get(f"/insight/what-ifs/{one.pk}/"))
    product.post(f"/insight/what-ifs/{one.pk}/again/")
    assert "It was interrupted" not in body(product.get(f"/insight/what-ifs/{one.pk}/"))


@pytest.mark.slow
def test_in_a_browser_it_is_followed_live(browser_page: Callable[..., Any]) -> None:
    """From an edited price to the report, without asking anew; the stream is by events."""
    page = browser_page("/catalog/plans/power-time/change/?price=energy")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.resource_type)
            if one.url.endswith("/progress/") else None)  # fmt: skip
    page.locator("input[name='rates.0.unit_amount']").fill("0.1234")
    with page.expect_navigation():
        page.locator("button.button[value=save]").click()
    with page.expect_navigation():
        page.get_by_text("Ask what if").click()
    with page.expect_navigation():
        page.get_by_text("Work it out").click()
    page.wait_for_selector(".figure", timeout=90_000)
    assert set(asked) == {"eventsource"}
    assert axe(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert axe(page) == []
