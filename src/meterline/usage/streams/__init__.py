"""Streams of usage: each a module that makes a FastStream broker of a URL, whose messages are kept
before they are acknowledged.

A message holds an event, an array of events or JSON Lines, as over HTTP. What is no event is
refused when it is loaded: nobody waits for an answer, and nothing may be lost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from meterline.usage.errors import UnknownStream

LOG = logging.getLogger(__name__)
LOG.setLevel(logging.WARNING)  # of each message that comes FastStream tells twice

Keep = Callable[[Sequence[bytes]], Awaitable[None]]
"""Returns once the bodies of messages are durable."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where messages come from."""

    url: str  # as it is given, without path and query
    scheme: str
    path: str  # without the slash before it
    options: dict[str, str]

    @property
    def shown(self) -> str:
        """The address without a password."""
        place = self.url.split("://")[1].rsplit("@", 1)[-1]
        return f"{self.scheme}://{place}/{self.path}"

    def part(self, number: int, what: str) -> str:
        """A part of the path. Raises UnknownStream where it is missing."""
        parts = self.path.split("/")
        if len(parts) <= number or not parts[number]:
            raise UnknownStream(url=self.shown, why=f"its path does not tell the {what}")
        return parts[number]

    def option(self, name: str, default: str | None = None) -> str:
        """An option of the query. Raises UnknownStream where one without a default is missing."""
        found = self.options.get(name, default)
        if not found:
            raise UnknownStream(url=self.shown, why=f"it does not tell the {name}")
        return found


class StreamKind(Protocol):
    """A kind of stream: one module of this folder."""

    SCHEMES: tuple[str, ...]

    def broker(self, address: Address, keep: Keep) -> Any:
        """A FastStream broker that is not started, which acknowledges what `keep` has kept."""
        ...

    async def end(self, broker: Any) -> None:
        """End a broker so that the stream keeps what comes until the next start."""
        ...


@cache
def _all() -> dict[str, str]:
    """Modules by scheme; each imports its client only when it is asked for a broker."""
    found: dict[str, str] = {}
    for module in iter_modules(__path__):
        name = f"{__name__}.{module.name}"
        found |= dict.fromkeys(import_module(name).SCHEMES, name)
    return found


def address_of(url: str) -> Address:
    """A URL taken apart. Raises UnknownStream."""
    parts = urlsplit(url)
    known = ", ".join(f"{scheme}://" for scheme in sorted(_all()))
    if parts.scheme not in _all() or not parts.netloc:
        raise UnknownStream(url=url.rsplit("@", 1)[-1], why=f"expected one of {known}")
    return Address(
        url=f"{parts.scheme}://{parts.netloc}", scheme=parts.scheme,
        path=parts.path.removeprefix("/"), options=dict(parse_qsl(parts.query)),
    )  # fmt: skip


def kind_of(address: Address) -> StreamKind:
    """The module of an address."""
    return import_module(_all()[address.scheme])


def broker_of(address: Address, keep: Keep) -> Any:
    """The broker of an address. Raises UnknownStream, also where its client is not installed."""
    try:
        return kind_of(address).broker(address, keep)
    except ImportError as error:
        why = f"{error.name} is not installed: install meterline[streams]"
        raise UnknownStream(url=address.shown, why=why) from error


async def as_it_is(message: Any) -> Any:
    """The decoder of all brokers: the bytes are ours to read, and the message is acknowledged."""
    return message
