"""YAML 1.2 as this project reads it: core schema, exact decimals, a line for every field.

Scalars come as text, int, Decimal, bool or None; dates stay text; nothing passes through binary
floating point. Duplicate keys, unknown tags, texts that no database can hold and documents that
grow by aliases are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from meterline.catalog.errors import CatalogInvalid, Problem

Place = tuple[str | int, ...]
_NODES_MOST = 2_000_000
_TAG = "tag:yaml.org,2002:"
_PLAIN = ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge", "value")
_TAGS = {_TAG + name for name in _PLAIN}
_UNFIT = re.compile("[\0\ud800-\udfff]")
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One document: its data, and the 1-based line of each place in it (() = its first line).

    `problems` are faults below YAML's own grammar, where the reader went on.
    """

    data: Any
    lines: dict[Place, int]
    problems: tuple[Problem, ...] = ()


def read_text(path: Path) -> str:
    """The text of a file; CatalogInvalid where it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _invalid(str(path), 1, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _invalid(str(path), 1, f"expected UTF-8 text: {error.reason}") from error


def load_all(text: str, file: str) -> list[Document]:
    """The documents of a YAML text. Raises CatalogInvalid with file and line."""
    documents = read_all(text, file)
    problems = [problem for document in documents for problem in document.problems]
    if problems:
        raise CatalogInvalid(problems)
    return documents


def read_all(text: str, file: str) -> list[Document]:
    """As load_all, but duplicate keys and the like are left in the documents' `problems`, so that
    they can be told together with other faults."""
    try:
        nodes = _composed(text) if len(text) <= _KEPT_MOST else _compose(text)
        return [_document(node, file) for node in nodes]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _invalid(file, line, f"not YAML: {error.problem or error.context}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"not YAML: expected text, found character U+{error.character:04X}"
        raise _invalid(file, line, found) from error
    except RecursionError as error:
        raise _invalid(file, 1, "not YAML: nested too deeply, or an alias in itself") from error
    except (YAMLError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _invalid(file, 1, f"not YAML: {first}") from error


def _invalid(file: str, line: int, message: str) -> CatalogInvalid:
    return CatalogInvalid([Problem(file, line, "file", message)])


_KEPT_MOST = 100_000  # characters


def _compose(text: str) -> tuple[Node, ...]:
    return tuple(node for node in YAML(typ="rt", pure=True).compose_all(text) if node)


_composed = lru_cache(maxsize=16)(_compose)
"""Of a draft that is looked at again and again: to take it apart takes longest. Nodes are read,
and never changed."""


def _document(node: Node, file: str) -> Document:
    lines: dict[Place, int] = {}
    problems: list[Problem] = []
    data = _Reader(file, lines, problems).value(node, ())
    return Document(data, lines, tuple(problems))


class _Reader:
    def __init__(self, file: str, lines: dict[Place, int], problems: list[Problem]) -> None:
        self.file, self.lines, self.problems = file, lines, problems
        self.left = _NODES_MOST

    def value(self, node: Node, place: Place) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError("the document is too large")
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if node.tag not in _TAGS:
            self._problem(line, place, f"unknown tag {str(node.tag).removeprefix(_TAG)}")
        match node:
            case ScalarNode():
                self._check_text(line, place, node.value)
                return _scalar(node)
            case SequenceNode():
                return [self.value(child, (*place, i)) for i, child in enumerate(node.value)]
            case MappingNode():
                return dict(self._pairs(node, place))
        raise AssertionError(f"unknown node {node}")

    def _pairs(self, node: MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._problem(line, place, "expected text as a key")
                continue
            key = str(key_node.value)
            self._check_text(line, place, key)
            if key in seen:
                self._problem(
                    line, (*place, key), f"expected once; the key is on line {seen[key]} too"
                )
            seen.setdefault(key, line)
            self.lines[(*place, key)] = line
            yield key, self.value(value_node, (*place, key))

    def _check_text(self, line: int, place: Place, text: Any) -> None:
        message = unfit_character(str(text))
        if message:
            self._problem(line, place, message)

    def _problem(self, line: int, place: Place, message: str) -> None:
        self.problems.append(Problem(self.file, line, field_name(place), message))


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    if node.style is not None or (node.tag and node.tag.endswith(":str") and _tagged(node)):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 40:
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) < 60:
        return Decimal(text)
    return text


def _tagged(node: ScalarNode) -> bool:
    """Whether `!!str` stands before a plain scalar; otherwise its tag was only guessed."""
    return getattr(node, "ctag", None) is not None and not node.style and "str" in str(node.ctag)


def unfit_character(text: str) -> str | None:
    """What is wrong with a text that no database can hold; None where it is sound."""
    found = _UNFIT.search(text)
    return f"expected text, found character U+{ord(found[0]):04X}" if found else None


def field_name(place: Place) -> str:
    """A place in words: plans.pro.prices.base.tiers.0."""
    return ".".join(map(str, place)) or "file"


def line_of(lines: dict[Place, int], place: Place) -> int:
    """The line of a place, or of the nearest one around it that is in the file."""
    for length in range(len(place), -1, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return 1
