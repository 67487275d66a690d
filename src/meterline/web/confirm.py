"""Before what cannot be undone: what it would do, in numbers; then a button that says it.

if not confirmed(request):
    return confirm(request, _("Discard rejects"), verb=_("Discard 1,240 rejects"),
                   effects=[(_("Rejects"), "1,240"), ...])
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meterline.kernel.errors import MeterlineError
from meterline.web.rows import Rows
from meterline.web.words import Words

_OWN = ("csrfmiddlewaretoken", "confirm", "once")
_REMEMBERED = 24 * 3600


class ConfirmedBefore(MeterlineError):
    """this was confirmed before: look at what came of it, and begin anew to do it once more"""

    code = "confirmed_before"


def confirmed(request: HttpRequest) -> bool:
    """Was the effect seen and the button pressed? Raises ConfirmedBefore where the button of this
    very page was pressed before: then the act is done, or under way."""
    if request.POST.get("confirm") != "1":
        return False
    once = request.POST.get("once", "")
    if once and getattr(request, "confirmed_by", "") != once:
        if not cache.add(f"confirmed:{once}", 1, _REMEMBERED):
            raise ConfirmedBefore
        request.confirmed_by = once
    return True


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
        "once": uuid4().hex,
    }  # fmt: skip
    return render(request, "web/confirm.html", context)
