"""The portal's pages: what is owed, usage that adds up, bills explained, changes, own data."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs, urlparse

import pytest
from billing.world import BILLED
from django.test import Client
from django.urls import reverse

from meterline.care import services as care
from meterline.care.models import Question
from meterline.customers import services as customers
from meterline.customers.models import Account, Consent
from meterline.invoices.models import Invoice, Line
from meterline.payments import services as payments
from meterline.portal import bill as bills
from meterline.portal.spread import parts
from meterline.subscriptions import store
from meterline.subscriptions.models import Subscription

pytestmark = pytest.mark.django_db
Customer = Callable[[str], Client]


def text(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return str(answer.content.decode().replace("\N{NO-BREAK SPACE}", " "))


def test_home_says_what_is_owed_and_what_comes(billed: list[Invoice], customer: Customer) -> None:
    client = customer("a")
    owed = sum(one.total for one in billed)
    page = text(client, "portal.home")
    assert f"{owed:.2f}" in page
    assert billed[-1].number in page
    payments.pay(billed[0].account_id, owed)
    assert "You owe nothing" in text(client, "portal.home")
    payments.pay(billed[0].account_id, Decimal(5))
    assert "You have credit with us" in text(client, "portal.home")
    assert "Your next bill so far" in text(client, "portal.so_far")


@pytest.mark.parametrize("every", ["1d", "1h"])
def test_usage_adds_up_to_the_bill_to_the_cent(billed: list[Invoice], every: str) -> None:
    account = billed[0].account
    for one in [*(bills.issued(invoice) for invoice in billed), bills.so_far(account)]:
        found = bills.pieces(one, every)  # type: ignore[arg-type]
        made = parts(one.lines, one.tax)
        usage = sum((piece.amount for piece in found), Decimal(0))
        assert usage == made.get("usage", Decimal(0))
        assert sum(made.values()) == one.total
        assert all(piece.at is not None for piece in found)
    assert sum(piece.amount for piece in bills.pieces(bills.issued(billed[0]), "1d")) > 0


def test_the_usage_page_shows_each_way(billed: list[Invoice], customer: Customer) -> None:
    client, one = customer("a"), billed[-1]
    for query in ({}, {"every": "hour"}, {"every": "month"}, {"show": "units"},
                  {"every": "hour", "day": "2026-03-05"},
                  {"every": "no", "show": "no", "day": "no"},
                  {"every": "month", "show": "units", "what": "data"}):  # fmt: skip
        page = text(client, "portal.usage", bill=one.pk, **query)
        assert "<chart-picture" in page or "Nothing used here" in page
    assert "How the bill follows" in text(client, "portal.usage", bill=one.pk)
    assert f"{one.total:.2f}" in text(client, "portal.usage", bill=one.pk)


def test_a_bill_is_explained_down_to_its_records(billed: list[Invoice], customer: Customer) -> None:
    client, one = customer("a"), billed[-1]
    page = text(client, "portal.bill", one.pk)
    for line in one.lines.all():
        assert line.name in page
    assert "Why it changed" in page
    assert "Why it changed" not in text(client, "portal.bill", billed[0].pk)
    line = one.lines.filter(kind="usage", price_code="data").first()
    assert line is not None
    records = text(client, "portal.records", one.pk, line.pk)
    assert "Mar" in records
    fixed = one.lines.exclude(kind="usage").first()
    assert fixed is not None
    assert client.get(reverse("portal.records", args=[one.pk, fixed.pk])).status_code == 404
    assert client.get(reverse("portal.pdf", args=[one.pk])).content.startswith(b"%PDF")
    assert one.number in text(client, "portal.bills")


def test_a_question_is_asked_and_answered(
    billed: list[Invoice], customer: Customer, clerk: Callable[[str], Client]
) -> None:
    client, one = customer("a"), billed[-1]
    line = one.lines.filter(kind="usage").first()
    assert line is not None
    url = f"{reverse('portal.ask', args=[one.pk])}?line={line.pk}"
    assert "field wrong" in client.post(url, {"text": "  "}).content.decode()
    assert client.post(url, {"text": "Why so much?"}).status_code == 303
    question = Question.objects.get()
    assert (question.line_id, question.asked_by) == (line.pk, "user:a@example.com")
    support = clerk("support")
    assert "Questions of customers" in support.get("/").content.decode()
    where = reverse("care.question", args=[question.pk])
    assert line.name in support.get(where).content.decode()
    assert clerk("auditor").post(where, {"answer": "Because."}).status_code == 403
    assert support.post(where, {"answer": "Because of 14 March."}).status_code == 303
    assert (
        "answered this question before" in support.post(where, {"answer": "No."}).content.decode()
    )
    assert "Because of 14 March." in text(client, "portal.bill", one.pk)
    with pytest.raises(Exception, match="no such line"):
        care.ask(question.customer, billed[0], "And this?", line=line.pk)


def test_a_plan_is_changed_after_its_effect_was_seen(
    billed: list[Invoice], customer: Customer
) -> None:
    client = customer("a")
    one = Subscription.objects.get(code="s1")
    page = text(client, "portal.service", one.pk)
    assert "Change the plan" in page
    url = reverse("portal.service_act", args=[one.pk, "plan"])
    asked = client.post(url, {"plan": "large"}).content.decode()
    assert "Difference" in asked
    assert len(store.load(one.pk).in_force) == 1
    assert "field wrong" in client.post(url, {"plan": "no-such-plan"}).content.decode()
    assert client.post(url, {"plan": "large", "confirm": "1"}).status_code == 303
    assert len(store.load(one.pk).in_force) == 2


def test_a_cancellation_waits_and_is_taken_back(billed: list[Invoice], customer: Customer) -> None:
    client, one = customer("a"), Subscription.objects.get(code="s1")
    url = reverse("portal.service_act", args=[one.pk, "cancel"])
    assert client.post(url, {"when": "now"}).status_code == 200  # at once is no choice of theirs
    assert client.post(url, {"when": "end_of_period", "confirm": "1"}).status_code == 303
    assert "Still to come" in text(client, "portal.service", one.pk)
    (waiting,) = [change for change in store.load(one.pk).in_force if change.kind == "cancel"]
    back = reverse("portal.take_back", args=[one.pk, waiting.number])
    assert "Take a change back" in client.post(back).content.decode()
    assert client.post(back, {"confirm": "1"}).status_code == 303
    assert "Still to come" not in text(client, "portal.service", one.pk)
    uncancel = reverse("portal.service_act", args=[one.pk, "uncancel"])
    assert client.get(uncancel).status_code == 404


def test_contacts_delivery_and_consents(billed: list[Invoice], customer: Customer) -> None:
    client, account = customer("a"), billed[0].account
    held = {"email": "ada@example.com", "phone": "1", "address": "Via 1", "language": "it"}
    assert client.post(reverse("portal.contacts"), held).status_code == 303
    account.customer.party.refresh_from_db()
    assert account.customer.party.email == "ada@example.com"
    assert client.post(reverse("portal.delivery"), {"delivery": "post"}).status_code == 303
    assert Account.objects.get(pk=account.pk).delivery == "post"
    assert "field wrong" in client.post(
        reverse("portal.delivery"), {"delivery": "pigeon"}).content.decode()  # fmt: skip
    consents = reverse("portal.consents")
    for _ in range(2):  # saying the same again is no news
        assert client.post(consents, {"offers_by_email": "on"}).status_code == 303
    assert Consent.objects.filter(given=True).count() == 1
    assert client.post(consents, {}).status_code == 303
    assert customers.consents(account.customer)["offers_by_email"].given is False
    assert "How bills reach me" in text(client, "portal.account")


def test_all_that_is_kept_comes_along(billed: list[Invoice], customer: Customer) -> None:
    answer = customer("a").get(reverse("portal.data"))
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    names = archive.namelist()
    assert {f"invoices/{one.number}.json" for one in billed} <= set(names)
    contracts = json.loads(archive.read("contracts.json"))
    assert {row["code"] for row in contracts["subscriptions"]} == {"s1", "s2"}
    usage = archive.read("usage.csv").decode()
    assert usage.count("\n") == 1 + 4 * len(BILLED)
    assert "s3" not in usage
    assert '"b"' not in archive.read("customer.json").decode()


def test_an_invitation_lets_in_once(
    billed: list[Invoice], mailoutbox: list[object], django_capture_on_commit_callbacks: object,
    clerk: Callable[[str], Client],
) -> None:  # fmt: skip
    staff = clerk("support")
    url = reverse("portal.access", args=["a"])
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        page = staff.post(url, {"email": "New@Example.com"}).content.decode()
    link = page.split("/portal/welcome/")[1].split("/")[0]
    assert link in mailoutbox[0].body  # type: ignore[attr-defined]
    client, path = Client(), reverse("portal.welcome", args=[link])
    assert client.get(path).status_code == 200  # a scanner of mail looks first
    answer = client.post(path)
    assert answer["Location"] == reverse("account_set_password")
    assert client.get(reverse("portal.home")).status_code == 200
    assert Client().post(path).status_code == 403
    assert "new@example.com" in staff.get(url).content.decode()
    assert "belongs to somebody else" in staff.post(
        url, {"email": "support@example.com"}).content.decode()  # fmt: skip
    away = reverse("portal.take_away", args=["a"])
    staff.post(away, {"email": "new@example.com", "confirm": "1"})
    after = client.get(reverse("portal.home"))
    assert parse_qs(urlparse(after["Location"]).query)["next"] == ["/portal/"]


def test_staff_links_open_no_portal(clerk: Callable[[str], Client]) -> None:
    from meterline.access import secrets
    from meterline.access.models import User

    clerk("admin")
    secret = secrets.make_link(User.objects.get(email="admin@example.com"))
    assert Client().post(reverse("portal.welcome", args=[secret])).status_code == 403
    assert Line.objects.count() == 0
