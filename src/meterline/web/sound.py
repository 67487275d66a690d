"""What comes from outside, made sound before anything is done with it: whole numbers and days of a
size that things have, and no NUL, which no database keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

FIRST_YEAR, LAST_YEAR = 1900, 2199
LARGEST = 2**63 - 1  # the largest key of a table


def whole(text: str) -> int | None:
    """The number that plain digits say, up to the largest key; None where it is none."""
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))
    return int(text) if plain and int(text) <= LARGEST else None


def day(text: str) -> date | None:
    """A day of a year that may be meant; None where it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None


class Sound:
    """The middleware: a NUL in an address or a field is refused, whoever asks; a key that is larger
    than any is of nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or _has_nul(request.GET.lists()):
            return render(request, "400.html", status=400)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Behind the gate: only who may ask is answered."""
        if any(isinstance(value, int) and value > LARGEST for value in kwargs.values()):
            raise Http404
        texts = [value for value in kwargs.values() if isinstance(value, str)]
        if any("\0" in text for text in texts) or _has_nul(_posted(request)):
            return render(request, "400.html", status=400)
        return None


def _posted(request: HttpRequest) -> Iterable[tuple[str, list[Any]]]:
    return request.POST.lists() if request.method == "POST" else ()


def _has_nul(fields: Iterable[tuple[str, list[Any]]]) -> bool:
    return any("\0" in text for name, values in fields for text in (name, *values))
