"""PDF: what a reader sees and can select, page by page."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from decimal import Decimal

import pytest

from meterline.invoices import reports
from meterline.invoices.document import InvoiceDocument
from meterline.invoices.formats import document_format, pdf

LONG = "Gesellschaft für die Verteilung elektrischer Energie und Nachrichten " * 3


@pytest.fixture
def document(story: list[str]) -> InvoiceDocument:
    return reports.document(story[2])


def test_shows_what_matters(document: InvoiceDocument) -> None:
    made = document_format("pdf").render(document)
    assert made.startswith(b"%PDF-")
    (shown,) = pages(made)
    for text in (
        "Aria & Söhne S.p.A.", "Rechnung", "Zoë <Müller>", "Deutschland", "2024/A-00000003",
        "01.05.2024", "15.05.2024", "139,96\xa0€", "Steuer, vat standard 22 % auf 114,72", "25,24",
        "IT60 X054 2811 1010 0000 0123 456", "BLOPIT22", "Calls, working day", "1:01:01 h",
        "11.04.2024 \N{EN DASH} 30.04.2024", "\N{MINUS SIGN}6,67", "Big, vor Steuer", "114,72",
        "Seite 1 von 1",
        'Calls [/b], Small <& "Co">, Berichtigung',
    ):  # fmt: skip
        assert text in shown.splitlines() or text in shown, text


def test_usage_begins_a_page_and_leaves_out_empty_columns(story: list[str]) -> None:
    first, second = pages(pdf.render(reports.document(story[2], usage_detail=True)))
    assert "Nutzung im Einzelnen" not in first
    lines = second.splitlines()
    assert lines[:2] == ["Aria & Söhne S.p.A.", "Rechnung 2024/A-00000003"]
    assert "15.04.2024, 12:00:00" in lines
    assert "WANN" in lines
    assert "BETRAG" not in lines  # the period is priced, not the record
    assert lines[-1] == "Seite 2 von 2"


def test_credit_note_asks_for_nothing(story: list[str]) -> None:
    (shown,) = pages(pdf.render(reports.document(story[3])))
    assert "Gutschrift" in shown
    assert "\N{MINUS SIGN}1,22\xa0€" in shown
    assert "Dieser Betrag wird Ihrem Konto gutgeschrieben" in shown
    asks = {"BITTE ZAHLEN SIE", "ZU ZAHLEN", "FÄLLIG", "NICHTS ZU ZAHLEN"}
    assert not asks & set(shown.splitlines())


def test_credit_used_and_nothing_left_to_pay(document: InvoiceDocument) -> None:
    paid = replace(document, credit_applied=document.total, due=Decimal(0))
    (shown,) = pages(pdf.render(paid))
    assert "NICHTS ZU ZAHLEN" in shown
    assert "Es ist nichts zu zahlen." in shown
    assert "\N{MINUS SIGN}139,96" in shown
    assert "BITTE ZAHLEN SIE" not in shown


def test_a_thousand_lines_and_long_names(document: InvoiceDocument) -> None:
    (block,) = document.blocks
    lines = tuple(
        replace(line, position=n, name=f"Line {n} {LONG if n % 97 == 0 else ''}")
        for n, line in enumerate((block.lines * 100)[:1000], start=1)
    )
    long = replace(
        document, blocks=(replace(block, lines=lines, title=LONG),), iban="",
        customer=replace(document.customer, name=LONG),
        seller=replace(document.seller, name=LONG),
    )  # fmt: skip
    shown = pages(pdf.render(long))
    assert len(shown) > 20
    everything = "\n".join(shown)
    assert all(re.search(rf"\bLine {n}\b", everything) for n in range(1, 1001))
    assert "AN IBAN" not in everything
    for number, page in enumerate(shown, start=1):
        assert f"Seite {number} von {len(shown)}" in page
        assert "BETRAG" in page  # the head of the table is on each page


def test_same_document_same_bytes_and_pictures(document: InvoiceDocument) -> None:
    assert pdf.render(document) == pdf.render(document)
    (picture,) = pdf.render_pages(document)
    assert picture.startswith(b"\x89PNG")


# The text of a PDF as a reader extracts it: glyph numbers through each font's ToUnicode map.
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
