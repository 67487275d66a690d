"""Rate cards: which there are, their rows, and the row that a number finds."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from meterline.catalog import reading
from meterline.catalog.code_words import word
from meterline.catalog.models import Entry, PlanVersion
from meterline.catalog.pages.entries import history, prices_with, versions_of
from meterline.catalog.price_words import unit_amount
from meterline.platform import clock
from meterline.rating.card import Step
from meterline.rating.compiled import CompiledCard
from meterline.rating.look_up import look_up
from meterline.web import format as written
from meterline.web.page import page
from meterline.web.rows import Column, Number, Rows

SHOWN = 100  # rows of a deck at a time


@page("catalog/cards", title=_("Rate cards"), permission="catalog.view", menu="catalog", order=10)
def cards(request: HttpRequest) -> HttpResponse:
    """All rate cards."""
    newest = Entry.objects.filter(kind="rate_card").order_by("code", "-version").distinct("code")
    columns = [
        Column("code", _("Rate card"),
               link=lambda row: reverse("catalog.card", args=[row["code"]])),
        Column("key", _("Found by")), Column("calendar", _("Calendar")),
        Number("version", _("Version")), Column("deck", _("Rows")),
    ]  # fmt: skip
    rows = [
        {
            "code": one.code, "key": _fields(one.body["key"]), "version": one.version,
            "calendar": one.body.get("calendar"),
            "deck": _t("a deck") if "deck" in one.body else written.number(len(one.body["rows"])),
        }
        for one in newest
    ]  # fmt: skip
    context = {"rows": Rows(columns, rows, caption=_("Rate cards")), "count": str(len(rows))}
    return render(request, "catalog/cards.html", context)


def _fields(key: Any) -> str:
    listed = key if isinstance(key, list) else [key]
    return ", ".join(f"{one['field']} ({word(one.get('match', 'prefix'))})" for one in listed)


@page("catalog/cards/<str:code>", title=_("Rate card"), permission="catalog.view")
def card(request: HttpRequest, code: str) -> HttpResponse:
    """One card: what a number finds now (`?key=`, one for each key field), and its rows."""
    found = versions_of("rate_card", code)
    compiled = reading.tariff([]).cards[code]
    currency = _currency(code)
    fields = compiled.card.keys
    values = [value.strip() for value in request.GET.getlist("key")][: len(fields)]
    asked = len(values) == len(fields) and all(values)
    matched = look_up(compiled, values, clock.now()) if asked else []
    begins = matched[0].key[0] if matched else "".join(values[:1])
    facts = [
        (_("Found by"), _fields([{"field": one.field, "match": one.match} for one in fields])),
        (_("Prices"), compiled.card.quantity_field or _("what the meter counts")),
        (_("Calendar"), compiled.card.calendar), (_("Rows"), written.number(_in_force(compiled))),
        (_("Amounts are rounded"), compiled.card.rounding and _t("%(mode)s to %(places)s decimals")
         % {"mode": word(compiled.card.rounding), "places": compiled.card.places}),
    ]  # fmt: skip
    context = {
        "code": code, "facts": [(term, value) for term, value in facts if value],
        "fields": [
            {"name": one.field, "value": values[place] if place < len(values) else ""}
            for place, one in enumerate(fields)
        ],
        "asked": asked, "words": " ".join(values), "matched": Rows(_columns(fields, banded=True), [
            _told(one.key, one.band, one.connection_fee, one.max_charge, one.steps, currency)
            for one in matched
        ], caption=_("What it finds")),
        "rows": _rows(compiled, begins, currency), "shown": SHOWN,
        "prices": prices_with(model="rate_card", body__card=code), **history(found),
    }  # fmt: skip
    return render(request, "catalog/card.html", context)


def _in_force(compiled: CompiledCard) -> int:
    return compiled.card.rows.height


def _currency(code: str) -> str:
    """That of the plans that use the card; a card has none of its own."""
    found = PlanVersion.objects.filter(
        prices__model="rate_card", prices__body__card=code, base=None
    ).values_list("currency", flat=True)
    return found.first() or ""


def _columns(fields: Sequence[Any], *, banded: bool) -> list[Column]:
    columns = [
        Column(f"key{place}", field.field) for place, field in enumerate(fields)
    ] + ([Column("band", _("Band"))] if banded else []) + [
        Column("fee", _("To connect")), Column("steps", _("Then")), Column("most", _("At most")),
    ]  # fmt: skip
    return columns


def _told(
    key: Sequence[str], band: str | None, fee: Decimal | None, most: Decimal | None,
    steps: Sequence[Step], currency: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        **{f"key{place}": value for place, value in enumerate(key)},
        "band": band or _t("any"), "fee": _money(fee, currency) if fee else "",
        "most": "" if most is None else _money(most, currency),
        "steps": "; ".join(_step(one, place, currency) for place, one in enumerate(steps)),
    }  # fmt: skip


def _step(step: Step, place: int, currency: str) -> str:
    text = _t("%(price)s per %(per)s, in steps of %(increment)s") % {
        "price": _money(step.price, currency), "per": written.number(step.per),
        "increment": written.number(step.increment),
    }  # fmt: skip
    return _t("from %(start)s: %(text)s") % {
        "start": written.number(step.start), "text": text,
    } if place else text  # fmt: skip


def _money(value: Decimal, currency: str) -> str:
    return unit_amount(value, currency) if currency else written.number(value)


def _rows(compiled: CompiledCard, begins: str, currency: str) -> Rows:
    """The first rows of the newest version, by key; those whose key begins so."""
    every = compiled.card.rows
    wanted = every.filter(pl.col("key0").str.starts_with(begins)) if begins else every
    fields = compiled.card.keys
    names = [f"key{place}" for place in range(len(fields))]
    banded = every["band"].null_count() < every.height
    rows = [
        _told([row[name] for name in names], row["band"], row["connection_fee"], row["max_charge"],
              compiled.card.steps[row["steps"]], currency)
        for row in wanted.bottom_k(SHOWN, by=names).sort(names).iter_rows(named=True)
    ]  # fmt: skip
    return Rows(_columns(fields, banded=banded), rows, caption=_("Rows"))
