"""Formats of documents: each a module with NAME, SUFFIX and render(document) -> bytes."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Protocol

from meterline.invoices.document import InvoiceDocument
from meterline.invoices.errors import UnknownFormat

ENTRY_POINTS = "meterline.invoice_formats"


class DocumentFormat(Protocol):
    """A format: one module of this folder, or an entry point of the group ENTRY_POINTS."""

    NAME: str
    SUFFIX: str

    def render(self, document: InvoiceDocument) -> bytes:
        """The document as a file's content."""
        ...


@cache
def _all() -> dict[str, DocumentFormat]:
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    modules += [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    return {module.NAME: module for module in modules}


def document_format(name: str) -> DocumentFormat:
    """The format of a name. Raises UnknownFormat."""
    try:
        return _all()[name]
    except KeyError:
        raise UnknownFormat(format=name, known=", ".join(sorted(_all()))) from None
