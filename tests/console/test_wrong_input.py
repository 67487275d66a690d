"""Every URL with wrong input, by those who may: refused in words, never an error of the program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from browsing import BACKEND, user
from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.urls.converters import IntConverter
from reads.world import CATALOGUE, bill, read, set_up

from meterline.access import approvals, gate
from meterline.access.models import User
from meterline.access.permissions import ANYONE, ROLES, SIGNED_IN
from meterline.care import services as care
from meterline.console import imports
from meterline.customers import services as customers
from meterline.customers.models import Account
from meterline.invoices import printing, sending
from meterline.invoices.models import Invoice
from meterline.payments import services as payments
from meterline.platform import clock
from meterline.portal import services as portal
from meterline.usage import services as usage
from meterline.usage import uploads
from meterline.web.page import ACTS, PAGES, load_pages

load_pages()
OURS = sorted({*PAGES, *ACTS})
OUT = ("console.training_reset", "console.sign_in", "console.impersonate_end")
"""Not walked: what ends the session, or the demo company."""

NUMBERS = (0, 2**31, 2**63, 10**40)
CODES = ("a" * 2_000, "a\x00b", "~2F~2E~2E~2Fetc", "\u202e\U0001f642 \u00e9", "'\"<b>&", "-1", "x")
ODD = (
    "", "x", "-1", "0", "1e400", "NaN", "9" * 40, "1.5", "\x00", "a\x00b", "2024-13-45",
    "0001-01-01", "9999-12-31", "'\"<script>alert(1)</script>", "\u202e\U0001f642 \u00e9\u0301",
    "%s{}%(x)s{0}", "../../etc/passwd", "a" * 5_000, "-0.0000000000001", "\ud7ff\ufffd", "[]",
    "null", "\u00b2", "9" * 5_000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
)  # fmt: skip
FIELDS = ("q", "sort", "after", "before", "size", "format", "column", "account", "code", "customer",
          "reason", "missing", "row", "all", "query", "page", "from", "to", "of", "price", "month",
          "at", "run", "plan", "zone", "place", "state", "first", "last", "name", "confirm", "once",
          "kind", "version", "table", "next", "language", "unit", "every", "day")  # fmt: skip


@pytest.fixture
def world(db: None, home: Path) -> None:
    """A customer with meter, usage, a bill, a payment, credit, and access to the portal."""
    set_up()
    read("2026-01-21", 1_200)
    bill("2026-02-05")
    account = Account.objects.get(code="ann")
    customers.update_customer(account.customer.code, email="ann@example.com")
    payments.pay(account.pk, Decimal(10))
    payments.grant_credit(account.pk, Decimal(5), reason="late reply")
    portal.invite(account.customer.code, "ann@example.com")
    clock.move_to(datetime(2026, 2, 6, 12, tzinfo=UTC))
    invoice = Invoice.objects.get()
    care.ask(account.customer, invoice, "Why?")
    approvals.ask("credit.grant", "account:ann", summary="x", permission="payments.approve",
                  payload={"account": "ann"})  # fmt: skip
    uploads.keep("a.csv", [b"id,meter\n1,energy\n"], mapping=None, format="", source="")
    imports.keep("customers", "c.csv", [b"code,name\nc,C\n"])
    bad = home / "bad.csv"
    bad.write_text("id,meter,identifier,start,quantity\n1,energy,nobody,2026-02-01T00:00:00Z,1\n")
    usage.load_file(bad)
    sending.ask(Invoice.objects.all(), "post")
    printing.plan()
    admin = Client()
    admin.force_login(user("admin"), backend=BACKEND)
    draft = SimpleUploadedFile("c.yaml", CATALOGUE.encode())
    admin.post(reverse("authoring.draft_new"), {"catalogue": draft, "note": "dearer"})
    admin.post(reverse("billing.plan_new"), {"until": "2026-03-01"})


def pattern_of(name: str) -> Any:
    return next(one for one in gate.urls() if one.name == name)


def real(name: str) -> list[Any]:
    """Keys of things that there are, for a parameter of this name."""
    models = {model.__name__.lower(): model for model in apps.get_models()}
    other = {"run": "billrun", "file": "import", "version": "planversion"}
    model = models.get(other.get(name, name.replace("_", "")))
    return [] if model is None else list(model.objects.values_list("pk", flat=True)[:1])


def addresses(name: str) -> Iterator[str]:
    """URLs of a name, with things that there are, and with wrong values for its parameters."""
    converters = pattern_of(name).pattern.converters
    usual = {
        key: next(iter(real(key)), 1) if isinstance(one, IntConverter) else _usual(name, key)
        for key, one in converters.items()
    }
    yield reverse(name, kwargs=usual)
    for key, one in converters.items():
        wrong = NUMBERS if isinstance(one, IntConverter) else CODES
        for value in wrong:
            try:
                yield reverse(name, kwargs={**usual, key: value})
            except NoReverseMatch:
                continue  # no such address


def _usual(name: str, key: str) -> str:
    return {"code": "ann", "customer": "ann", "plan": "home", "meter": "energy", "kind": "refund",
            "format": "json", "what": "cancel", "topic": "console-home"}.get(key, "x")  # fmt: skip


def odd(fields: list[str], turn: int) -> dict[str, Any]:
    """An odd value for each field, another one at each turn."""
    return dict(zip(fields, islice(cycle(ODD), turn, None), strict=False))


class Forms(HTMLParser):
    """The fields of a page's forms, each with what it holds, or something that it may hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.held: dict[str, str] = {}
        self._select = ""
        self.feed(page)
        self.held.pop("csrfmiddlewaretoken", None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select = name
            self.held[name] = ""
        elif tag == "option":
            if "selected" in given or not self.held.get(self._select):
                self.held[self._select] = given.get("value", "")
        elif tag in ("input", "textarea") and name:
            usual = {"date": "2026-02-06", "number": "1", "email": "x@example.com"}
            value = given.get("value") or usual.get(given.get("type", ""), "x")
            self.held.setdefault(name, value)


def file(turn: int) -> SimpleUploadedFile:
    content = (b"", b"\x00\xff\xfe", b'a,b\n"', b"\x1f\x8b\x08\x00broken", b"x" * 70_000)
    return SimpleUploadedFile(f"odd{turn}\u202e.csv", content[turn % len(content)])


DEEP = ("admin", "customer")
OTHERS = [role for role in ROLES if role not in DEEP]


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_wrong_input(role: str, world: None, clerk: Callable[[str], Client]) -> None:
    """Administrator and customer try all; of the others, each name is somebody's who may see it, or
    else, as `test_gate` shows, is refused to all."""
    client = _customer() if role == "customer" else clerk(role)
    client.raise_request_exception = False
    deep = role in DEEP
    errors: list[str] = []

    def note(request: Any, **_more: Any) -> None:
        errors.append(f"{request.method} {request.path[:100]}: {sys.exc_info()[1]!r}"[:300])

    got_request_exception.connect(note)
    try:
        for number, name in enumerate(OURS):
            if name not in OUT and (deep or _tries(role, name, number)):
                _walk(client, name, number, deep=deep)
    finally:
        got_request_exception.disconnect(note)
    assert errors == []


def _tries(role: str, name: str, number: int) -> bool:
    """Does this role try the name for all the others who may?"""
    asked = gate.asked(pattern_of(name).callback, "POST" if name in ACTS else "GET")
    may = [one for one in OTHERS if asked in (ANYONE, SIGNED_IN) or asked in ROLES[one][1]]
    return bool(may) and may[number % len(may)] == role


def _walk(client: Client, name: str, number: int, *, deep: bool) -> None:
    """Every address of a name, each taken back; of one that is refused, the first only."""
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    for url in islice(addresses(name), None if deep else 2):
        with transaction.atomic():
            status = _try(client, url, number, deep=deep)
            transaction.set_rollback(True)
        client.cookies[settings.SESSION_COOKIE_NAME] = kept  # some acts begin another one
        if status == 403:
            return


def _customer() -> Client:
    client = Client()
    client.force_login(User.objects.get(email="ann@example.com"), backend=BACKEND)
    return client


def _try(client: Client, url: str, number: int, *, deep: bool) -> int:
    """Ask for an address, and post to it, with odd values in all of its fields, and in each."""
    page = client.get(url)
    text = b"".join(page) if page.streaming else page.content
    assert "/account/login/" not in page.get("Location", ""), url
    if page.status_code in (400, 403, 404):
        client.post(url, {"confirm": "1"})
        return page.status_code
    held = Forms(text.decode("utf-8", "replace")).held
    fields = [*held, *(name for name in FIELDS if name not in held)]
    answer = client.get(url, odd(fields, number))
    if answer.streaming:
        b"".join(answer)
    client.post(url, odd(fields, number + 3))
    if not deep or page.status_code != 200:
        return page.status_code
    client.post(url, {key: file(number) for key in ("file", "mapping", "catalogue", "picture")})
    client.post(url, {**held, "confirm": "1"})
    for place, name in enumerate(held):
        value = ODD[(number + place) % len(ODD)]
        client.post(url, {**held, name: value, "confirm": "1"})
    return page.status_code


def test_posts_without_their_token_are_refused(world: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user("admin"), backend=BACKEND)
    addresses_of = {name: next(addresses(name)) for name in OURS if name not in OUT}
    taken = {
        name: answer.status_code
        for name, url in addresses_of.items()
        if (answer := client.post(url, {"confirm": "1"})).status_code != 403
    }
    assert taken == {}
