"""The language of a page: what the user chose, else the cookie of this browser, else what it asks
for (`Accept-Language`)."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

_LASTS_SECONDS = 365 * 24 * 3600


class Language:
    """The middleware; it stands behind the one that knows the user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = of(request)
        translation.activate(language)  # until the next request: lists are written as they are sent
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def of(request: HttpRequest) -> str:
    """The language in which a request is answered."""
    chosen = getattr(request.user, "language", "")
    return chosen if known(chosen) else translation.get_language_from_request(request)


def known(code: str) -> bool:
    """Is it a language of the product?"""
    return code in dict(settings.LANGUAGES)


def keep(request: HttpRequest, response: HttpResponse, code: str) -> None:
    """Keep a choice with the user, and in a cookie for pages before signing in."""
    request.user.language = code
    request.user.save(update_fields=["language"])
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, code, max_age=_LASTS_SECONDS, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip
