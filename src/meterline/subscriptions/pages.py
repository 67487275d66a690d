"""The list of subscriptions, and finding them by their code and by their numbers."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.catalog.models import PlanVersion
from meterline.platform import clock
from meterline.subscriptions.models import Identifier, Phase, Subscription
from meterline.subscriptions.overview import now_of
from meterline.web.filters import Choice, Days, Filter, Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Chip, Column, Number, Row, When
from meterline.web.table import Table

STATES = {
    "pending": _("not begun"), "trial": _("trial"), "active": _("active"),
    "paused": _("paused"), "cancelled": _("ended"),
}  # fmt: skip
TONES = {"active": "good", "trial": "busy", "paused": "warning"}


def matching(rows: QuerySet[Subscription], text: str) -> list[QuerySet[Subscription]]:
    """Subscriptions whose code begins so, or that have or had such a number."""
    return [rows.filter(code__startswith=text), rows.filter(identifier__value__startswith=text)]


class State(Choice):
    """What subscriptions are now, by their phases."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        now = clock.now()
        own = Phase.objects.filter(subscription_id=OuterRef("pk"))
        here = own.filter(Q(end_at=None) | Q(end_at__gt=now), start_at__lte=now)
        match self.value(params):
            case "active":
                return queryset.filter(Exists(here.filter(state="active")))
            case "paused":
                return queryset.filter(Exists(here.filter(state="paused")))
            case "pending":
                return queryset.filter(started_at__gt=now)
            case "cancelled":
                return queryset.filter(ends_at__lte=now)
        return queryset


class Plan(Filter):
    """Only those that are on a plan now."""

    def narrow(self, queryset: QuerySet[Any], params: QueryDict) -> QuerySet[Any]:
        code = self.value(params)
        if not code:
            return queryset
        now = clock.now()
        versions = list(PlanVersion.objects.filter(plan_code=code).values_list("pk", flat=True))
        here = Phase.objects.filter(
            Q(end_at=None) | Q(end_at__gt=now), subscription_id=OuterRef("pk"), start_at__lte=now,
            plan_version_id__in=versions,
        )  # fmt: skip
        return queryset.filter(Exists(here))


def subscription_url(row: Row) -> str:
    """The subscription of a row."""
    return reverse("console.subscription", args=[row["pk"]])


def with_now(rows: list[dict[str, Any]]) -> None:
    """Add what each subscription is now: plan, quantity, state, its numbers."""
    now = now_of([row["pk"] for row in rows], clock.now())
    for row in rows:
        row.update(now[row["pk"]])


COLUMNS = [
    Column("code", _("Subscription"), sort=True, link=subscription_url),
    Column("account__code", _("Account"),
           link=lambda row: reverse("console.account", args=[row["account_id"]])),
    Column("account__customer__party__name", _("Customer")),
    Column("plan", _("Plan")),
    Number("quantity", _("Quantity")),
    Column("numbers", _("Numbers")),
    Chip("state_now", _("State"), labels=STATES, tones=TONES),
    Column("base__code", _("Beside"), hidden=True),
    When("started_at", _("Since"), sort=True),
]  # fmt: skip
SUBSCRIPTIONS = Table(
    "subscriptions",
    columns=COLUMNS,
    filters=[
        Search(label=_("Subscription or number"), find=matching),
        State("state", _("State"), choices=tuple(
            (code, label) for code, label in STATES.items() if code != "trial")),
        Plan("plan", _("Plan")),
        Filter("account", _("Account"), field="account__code"),
        Days("started_at", _("Since")),
    ],
    order="-pk",
    needs=("account_id",),
    enrich=with_now,
    enriched=frozenset({"plan", "quantity", "numbers", "state_now"}),
)  # fmt: skip


@page("sales/subscriptions", title=_("Subscriptions"), permission="subscriptions.view",
      menu="sales", order=10)  # fmt: skip
def subscriptions(request: HttpRequest) -> HttpResponse:
    """All subscriptions, the newest first."""
    return SUBSCRIPTIONS.respond(
        request, Subscription.objects.all(), "subscriptions/subscriptions.html"
    )


@finder("subscriptions", _("Subscriptions"), permission="subscriptions.view")
def find(text: str, limit: int) -> list[Hit]:
    """Subscriptions by the beginning of their code."""
    if not text:
        return []
    found = Subscription.objects.filter(code__startswith=text).select_related("account")
    return [
        Hit(title=one.code, note=one.account.code, icon="handshake", value=one.code,
            url=reverse("console.subscription", args=[one.pk]))
        for one in sorted(found[:limit], key=lambda one: one.code)
    ]  # fmt: skip


@finder("numbers", _("Numbers"), permission="subscriptions.view")
def find_numbers(text: str, limit: int) -> list[Hit]:
    """Telephone numbers, meters and keys by their beginning; spaces and a plus do not matter."""
    plain = text.replace(" ", "").removeprefix("+")
    if not plain:
        return []
    rows = Identifier.objects.select_related("subscription")
    found = [
        one  # each way by the index, and no more of it: very many numbers begin alike
        for begins in (plain, f"+{plain}")
        for one in rows.filter(value__startswith=begins)[:limit]
    ]
    return [
        Hit(title=one.value, note=f"{one.kind}, {one.subscription.code}", icon="phone",
            value=one.value, url=reverse("console.subscription", args=[one.subscription_id]))
        for one in sorted(found, key=lambda one: one.value)[:limit]
    ]  # fmt: skip
