"""One customer: who they are and their accounts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _

from meterline.customers.models import Account, Customer
from meterline.web.page import page
from meterline.web.rows import Column, Rows, When

ACCOUNTS = [
    Column("code", _("Account")),
    Column("currency", _("Currency")),
    Column("timezone", _("Time zone")),
    Column("seller__name", _("Seller")),
    When("created_at", _("Since")),
]


@page("customers/<str:code>", title=_("Customer"), permission="customers.view")
def customer(request: HttpRequest, code: str) -> HttpResponse:
    """The customer of a code."""
    one = get_object_or_404(Customer.objects.select_related("party"), code=code)
    names = [column.name for column in ACCOUNTS]
    accounts = Account.objects.filter(customer=one).order_by("code").values(*names)
    facts = [
        (_("Code"), one.code), (_("Kind"), one.party.kind), (_("E-mail"), one.party.email),
        (_("Phone"), one.party.phone), (_("Address"), one.party.address),
        (_("Language"), one.party.language), (_("Segment"), one.segment),
    ]  # fmt: skip
    context = {
        "customer": one,
        "facts": [(term, value) for term, value in facts if value],
        "accounts": Rows(ACCOUNTS, accounts[:100], caption=_("Accounts")),
    }
    return render(request, "console/customer.html", context)
