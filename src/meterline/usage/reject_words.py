"""Why records are refused, and what to do about it, in the language of the page.

The pure floors write the details in English, as files and the API give them; each is of a template
here. What is of none (the messages of one's own mapping checks, of broken files) is shown as it is.
"""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as noop

from meterline.web.rules import said
from meterline.web.words import Words

REASONS: Final[dict[str, Words]] = {
    "malformed": _("malformed"), "invalid_time": _("no valid time"),
    "invalid_quantity": _("no valid quantity"),
    "unknown_identifier": _("nobody holds the identifier"),
    "inactive_subscription": _("no active subscription"), "no_price": _("no price"),
    "unknown_destination": _("unknown destination"), "unknown_meter": _("unknown meter"),
    "too_late": _("came too late"), "check": _("a check of the mapping"),
    "unknown_register": _("unknown register"), "not_installed": _("the meter was not there"),
    "too_many_digits": _("more digits than the register has"),
}  # fmt: skip
"""What a reason is called."""

ADVICE: Final[dict[str, Words]] = {
    "malformed": _("Mend the fields below, or ask the source for the file again."),
    "invalid_time": _("Correct the time below; where a whole file is so, its time zone or format"
                      " is told by a mapping."),
    "invalid_quantity": _("Correct the quantity below; where a whole file is so, a mapping says"
                          " which column holds it."),
    "unknown_identifier": _("Say whose it is: enter the number with its subscription. What waits"
                            " for it is then tried again by itself."),
    "inactive_subscription": _("Look at the dates of the subscription: let the number, or the"
                               " contract, begin earlier or end later. Then try again."),
    "no_price": _("Add a price for this meter to the plan, from the time of the record on, and"
                  " publish it. Then try again."),
    "unknown_destination": _("Add a row for it to the rate card, and publish it. Then try again."),
    "unknown_meter": _("Add the meter to the catalogue, or correct its name below. Then try"
                       " again."),
    "too_late": _("Accept it, and the next bill corrects what was billed; or discard it. How old"
                  " records may be is said of their source."),
    "check": _("Correct what the check of the mapping found, or change the check. Then try"
               " again."),
    "unknown_register": _("Name a register that the meter has, below. Then try again."),
    "not_installed": _("Enter where the meter was then, or correct its serial number or the time"
                       " below. Then try again."),
    "too_many_digits": _("Correct the value below; where the meter has other digits, exchange it"
                         " for one that is described rightly."),
}  # fmt: skip
"""What somebody can do about a reason."""

DETAILS: Final = (
    noop("no meter"), noop("neither identifier nor subscription"), noop("no start"),
    noop("start is no date and time (ISO 8601)"), noop("start lies before 1970"),
    noop("start lies more than a day ahead"), noop("end is no date and time (ISO 8601)"),
    noop("end lies before start"), noop("duration is no number of seconds >= 0"),
    noop("quantity is no decimal number"), noop("unknown subscription %(code)s"),
    noop("nobody holds %(code)s"),
    noop("no active subscription held it at the start of the record"),
    noop("came too late: its source takes nothing from before %(day)s"),
    noop("meter %(meter)s takes %(field)s >= 0"), noop("price %(price)s: no cell for %(cell)s"),
    noop("property %(field)s holds no amount"), noop("card %(card)s takes %(field)s >= 0"),
    noop("card %(card)s cannot count %(amount)s"), noop("card %(card)s: no row for %(row)s"),
    noop("%(field)s does not pass the check: %(check)s"), noop("unknown time zone %(zone)s"),
    noop("neither serial nor identifier"), noop("at is no date and time (ISO 8601)"),
    noop("at lies more than a day ahead"),
    noop("value is no decimal number of at most 6 decimals"), noop("value lies below zero"),
    noop("no meter has the serial %(serial)s"), noop("name a register: it has %(codes)s"),
    noop("the meter has no such register: it has %(codes)s"),
    noop("there are several registers at the place: name one"), noop("no meter was at %(place)s"),
    noop("the meter was nowhere then"), noop("the register has fewer decimals"),
    noop("the register has fewer dials"), noop("erased"),
    # of lines that could not be read
    noop("not UTF-8"), noop("no JSON object"), 
    noop("nested too deep"), noop("a NUL byte"), noop("a quote is opened and not closed"),
    noop("%(found)s fields, the header has %(count)s"), noop("bad quoting (%(why)s)"),
    noop("a line of %(size)s bytes; %(most)s are the most"), noop("no JSON"),
    noop("quality is none of %(codes)s"),
)  # fmt: skip
"""What details say."""

_ABOUT: Final[dict[str, Words]] = {
    "unknown_meter": _("the catalogue has no meter %(code)s"),
    "no_price": _("the plan has no price for %(code)s"),
    "unknown_identifier": _("nobody holds %(code)s"),
}  # fmt: skip
"""What reasons say of the code that is their detail."""

_CODE: Final = re.compile(r"\S+")


def reason(code: str) -> str:
    """What a reason is called; one that is not known, as it is."""
    return str(REASONS.get(code, code))


def detail(text: str, code: str = "") -> str:
    """A detail in the language of the page; some are no sentence, but what the reason is about."""
    about = _ABOUT.get(code)
    if about is not None and _CODE.fullmatch(text):
        return str(about) % {"code": text}
    found = said(text, DETAILS)
    if found is None and text.endswith(")"):  # what a parser says, behind what is wrong
        head, bracket, rest = text.partition(" (")
        known = said(head, DETAILS)
        found = known and f"{known}{bracket}{rest}"
    return text if found is None else found
