"""PDF by Typst: invoice.typ, compiled in process, with the fonts that come with Typst."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import as_file, files
from typing import Literal

import typst

from meterline.invoices.document import InvoiceDocument
from meterline.invoices.spoken import spoken

NAME = "pdf"
SUFFIX = ".pdf"


def render(document: InvoiceDocument) -> bytes:
    """The document as PDF."""
    return b"".join(_compile(document, "pdf"))


def render_pages(document: InvoiceDocument) -> list[bytes]:
    """The document's pages as PNG pictures, for looking at."""
    return _compile(document, "png")


def _compile(document: InvoiceDocument, format: Literal["pdf", "png"]) -> list[bytes]:
    data = json.dumps(spoken(document))
    made = _compiler().compile(format=format, sys_inputs={"document": data})
    assert made is not None  # without an output file, the content is returned
    return [made] if isinstance(made, bytes) else made


@cache
def _compiler() -> typst.Compiler:
    with as_file(files("meterline.invoices") / "formats" / "invoice.typ") as path:
        return typst.Compiler(str(path), ignore_system_fonts=True)
