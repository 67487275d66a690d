"""The registry of endpoints: each says its method, path and permission.

    @endpoint("GET", "/v1/usage/receipts/{receipt}", permission="usage.view")
    def receipt(call: Call) -> Answer: ...

Rooms bring theirs in `api.py`, which is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meterline.access.models import ApiKey
from meterline.access.permissions import PERMISSIONS
from meterline.api.errors import NoSuchEndpoint, WrongMethod

BODY_MOST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Call:
    """What somebody asks for, with a key that may ask for it."""

    key: ApiKey
    places: Mapping[str, str]  # the parts of the path that are named in braces
    query: Mapping[str, str]
    content_type: str = ""  # without parameters, in lower case
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back, as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


View = Callable[[Call], Answer]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A method on a path."""

    method: str
    path: str
    pattern: re.Pattern[str]
    permission: str
    body_most: int
    view: View


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str, path: str, *, permission: str, body_most: int = BODY_MOST
) -> Callable[[View], View]:
    """Register an endpoint. `{name}` in its path is any text without a slash; `body_most` are the
    bytes that it reads, unpacked."""

    if permission not in PERMISSIONS:
        raise ValueError(f"{method} {path} asks for {permission}, which there is not")

    def register(view: View) -> View:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        made = Endpoint(
            method=method, path=path, pattern=pattern, permission=permission, body_most=body_most,
            view=view,
        )  # fmt: skip
        ENDPOINTS.append(made)
        return view

    return register


def find(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint of a path, and the named parts. Raises NoSuchEndpoint, WrongMethod."""
    here = [(one, found) for one in ENDPOINTS if (found := one.pattern.fullmatch(path))]
    if not here:
        raise NoSuchEndpoint(path=path)
    for one, found in here:
        if one.method == method:
            return one, found.groupdict()
    methods = ", ".join(one.method for one, _ in here)
    raise WrongMethod(path=path, methods=methods, method=method)


def load_endpoints() -> None:
    """Import the `api.py` of every room, which registers them."""
    import meterline

    for room in pkgutil.iter_modules(meterline.__path__):
        if room.ispkg and room.name != "api":
            package = importlib.import_module(f"meterline.{room.name}")
            if any(inner.name == "api" for inner in pkgutil.iter_modules(package.__path__)):
                importlib.import_module(f"meterline.{room.name}.api")
