"""The API as an ASGI application before that of the pages: `/v1/` is the API.

Calls are answered by a few threads that keep their connections to the database; commits that come
together share one write of its log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from meterline.api.endpoint import Answer, Endpoint, find, load_endpoints
from meterline.api.errors import BodyTooLarge, DatabaseGone
from meterline.api.respond import answered, authorised, problem
from meterline.kernel.errors import MeterlineError

PREFIX = "/v1/"
THREADS = 8

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Result = TypeVar("Result")


class Application:
    """Answers what begins with PREFIX; hands all else on."""

    def __init__(self, others: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        load_endpoints()
        self._others = others
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._others(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except MeterlineError as error:
            answer = problem(error)
        except Gone:
            return
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        endpoint, places = find(scope["method"], scope["path"])
        headers = {name.decode("latin-1"): value.decode("latin-1")
                   for name, value in scope["headers"]}  # fmt: skip
        key = await self._beside(partial(authorised, endpoint, headers))
        body = await _body(endpoint, headers, receive)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return await self._beside(
            partial(answered, endpoint, key=key, places=places, query=query, headers=headers,
                    body=body)
        )  # fmt: skip

    async def _beside(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(_with_database, work)
        )


class Gone(ConnectionError):
    """Whoever called hung up before the call was whole."""


def _with_database(work: Callable[[], Result]) -> Result:
    """Do something with this thread's connection; one that broke is opened anew the next time."""
    from django.db import InterfaceError, OperationalError, connection

    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise DatabaseGone from error


async def _body(endpoint: Endpoint, headers: Mapping[str, str], receive: Receive) -> bytes:
    """The body of a call, as it is sent. Raises BodyTooLarge as soon as that is known."""
    told = headers.get("content-length", "")
    if told.isdigit() and int(told) > endpoint.body_most:
        raise BodyTooLarge(most=endpoint.body_most)
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > endpoint.body_most:
            raise BodyTooLarge(most=endpoint.body_most)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(answer: Answer, send: Send) -> None:
    body = json.dumps(answer.body).encode()
    headers = {
        "content-type": answer.content_type, "content-length": str(len(body)),
        "cache-control": "private, no-store", "x-content-type-options": "nosniff",
        **answer.headers,
    }  # fmt: skip
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
