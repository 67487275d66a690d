"""What an act on reads does to usage, told before it is done: how much, of what, where most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from meterline.reads.follow import Followed
from meterline.usage.rehearsal import rehearsal
from meterline.web import format as written
from meterline.web.confirm import confirm
from meterline.web.rows import Column, Number, Rows
from meterline.web.words import Words

SHOWN = 3


def rehearsed(
    request: HttpRequest, title: Words, act: Callable[[], Followed], *, verb: Words, back: str,
    facts: list[tuple[Words, Any]] | None = None, danger: bool = False,
) -> HttpResponse:  # fmt: skip
    """The page that shows how usage would change."""
    with rehearsal():
        followed = act()
    return confirm(
        request, title, verb=verb, back=back, danger=danger, largest=largest(followed),
        effects=[*(facts or []), *effects(followed)],
        note=_("What was billed otherwise is corrected by the next bill."),
    )  # fmt: skip


def effects(followed: Followed) -> list[tuple[Words, Any]]:
    """By how much usage changes, of each meter of the catalogue; what cannot be worked out."""
    by_meter = followed.changed.group_by("usage_meter").agg(
        pl.col("by").sum(), pl.col("identifier").n_unique().alias("places")
    )
    told = [
        (_("Usage of %(meter)s") % {"meter": meter},
         _("%(by)s, at %(places)s places of supply")
         % {"by": _signed(by), "places": written.number(places)})
        for meter, by, places in by_meter.sort("usage_meter").iter_rows()
    ]  # fmt: skip
    lacking = [
        (_("Cannot be estimated: nothing tells what is used"), followed.without_estimate),
        (_("Wait for the factors of their gas"), followed.without_factor),
    ]
    return [
        *(told or [(_("Usage"), _("stays as it is"))]),
        *((words, written.number(count)) for words, count in lacking if count),
    ]


def told(followed: Followed) -> str:
    """What was done, in a sentence."""
    return _("Done: %(made)s pieces of usage are new, %(gone)s are taken back.") % {
        "made": written.number(followed.made), "gone": written.number(followed.gone),
    }  # fmt: skip


def largest(followed: Followed) -> Rows | None:
    """The places where usage changes most."""
    most = followed.changed.sort(pl.col("by").abs(), descending=True).head(SHOWN)
    if most.is_empty():
        return None
    rows = [{**row, "by": row["by"].normalize()} for row in most.iter_rows(named=True)]
    columns = [
        Column("identifier", _("Place of supply")), Column("usage_meter", _("Usage of")),
        Number("by", _("Difference")),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("The largest changes"))


def _signed(value: Any) -> str:
    shown = written.number(value.normalize())
    return f"+{shown}" if value > 0 else shown
