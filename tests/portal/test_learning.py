"""The portal's tour and feedback: the same element and the same record as in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from console.conftest import axe
from console.test_learning import give
from django.test import Client
from django.urls import reverse

from meterline.invoices.models import Invoice
from meterline.portal.tour import TOUR
from meterline.web.models import Feedback, PutAway

Customer = Callable[[str], Client]


def body(client: Client, where: str) -> str:
    return str(client.get(where).content.decode())


def test_the_tour_is_offered_once(billed: list[Invoice], customer: Customer) -> None:
    client = customer("a")
    page = body(client, "/portal/")
    assert "data-tour-offer" in page
    assert page.count("data-step") == len(TOUR)
    answer = client.post(reverse("console.put_away", args=["tour"]))
    assert (answer.status_code, answer["Location"]) == (303, "/portal/")
    assert "data-tour-offer" not in body(client, "/portal/")
    assert "data-starts" in body(client, "/portal/?tour=1")
    assert PutAway.objects.get().what == "tour"
    assert "/portal/?tour=1" in body(client, "/help/portal-home/")


def test_whoever_looks_as_a_customer_is_led_nowhere(
    billed: list[Invoice], clerk: Callable[[str], Client]
) -> None:
    client = clerk("support")
    client.post(reverse("console.impersonate", args=["a"]), {"reason": "ticket 7"})
    page = body(client, "/portal/?tour=1")
    assert "guided-tour" not in page
    assert "feedback_give" not in page
    assert reverse("console.feedback_give") not in page


def test_feedback_lands_as_a_record(
    billed: list[Invoice], customer: Customer, clerk: Callable[[str], Client]
) -> None:
    client = customer("a")
    assert reverse("console.feedback_give") in body(client, "/portal/bills/")
    assert give(client, page="/portal/bills/", text="Too long.") == 303
    one = Feedback.objects.get()
    assert (one.page, one.given_by) == ("/portal/bills/", "user:a@example.com")
    assert client.get(reverse("console.feedback", args=[one.pk])).status_code == 403
    told = body(clerk("admin"), "/settings/feedback/")
    assert "Too long." in told
    assert "a@example.com" in told


def test_help_is_about_the_portal(
    billed: list[Invoice], customer: Customer, clerk: Callable[[str], Client]
) -> None:
    mine, theirs = body(customer("a"), "/help/"), body(clerk("support"), "/help/")
    for topic, portal in (("portal-bill", True), ("billing-runs", False), ("own-account", None)):
        url = reverse("console.help_topic", args=[topic])
        assert (url in mine) is (portal is not False)
        assert (url in theirs) is (portal is not True)


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1440])
def test_the_tour_is_led_by_keyboard_and_feedback_given(
    browser_page: Callable[..., Any], signed_in: str, width: int
) -> None:
    page = browser_page("/portal/?tour=1", role=signed_in, width=width, theme="dark")
    shown = page.locator("[data-step]:visible h2")
    assert shown.inner_text() == "Welcome"
    seen = []
    while page.locator("[data-next]").inner_text() != "Done":
        page.keyboard.press("Enter")
        seen.append(shown.inner_text())
        assert axe(page) == []
    assert seen[0] == "What you owe"
    assert "Usage, bills, services" in seen
    with page.expect_response("**/put-away/tour/"):
        page.keyboard.press("Escape")
    page.focus(".portal-foot [data-opens=feedback]")
    page.keyboard.press("Enter")
    page.keyboard.type("The tour was short enough.")
    assert axe(page) == []
    page.focus("#feedback .primary")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Somebody will read it" in page.locator(".toast").inner_text()
