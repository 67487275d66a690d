"""The catalogues of translations, `locale/<language>/LC_MESSAGES/django.po`, read and compiled.

`python -m meterline.platform.catalogues` compiles them, as a part of the set-up and of packing; it
needs no program of the system. `messages.py` collects what is to be translated.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

LOCALE = Path(__file__).resolve().parents[1] / "locale"
LANGUAGES = ("de", "fr", "it", "es")
_HEAD = r"""msgid ""
msgstr ""
"Language: {language}\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: {plurals}\n"

"""
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{[\w!]*\}")


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    path = _path(language)
    if not path.exists():
        return Catalog(locale=language)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def write(language: str, catalog: Catalog) -> None:
    """The catalogue, with a head that does not change by itself."""
    written = io.BytesIO()
    write_po(written, catalog, width=100, omit_header=True, include_lineno=False, sort_output=True)
    head = _HEAD.format(language=language, plurals=catalog.plural_forms)
    path = _path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + written.getvalue())


def missing(catalog: Catalog, texts: Catalog) -> list[str]:
    """What a catalogue lacks: texts without a translation, fuzzy ones, other placeholders."""
    faults = []
    for message in texts:
        if not message.id:
            continue
        found = catalog.get(message.id, message.context)
        fault = _fault(found)
        if fault:
            where = ", ".join(f"{file}:{line}" for file, line in message.locations[:2])
            faults.append(f"{fault}: {message.id!r} ({where})")
    return faults


def compile_all() -> None:
    """Write the `.mo` files of catalogues that changed since."""
    for language in LANGUAGES:
        source = _path(language)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        written = io.BytesIO()
        write_mo(written, read(language))
        partial = target.with_suffix(f".{os.getpid()}")
        partial.write_bytes(written.getvalue())
        partial.replace(target)


def _fault(found: Message | None) -> str | None:
    if found is None:
        return "not collected"
    said, ids = _forms(found.string), _forms(found.id)
    if not all(said):
        return "not translated"
    if found.fuzzy:
        return "fuzzy"
    wanted = [ids[0], *[ids[-1]] * (len(said) - 1)]  # one may be said without its number
    if any(_placeholders(a) != _placeholders(b) for a, b in zip(said, wanted, strict=True)):
        return "other placeholders"
    return None


def _forms(text: Any) -> list[str]:
    return [*text] if isinstance(text, tuple | list) else [text or ""]  # None: none yet


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def _path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    compile_all()
