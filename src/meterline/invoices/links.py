"""Where a document stands in the console."""

from __future__ import annotations

from django.urls import reverse

from meterline.web.page import PAGES


def invoice_url(invoice: int) -> str:
    """The page of a document; empty where the console has none."""
    if "invoices.invoice" not in PAGES:
        return ""
    return reverse("invoices.invoice", args=[invoice])
