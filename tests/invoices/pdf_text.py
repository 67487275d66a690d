"""The text of a PDF as a reader extracts it: glyph numbers through each font's ToUnicode map."""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\s(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_PLAIN = rb"[^()\\]|\\."
_BALANCED = _PLAIN  # round brackets stand unescaped in a literal where they are balanced
for _ in range(4):
    _BALANCED = rb"%b|\((?:%b)*\)" % (_PLAIN, _BALANCED)
_SHOWN = re.compile(
    rb"/(f\d+) [\d.]+ Tf|\[((?:\((?:%b)*\)|[^\]()])*)\]TJ|(\((?:%b)*\))Tj" % (_BALANCED, _BALANCED),
    re.DOTALL,
)
_LITERAL = re.compile(rb"\(((?:%b)*)\)" % _BALANCED, re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages(pdf: bytes) -> list[str]:
    """The text of each page, a line a piece."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    return [
        _page(body, objects) for body in objects.values() if re.search(rb"/Type ?/Page\b", body)
    ]


def _page(body: bytes, objects: dict[int, bytes]) -> str:
    resources = re.search(rb"/Resources (\d+) 0 R", body)
    contents = re.search(rb"/Contents \[?(\d+) 0 R", body)
    assert resources is not None
    assert contents is not None
    fonts = {
        name.decode(): _characters(int(number), objects)
        for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", objects[int(resources[1])])
    }
    shown, font = [], {}
    for name, several, one in _SHOWN.findall(_stream(objects[int(contents[1])])):
        if name:
            font = fonts[name.decode()]
            continue
        codes = b"".join(_ESCAPED.sub(_plain, text) for text in _LITERAL.findall(several or one))
        pairs = (codes[i : i + 2] for i in range(0, len(codes), 2))
        shown.append("".join(font[int.from_bytes(pair)] for pair in pairs))
    return "\n".join(shown)


def _characters(font: int, objects: dict[int, bytes]) -> dict[int, str]:
    found = re.search(rb"/ToUnicode (\d+) 0 R", objects[font])
    assert found is not None
    text = _stream(objects[int(found[1])]).decode()
    return {
        int(code, 16): bytes.fromhex(unicode).decode("utf-16-be")
        for code, unicode in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]{4,})>", text)
        if (code, unicode) != ("0000", "FFFF")
    }


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    assert found is not None
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def _plain(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code.isdigit():
        return bytes([int(code, 8)])
    return _NAMED.get(code, code)
