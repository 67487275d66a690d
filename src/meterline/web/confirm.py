"""Before what cannot be undone: what it would do, in numbers; then a button that says it.

if not confirmed(request):
    return confirm(request, _("Discard rejects"), verb=_("Discard 1,240 rejects"),
                   effects=[(_("Rejects"), "1,240"), ...])
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meterline.web.rows import Rows
from meterline.web.words import Words

_OWN = ("csrfmiddlewaretoken", "confirm")


def confirmed(request: HttpRequest) -> bool:
    """Was the effect seen and the button pressed?"""
    return request.POST.get("confirm") == "1"


def confirm(
    request: HttpRequest,
    title: Words,
    *,
    verb: Words,
    effects: Iterable[tuple[Words, Any]],
    largest: Rows | None = None,
    note: Words = "",
    danger: bool = False,
    back: str = "",
) -> HttpResponse:
    """The page that shows the effect. Its button posts the same again, confirmed."""
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _OWN
        for value in values
    ]
    context = {
        "title": title, "verb": verb, "effects": list(effects), "largest": largest, "note": note,
        "danger": danger, "kept": kept, "back": back or request.headers.get("Referer", "/"),
    }  # fmt: skip
    return render(request, "web/confirm.html", context)
