"""Bodies of deliveries as lines of JSON, an event each: a single event, an array, JSON Lines. Pure.

An array is taken apart as bytes: where a comma stands in no text and no event, an event ends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from meterline.kernel.compiled import Compiled

ARRAY, OBJECT, LINES = "array", "object", "lines"

_BOM = b"\xef\xbb\xbf"
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
    made = np.empty(max(len(text) - 2, 0), dtype=np.uint8)
    count = split_array(np.frombuffer(text, np.uint8), made)
    if count == 0:
        raise NoJson("the array holds no event")
    if count < 0:
        raise NoJson(_fault(text))
    return Lines(text=made.tobytes(), count=count)


def _split_each(text: Array, made: Array) -> int:
    """Write an array's events, a line each; how many, -1 for what is no array of events."""
    last = len(text) - 1
    if last < 1 or text[0] != ord("[") or text[last] != ord("]"):
        return -1
    depth, count = 1, 0
    within = escaped = filled = False
    for i in range(1, last):
        one = text[i]
        if within:
            within = escaped or one != ord('"')
            escaped = one == ord("\\") and not escaped
        elif one == ord('"'):
            within = filled = True
        elif one == ord("{") or one == ord("["):
            depth += 1
            filled = True
        elif one == ord("}") or one == ord("]"):
            depth -= 1
            if depth < 1:
                return -1
        elif one == ord(",") and depth == 1:
            if not filled:
                return -1
            count += 1
            filled = False
            made[i - 1] = ord("\n")
            continue
        elif one != ord(" ") and one != ord("\t") and one != ord("\r") and one != ord("\n"):
            filled = True
        made[i - 1] = ord(" ") if one == ord("\n") or one == ord("\r") else one
    if within or depth != 1 or (count > 0 and not filled):
        return -1
    return count + 1 if filled else 0


split_array = Compiled(_split_each, "uint8[]", "out uint8[]")


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
