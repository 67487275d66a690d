"""A tariff on pages from file to publication: by two people, with its scenarios played."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console.conftest import BACKEND
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.access import services as access
from meterline.authoring.jobs import PLAY
from meterline.catalog import drafts
from meterline.catalog.models import Draft, PlanVersion, Trial

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
CATALOGUE = """\
currency: EUR
meters: {calls: {aggregation: count}}
rate_cards: {world: {key: {field: to}, file: decks/rates.csv}}
plans:
  a:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
"""
SCENARIO = """\
scenario: a month
catalog: c.yaml
accounts: {A: {}}
steps:
  - {at: 2024-01-01, do: subscribe, account: A, plan: a, as: s}
  - {at: 2024-01-01, do: bill, expect: [{account: A, total: "9.90"}]}
"""
DECK = "key,step1_price\n39,0.1\n"
HELD = [{"file": "m.yaml", "scenario": "a month", "passed": True, "differences": []}]


def file(name: str, text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def upload(client: Client, text: str = CATALOGUE, *, scenarios: bool = False) -> str:
    given = {"catalogue": file("c.yaml", text), "others": [file("rates.csv", DECK)],
             "note": "dearer"}  # fmt: skip
    if scenarios:
        given["scenarios"] = [file("m.yaml", SCENARIO)]
    return client.post(reverse("authoring.draft_new"), given, follow=True).content.decode()


def second(role: str) -> Client:
    client = Client()
    email = "second@example.com"
    client.force_login(access.add_user(email, name="Second", roles=[role]), backend=BACKEND)
    return client


def press(client: Client, act: str, **data: str) -> str:
    """An act with its dry run; gives the page of the dry run."""
    url = reverse(f"authoring.draft_{act}", args=[Draft.objects.get().pk])
    shown = client.post(url, data)
    answer = client.post(url, {**data, "confirm": "1"})
    assert answer.status_code == 303
    return shown.content.decode()


def test_from_file_to_publication(clerk: Callable[[str], Client]) -> None:
    author = clerk("product")
    made = upload(author)
    assert "dearer" in made
    assert "somebody else has to approve it" in made
    draft = Draft.objects.get()
    assert (draft.author, draft.state) == ("user:product@example.com", "draft")
    assert {one.path for one in draft.files.all()} == {"c.yaml", "decks/rates.csv"}
    author.post(reverse("authoring.draft_review", args=[draft.pk]))
    refused = author.post(
        reverse("authoring.draft_approve", args=[draft.pk]),
        {"effective": "2030-01-01", "confirm": "1"},
    )
    assert refused.status_code == 422
    assert "cannot approve it too" in refused.content.decode()
    other = second("product")
    shown = press(other, "approve", effective="2030-01-01")
    assert "Approve 3 changes from 1 Jan 2030" in shown.replace("Jan 1, 2030", "1 Jan 2030")
    assert PlanVersion.objects.count() == 0
    shown = press(other, "publish")
    assert "Publish 3 changes" in shown
    version = PlanVersion.objects.get()
    assert (version.plan_code, str(version.effective)) == ("a", "2030-01-01")
    draft.refresh_from_db()
    assert (draft.state, draft.approved_by) == ("published", "user:second@example.com")


def test_scenarios_are_played_by_a_job_and_have_to_hold(clerk: Callable[[str], Client]) -> None:
    author, other = clerk("product"), second("product")
    upload(author, scenarios=True)
    draft = Draft.objects.get()
    approve = reverse("authoring.draft_approve", args=[draft.pk])
    asked = {"effective": "2030-01-01", "confirm": "1"}
    assert "have not been played" in other.post(approve, asked).content.decode()
    review = reverse("authoring.draft_review", args=[draft.pk])
    author.post(review)
    author.post(review)
    job = ProcrastinateJob.objects.get(task_name=PLAY)
    assert job.args == {"draft_id": draft.pk, "actor": "user:product@example.com"}
    where = reverse("authoring.draft", args=[draft.pk])
    assert "Playing 1 scenario file" in author.get(where).content.decode()
    progress = reverse("authoring.draft_progress", args=[draft.pk])
    assert "HX-Refresh" not in author.get(progress)
    ProcrastinateJob.objects.all()._raw_delete("default")
    assert author.get(progress)["HX-Refresh"] == "true"
    drafts.reviewed(draft, [{**HELD[0], "passed": False, "differences": ["another total"]}])
    assert "another total" in author.get(where).content.decode()
    assert "do not hold" in other.post(approve, asked).content.decode()
    drafts.reviewed(draft, HELD)
    assert other.post(approve, asked).status_code == 303
    assert Trial.objects.count() == 2


def test_faults_of_a_file_are_told_beside_it(clerk: Callable[[str], Client]) -> None:
    told = upload(clerk("product"), CATALOGUE.replace("flat", "flatt").replace("9.90", "x"))
    assert "plans.a.prices.base" in told
    assert "expected a price model" in told
    assert Draft.objects.count() == 0


def test_withdrawn_by_whoever_may_edit(clerk: Callable[[str], Client]) -> None:
    upload(clerk("product"))
    support = clerk("support")
    url = reverse("authoring.draft_withdraw", args=[Draft.objects.get().pk])
    assert support.post(url, {"confirm": "1"}).status_code == 403
    assert Draft.objects.get().state == "draft"
    press(clerk("product"), "withdraw")
    assert Draft.objects.get().state == "withdrawn"
