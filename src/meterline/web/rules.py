"""The rules of explanations in the language of the page.

The pure floors write an explanation in English, as the API and the command line give it. A rule is
clauses with a semicolon between them; each clause is matched against what may be said, and said
again in the language of the page. A clause that is not known here is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from meterline.web import format as written

CLAUSES: Final = (
    # what may follow a clause comes first, or others would swallow it
    _("its part of %(clause)s"),
    _("%(clause)s (%(events)s of them)"),
    _("%(clause)s, after the free ones and within its bounds"),
    _("%(clause)s, less %(relief)s of an allowance of money"),
    _("%(clause)s for %(share)s of the period"),
    _("%(clause)s %(together)s, which comes to %(whole)s"),
    # prices
    _("a fixed amount"),
    _("%(price)s a unit"),
    _("%(price)s a unit, the first %(free)s free"),
    _("%(price)s a unit for %(values)s"),
    _("%(amount)s for each started %(size)s units"),
    _("all units at the price up to %(limit)s"),
    _("all units at the price beyond the last limit"),
    _("all units at the price %(tier)s"),
    _("each unit at the price of its tier"),
    _("the percentage of each tier"),
    _("%(percent)s %% of each event"),
    _("%(percent)s %% of %(prices)s"),
    _("events rated by the card %(card)s"),
    _("the sum of the events' amounts"),
    _("use in band %(band)s"),
    _("billed demand, measured over %(minutes)s minutes"),
    _("nothing was used in the period"),
    _("the season has no price"),
    _("the tiers of the whole period, in proportion to its use"),
    _("within the price's least and greatest amount"),
    _("for %(share)s of the period"),
    # allowances
    _("%(amount)s paid by %(allowance)s"),
    _("%(amount)s of %(whole)s by %(allowance)s"),
    # minimums, commitments, terms, discounts
    _("minimum %(minimum)s, less the %(counted)s that count towards it"),
    _("%(used)s of %(committed)s were used, each that is missing costs %(price)s"),
    _("the term runs until %(day)s"),
    _("%(fee)s for each of %(months)s started months"),
    _("%(fee)s %% of the %(amount)s that its recurring prices would have come to"),
    _("%(percent)s %% off"),
    _("a discount of %(amount)s"),
    # what meters showed
    _("meter %(name)s from %(first)s to %(last)s, %(clause)s"),
    _("%(count)s registers, %(clause)s"),
    _("%(name)s, %(clause)s"),
    _("read, corrected"),
    _("read"),
    _("as you have read it"),
    _("calculated between two reads"),
    _("estimated"),
    # corrections
    _("what was billed before comes back: nothing is due here any more"),
    _("all of %(amount)s, billed before, is not used"),
    _("%(share)s of %(amount)s, billed before, is not used"),
    _("%(part)s of it, the rest was billed before"),
    _("less %(amount)s, billed before"),
    _("credit, granted by hand"),
    _("credit of what %(invoice)s billed, granted by hand"),
)
"""What explanations say; `clause` is another of them."""

_CODES = ("card", "cell", "code", "invoice", "meter", "place", "row", "serial")
"""Values that are no numbers, though they may look so: a telephone number has no thousands."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def told(rule: str) -> str:
    """A rule in the language of the page."""
    known = clause(rule)
    return known if known is not None else "; ".join(_part(part) for part in rule.split("; "))


def clause(text: str) -> str | None:
    """A clause in the language of the page; None where it is not known."""
    return said(text, CLAUSES)


def said(text: str, templates: tuple[str, ...]) -> str | None:
    """A text of one of these templates in the language of the page; None where it is of none."""
    for template, pattern in _patterns(templates):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        values = found.groupdict()
        inner = values.get("clause")
        if inner is not None:
            values["clause"] = clause(inner)
        if None not in values.values():
            return gettext(template) % {
                name: value if name in _CODES else _value(value) for name, value in values.items()
            }
    return None


def _part(text: str) -> str:
    """A clause, maybe behind the name of its price."""
    for name, rest in _splits(text):
        known = clause(rest)
        if known is not None:
            return f"{name}{known}"
    return text


def _splits(text: str) -> Iterable[tuple[str, str]]:
    yield "", text
    for found in re.finditer(": ", text):
        yield text[: found.end()], text[found.end() :]


def _value(text: str) -> str:
    """Numbers as the language writes them; everything else as it is."""
    return written.number(Decimal(text)) if _NUMBER.fullmatch(text) else text


@cache
def _patterns(templates: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    return [(text, re.compile(_regex(text))) for text in templates]


def _regex(template: str) -> str:
    """Values hold no colon and space: what stands before those is the name of a price."""
    pieces = re.split(r"%\((\w+)\)s", template.replace("%%", "%"))
    return "".join(
        re.escape(piece) if place % 2 == 0 else rf"(?P<{piece}>(?:(?!: ).)+?)"
        for place, piece in enumerate(pieces)
    )
