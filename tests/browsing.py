"""Clients signed in by role; the product served, with a small demo company, and a browser on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from console.oidc import Provider
from django.test import Client
from ports import free_port

from meterline.access import services
from meterline.access.models import User

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def user(role: str) -> User:
    """A user of one role."""
    found = User.objects.filter(email=f"{role}@example.com").first()
    return found or services.add_user(f"{role}@example.com", name=role.title(), roles=[role])


@pytest.fixture
def clerk(db: None) -> Callable[[str], Client]:
    """`clerk("billing")`: a client signed in as somebody of that role."""

    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(user(role), backend=BACKEND)
        return client

    return sign_in


class Product:
    """`meterline serve` on a data folder of its own."""

    def __init__(self, home: Path) -> None:
        self.environment = {
            **os.environ, "METERLINE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)
        }  # fmt: skip
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.states: dict[str, Any] = {}

    def run(self, *arguments: str) -> str:
        """A command line of the product; gives what it prints."""
        with tempfile.TemporaryFile("w+") as told:  # a pipe would stay open with the database
            subprocess.run(
                [sys.executable, "-m", "meterline", *arguments],
                env=self.environment, stdout=told, stderr=subprocess.STDOUT, check=True,
            )  # fmt: skip
            told.seek(0)
            return told.read()

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the server; returns once it answers."""
        arguments = ["-m", "meterline", "serve", "--port", str(self.port)]
        server = subprocess.Popen([sys.executable, *arguments], env=self.environment)
        for _ in range(960):
            assert server.poll() is None
            try:
                urlopen(f"{self.url}/account/login/").close()
            except URLError:
                time.sleep(0.25)
            else:
                return server
        server.terminate()
        raise AssertionError("the server does not answer")

    def signed_in(self, browser: Any, role: str) -> Any:
        """The cookies of somebody of a role, who signs in by a link once."""
        if role not in self.states:
            told = self.run("user", "add", f"{role}@example.com", "--role", role)
            found = re.search(r"/sign-in/\S+", told)
            assert found is not None
            context = browser.new_context()
            context.new_page().goto(f"{self.url}{found.group()}")
            self.states[role] = context.storage_state()
            context.close()
        return self.states[role]

    def invited(self, browser: Any, customer: str) -> str:
        """Let a customer into the portal; the role under which the cookies are kept."""
        role = f"customer {customer}"
        if role not in self.states:
            told = self.run("portal", "invite", customer, f"{customer.lower()}@example.com")
            found = re.search(r"/portal/welcome/\S+", told)
            assert found is not None
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{self.url}{found.group()}")
            page.click("text=Open my account")
            page.wait_for_url("**/account/password/set/")
            assert axe(page) == []
            self.states[role] = context.storage_state()
            context.close()
        return role


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A service by which one can sign in."""
    made = Provider()
    thread = Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(scope="session")
def product(provider: Provider) -> Iterator[Product]:
    """The product with a demo company of 60 customers and two months."""
    from meterline.platform.embedded import stop

    home = Path(tempfile.mkdtemp(prefix="meterline-served-"))
    made = Product(home)
    made.environment |= {
        "METERLINE_SANDBOX": "a test",
        "METERLINE_OIDC_URL": provider.url, "METERLINE_OIDC_CLIENT_ID": "meterline",
        "METERLINE_OIDC_CLIENT_SECRET": "x", "METERLINE_OIDC_NAME": "The company",
    }  # fmt: skip
    made.run("demo", "--customers", "60", "--months", "2")
    server = made.serve()
    yield made
    server.terminate()
    server.wait()
    stop(home / "postgresql")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium. Its event loop is in our thread from now on, which Django has to bear."""
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def browser_page(chromium: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """`browser_page("/gallery/", role="admin", theme="dark", width=360)`: the page, opened.

    `role=None` is nobody. At the end of the test nothing may stand in the console of any of them.
    """
    said: list[str] = []
    contexts = []

    def open_page(
        path: str, *, role: str | None = "admin", theme: str = "light", width: int = 1440
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce",
            storage_state=product.signed_in(chromium, role) if role else None,
        )  # fmt: skip
        contexts.append(context)
        context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text)
                if message.type in ("error", "warning") else None)  # fmt: skip
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{product.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


DRAWN = ("color-contrast", "target-size")
"""Rules about what is drawn, which take most of the time."""


def axe(page: Any, *, drawn: bool = True) -> list[str]:
    """What axe finds wrong on a page that is painted, by WCAG 2.2 AA and the best practices.

    `drawn=False`: without what depends on the theme and the width alone.
    """
    page.evaluate(PAINTED)
    page.evaluate(Axe().axe_script)
    found = page.evaluate(
        "options => axe.run(options).then((result) => result.violations)",
        {
            "runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"],
            "rules": {rule: {"enabled": drawn} for rule in DRAWN},
        },
    )  # fmt: skip
    return [
        f"{rule['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
        for rule in found
        for node in rule["nodes"]
    ]
