"""Clients signed in by role, and a browser that fails a test for what its console says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from meterline.access import services
from meterline.access.models import User

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def user(role: str) -> User:
    """A user of one role."""
    found = User.objects.filter(email=f"{role}@example.com").first()
    return found or services.add_user(f"{role}@example.com", name=role.title(), roles=[role])


@pytest.fixture
def clerk(db: None) -> Callable[[str], Client]:
    """`clerk("billing")`: a client signed in as somebody of that role."""

    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(user(role), backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def browser_page(
    chromium: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """`browser_page("/gallery/", role="admin", theme="dark", width=360)`: the page, opened.

    At the end of the test nothing may stand in the console of any of them.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # the browser's loop is in our thread
    said: list[str] = []
    contexts = []

    def open_page(
        path: str, *, role: str = "admin", theme: str = "light", width: int = 1440
    ) -> Any:
        client = Client()
        client.force_login(user(role), backend="allauth.account.auth_backends.AuthenticationBackend")
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce"
        )
        contexts.append(context)
        cookies = {"sessionid": client.cookies["sessionid"].value, "theme": theme}
        context.add_cookies(
            [
                {"name": name, "value": value, "url": live_server.url}
                for name, value in cookies.items()
            ]
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text)
                if message.type in ("error", "warning") else None)  # fmt: skip
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def axe(page: Any) -> list[str]:
    """What axe finds wrong on a page, by WCAG 2.2 AA and the best practices."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
