"""Pages in all languages: nothing is missing, nothing is left in English, the choice is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from babel.messages import Catalog
from django.test import Client
from django.urls import reverse
from django.utils import translation

from meterline.access.models import User
from meterline.access.permissions import ROLES
from meterline.console.pages import sources
from meterline.platform.catalogues import LANGUAGES, missing, read
from meterline.platform.messages import template
from meterline.web import figures
from meterline.web.page import PAGES

Clerk = Callable[[str], Client]
UNTRANSLATED = ("console.gallery",)  # samples
UNSPOKEN = ("script", "style", "code", "pre", "kbd")


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """Every text of the product."""
    return template()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its language behind: no other test meets it."""
    yield
    translation.activate("en")


class Words(HTMLParser):
    """The texts that a page shows or says, and its language."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.language = ""
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.get("lang") or "" if tag == "html" else self.language
        self._inside.append(tag)
        self.said += [
            text for name in ("aria-label", "title", "placeholder") if (text := given.get(name))
        ]

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not set(self._inside[-1:]) & set(UNSPOKEN):
            self.said.append(" ".join(data.split()))


def page(client: Client, path: str) -> Words:
    """A page, read."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    words = Words()
    words.feed(answer.content.decode())
    return words


def paths() -> list[str]:
    """Every page of the console that needs nothing in its address."""
    return [
        reverse(name)
        for name, one in PAGES.items()
        if one.surface == "console" and "<" not in one.path and name not in UNTRANSLATED
    ]


def speaker(clerk: Clerk, language: str) -> Client:
    """An administrator who chose a language."""
    client = clerk("admin")
    client.post("/language/", {"language": language, "next": "/"})
    return client


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str, texts: Catalog) -> None:
    """`make messages` collects; then translate what it names in locale/LANGUAGE."""
    lacks = missing(read(language), texts)
    assert lacks == [], f"{len(lacks)} texts in {language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_keeps_what_nobody_says(language: str, texts: Catalog) -> None:
    said = {(message.id, message.context) for message in texts}
    kept = {(message.id, message.context) for message in read(language) if message.id}
    assert kept <= said


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_leave_nothing_in_english(clerk: Clerk, language: str) -> None:
    """No text of a page is one of the product's for which there is another word."""
    other = {
        message.id
        for message in read(language)
        if message.id and isinstance(message.id, str) and message.string != message.id
    }
    client = speaker(clerk, language)
    left = {}
    for path in paths():
        words = page(client, path)
        assert words.language == language
        left[path] = [text for text in words.said if text in other - {*ROLES}]
    assert {path: found for path, found in left.items() if found} == {}


def test_the_choice_is_kept_with_the_user(clerk: Clerk) -> None:
    client = speaker(clerk, "fr")
    assert User.objects.get(email="admin@example.com").language == "fr"
    assert "Clients" in page(client, "/customers/").said
    elsewhere = Client(headers={"Accept-Language": "de"})
    elsewhere.force_login(User.objects.get(email="admin@example.com"), backend=_BACKEND)
    assert page(elsewhere, "/customers/").language == "fr"


def test_a_language_that_there_is_not_changes_nothing(clerk: Clerk) -> None:
    client = speaker(clerk, "xx")
    assert User.objects.get(email="admin@example.com").language == ""
    assert page(client, "/").language == "en"


@pytest.mark.django_db
def test_before_signing_in_the_browser_says_the_language() -> None:
    words = page(Client(headers={"Accept-Language": "it-CH, it;q=0.9"}), "/account/login/")
    assert words.language == "it"
    assert "Accedere" in words.said


def test_business_errors_are_told_in_the_language(clerk: Clerk) -> None:
    client = speaker(clerk, "de")
    answer = client.post("/settings/roles/admin/remove/")
    assert answer.status_code == 422
    assert "Die Rolle admin gehört zum Produkt" in answer.content.decode()


def test_key_figures_are_computed_once_and_told_in_each_language(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted() -> list[Any]:
        calls.append(1)
        return sources.customers()

    source = figures.FIGURES["customers"]
    monkeypatch.setattr(
        figures, "FIGURES",
        {"customers": figures._Source(permission=source.permission, make=counted)},
    )  # fmt: skip
    figures.refresh()
    assert calls == [1]
    for language, title in (("de", "Kunden"), ("es", "Clientes"), ("en", "Customers")):
        assert title in page(speaker(clerk, language), "/").said


_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
