"""The tour of the portal: what stands where, in the order of a first look."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from meterline.web.learning import Step

TOUR: Final[tuple[Step, ...]] = (
    ("", _("Welcome"),
     _("A minute shows where things are. Leave at any time; the help starts it again.")),
    (".hero", _("What you owe"),
     _("What is open on your account, until when it is to be paid, and how.")),
    ("[data-so-far]", _("No surprise"),
     _("Your next bill as it would be today, and what your plan still includes.")),
    ("[data-latest]", _("Your bill, explained"),
     _("Open a bill to see why it changed, and each line down to what you used.")),
    (".portal-tabs", _("Usage, bills, services"),
     _("See what you used by the hour, all your bills, and change your plan: you see first what"
       " it costs.")),
    ("[data-help]", _("Help for the page you are on"),
     _("Press ? on any page. The help opens at the side, and what you typed stays.")),
    (".portal-foot [data-opens=feedback]", _("Tell us"),
     _("Say from any page what works badly, with a picture if you like.")),
    (".account-menu", _("Your account"),
     _("Light or dark, your language, password and second factor.")),
)  # fmt: skip
