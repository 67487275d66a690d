"""Calls of the API: keys, permissions, rates, bodies, problems."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from loops import run

from meterline.access import secrets
from meterline.access.models import ApiKey
from meterline.api.application import Application
from meterline.api.endpoint import Endpoint, endpoint, find, load_endpoints
from meterline.api.errors import BodyDamaged, BodyTooLarge, CallError, SlowDown, UnknownEncoding
from meterline.api.rates import Rates
from meterline.api.respond import authorised, problem, unpacked
from meterline.kernel.errors import NotSupported
from meterline.platform import clock
from meterline.platform.models import AuditEntry

pytestmark = pytest.mark.django_db
load_endpoints()


def usage_endpoint() -> Endpoint:
    return find("POST", "/v1/usage")[0]


def refused(headers: dict[str, str]) -> CallError:
    with pytest.raises(CallError) as caught:
        authorised(usage_endpoint(), headers)
    return caught.value


def bearer(*permissions: str, **more: Any) -> dict[str, str]:
    _, secret = secrets.make_key("test", permissions, **more)
    return {"authorization": f"Bearer {secret}"}


def test_a_key_is_needed_and_must_be_in_force() -> None:
    assert (refused({}).status, refused({}).code) == (401, "key_missing")
    assert refused({"authorization": "Basic eDp5"}).code == "key_missing"
    assert refused({"authorization": "Bearer ml_x"}).code == "key_refused"
    assert refused({}).headers() == {"www-authenticate": "Bearer"}
    headers = bearer("usage.load")
    key = authorised(usage_endpoint(), headers)
    secrets.revoke_key(key.prefix)
    assert refused(headers).code == "key_refused"
    old = bearer("usage.load", expires_at=datetime(2026, 1, 2, tzinfo=UTC))
    clock.move_to(datetime(2026, 1, 2, tzinfo=UTC))
    assert refused(old).code == "key_refused"


def test_a_key_may_do_what_it_was_made_for_and_refusals_are_on_record() -> None:
    assert (error := refused(bearer("usage.view"))).status == 403
    assert "usage.load" in error.message
    entry = AuditEntry.objects.get(action="access.refused")
    assert (entry.actor, entry.subject) == (f"key:{error.details['prefix']}", "/v1/usage")


def test_a_key_that_sent_too_much_waits_until_it_is_made_good() -> None:
    key, _ = secrets.make_key("slow", ["usage.load"], rate=100)
    now = [0.0]
    rates = Rates(clock=lambda: now[0])
    rates.check(key)
    rates.spend(key, 350)  # it had 100
    with pytest.raises(SlowDown) as caught:
        rates.check(key)
    assert (caught.value.status, caught.value.headers()) == (429, {"retry-after": "3"})
    now[0] = 2.51
    rates.check(key)
    rates.spend(key, 1)
    now[0] = 1000.0
    rates.spend(key, 100)  # no more is saved up than a second's
    with pytest.raises(SlowDown):
        rates.check(key)
    rates.check(secrets.make_key("any", ["usage.load"])[0])


def test_packed_bodies() -> None:
    packed = {"content-encoding": "gzip"}
    assert unpacked(b"plain", {}, 10) == b"plain"
    assert unpacked(gzip.compress(b"x" * 10), packed, 10) == b"x" * 10
    with pytest.raises(BodyTooLarge):
        unpacked(gzip.compress(b"x" * 100_000), packed, 10)
    for damaged in (b"plain", gzip.compress(b"x" * 10)[:-5]):
        with pytest.raises(BodyDamaged):
            unpacked(damaged, packed, 10)
    with pytest.raises(UnknownEncoding):
        unpacked(b"", {"content-encoding": "br"}, 10)


def test_problems_have_a_stable_code_and_say_what_to_do() -> None:
    told = problem(NotSupported(what="this"))
    assert (told.status, told.content_type) == (422, "application/problem+json")
    assert told.body == {
        "type": "urn:meterline:problem:not_supported", "title": "Unprocessable Entity",
        "status": 422, "code": "not_supported", "detail": "Not supported yet: this.",
    }  # fmt: skip


def test_an_endpoint_asks_for_a_permission_that_there_is() -> None:
    with pytest.raises(ValueError, match="there is not"):
        endpoint("GET", "/v1/nothing", permission="nothing.view")


def called(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    """Call the ASGI application without a server; only what needs no database."""
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": body[:5], "more_body": True},
                {"type": "http.request", "body": body[5:]}]  # fmt: skip

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def others(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    run(Application(others)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_what_is_no_endpoint() -> None:
    assert called("GET", "/usage/batches/")[0] == 299
    assert called("GET", "/v1/nothing")[1]["code"] == "no_such_endpoint"
    status, told = called("DELETE", "/v1/usage")
    assert (status, told["code"]) == (405, "wrong_method")
    assert "POST" in told["detail"]


def test_keys_keep_their_rate() -> None:
    key, _ = secrets.make_key("k", ["usage.load"], rate=5)
    assert ApiKey.objects.get(pk=key.pk).rate == 5
