"""Every URL of the product: the registered pages, signing in, and the assets."""

from __future__ import annotations

from typing import Any

from allauth.urls import urlpatterns as account_patterns
from django.urls import include, path

from meterline.access.gate import declare
from meterline.access.permissions import ANYONE, SIGNED_IN
from meterline.web import assets
from meterline.web.page import patterns

OPEN = (
    "account_login", "account_signup", "account_logout", "account_inactive",
    "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "account_email_verification_sent",
    "account_confirm_email", "mfa_authenticate", "mfa_login_webauthn",
    "socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup",
    "openid_connect_login", "openid_connect_callback",
)  # fmt: skip
"""What of signing in has to be open to those who are not signed in yet."""

urlpatterns: list[Any] = [
    path("static/<slug:version>/<path:path>", assets.serve, name="static"),
    path("account/", include(declare(account_patterns, dict.fromkeys(OPEN, ANYONE), SIGNED_IN))),
    *patterns(),
]
