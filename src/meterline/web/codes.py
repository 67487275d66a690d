"""Codes in URLs: whatever people type as a code, one segment of a path says it and nothing else."""

from __future__ import annotations

import re

PAGES = frozenset({"new", "accounts", ".", ".."})  # segments that mean something else in a path
_UNSAFE = re.compile(r"[/~\\?#%;\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"~([0-9A-F]{2})")


class CodeConverter:
    """`<code:name>`: as `<str:name>`, with `~2F` for a slash, as servers undo `%2F` too early."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The code that a segment says."""
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value)

    def to_url(self, value: str) -> str:
        """The segment that says a code."""
        if value in PAGES:
            return _escaped(value[0]) + value[1:].replace(".", "~2E")
        return _UNSAFE.sub(lambda found: _escaped(found[0]), value)


def _escaped(character: str) -> str:
    return f"~{ord(character):02X}"
