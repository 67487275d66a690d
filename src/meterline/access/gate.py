"""The gate that every request passes: who is it, what does the page ask for, may they?

Each view carries the permission that it asks for (`permission`), and the one for acts that change
something (`write_permission`, the same unless declared). A URL without one stops the program from
starting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver

from meterline.access import impersonation
from meterline.access.permissions import ANYONE, PERMISSIONS, SIGNED_IN, meaning
from meterline.platform import audit

SAFE = ("GET", "HEAD", "OPTIONS")
Handler = Callable[[HttpRequest], HttpResponse]


def allowed(request: HttpRequest, permission: str) -> bool:
    """May whoever is signed in do this?"""
    if permission == ANYONE:
        return True
    if not request.user.is_authenticated:
        return False
    return permission == SIGNED_IN or permission in request.user.granted()


def declare(patterns: list[Any], permissions: dict[str, str], default: str) -> list[Any]:
    """Declare what the URLs of a library ask for: URL name -> permission, else `default`."""
    for pattern in _leaves(patterns):
        pattern.callback.permission = permissions.get(pattern.name or "", default)
    return patterns


def urls() -> Iterator[URLPattern]:
    """Every URL of the product."""
    yield from _leaves(get_resolver().url_patterns)


def undeclared() -> list[str]:
    """URLs that do not say what permission they ask for, or one that there is not."""
    known = {ANYONE, SIGNED_IN, *PERMISSIONS}
    return [
        str(url.pattern)
        for url in urls()
        if getattr(url.callback, "permission", None) not in known
        or getattr(url.callback, "write_permission", ANYONE) not in known
    ]


def asked(view: Any, method: str) -> str:
    """The permission that a view asks for when it is called by this method."""
    permission: str = view.permission
    if method in SAFE:
        return permission
    return getattr(view, "write_permission", permission)


SHOWN_MOST = 200
"""Characters of a path on record."""


class Gate:
    """The middleware: refuses, redirects to the sign-in, or lets pass in the user's name."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        missing = undeclared()
        if missing:
            raise ImproperlyConfigured(f"no permission is declared for {', '.join(missing)}")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            with audit.acting_as("anonymous"):
                return self.get_response(request)
        request.impersonation = impersonation.current(request)
        with audit.acting_as(f"user:{user.email}"):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Before the view is called: None lets it be."""
        permission = asked(view, request.method or "GET")
        if permission == ANYONE:
            return None
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        if (seen := getattr(request, "impersonation", None)) is not None:
            return impersonation.gate(request, seen, permission)
        if allowed(request, permission):
            return None
        audit.record("access.refused", request.path[:SHOWN_MOST], after={"permission": permission})
        return refuse(request, permission)


def refuse(request: HttpRequest, permission: str) -> HttpResponse:
    """The page that says which permission is missing."""
    context = {"permission": permission, "means": meaning(permission)}
    return render(request, "403.html", context, status=403)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": settings.LOGIN_URL})
    return redirect_to_login(request.get_full_path())


def _leaves(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _leaves(pattern.url_patterns)
        else:
            yield pattern
