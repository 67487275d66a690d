"""Codes of catalogue files as pages call them."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from meterline.web.words import Words

WORDS: Final[dict[str, Words]] = {
    # kinds and models of prices
    "recurring": _("recurring"), "one_time": _("one-time"), "usage": _("by usage"),
    "flat": _("fixed amount"), "per_unit": _("per unit"), "graduated": _("graduated tiers"),
    "graduated_percentage": _("graduated percentages"), "volume": _("volume tiers"),
    "package": _("packages"), "matrix": _("by values of properties"), "dynamic": _("as delivered"),
    "percentage": _("percentage of the value"), "percent_of": _("percentage of other prices"),
    "rate_card": _("rate card"), "time_of_use": _("by time of use"), "demand": _("by demand"),
    # when changes take effect, what becomes of advance payments, who keeps a version
    "now": _("at once"), "end_of_period": _("at the end of the period"),
    "prorated": _("credited for the days left"), "none": _("none"),
    "keep": _("keeps it"), "move": _("moves to the new one"),
    "move_at_renewal": _("moves to the new one at renewal"),
    # how days are counted
    "actual": _("as the calendar has them"), "fixed_30": _("30 days a month"),
    "30_360": _("30/360"), "mean_month": _("months of mean length"), "seconds": _("by the second"),
    # how amounts are rounded
    "half_up": _("half up"), "half_even": _("half to even"), 
    "up": _("away from zero"), "down": _("towards zero"),
    # how keys of rate cards match
    "prefix": _("longest prefix"), "exact": _("exactly"),
}  # fmt: skip


def word(code: str) -> str:
    """What a page calls a code; one that is not known here is shown as it is."""
    return str(WORDS.get(code, code.replace("_", " ")))
