"""Documents in the language of their reader."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, override

from meterline.invoices.document import InvoiceDocument
from meterline.invoices.texts import texts
from meterline.web.language import known


def spoken(document: InvoiceDocument) -> dict[str, Any]:
    """Everything that a document prints, in its own language; in English where the product does not
    speak that."""
    with override(language_of(document.language)):
        return texts(document, gettext)


def language_of(wanted: str) -> str:
    """The language of the product that is nearest to a wanted one: de for de-AT."""
    code = wanted.replace("_", "-").split("-")[0].lower()
    return code if known(code) else "en"
