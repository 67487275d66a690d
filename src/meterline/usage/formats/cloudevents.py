"""CloudEvents 1.0 in JSON: an event a line (structured), or one array of events (batch).

type is the meter, subject the identifier, time the start, source/id the record's id. The fields of
`data` are the record's: start, end, duration, quantity, and properties.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from meterline.usage.blocks import content
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Decoded
from meterline.usage.json_lines import READER, decode_block, decode_lines
from meterline.usage.remap import remapped_all

NAME = "cloudevents"

_RENAMED = {"type": "meter", "subject": "identifier", "time": "start"}
_LEFT = ("specversion", "datacontenttype")
_CHUNK = 20_000
_EVENT_MOST = 1_000_000
_BOM = b"\xef\xbb\xbf"


def sniff(head: bytes) -> bool:
    """It begins an object or an array of objects that have a specversion."""
    text = head.removeprefix(_BOM).lstrip()
    begins = text.startswith(b"{") or text[1:].lstrip().startswith(b"{")
    first = text.split(b"\n", 1)[0] if text.startswith(b"{") else text
    return text[:1] in (b"{", b"[") and begins and b'"specversion"' in first


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its events in chunks; of a batch, `line` is the event's place. Raises UsageFileError."""
    first = next((part for part in content(path) if part), b"").removeprefix(_BOM).lstrip()
    chunks = _batch(path) if first.startswith(b"[") else decode_lines(path)
    yield from remapped_all((as_records(chunk) for chunk in chunks), mapping)


def as_records(chunk: Decoded) -> Decoded:
    """Flattened events as records with the canonical names."""
    rows = chunk.records
    made: dict[str, pl.Expr] = {}
    for name in rows.columns:
        if name in _LEFT or name in ("id", *_RENAMED):
            continue
        made[name] = pl.col(name)
    for old, new in _RENAMED.items():
        found = [pl.col(name) for name in (new, old) if name in rows.columns]
        if found:  # what the data say goes before what the envelope says
            made[new] = pl.coalesce(found)
    if "id" in rows.columns:
        source = pl.col("source") if "source" in rows.columns else pl.lit(None, pl.String)
        made["id"] = pl.when(pl.col("id").is_not_null()).then(
            pl.concat_str(source, "id", separator="/", ignore_nulls=True)
        )
    records = rows.select(value.alias(name) for name, value in made.items())
    return Decoded(records=records, rejects=chunk.rejects)


def _batch(path: Path) -> Iterator[Decoded]:
    """An array a part at a time, as lines of events. A batch that breaks off is refused."""
    events: list[str] = []
    first = 1
    for event in _events(path):
        events.append(event)
        if len(events) == _CHUNK:
            yield _decoded(events, first)
            first += len(events)
            events = []
    yield _decoded(events, first)


def _decoded(events: list[str], first: int) -> Decoded:
    # within a text there is no line break as such
    lines = [event.replace("\r", " ").replace("\n", " ") for event in events]
    return decode_block("\n".join(lines).encode("utf-8", "surrogatepass"), first)


def _events(path: Path) -> Iterator[str]:
    """The events of an array, as texts."""
    text = _Text(path)
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
    else:
        yield text.value()
        while text.peek() == ",":
            text.expect(",")
            yield text.value()
        text.expect("]")
    if text.peek():
        raise UsageFileError(file=path.name, why="has something after the end of its batch")


class _Text:
    """The text of a file, read as far as it is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts = _texts(path)
        self._text, self._at, self._ended, self._count = "", 0, False, 0

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def expect(self, character: str) -> None:
        """Go past a character that must come."""
        if self.peek() != character:
            raise self._broken(f"expected {character}")
        self._at += 1

    def value(self) -> str:
        """The text of the next value. A number may go on in what is not read yet: it is no event,
        though."""
        self.peek()
        self._count += 1
        while True:
            try:
                _, end = READER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise self._broken("nested too deep") from error
            except ValueError as error:
                if len(self._text) - self._at > _EVENT_MOST or not self._more():
                    raise self._broken(str(error)) from error
                continue
            found, self._at = self._text[self._at : end], end
            return found

    def _more(self) -> bool:
        part = next(self._parts, None)
        if part is not None:
            self._text, self._at = self._text[self._at :] + part, 0
        return part is not None

    def _broken(self, why: str) -> UsageFileError:
        return UsageFileError(
            file=self._path.name, why=f"is no JSON at event {self._count} ({why}): fetch it again"
        )


def _texts(path: Path) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8-sig")()
    try:
        for part in content(path):
            yield decoder.decode(part)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise UsageFileError(file=path.name, why="is not UTF-8") from error
