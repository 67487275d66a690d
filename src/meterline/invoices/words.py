"""What pages and letters call the states of documents, and the causes of changes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

CAUSES = {
    "usage": _("Usage: more or less was used"),
    "days": _("Days: the periods are longer or shorter"),
    "services": _("Services: begun, ended, or another number of them"),
    "price": _("Price: the same at another price"),
    "one_offs": _("One-off charges"),
    "minimums": _("Minimums and commitments"),
    "credits": _("Discounts, credits and corrections"),
    "tax": _("Tax"),
}
CHANNELS = {"email": _("e-mail"), "post": _("paper")}
SENDINGS = {
    "waiting": _("waiting"), "sending": _("being sent"), "sent": _("sent"),
    "failed": _("not sent"), "unknown": _("unknown"),
}  # fmt: skip
SENDING_TONES = {"waiting": "neutral", "sending": "busy", "sent": "good", "failed": "bad",
                 "unknown": "warning"}  # fmt: skip
PROBLEMS = {
    "no_address": _("The customer has no e-mail address: enter it, then send again."),
    "bad_address": _("That is no e-mail address: correct it, then send again."),
    "no_server": _("The mail server could not be reached; it is tried again."),
    "refused": _("The mail server refused it."),
    "no_answer": _("The mail server did not answer: it may have been sent. Ask the customer before"
                   " you send it again."),
    "interrupted": _("It was interrupted while it was sent: it may have been sent. Ask the customer"
                     " before you send it again."),
}  # fmt: skip
