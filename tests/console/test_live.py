"""Progress as a stream of events: authorised like its page, as it changes, until it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any
from urllib.request import Request, urlopen

import pytest
from console.conftest import Product
from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware
from django.test import Client, RequestFactory
from django.urls import reverse
from loops import run

from meterline.billing.models import BillRun
from meterline.platform import clock
from meterline.web import live
from meterline.web.live import Progress, follow

STREAM = {"Accept": "text/event-stream"}


def reads(*states: Progress) -> Callable[[], Progress]:
    left: Iterator[Progress] = iter(states)
    return lambda: next(left)


def far(done: int, *, over: bool = False) -> Progress:
    return Progress(done=done, total=10, label="Accounts", over=over)


async def _told(answer: Any) -> list[str]:
    return [part async for part in answer.streaming_content]


def told(answer: Any) -> list[str]:
    """The parts of a stream."""
    return run(_told(answer))


def request(**headers: str) -> HttpRequest:
    return RequestFactory().get("/x/progress/", headers=headers)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SECONDS", 0.01)


def test_a_stream_tells_what_changes_and_ends() -> None:
    answer = follow(request(**STREAM), reads(far(1), far(1), far(2), far(10, over=True)))
    parts = [part.decode() for part in told(answer)]
    names = [part.split("\n")[0] for part in parts[1:]]
    assert names == ["event: progress"] * 3 + ["event: over"]
    assert "2 / 10" in parts[2]
    assert "hx-get" not in "".join(parts)
    assert all(part.endswith("\n\n") for part in parts)


def test_a_stream_does_not_live_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LIFETIME", 0.05)
    answer = follow(request(**STREAM), lambda: far(1))
    parts = [part.decode() for part in told(answer)]
    assert sum("event: progress" in part for part in parts) == 1
    assert "event: over" not in "".join(parts)


def test_a_server_that_ends_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CLOSING", Event())
    live.CLOSING.set()
    answer = follow(request(**STREAM), lambda: far(1))
    assert len(told(answer)) == 1


def test_nothing_on_the_way_packs_it() -> None:
    answer = follow(request(**STREAM, **{"Accept-Encoding": "gzip"}), lambda: far(1))
    packed = GZipMiddleware(lambda _request: answer)(request(**{"Accept-Encoding": "gzip"}))
    assert packed["Content-Encoding"] == "identity"
    assert packed["Content-Type"].startswith("text/event-stream")
    assert packed["X-Accel-Buffering"] == "no"


def test_without_streams_it_is_asked_for_every_two_seconds() -> None:
    answer = follow(request(), lambda: far(3))
    text = answer.content.decode()  # type: ignore[attr-defined]
    assert 'hx-trigger="every 2s"' in text
    assert '<live-progress data-url="/x/progress/">' in text
    assert "HX-Refresh" not in answer
    assert follow(request(), lambda: far(10, over=True))["HX-Refresh"] == "true"


@pytest.mark.django_db
def test_only_who_may_see_the_page_may_follow(clerk: Callable[[str], Client]) -> None:
    run = BillRun.objects.create(until="2026-01-01", started_at=clock.now(), accounts=4,
                                 chunk_size=2, chunks=2, finished_at=clock.now())  # fmt: skip
    url = reverse("billing.run_progress", args=[run.pk])
    assert Client().get(url, headers=STREAM).status_code == 302
    assert clerk("customer").get(url, headers=STREAM).status_code == 403
    assert clerk("support").get(url, headers=STREAM)["Content-Type"].startswith("text/event-stream")


@pytest.mark.slow
def test_by_a_real_server(product: Product, chromium: Any) -> None:
    """Through every middleware, to who may see it, with the policy of every page."""
    cookies = product.signed_in(chromium, "billing")["cookies"]
    sent = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    url = f"{product.url}/billing/runs/1/progress/"
    headers = {**STREAM, "Cookie": sent, "Accept-Encoding": "gzip"}
    with urlopen(Request(url, headers=headers), timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Content-Encoding"] == "identity"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "event: progress" in text
    assert text.endswith("event: over\ndata: \n\n")
