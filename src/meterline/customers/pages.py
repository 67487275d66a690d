"""The list of customers, and finding them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.customers.models import Account, Customer
from meterline.web.filters import Choice, Days, Search
from meterline.web.find import Hit, finder
from meterline.web.page import page
from meterline.web.rows import Column, Row, When, Word
from meterline.web.table import Table

KINDS = {"person": _("person"), "organisation": _("organisation")}


def matching(customers: QuerySet[Customer], text: str) -> list[QuerySet[Customer]]:
    """Customers whose code, name or e-mail begins so, whatever the case; each by its own index."""
    return [
        customers.filter(**{f"{field}__istartswith": text})
        for field in ("code", "party__name", "party__email")
    ]


def _accounts(rows: list[dict[str, Any]]) -> None:
    """Add the codes and currencies of the accounts of the customers of one page."""
    ids = [row["pk"] for row in rows]
    held: dict[int, list[tuple[str, str]]] = {}
    for customer, code, currency in Account.objects.filter(customer_id__in=ids).values_list(
        "customer_id", "code", "currency"
    ):
        held.setdefault(customer, []).append((code, currency))
    for row in rows:
        mine = held.get(row["pk"], [])
        row["accounts"] = ", ".join(code for code, _currency in mine[:3])
        row["currency"] = ", ".join(dict.fromkeys(currency for _code, currency in mine))


def _link(row: Row) -> str:
    return reverse("console.customer", args=[row["code"]])


CUSTOMERS = Table(
    "customers",
    columns=[
        Column("party__name", _("Name"), link=_link),
        Column("code", _("Code"), sort=True),
        Word("party__kind", _("Kind"), labels=KINDS),
        Column("segment", _("Segment")),
        Column("party__email", _("E-mail")),
        Column("accounts", _("Accounts")),
        Column("currency", _("Currency")),
        Column("party__country", _("Country"), hidden=True),
        Column("party__language", _("Language"), hidden=True),
        When("created_at", _("Since"), sort=True),
    ],
    filters=[
        Search(label=_("Name, code or e-mail"), find=matching),
        Choice("kind", _("Kind"), field="party__kind", choices=tuple(KINDS.items())),
        Days("created_at", _("Since")),
    ],
    order="code",
    enrich=_accounts,
    enriched=frozenset({"accounts", "currency"}),
)


@page("customers", title=_("Customers"), permission="customers.view", menu="customers", order=1)
def customers(request: HttpRequest) -> HttpResponse:
    """All customers."""
    return CUSTOMERS.respond(request, Customer.objects.all(), "customers/customers.html")


@finder("customers", _("Customers"), permission="customers.view")
def find(text: str, limit: int) -> list[Hit]:
    """Customers by the beginning of their code, name or e-mail."""
    if not text:
        return []
    ways = [way.values("pk")[:limit] for way in matching(Customer.objects.all(), text)]
    found = Customer.objects.filter(pk__in=ways[0].union(*ways[1:])).select_related("party")
    return [
        Hit(title=one.party.name, note=one.code, icon="people", value=one.code,
            url=reverse("console.customer", args=[one.code]))
        for one in found[:limit]
    ]  # fmt: skip


@finder("accounts", _("Accounts"), permission="customers.view")
def find_accounts(text: str, limit: int) -> list[Hit]:
    """Accounts by the beginning of their code."""
    if not text:
        return []
    found = Account.objects.filter(code__startswith=text).select_related("customer__party")
    return [
        Hit(title=one.code, note=f"{one.customer.party.name}, {one.currency}", icon="box",
            value=one.code, url=reverse("console.account", args=[one.pk]))
        for one in sorted(found[:limit], key=lambda one: one.code)
    ]  # fmt: skip
