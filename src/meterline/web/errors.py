"""Business errors on a page: what is wrong and what to do next, with what was typed kept."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from meterline.kernel.errors import MeterlineError


class BusinessErrors:
    """The middleware: a business error that a page does not catch itself is told on a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Tell a business error with status 422; bugs go on to be logged."""
        if not isinstance(error, MeterlineError):
            return None
        context = {"message": sentence(error), "code": error.code}
        return render(request, "web/business_error.html", context, status=422)


def sentence(error: MeterlineError) -> str:
    """The message of an error as a sentence of a page, in its language."""
    message = gettext(error.template()).format(**error.details)
    return f"{message[:1].upper()}{message[1:]}."
