"""The tour of the console: what each part of the page is for, in the order of a first look."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from meterline.web.learning import Step

TOUR: Final[tuple[Step, ...]] = (
    ("", _("Welcome"),
     _("A minute shows where things are. Leave at any time; the help starts it again.")),
    (".rail ul", _("The menu follows the money"),
     _("Customers take what the catalogue offers; usage comes in, is billed, and is paid.")),
    (".finder", _("Find anything"),
     _("Press Ctrl K and begin a name, an invoice number, a page or a help topic.")),
    (".figure-cards", _("Key figures open their lists"),
     _("Each figure is a link to the rows that it counts, filtered already.")),
    (".work-card", _("What waits for you"),
     _("Rejected usage, drafts to review, acts for a second person. Open a line to see them.")),
    (".checklist-card", _("First steps"),
     _("They tick themselves as the facts appear: a seller, a plan, customers, usage, a bill.")),
    ("[data-help]", _("Help for the page you are on"),
     _("Press ? on any page. The help opens at the side, and what you typed stays.")),
    ("[data-opens=feedback]", _("Tell us"),
     _("Say from any page what works badly, with a picture if you like.")),
    (".account-menu", _("Your account"),
     _("Light or dark, compact rows, your language, password and second factor.")),
)  # fmt: skip
