"""Who may sign in: users that were added; nobody signs up by themselves."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest

from meterline.platform import audit


def home_of(user: Any) -> str:
    """Where somebody begins: customers in the portal, staff in the console."""
    return "/portal/" if "portal.use" in user.granted() else "/"


class Adapter(DefaultAccountAdapter):
    """Sign-in by password or passkey. What happens to it is on record."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        super().login(request, user)
        with audit.acting_as(f"user:{user.email}"):
            audit.record("user.signed_in", f"user:{user.email}")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        audit.record("user.sign_in_failed", f"user:{credentials.get('email', '')}")


class SocialAdapter(DefaultSocialAccountAdapter):
    """Sign-in by another service: of users that were added, and nobody else."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False
