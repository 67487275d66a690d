"""Files from a form as a draft: laid out in a folder, then bundled like those of the CLI."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from meterline.authoring.bundle import bundle
from meterline.catalog import drafts
from meterline.catalog.drafts import Kept
from meterline.catalog.models import Draft
from meterline.catalog.yaml import read_all


class Upload(Protocol):
    """A file of a form."""

    name: str | None

    def read(self) -> bytes:
        """Its content."""


def keep(
    catalogue: Upload, scenarios: Iterable[Upload], others: Iterable[Upload], *, note: str
) -> Draft:
    """Keep uploaded files as a draft; the others are decks and usage files that they name.

    Raises what `bundle` and `drafts.create` do.
    """
    name, kept = laid_out(catalogue, scenarios, others)
    return drafts.create(name, kept, note=note)


def laid_out(
    catalogue: Upload, scenarios: Iterable[Upload], others: Iterable[Upload]
) -> tuple[str, list[Kept]]:
    """Uploaded files as `bundle` gives them.

    A browser tells no folders: a deck is laid where the catalogue names one of its file name.
    """
    with tempfile.TemporaryDirectory(prefix="meterline-upload-") as folder:
        root = Path(folder)
        file = _write(root / _name(catalogue), catalogue.read())
        tests = [_write(root / _name(one), one.read()) for one in scenarios]
        rest = {_name(one): one.read() for one in others}
        for name, content in rest.items():
            _write(root / name, content)
        for path in [*_named(file)]:
            if path.name in rest and not path.is_absolute() and ".." not in path.parts:
                _write(root / path, rest[path.name])
        return bundle(file, tests)


def _name(upload: Upload) -> str:
    return PurePosixPath(upload.name or "file").name


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _named(file: Path) -> Iterator[PurePosixPath]:
    """The decks that a catalogue names; what is wrong with it is told when it is checked."""
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        return
    for document in read_all(text, file.name):
        cards = document.data.get("rate_cards") if isinstance(document.data, dict) else None
        for card in (cards if isinstance(cards, dict) else {}).values():
            if isinstance(card, dict) and isinstance(card.get("file"), str):
                yield PurePosixPath(card["file"])
