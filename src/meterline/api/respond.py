"""From call to answer: who calls, may they, what does the endpoint say; errors as problem+json
(RFC 9457)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from meterline.access.models import ApiKey
from meterline.access.secrets import key_of
from meterline.api.endpoint import Answer, Call, Endpoint
from meterline.api.errors import (
    BodyDamaged,
    BodyTooLarge,
    CallError,
    KeyMissing,
    KeyRefused,
    NotPermitted,
    UnknownEncoding,
)
from meterline.api.rates import RATES
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit

_UNPROCESSABLE = 422
_GZIP_WINDOW = 31


def authorised(endpoint: Endpoint, headers: Mapping[str, str]) -> ApiKey:
    """The key of a call, where it may do what it asks for. Raises KeyMissing, KeyRefused,
    NotPermitted, SlowDown."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise KeyMissing
    key = key_of(secret.strip())
    if key is None:
        raise KeyRefused
    if endpoint.permission not in key.permissions:
        with audit.acting_as(f"key:{key.prefix}"):
            audit.record("access.refused", endpoint.path, after={"permission": endpoint.permission})
        raise NotPermitted(prefix=key.prefix, permission=endpoint.permission)
    RATES.check(key)
    return key


def answered(
    endpoint: Endpoint,
    *,
    key: ApiKey,
    places: Mapping[str, str],
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes = b"",
) -> Answer:
    """What an endpoint says to a call that is authorised."""
    call = Call(
        key=key, places=places, query=query, body=unpacked(body, headers, endpoint.body_most),
        content_type=headers.get("content-type", "").split(";")[0].strip().lower(),
    )  # fmt: skip
    with audit.acting_as(f"key:{key.prefix}"):
        return endpoint.view(call)


def unpacked(body: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """A body as it was before it was packed. Raises BodyTooLarge, BodyDamaged, UnknownEncoding."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise UnknownEncoding(encoding=encoding)
    packed = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = packed.decompress(body, most + 1)
    except zlib.error as error:
        raise BodyDamaged from error
    if len(found) > most:
        raise BodyTooLarge(most=most)
    if not packed.eof:
        raise BodyDamaged
    return found


def problem(error: MeterlineError) -> Answer:
    """An error as problem+json."""
    status, headers, more = _UNPROCESSABLE, {}, {}
    if isinstance(error, CallError):
        status, headers, more = error.status, error.headers(), error.more()
    body: dict[str, Any] = {
        "type": f"urn:meterline:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": f"{error.message[:1].upper()}{error.message[1:]}.",
        **more,
    }
    return Answer(
        body=body, status=status, headers=headers, content_type="application/problem+json"
    )
