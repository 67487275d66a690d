"""Bodies of deliveries as lines of JSON, an event each: a single event, an array, JSON Lines. Pure.

An array is taken apart as bytes, all at once: where a comma stands in no text and no event, an
event ends.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

ARRAY, OBJECT, LINES = "array", "object", "lines"

_BOM = b"\xef\xbb\xbf"
_ESCAPED_QUOTE = re.compile(rb'\\+"')
_BLANKS = b" \t\r\n"

Array = np.ndarray[Any, Any]


class NoJson(ValueError):
    """A body that is not what it says it is; the text tells where."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Events, a line each."""

    text: bytes
    count: int


def lines_of(body: bytes, shape: str) -> Lines:
    """The events of a body of a shape (ARRAY, OBJECT or LINES). Whether each is an event at all is
    not looked at. Raises NoJson."""
    text = body.removeprefix(_BOM).strip(_BLANKS)
    if not text:
        raise NoJson("the body is empty")
    if shape == LINES:
        lines = [line for line in text.split(b"\n") if line.strip(_BLANKS)]
        return Lines(text=b"\n".join(lines), count=len(lines))
    if shape == OBJECT:
        return Lines(text=on_one_line(text), count=1)
    return _array(text)


def shape_of(body: bytes) -> str:
    """The shape of a body that does not tell: as its first character and its lines say."""
    text = body.removeprefix(_BOM).lstrip(_BLANKS)
    if text.startswith(b"["):
        return ARRAY
    return LINES if _begins_each_line(text) else OBJECT


def _begins_each_line(text: bytes) -> bool:
    """Whether every line is an object of its own, which no object on several lines looks like."""
    lines = [line.strip(_BLANKS) for line in text.split(b"\n") if line.strip(_BLANKS)]
    return all(line.startswith(b"{") and line.endswith(b"}") for line in lines)


def on_one_line(text: bytes) -> bytes:
    """A text whose line breaks are blanks; within a text of JSON there are none."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def _array(text: bytes) -> Lines:
    characters = np.frombuffer(text, np.uint8)
    outside = ~_within_texts(text, characters)
    opens = ((characters == ord("{")) | (characters == ord("["))) & outside
    closes = ((characters == ord("}")) | (characters == ord("]"))) & outside
    depth = np.cumsum(opens.view(np.int8) - closes.view(np.int8), dtype=np.int32)
    if text[:1] != b"[" or text[-1:] != b"]" or depth[-1] != 0 or depth[:-1].min(initial=1) < 1:
        raise NoJson(_fault(text))
    if not text[1:-1].strip(_BLANKS):
        raise NoJson("the array holds no event")
    ends = (characters == ord(",")) & outside & (depth == 1)
    made = np.where((characters == ord("\n")) | (characters == ord("\r")), ord(" "), characters)
    made = np.where(ends, ord("\n"), made)[1:-1].astype(np.uint8)
    lines = made.tobytes()
    if any(not line.strip(_BLANKS) for line in lines.split(b"\n")):
        raise NoJson(_fault(text))
    return Lines(text=lines, count=int(ends.sum()) + 1)


def _within_texts(text: bytes, characters: Array) -> Array:
    """Which characters stand in texts, their opening quotes among them."""
    quotes = characters == ord('"')
    if b"\\" in text:
        for found in _ESCAPED_QUOTE.finditer(text):
            if (found.end() - found.start()) % 2 == 0:
                quotes[found.end() - 1] = False
    # whether the count is odd is all that matters, so it may run over
    counted: Array = np.cumsum(quotes, dtype=np.uint8)
    return (counted & 1).view(np.bool_)


def _fault(text: bytes) -> str:
    """Where an array is none."""
    try:
        json.loads(text)
    except UnicodeDecodeError:
        return "the body is not UTF-8"
    except ValueError as error:
        return f"the body is no JSON: {error}"
    except RecursionError:
        return "the body is nested too deep"
    return "the body is no array of events"
