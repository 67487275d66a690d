"""Plans: the list, one with its prices and versions, one price explained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from meterline.catalog import reading
from meterline.catalog.code_words import word
from meterline.catalog.export import catalog_texts
from meterline.catalog.history import published
from meterline.catalog.models import Entry, PlanVersion, PriceRow
from meterline.catalog.price_words import told
from meterline.platform import clock
from meterline.web import format as written
from meterline.web.filters import Filter, Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Number, Rows, Who
from meterline.web.table import Table

STATES = {
    "in_force": _("in force"), "planned": _("planned"), "replaced": _("replaced"),
}  # fmt: skip
TONES = {"in_force": "good", "planned": "busy"}
ALWAYS = date.min


def _plan_link(row: Mapping[str, Any]) -> str:
    return reverse("catalog.plan", args=[row["plan_code"]])


def since(day: date) -> str:
    """From when a version holds; the first one always did."""
    return _t("always") if day == ALWAYS else written.day(day)


def _told(rows: list[dict[str, Any]]) -> None:
    """Since when, whether already, and how many prices."""
    today = clock.now().date()
    counts = dict(
        PriceRow.objects.filter(plan_version__in=[row["pk"] for row in rows])
        .values_list("plan_version").annotate(Count("pk"))
    )  # fmt: skip
    for row in rows:
        row["since"] = since(row["effective"])
        row["state"] = "in_force" if row["effective"] <= today else "planned"
        row["prices"] = counts.get(row["pk"], 0)


PLANS = Table(
    "plans",
    columns=[
        Column("name", _("Plan"), link=_plan_link),
        Column("plan_code", _("Code"), sort=True),
        Chip("state", _("State"), labels=STATES, tones=TONES),
        Number("version", _("Version")),
        Column("since", _("Holds from")),
        Number("prices", _("Prices")),
        Column("currency", _("Currency")),
        Column("timezone", _("Time zone"), hidden=True),
    ],
    filters=[Search(fields=("plan_code", "name"), label=_("Name or code")),
             Filter("currency", _("Currency"))],
    order="plan_code",
    needs=["effective"],
    enrich=_told,
    enriched=frozenset({"state", "since", "prices"}),
)  # fmt: skip


def shown_plans(on: date) -> QuerySet[PlanVersion]:
    """Of each plan the version in force on a day, or, where none is yet, its first."""
    ids = [version.pk for version in reading.plans_in_force(on)]
    return PlanVersion.objects.filter(pk__in=ids)


@page("catalog/plans", title=_("Plans"), permission="catalog.view", menu="catalog", order=1)
def plans(request: HttpRequest) -> HttpResponse:
    """All plans, by code."""
    return PLANS.respond(request, shown_plans(clock.now().date()), "catalog/plans.html")


PRICE_COLUMNS = [
    Column("name", _("Price"), link=lambda row: row["url"]),
    Column("what", _("What is charged")),
    Column("when", _("When")),
]
VERSION_COLUMNS = [
    Column("version", _("Version"), link=lambda row: row["url"]),
    Chip("state", _("State"), labels=STATES, tones=TONES),
    Column("since", _("Holds from")),
    Who("by", _("Published by")),
    Column("at", _("Published")),
]


def _versions(code: str) -> list[PlanVersion]:
    found = list(
        PlanVersion.objects.filter(plan_code=code, base=None).order_by("effective", "version")
    )
    if not found:
        raise Http404
    return found


def _in_force(versions: list[PlanVersion]) -> PlanVersion:
    """The one in force today, or the first to come."""
    today = clock.now().date()
    return next((one for one in reversed(versions) if one.effective <= today), versions[0])


def _chosen(request: HttpRequest, versions: list[PlanVersion]) -> PlanVersion:
    asked = request.GET.get("version")
    if not asked:
        return _in_force(versions)
    found = next((one for one in versions if str(one.version) == asked), None)
    if found is None:
        raise Http404
    return found


@page("catalog/plans/<str:code>", title=_("Plan"), permission="catalog.view")
def plan(request: HttpRequest, code: str) -> HttpResponse:
    """A plan: a version of it (`?version=`), by default that in force, and all the others."""
    versions = _versions(code)
    one, now = _chosen(request, versions), _in_force(versions)
    meters = reading.meters()
    found = []
    for price in reading.prices([one.pk]):
        words = told(price, meters.get(price.meter or ""))
        url = reverse("catalog.price", args=[code, one.version, price.code])
        found.append({"name": price.name, "what": words.what, "when": words.when, "url": url})
    known = {entry["version"]: entry for entry in published("plan", code, len(versions))}
    lines = [
        {
            "version": str(each.version), "since": since(each.effective),
            "state": _state(each, now),
            "url": f"{reverse('catalog.plan', args=[code])}?version={each.version}",
            **known.get(each.version, {"by": None, "at": None}),
        }
        for each in reversed(versions)
    ]  # fmt: skip
    before = [each for each in versions if each.version < one.version]
    context = {
        "one": one, "state": STATES[_state(one, now)], "tone": TONES.get(_state(one, now), ""),
        "facts": _facts(one), "prices": Rows(PRICE_COLUMNS, found, caption=_("Prices")),
        "versions": Rows(VERSION_COLUMNS, lines, caption=_("Versions")),
        "before": max(before, key=lambda each: each.version, default=None),
        "changes": _changes(before, one), "current": one.pk == now.pk,
        "text": catalog_texts([one], _needed(), whole=False)[0].text,
    }  # fmt: skip
    return render(request, "catalog/plan.html", context)


def _state(one: PlanVersion, now: PlanVersion) -> str:
    if one.effective > clock.now().date():
        return "planned"
    return "in_force" if one.pk == now.pk else "replaced"


def _facts(one: PlanVersion) -> list[tuple[Any, Any]]:
    body = one.body
    given = [
        (_("Code"), one.plan_code), (_("Version"), one.version),
        (_("Holds from"), since(one.effective)), (_("Currency"), one.currency),
        (_("Time zone"), one.timezone), (_("Trial"), body.get("trial")),
        (_("Added to"), ", ".join(body.get("addon_to") or ())),
        (_("Upgrades take effect"), word(body["policy"]["upgrade"])),
        (_("Downgrades take effect"), word(body["policy"]["downgrade"])),
        (_("Unused advance"), word(body["policy"]["credit"])),
        (_("Who had the version before"), word(one.existing)),
    ]  # fmt: skip
    return [(term, value) for term, value in given if value]


def _changes(before: list[PlanVersion], one: PlanVersion) -> list[tuple[str, Any, Any]]:
    from meterline.catalog.compare import differences

    if not before:
        return []
    last = max(before, key=lambda each: each.version)
    return [(each.field, each.before, each.after) for each in differences(last.body, one.body)]


def _needed() -> list[Entry]:
    newest = Entry.objects.order_by("kind", "code", "-version").distinct("kind", "code")
    return list(newest)


@page(
    "catalog/plans/<str:code>/<int:version>/<str:price>",
    title=_("Price"), permission="catalog.view",
)  # fmt: skip
def price(request: HttpRequest, code: str, version: int, price: str) -> HttpResponse:
    """One price of one version, in words and tables."""
    one = PlanVersion.objects.filter(plan_code=code, version=version, base=None).first()
    if one is None:
        raise Http404
    found = next((each for each in reading.prices([one.pk]) if each.code == price), None)
    if found is None:
        raise Http404
    meter = reading.meters().get(found.meter or "")
    context = {
        "one": one, "price": found, "told": told(found, meter), "meter": meter,
        "current": _in_force(_versions(code)).pk == one.pk,
        "card": found.parameter("card"), "calendar": found.parameter("calendar"),
    }  # fmt: skip
    return render(request, "catalog/price.html", context)


@finder("plans", _("Plans"), permission="catalog.view")
def find(text: str, limit: int) -> list[Hit]:
    """Plans by the beginning of their code or name."""
    wanted = text.casefold()
    return [
        Hit(title=one.name, note=one.plan_code, icon="tag", value=one.plan_code,
            url=reverse("catalog.plan", args=[one.plan_code]))
        for one in reading.plans_in_force(clock.now().date())
        if one.plan_code.casefold().startswith(wanted) or one.name.casefold().startswith(wanted)
    ][:limit]  # fmt: skip
