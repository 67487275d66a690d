"""Words of the portal for what the product calls by codes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PARTS = {
    "usage": _("Usage"), "earlier": _("Usage of earlier bills, corrected"),
    "fixed": _("Fixed charges"), "one_offs": _("One-off charges"),
    "minimums": _("Minimums and commitments"),
    "credits": _("Discounts, credits and corrections"), "tax": _("Tax"),
}  # fmt: skip
DELIVERIES = {
    "portal": _("Here in the portal"), "email": _("By e-mail"), "post": _("By post"),
}  # fmt: skip
NUMBERS = {
    "msisdn": _("Number"), "meter": _("Meter"), "key": _("Key"),
}  # fmt: skip
PURPOSES = {
    "offers_by_email": _("Offers by e-mail"), "offers_by_phone": _("Offers by telephone"),
    "usage_insight": _("Advice made from what I use"),
}  # fmt: skip
