"""Every URL asks for a permission, and refuses whoever has not got it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import path, reverse
from django.urls.converters import IntConverter

from meterline.access import gate
from meterline.access.permissions import ANYONE, PERMISSIONS, ROLES, SIGNED_IN
from meterline.console.topics import topics_in
from meterline.web.headers import POLICY
from meterline.web.page import ACTS, PAGES, load_pages
from meterline.web.shell import OWN_ACCOUNT

pytestmark = pytest.mark.django_db
load_pages()
OURS = sorted({*PAGES, *ACTS})
SPOKEN = [code for code, _ in settings.LANGUAGES]


def address(name: str) -> str:
    """The URL of a name, with something for each of its parameters."""
    (url,) = (one for one in gate.urls() if one.name == name)
    converters = url.pattern.converters
    given = {key: 1 if isinstance(one, IntConverter) else "x" for key, one in converters.items()}
    return reverse(name, kwargs=given)


def view_of(name: str) -> Any:
    (url,) = (one for one in gate.urls() if one.name == name)
    return url.callback


def test_every_url_declares_a_permission() -> None:
    assert gate.undeclared() == []
    assert len(OURS) > 30


def test_a_url_without_a_permission_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from meterline.console import urls

    def bare(request: Any) -> None:
        """Declares nothing."""

    monkeypatch.setattr(urls, "urlpatterns", [path("bare/", bare), *urls.urlpatterns])
    monkeypatch.setattr(
        gate, "get_resolver", lambda: type("R", (), {"url_patterns": urls.urlpatterns})
    )
    assert gate.undeclared() == ["bare/"]
    with pytest.raises(Exception, match="bare/"):
        gate.Gate(lambda request: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("role", ROLES)
def test_every_url_for_every_role(role: str, clerk: Callable[[str], Client]) -> None:
    client = clerk(role)
    granted = {ANYONE, SIGNED_IN, *ROLES[role][1]}
    wrong = []
    for name in OURS:
        for method in ("GET", "POST"):
            asked = gate.asked(view_of(name), method)
            if asked == ANYONE or name == "console.impersonate_end":
                continue
            client.raise_request_exception = False  # a missing POST field is no matter here
            answer = client.generic(method, address(name))
            refused = answer.status_code == 403
            if refused == (asked in granted) and not _decides(name):
                wrong.append(f"{method} {name}: {answer.status_code}, asks for {asked}")
    assert wrong == []


def _decides(name: str) -> bool:
    return name == "console.decide"  # asks for more, by the approval


def test_nobody_gets_anywhere_without_signing_in(client: Client) -> None:
    open_to_all = []
    for url in gate.urls():
        if url.name is None or not url.name.startswith(tuple(OURS)):
            continue
        for method in ("GET", "POST"):
            answer = client.generic(method, address(url.name))
            to_sign_in = answer.status_code == 302 and "/account/login/" in answer["Location"]
            if not to_sign_in:
                open_to_all.append(url.name)
    assert set(open_to_all) == {"console.sign_in", "portal.welcome"}


def test_account_pages_need_a_sign_in(client: Client) -> None:
    for name in ("mfa_index", "account_change_password", "mfa_activate_totp", "account_email"):
        answer = client.get(reverse(name))
        assert answer.status_code == 302
        assert "/account/login/" in answer["Location"]


def test_fragments_say_so_to_scripts(client: Client) -> None:
    answer = client.get(reverse("console.palette"), headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/account/login/")


def test_refusals_name_the_permission_and_are_on_record(clerk: Callable[[str], Client]) -> None:
    from meterline.platform.models import AuditEntry

    answer = clerk("support").get(reverse("console.audit_log"))
    assert answer.status_code == 403
    assert PERMISSIONS["audit.view"] in answer.content.decode()
    entry = AuditEntry.objects.get(action="access.refused")
    assert (entry.actor, entry.subject) == ("user:support@example.com", "/settings/audit/")


def test_acts_change_nothing_by_get(clerk: Callable[[str], Client]) -> None:
    client = clerk("admin")
    for name, pattern in ACTS.items():
        if gate.asked(pattern.callback, "GET") == ANYONE:
            continue
        answer = client.get(address(name))
        is_fragment = answer.status_code in (200, 404, 422)
        of_customers = gate.asked(pattern.callback, "GET") == "portal.use"
        assert is_fragment or answer.status_code == (403 if of_customers else 405), name


@pytest.mark.parametrize("language", SPOKEN)
def test_every_page_has_help(language: str) -> None:
    wanted = {OWN_ACCOUNT, *(page.help for page in PAGES.values())}
    assert {topic.name for topic in topics_in(language)} == wanted


@pytest.mark.parametrize("language", SPOKEN)
def test_help_says_the_same_in_every_language(language: str) -> None:
    """Its headings, lists, links and pieces of code are those of the English one."""
    shape = re.compile(r"^#+ |^\s*[-*] |^\s*\d+\. |`[^`]+`|\]\([^)]*\)|^\|", re.MULTILINE)
    for one, english in zip(topics_in(language), topics_in("en"), strict=True):
        assert sorted(shape.findall(one.text)) == sorted(shape.findall(english.text)), one.name


@pytest.mark.parametrize("where", ["/", "/account/login/", "/no-such-page/", "/gallery/"])
def test_the_policy_allows_no_inline_script(where: str, clerk: Callable[[str], Client]) -> None:
    answer = clerk("admin").get(where, follow=True)
    assert answer["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    text = answer.content.decode()
    assert " style=" not in text
    assert " onclick=" not in text
    assert "<script>" not in text


def test_permissions_in_views_and_roles_exist() -> None:
    for _name, permissions in ROLES.values():
        assert set(permissions) <= set(PERMISSIONS)


def test_safe_methods_ask_for_reading_only() -> None:
    request = RequestFactory().get("/")
    assert request.method in gate.SAFE
    view = view_of("console.role")
    assert (gate.asked(view, "GET"), gate.asked(view, "POST")) == ("settings.view", "roles.manage")


@pytest.mark.parametrize("surface", ["console", "portal"])
def test_the_shell_takes_no_name_that_a_page_may_use(surface: str) -> None:
    """What a shell sets before the page's own part would stand in the place of the page's."""
    text = get_template(f"{surface}/shell.html").template.source
    before = text.split("{% block main %}")[0]
    named = re.findall(r"{% [^%]*\bas (\w+) %}", before)
    assert named
    assert [name for name in named if not name.startswith("shell_")] == []
