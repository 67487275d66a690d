"""Single values of a YAML text changed where they stand, and nothing else of it: comments, order,
quotes and line ends of the rest stay, character by character. Pure.

What replaces a list or a mapping as a whole is written anew; comments inside it are lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from meterline.catalog.errors import CannotRewrite
from meterline.catalog.yaml import Place, load_all

REMOVED: Any = object()
_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class _Cut:
    start: int
    end: int
    text: str


def rewritten(text: str, place: Place, after: Any) -> str:
    """`text` with `after` (or REMOVED) at a place of its only document, by the least changes.

    Raises CannotRewrite where an anchor or alias stands in the way.
    """
    before = load_all(text, "")[0].data
    wanted = _with(before, place, after)
    for at, value in _changes(_at(before, place), after, place):
        text = _changed(text, at, value)
    if load_all(text, "")[0].data != wanted:
        raise CannotRewrite(place=".".join(map(str, place)))
    return text


def _at(data: Any, place: Place) -> Any:
    for key in place:
        if isinstance(data, Mapping):
            data = data.get(str(key), REMOVED)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return REMOVED
    return data


def _with(data: Any, place: Place, value: Any) -> Any:
    """Data with a value at a place."""
    if not place:
        return value
    if isinstance(data, list) and isinstance(place[0], int):
        return [_with(one, place[1:], value) if at == place[0] else one
                for at, one in enumerate(data)]  # fmt: skip
    held = dict(data) if isinstance(data, Mapping) else {}
    inner = _with(held.get(str(place[0])), place[1:], value)
    if inner is REMOVED:
        held.pop(str(place[0]), None)
        return held
    return {**held, str(place[0]): inner}


def _changes(before: Any, after: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """The places at which two data differ, as deep as their shapes agree."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before and after:
        for key in before:
            if key not in after:
                yield (*place, key), REMOVED
        for key, value in after.items():
            yield from _changes(before.get(key, REMOVED), value, (*place, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, (*place, number))
    elif type(before) is not type(after) or before != after:
        yield place, after


def _changed(text: str, place: Place, value: Any) -> str:
    cut = _cut(text, next(iter(YAML(typ="rt", pure=True).compose_all(text))), place, value)
    return text[: cut.start] + cut.text + text[cut.end :]


def _cut(text: str, node: Node, place: Place, value: Any) -> _Cut:
    key: Node | None = None
    for depth, name in enumerate(place):
        last = depth == len(place) - 1
        inner = _pair(node, name)
        if inner is None:
            for left in reversed(place[depth + 1 :]):
                value = {left: value}
            if isinstance(node, MappingNode) and node.value:
                return _inserted(text, node, str(name), value)
            return _replaced(text, key, node, {str(name): value})
        _check(inner[0], inner[1], place)
        if last and value is REMOVED:
            return _removed(text, node, str(name))
        key, node = inner
    return _replaced(text, key, node, value)


def _pair(node: Node, name: str | int) -> tuple[Node | None, Node] | None:
    """Key and value of a name; of an item of a list, only the value."""
    if isinstance(node, MappingNode):
        found = (pair for pair in node.value if str(pair[0].value) == str(name))
        return next(found, None)
    if isinstance(node, SequenceNode) and isinstance(name, int):
        return None, node.value[name]
    return None


def _check(key: Node | None, node: Node, place: Place) -> None:
    """An alias stands elsewhere, and what has an anchor may stand elsewhere too."""
    before_key = key is not None and node.start_mark.index < key.end_mark.index
    if node.anchor or before_key:
        raise CannotRewrite(place=".".join(map(str, place)))


def _replaced(text: str, key: Node | None, node: Node, value: Any) -> _Cut:
    start, end = node.start_mark.index, _end(text, node)
    is_block = isinstance(node, CollectionNode) and not node.flow_style
    if key is not None and (is_block or start == end):
        colon = text.index(":", key.end_mark.index) + 1
        return _Cut(colon, end if is_block else colon, f" {flow(value)}")
    return _Cut(start, end, flow(value))


def _end(text: str, node: Any) -> int:
    """Where a node ends, without the comments and line ends after it."""
    if isinstance(node, ScalarNode) or node.flow_style or not node.value:
        end: int = node.end_mark.index
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            end = node.start_mark.index + len(text[node.start_mark.index : end].rstrip())
        return end
    last = node.value[-1]
    return _end(text, last[1] if isinstance(node, MappingNode) else last)


def _inserted(text: str, node: MappingNode, name: str, value: Any) -> _Cut:
    end = _end(text, node.value[-1][1])
    if node.flow_style:
        return _Cut(end, end, f", {flow(name)}: {flow(value)}")
    newline = "\r\n" if "\r\n" in text else "\n"
    at = text.find("\n", end) + 1
    line = newline.join(_block(name, value, node.value[0][0].start_mark.column))
    if not at:
        return _Cut(len(text), len(text), f"{newline}{line}{newline}")
    return _Cut(at, at, f"{line}{newline}")


def _removed(text: str, node: Node, name: str) -> _Cut:
    assert isinstance(node, MappingNode)
    pairs = node.value
    at = next(i for i, (key, _) in enumerate(pairs) if str(key.value) == name)
    start, end = pairs[at][0].start_mark.index, _end(text, pairs[at][1])
    if len(pairs) == 1:
        return _Cut(start, end, "" if node.flow_style else "{}")
    line = text.rfind("\n", 0, start) + 1
    if not node.flow_style and not text[line:start].strip():
        after = text.find("\n", end) + 1
        return _Cut(line, after or len(text), "")
    if at + 1 < len(pairs):
        comma = _COMMA.match(text, end) if node.flow_style else None
        return _Cut(start, comma.end() if comma else pairs[at + 1][0].start_mark.index, "")
    return _Cut(_end(text, pairs[at - 1][1]), end, "")


def _block(name: str, value: Any, column: int) -> Iterator[str]:
    """The lines of a key with its value."""
    line = f"{' ' * column}{flow(name)}: {flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, Mapping) or not value:
        yield line
        return
    yield f"{' ' * column}{flow(name)}:"
    for key, inner in value.items():
        yield from _block(str(key), inner, column + 2)


def flow(value: Any) -> str:
    """A value in one line, as this project reads it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return "{" + ", ".join(f"{flow(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
