"""How far a job is, told to a page while it stands open.

@fragment("billing/runs/<int:run>/progress", permission="billing.view")
def run_progress(request: HttpRequest, run: int) -> HttpResponseBase:
    return follow(request, lambda: _progress(run))

A browser asks for it as a stream of events (`live-progress.js`); one that cannot gets the same
fragment every two seconds. The page is asked for anew once the job is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from threading import Event

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import get_language, override

from meterline.web.words import Words

SECONDS = 1.0  # between two looks at the database
CLOSING = Event()  # the server is about to end: so do the streams, for which it would wait
LIFETIME = 120.0  # then the browser asks again, and what it may see is looked at anew


@dataclass(frozen=True, kw_only=True)
class Progress:
    """So many of so many. `over`: nothing more will come."""

    done: int
    total: int
    label: Words
    over: bool = False


Read = Callable[[], Progress]


def follow(request: HttpRequest, read: Read) -> HttpResponseBase:
    """The progress as a stream of events where that is asked for, else once.

    The stream closes when the job is over, and after a while, which makes the browser come back.
    """
    if "text/event-stream" not in request.headers.get("Accept", ""):
        return _once(request, read())
    stream = _events(read, get_language() or "en")
    answer = StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    answer["Content-Encoding"] = "identity"  # packed, events would wait for one another
    answer["X-Accel-Buffering"] = "no"  # nor shall a proxy collect them
    return answer


def _once(request: HttpRequest, now: Progress) -> HttpResponse:
    answer = HttpResponse(_html(now, request.get_full_path()))
    if now.over:
        answer["HX-Refresh"] = "true"
    return answer


def _html(now: Progress, url: str = "") -> str:
    percent = 100 * now.done // now.total if now.total else 0
    context = {"done": now.done, "total": now.total, "label": now.label, "percent": percent,
               "url": url}  # fmt: skip
    return render_to_string("web/progress.html", context)


async def _events(read: Read, language: str) -> AsyncIterator[str]:
    """An event for each change, and `over` at the end. No connection is held between two looks."""
    until, last = time.monotonic() + LIFETIME, None
    yield "retry: 2000\n\n"
    while time.monotonic() < until and not CLOSING.is_set():
        now = await sync_to_async(_look)(read, language)
        if now[0] != last:
            last = now[0]
            yield _event("progress", last)
        if now[1]:
            yield _event("over", "")
            return
        await asyncio.sleep(SECONDS)


def _look(read: Read, language: str) -> tuple[str, bool]:
    try:
        with override(language):
            now = read()
            return _html(now), now.over
    finally:
        close_old_connections()


def _event(name: str, data: str) -> str:
    lines = "\n".join(f"data: {line}" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n\n"
