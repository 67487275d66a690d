"""What pages call the states and qualities of reads."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

QUALITIES = {
    "final": _("final"), "actual": _("read"), "customer": _("customer"),
    "substituted": _("substituted"), "interpolated": _("calculated"),
    "estimated": _("estimated"),
}  # fmt: skip
QUALITY_TONES = {"customer": "neutral", "substituted": "warning", "interpolated": "neutral",
                 "estimated": "warning"}  # fmt: skip
STATES = {
    "accepted": _("counts"), "held": _("held for review"), "replaced": _("replaced"),
    "dismissed": _("dismissed"), "backed_out": _("backed out"),
}  # fmt: skip
STATE_TONES = {"accepted": "good", "held": "warning", "dismissed": "bad"}
REASONS = {
    "conflict": _("another value at once"), "negative": _("runs backwards"),
    "spike": _("far more than usual"), "stuck": _("does not move"),
    "zero": _("nothing used, though somebody is there"),
}  # fmt: skip
METHODS = {"average": _("what was used on average"), "last_year": _("the year before")}
SPLITS = {"month": _("at billing days"), "day": _("by day"), "none": _("not at all")}
