"""First steps, the tour, feedback, help in Ctrl-K, and the demo company reset for training."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from console.conftest import Product, axe
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from meterline.console import training
from meterline.console.tour import TOUR
from meterline.demo import restore
from meterline.demo.errors import NotASandbox, NotOnlyDemoData
from meterline.platform.embedded import stop
from meterline.platform.models import AuditEntry
from meterline.web.models import Feedback, PutAway

Clerk = Callable[[str], Client]
PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def give(client: Client, **given: object) -> int:
    """The status of a feedback given on the page of customers."""
    body = {"page": "/customers/", "text": "The list is slow.", **given}
    return client.post(reverse("console.feedback_give"), body).status_code


def picture(content: bytes = PICTURE) -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile("page.png", content, content_type="image/png")


def test_first_steps_tick_themselves_and_are_put_away(clerk: Clerk) -> None:
    from meterline.customers import services

    client = clerk("admin")
    assert "0 / 7" in client.get("/").content.decode()
    services.create_seller(code="ACME", name="Acme", country="IT")
    assert "1 / 7" in client.get("/").content.decode()
    client.post(reverse("console.put_away", args=["checklist"]))
    assert "1 / 7" not in client.get("/").content.decode()
    assert "1 / 7" in clerk("billing").get("/").content.decode()  # each for themselves


def test_the_tour_is_offered_once(clerk: Clerk) -> None:
    client = clerk("admin")
    assert "data-tour-offer" in client.get("/").content.decode()
    answer = client.post(reverse("console.put_away", args=["tour"]), {"quiet": "1"})
    assert answer.status_code == 204
    page = client.get("/").content.decode()
    assert "data-tour-offer" not in page
    assert page.count("data-step") == len(TOUR)
    assert "data-starts" in client.get("/?tour=1").content.decode()
    assert client.post(reverse("console.put_away", args=["taxes"])).status_code == 404
    assert list(PutAway.objects.values_list("what", flat=True)) == ["tour"]


def test_feedback_lands_as_a_record(clerk: Clerk) -> None:
    assert give(clerk("support")) == 303
    one = Feedback.objects.get()
    assert (one.page, one.given_by, one.state) == (
        "/customers/", "user:support@example.com", "new",
    )  # fmt: skip
    admin = clerk("admin")
    assert "The list is slow." in admin.get("/settings/feedback/?state=new").content.decode()
    url = reverse("console.feedback", args=[one.pk])
    assert admin.post(url, {"state": "done", "note": "An index."}).status_code == 303
    one.refresh_from_db()
    assert (one.state, one.note) == ("done", "An index.")
    assert AuditEntry.objects.filter(action="feedback.settled").exists()


def test_a_picture_needs_consent_and_is_one(clerk: Clerk) -> None:
    client = clerk("support")
    assert give(client, picture=picture()) == 422
    assert give(client, picture=picture(b"<svg onload=1>"), consent="1") == 422
    assert Feedback.objects.count() == 0
    assert give(client, picture=picture(), consent="1") == 303
    url = reverse("console.feedback_picture", args=[Feedback.objects.get().pk])
    assert client.get(url).status_code == 403
    answer = clerk("admin").get(url)
    assert (answer["Content-Type"], answer.content) == ("image/png", PICTURE)
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_help_is_found_by_what_it_says(clerk: Clerk) -> None:
    client = clerk("support")
    assert "Bill runs" in client.get("/palette/?q=bill run").content.decode()
    topic = client.get("/help/console-home/").content.decode()
    assert 'action="/help/"' in topic
    assert "?tour=1" in topic


@pytest.mark.django_db
def test_only_a_sandbox_can_be_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METERLINE_SANDBOX", raising=False)
    with pytest.raises(NotASandbox):
        restore.check()


def test_nothing_but_the_demo_is_reset(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    from meterline.customers import services

    monkeypatch.setenv("METERLINE_SANDBOX", "a test")
    services.create_seller(code="REAL", name="A real company", country="IT")
    services.create_customer(code="C1", name="Somebody")
    services.create_account(
        code="A1", customer="C1", seller="REAL", currency="EUR", timezone="Europe/Rome"
    )
    with pytest.raises(NotOnlyDemoData):
        restore.check()
    answer = clerk("admin").post(reverse("console.training_reset"), {"confirm": "1"})
    assert answer.status_code == 422
    assert clerk("support").post(reverse("console.training_reset")).status_code == 403
    assert training.progress() is None


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Product]:
    """A demo company of six customers in a data folder of its own."""
    made = Product(tmp_path)
    made.environment["METERLINE_SANDBOX"] = "a test"
    made.run("demo", "--customers", "6", "--months", "1")
    yield made
    stop(tmp_path / "postgresql")


def test_a_reset_lives_the_demo_anew_and_keeps_who_signs_in(sandbox: Product) -> None:
    before = sandbox.run("invoice", "list", "--json")
    sandbox.run("user", "add", "trainee@example.com", "--role", "admin")
    sandbox.run("customer", "create", "PLAY", "--name", "Played With")
    assert "Played With" in sandbox.run("customer", "list")
    assert sandbox.run("demo", "--restore").count(" joined ") == 1
    assert "Played With" not in sandbox.run("customer", "list")
    assert sandbox.run("invoice", "list", "--json") == before
    assert "trainee@example.com" in sandbox.run("user", "list")
    assert "bad" not in sandbox.run("doctor")


def test_the_job_says_how_far_it_is(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a reset that breaks off it keeps what was said last."""
    monkeypatch.setenv("METERLINE_SANDBOX", "a test")
    monkeypatch.setenv("METERLINE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(subprocess.CalledProcessError):
        training.work()
    told = training.progress()
    assert told is not None
    assert (told.done, told.total, told.running) == (0, 1, False)
    assert told.failed


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tour_is_led_by_keyboard_and_left_by_escape(
    browser_page: Callable[..., Any], theme: str
) -> None:
    role = "billing" if theme == "light" else "support"
    page = browser_page("/", role=role, theme=theme)
    page.locator("[data-tour]").focus()
    page.keyboard.press("Enter")
    assert page.locator("[data-step]:visible h2").inner_text() == "Welcome"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator("[data-step]:visible h2").inner_text() == "Find anything"
    assert page.locator(".finder.toured").count() == 1
    assert axe(page) == []
    with page.expect_response("**/put-away/tour/"):
        page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.locator(".toured").count() == 0
    page.reload()
    assert page.locator("[data-tour-offer]").count() == 0


@pytest.mark.parametrize("width", [360, 1440])
def test_feedback_is_given_by_a_dialog(browser_page: Callable[..., Any], width: int) -> None:
    page = browser_page("/customers/", role="finance", width=width)
    if width == 360:
        page.click(".account-menu summary")
    page.click("[data-opens=feedback]:visible")
    assert not page.locator("#feedback-consent").is_visible()
    file = {"name": "page.png", "mimeType": "image/png", "buffer": PICTURE}
    page.set_input_files("#feedback-picture", file)
    assert page.locator("#feedback-consent").is_visible()
    assert axe(page) == []
    page.fill("#feedback-text", "The list is slow.")
    page.check("#feedback-consent")
    page.click("#feedback .primary")
    assert page.url.endswith("/customers/")
    assert "Somebody will read it" in page.locator(".toast").inner_text()
