"""What reads go by: how they are checked, estimated and split; the energy of gas, the profiles of a
year, virtual registers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.reads.models import Factor, Profile, Rule, Term, Virtual
from meterline.reads.words import METHODS, SPLITS
from meterline.web.page import page
from meterline.web.rows import Column, Number, Rows, When, Word

MOST = 200


@page("usage/read-rules", title=later("Rules of reads"), permission="usage.view", menu="usage",
      order=28)  # fmt: skip
def read_rules(request: HttpRequest) -> HttpResponse:
    """All of what reads go by."""
    context = {"rules": _rules(), "factors": _factors(), "profiles": _profiles(),
               "virtuals": _virtuals()}  # fmt: skip
    return render(request, "reads/rules.html", context)


def _rules() -> Rows:
    """Of each meter of the catalogue, and of all others; the usual ones where none was said."""
    said = {one.usage_meter: one for one in Rule.objects.all()}
    others = said.pop("", Rule())
    rows = [
        {**_shown(said.get(code, others)), "name": code, "own": code in said,
         "url": reverse("reads.read_rule", args=[code])}
        for code in sorted({*catalog.meters(), *said})
    ]  # fmt: skip
    last = {**_shown(others), "name": _("all others"), "own": True,
            "url": reverse("reads.read_rule_others")}  # fmt: skip
    columns = [
        Column("name", _("Meter"), link=lambda row: row["url"]),
        Column("of", _("Rule")),
        Number("spike_percent", _("Spike above, % of expected")),
        Number("stuck_reads", _("Stuck after, reads")), Number("zero_days", _("Idle after, days")),
        Word("estimate_by", _("Estimated by"), labels=METHODS),
        Word("split", _("Split"), labels=SPLITS),
    ]  # fmt: skip
    told = [{**row, "of": _("its own") if row["own"] else _("as all others")} for row in rows]
    return Rows(columns, [*told, {**last, "of": _("for the rest")}], caption=_("Checks"))


def _shown(one: Rule) -> dict[str, Any]:
    names = ("spike_percent", "stuck_reads", "zero_days", "estimate_by", "split")
    return {name: getattr(one, name) for name in names}


def _factors() -> Rows:
    found = Factor.objects.order_by("-since_at", "zone", "-pk")[:MOST].values(
        "zone", "since_at", "calorific_value", "correction_factor", "decimals"
    )
    url = reverse("reads.gas_factor")
    columns = [
        Column("zone", _("Gas zone"), link=lambda row: f"{url}?{urlencode({'zone': row['zone']})}"),
        When("since_at", _("From")), Number("calorific_value", _("Calorific value, MJ/m³")),
        Number("correction_factor", _("Correction")), Number("decimals", _("Decimals of kWh")),
    ]  # fmt: skip
    rows = [
        {**row, "calorific_value": row["calorific_value"].normalize(),
         "correction_factor": row["correction_factor"].normalize()}
        for row in found
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Energy of gas"))


def _profiles() -> Rows:
    found: dict[str, list[str]] = {}
    for one in Profile.objects.order_by("code", "month")[: MOST * 12]:
        found.setdefault(one.code, []).append(f"{one.weight.normalize():f}")
    url = reverse("reads.read_profile")
    columns = [
        Column("code", _("Profile"), link=lambda row: f"{url}?{urlencode({'code': row['code']})}"),
        Column("weights", _("Weights, January to December")),
    ]
    rows = [{"code": code, "weights": " · ".join(weights)} for code, weights in found.items()]
    return Rows(columns, rows, caption=_("Profiles"))


def _virtuals() -> Rows:
    found = list(
        Virtual.objects.order_by("code")[:MOST]
        .values("pk", "code", "identifier", "usage_meter", "surplus_meter")
    )  # fmt: skip
    parts = parts_of([row["pk"] for row in found])
    url = reverse("reads.virtual_register")
    columns = [
        Column("code", _("Virtual register"),
               link=lambda row: f"{url}?{urlencode({'code': row['code']})}"),
        Column("identifier", _("Place of supply")), Column("parts", _("Parts")),
        Column("usage_meter", _("Usage of")), Column("surplus_meter", _("Below zero, usage of")),
    ]  # fmt: skip
    rows = [{**row, "parts": " ".join(parts.get(row["pk"], []))} for row in found]
    return Rows(columns, rows, caption=_("Virtual registers"))


def parts_of(virtuals: list[int]) -> dict[int, list[str]]:
    """The parts of virtual registers, such as +PLACE/1.8.0."""
    found: dict[int, list[str]] = {}
    for term in Term.objects.filter(virtual__in=virtuals).order_by("pk"):
        sign = "+" if term.sign > 0 else "-"
        found.setdefault(term.virtual_id, []).append(f"{sign}{term.identifier}/{term.code}")
    return found
