"""Styles, scripts and icons, served by the product itself under a name that changes with them.

All of them share one version, the digest of their contents, so that a script may import its
neighbour by a relative path and browsers may keep everything for ever. The style sheets of a
folder `static/*/css` are one file, `app.css`.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import Http404, HttpRequest, HttpResponse

from meterline.access.permissions import ANYONE

BUNDLE = "app.css"
_TEXT = ("text/", "application/javascript", "image/svg+xml", "application/manifest+json")
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    zipped: bytes | None
    kind: str


@lru_cache(maxsize=1)
def assets() -> tuple[str, dict[str, Asset]]:
    """The version of all files, and each of them by its path."""
    found = {path: file.read_bytes() for path, file in _files()}
    sheets = [content for path, content in sorted(found.items(), key=_by_order) if _is_sheet(path)]
    found[BUNDLE] = b"\n".join(sheets)
    digest = hashlib.sha256()
    for path, content in sorted(found.items()):
        digest.update(f"{path}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12], {path: _asset(path, body) for path, body in found.items()}


def serve(request: HttpRequest, version: str, path: str) -> HttpResponse:
    """One file. One of another version is not kept by the browser."""
    current, known = assets()
    asset = known.get(path)
    if asset is None:
        raise Http404
    zipped = "gzip" in request.headers.get("Accept-Encoding", "") and asset.zipped is not None
    response = HttpResponse(asset.zipped if zipped else asset.content, content_type=asset.kind)
    if zipped:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["Cache-Control"] = _FOR_EVER if version == current else "no-store"
    return response


serve.permission = ANYONE  # type: ignore[attr-defined]


class Assets(StaticFilesStorage):
    """`{% static %}` by the version of all files."""

    def url(self, name: str | None) -> str:
        version, known = assets()
        if name not in known:
            raise ValueError(f"there is no static file {name}")
        return f"{settings.STATIC_URL}{version}/{name}"


def _files() -> Iterator[tuple[str, Path]]:
    for finder in get_finders():
        storage: Any
        for path, storage in finder.list([]):
            yield path, Path(storage.path(path))


def _is_sheet(path: str) -> bool:
    parts = Path(path).parts
    return len(parts) > 2 and parts[-2] == "css" and path.endswith(".css")


def _by_order(item: tuple[str, bytes]) -> tuple[bool, str]:
    return (not item[0].startswith("web/"), item[0])  # layers are declared first


def _asset(path: str, content: bytes) -> Asset:
    kind = "text/javascript" if path.endswith(".js") else mimetypes.guess_type(path)[0]
    kind = kind or "application/octet-stream"
    is_text = kind.startswith(_TEXT)
    return Asset(
        content=content,
        zipped=gzip.compress(content, 9, mtime=0) if is_text else None,
        kind=f"{kind}; charset=utf-8" if is_text else kind,
    )
