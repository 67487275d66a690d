"""Signing in by a second factor, by a passkey, and by another service."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from console.conftest import Product
from console.oidc import Provider
from django.test import Client

from meterline.access import services
from meterline.platform.models import AuditEntry

PASSWORD = "correct horse battery"
WHO = "ann@example.com"
ADDS = f"""
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "meterline.platform.settings"
import django
django.setup()
from meterline.access import services
services.add_user({WHO!r}, roles=["billing"], password={PASSWORD!r})
"""


def code(secret: str, step: int = 0) -> str:
    """The code of an authenticator app (RFC 6238: SHA-1, 30 seconds, six digits)."""
    key = base64.b32decode(secret)
    count = struct.pack(">Q", int(time.time()) // 30 + step)
    digest = hmac.new(key, count, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def sign_in(client: Client) -> Any:
    return client.post("/account/login/", {"login": WHO, "password": PASSWORD})


def test_a_second_factor_is_asked_for(db: None) -> None:
    services.add_user(WHO, roles=["billing"], password=PASSWORD)
    client = Client()
    assert sign_in(client)["Location"] == "/"
    asked = client.get("/account/2fa/totp/activate/")["Location"]
    assert asked.startswith("/account/reauthenticate/")  # whoever finds a desk left open
    client.post(asked, {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    client.post("/account/2fa/totp/activate/", {"code": code(secret)})
    other = Client()
    assert "/2fa/authenticate/" in sign_in(other)["Location"]
    assert other.get("/")["Location"].startswith("/account/login/")
    wrong = other.post("/account/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    right = other.post("/account/2fa/authenticate/", {"code": code(secret, 1)})
    assert right["Location"] == "/"
    assert other.get("/").status_code == 200
    assert AuditEntry.objects.filter(action="user.signed_in").count() == 2


class Stay(HTTPRedirectHandler):
    """Does not follow where it is sent."""

    def redirect_request(self, *_: Any) -> None:
        return None


def by_service(client: Client) -> Any:
    """Sign in by the other service; gives the last answer."""
    sent = client.post("/account/oidc/company/login/?process=login")
    assert sent.status_code == 302
    try:
        build_opener(Stay).open(sent["Location"])
    except OSError as answer:
        back = urlsplit(answer.headers["Location"])  # type: ignore[attr-defined]
    return client.get(f"{back.path}?{back.query}")


@pytest.fixture
def company(settings: Any, provider: Provider) -> Provider:
    """The provider, told to the product."""
    app = {
        "provider_id": "company", "name": "The company", "client_id": "meterline", "secret": "x",
        "settings": {"server_url": provider.url},
    }  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
    }
    return provider


@pytest.mark.parametrize(
    ("email", "verified", "enters"),
    [(WHO, True, True), (WHO, False, False), ("stranger@example.com", True, False)],
)
def test_another_service_lets_in_who_was_added(
    db: None, company: Provider, email: str, verified: bool, enters: bool
) -> None:
    services.add_user(WHO, roles=["billing"])
    company.person = {"sub": "7", "email": email, "email_verified": verified, "name": "Ann"}
    client = Client()
    assert "The company" in client.get("/account/login/").content.decode()
    by_service(client)
    assert (client.get("/").status_code == 200) is enters
    assert AuditEntry.objects.filter(action="user.signed_in").exists() is enters


@pytest.mark.slow
def test_a_passkey_signs_in(chromium: Any, product: Product) -> None:
    """Made on the page of the own account, by an authenticator that the browser plays."""
    here = product.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name
    subprocess.run([sys.executable, "-c", ADDS], env=product.environment, check=True)
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
               "hasUserVerification": True, "isUserVerified": True,
               "automaticPresenceSimulation": True}  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{here}/account/login/?next=/account/2fa/webauthn/add/")
    page.fill("input[type=email]", WHO)
    page.fill("input[type=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/reauthenticate/**")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/webauthn/add/")
    page.get_by_label("Passwordless").check()
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Add").click()
    context.clear_cookies()
    page.goto(f"{here}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{here}/")
    assert page.get_by_role("heading", level=1).count() == 1
    context.close()


@pytest.mark.slow
def test_the_browser_goes_to_the_other_service_and_back(
    browser_page: Callable[..., Any], product: Product, provider: Provider
) -> None:
    """The policy of our pages lets a form lead to the service that was set up."""
    product.run("user", "add", "olga@example.com", "--role", "billing")
    provider.person = {"sub": "8", "email": "olga@example.com", "email_verified": True}
    page = browser_page("/", role=None)
    page.get_by_role("button", name="The company").click()
    page.wait_for_url(f"{product.url}/")
    assert page.get_by_role("heading", level=1).count() == 1
