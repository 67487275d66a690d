"""What plans and outliers are called on pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

PLAN_STATES = {
    "checking": _("dry run at work"), "checked": _("checked"), "issuing": _("being issued"),
    "issued": _("issued"), "failed": _("failed"), "dropped": _("given up"),
}  # fmt: skip
PLAN_TONES = {
    "checking": "busy", "checked": "warning", "issuing": "busy", "issued": "good", "failed": "bad",
}  # fmt: skip
WHY = {
    "negative": _("below zero"), "nothing": _("nothing, after bills"),
    "after_nothing": _("something, after nothing"), "more": _("over three times the usual"),
    "less": _("under a third of the usual"),
}  # fmt: skip
