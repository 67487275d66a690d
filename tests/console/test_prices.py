"""Prices of a plan edited on a page, kept as drafts that replace each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from console.conftest import axe
from console.test_drafts import CATALOGUE, second, upload
from django.test import Client
from django.urls import reverse

from meterline.authoring import editor
from meterline.authoring.editor import of_plan
from meterline.catalog.files import parse
from meterline.catalog.models import Draft, PlanVersion
from meterline.catalog.services import apply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
IN_FORCE = """\
currency: EUR
meters:
  api: {aggregation: sum, value: calls}
  spare: {aggregation: count}
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
rate_cards: {world: {key: {field: to}, file: rates.csv}}
plans:
  a:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      api: {kind: usage, meter: api, model: graduated,
            tiers: [{up_to: 10, unit_amount: 0}, {unit_amount: "0.5"}]}
      calls: {kind: usage, meter: spare, model: rate_card, card: world}
"""
TIERS = {
    "kind": "usage", "model": "graduated", "meter": "api", "count:tiers": "2",
    "tiers.0.up_to": "10", "tiers.0.unit_amount": "0", "tiers.1.unit_amount": "0.5",
}  # fmt: skip


@pytest.fixture
def published(home: Path) -> PlanVersion:
    (home / "c.yaml").write_text(IN_FORCE)
    (home / "rates.csv").write_text("key,step1_price\n39,0.1\n")
    apply(parse(home / "c.yaml"))
    return PlanVersion.objects.get()


def catalogue_of(draft: Draft) -> str:
    return editor.of_draft(draft).text


def draft_url(draft: Draft, price: str = "") -> str:
    query = f"?plan=a&price={price}" if price else "?plan=a"
    return reverse("authoring.draft_price", args=[draft.pk]) + query


def test_a_price_in_force_becomes_a_draft(
    clerk: Callable[[str], Client], published: PlanVersion
) -> None:
    author = clerk("product")
    where = reverse("authoring.plan_price", args=["a"]) + "?price=api"
    assert 'value="0.5"' in author.get(where).content.decode()
    sent = {**TIERS, "tiers.1.unit_amount": "0.45", "note": "cheaper"}
    shown = author.post(where, {**sent, "do": "check"}).content.decode()
    assert "Each unit at the price of its own tier" in shown
    assert "tiers.1.unit_amount" in shown
    assert Draft.objects.count() == 0
    answer = author.post(where, {**sent, "do": "save"})
    draft = Draft.objects.get()
    assert answer["Location"] == reverse("authoring.draft", args=[draft.pk])
    assert (draft.note, draft.author) == ("cheaper", "user:product@example.com")
    with editor.drafts.opened(draft) as (catalogue, _):
        assert catalogue.data["plans"]["a"]["prices"]["api"]["tiers"][1] == {"unit_amount": "0.45"}
        assert set(catalogue.data["meters"]) == {"api", "spare"}
    page = author.get(answer["Location"]).content.decode()
    assert "prices.api.tiers.1.unit_amount" in page


def test_an_edited_draft_replaces_the_one_before(
    clerk: Callable[[str], Client], published: PlanVersion
) -> None:
    author = clerk("product")
    where = reverse("authoring.plan_price", args=["a"])
    author.post(where, {"kind": "one_time", "model": "flat", "code": "setup", "amount": "5",
                        "do": "save"})  # fmt: skip
    first = Draft.objects.get()
    other = second("product")
    sent = {"kind": "recurring", "model": "flat", "amount": "8.90", "do": "save"}
    other.post(draft_url(first, "base"), sent)
    first.refresh_from_db()
    newest = Draft.objects.latest("pk")
    assert (first.state, newest.replaces_id, newest.state) == ("withdrawn", first.pk, "draft")
    assert "setup" in catalogue_of(newest)
    assert f"draft {newest.pk}" in other.get(f"/catalog/drafts/{first.pk}/").content.decode()
    assert other.post(draft_url(first, "base"), sent).status_code == 404
    for client in (author, other):  # both had a hand in it
        refused = client.post(
            reverse("authoring.draft_approve", args=[newest.pk]),
            {"effective": "2030-01-01", "confirm": "1"},
        )
        assert refused.status_code == 422
        assert "cannot approve it too" in refused.content.decode()


def test_the_rest_of_the_file_stays(clerk: Callable[[str], Client]) -> None:
    author = clerk("product")
    text = CATALOGUE.replace("base: {", "base:  {").replace("plans:", "# the plans\nplans:")
    upload(author, text)
    sent = {"kind": "recurring", "model": "flat", "amount": "7.90", "do": "save"}
    author.post(draft_url(Draft.objects.get(), "base"), sent)
    assert catalogue_of(Draft.objects.latest("pk")) == text.replace("9.90", "7.90")
    assert Draft.objects.latest("pk").files.filter(path="decks/rates.csv").exists()


def test_faults_stand_beside_their_fields(
    clerk: Callable[[str], Client], published: PlanVersion
) -> None:
    author = clerk("product")
    where = reverse("authoring.plan_price", args=["a"]) + "?price=api"
    sent = {**TIERS, "tiers.0.up_to": "ten", "tiers.1.unit_amount": "0,5", "do": "save"}
    shown = author.post(where, sent).content.decode()
    assert 'id="e-tiers.0.up_to"' in shown
    assert 'id="e-tiers.1.unit_amount"' in shown
    assert 'value="0,5"' in shown
    shown = author.post(where, {**TIERS, "meter": "", "do": "check"}).content.decode()
    assert "a usage price needs a" in shown
    assert Draft.objects.count() == 0
    new = reverse("authoring.plan_price", args=["a"])
    flat = {"kind": "recurring", "model": "flat", "amount": "1", "do": "save"}
    assert "by which code" in author.post(new, flat).content.decode()
    assert "of this code already" in author.post(new, {**flat, "code": "base"}).content.decode()


def test_rows_without_a_script(clerk: Callable[[str], Client], published: PlanVersion) -> None:
    author = clerk("product")
    where = reverse("authoring.plan_price", args=["a"]) + "?price=api"
    shown = author.post(where, {**TIERS, "do": "add:tiers"}).content.decode()
    assert 'name="count:tiers" value="3"' in shown
    assert shown.split("<main")[1].split("</main>")[0].count(" autofocus") == 1
    shown = author.post(where, {**TIERS, "do": "remove:tiers.0"}).content.decode()
    assert 'name="count:tiers" value="1"' in shown
    assert author.post(where, {**TIERS, "do": "add:nothing"}).status_code == 404
    assert author.post(where, {**TIERS, "do": "remove:tiers.x"}).status_code == 404


def test_a_price_is_removed(clerk: Callable[[str], Client], published: PlanVersion) -> None:
    author = clerk("product")
    author.post(reverse("authoring.plan_price", args=["a"]) + "?price=calls",
                {"kind": "usage", "model": "rate_card", "do": "delete"})  # fmt: skip
    assert "card: world" not in catalogue_of(Draft.objects.get())


def test_an_export_of_a_plan_says_the_same(published: PlanVersion, tmp_path: Path) -> None:
    """But for the day from which it holds: a change of a price is not to hold from long ago."""
    published.effective = date(2020, 1, 1)
    base = of_plan(published)
    assert "effective" not in base.text
    for one in base.files:
        (tmp_path / one.path).write_bytes(one.content)
    assert all(one.unchanged for one in editor.drafts.diff(parse(tmp_path / base.name)))


def test_only_who_may_edit(clerk: Callable[[str], Client], published: PlanVersion) -> None:
    assert clerk("support").get(reverse("authoring.plan_price", args=["a"])).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_in_a_browser(browser_page: Callable[..., Any], theme: str, width: int) -> None:
    page = browser_page("/catalog/plans/power-steps/change/?price=energy", theme=theme, width=width)
    assert axe(page) == []
    rows = page.locator("input[name='count:tiers']").input_value()
    page.locator("button[value='add:tiers']").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("input[name='count:tiers']").input_value() == str(int(rows) + 1)
    assert page.evaluate("document.activeElement.name").endswith(".up_to")
    with page.expect_navigation():
        page.keyboard.press("Enter")  # checks
    assert page.locator(".error").count() >= 1
    assert axe(page) == []
