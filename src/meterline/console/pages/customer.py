"""One customer, whole: what happened, their services, usage, invoices, payments and notes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.gate import allowed
from meterline.care import services as care
from meterline.console import story
from meterline.console.customer_forms import AccountForm, CustomerForm, NewCustomerForm, NoteForm
from meterline.customers import services
from meterline.customers.models import Account, Customer
from meterline.customers.pages import KINDS
from meterline.invoices.links import invoice_url
from meterline.invoices.models import Invoice
from meterline.kernel.errors import MeterlineError
from meterline.payments import ageing, store
from meterline.payments.models import Payment
from meterline.payments.pages import PAYMENTS
from meterline.platform import clock
from meterline.reads.models import Installation, Meter
from meterline.reads.pages.meters import METERS
from meterline.subscriptions.models import Identifier, Subscription
from meterline.subscriptions.pages import COLUMNS as SERVICE_COLUMNS
from meterline.subscriptions.pages import with_now
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Day, Money, Rows
from meterline.web.table import Table

MOST = 50
ACCOUNTS = [
    Column("code", _("Account"), link=lambda row: reverse("console.account", args=[row["pk"]])),
    Money("total", _("Open")), Money("overdue", _("Overdue")), Money("credit", _("Credit")),
    Money("balance", _("Owes")),
]  # fmt: skip
SERVICES = Table(
    "customer_services",
    columns=[column for column in SERVICE_COLUMNS
             if column.name not in ("account__customer__party__name",)],
    order="-pk",
    needs=("account_id",),
    enrich=with_now,
    enriched=frozenset({"plan", "quantity", "numbers", "state_now"}),
)  # fmt: skip
INVOICES = Table(
    "customer_invoices",
    columns=[
        Column("number", _("Number"), link=lambda row: invoice_url(row["pk"])),
        Chip("kind", _("Kind"), labels={"invoice": _("invoice"), "credit_note": _("credit note")},
             tones={"credit_note": "warning"}),
        Column("account__code", _("Account")),
        Day("issue_date", _("Issued"), sort=True),
        Day("due_date", _("Due")),
        Money("total", _("Total")),
        Money("openitem__open", _("Open")),
    ],
    order="-issue_date",
)  # fmt: skip
CUSTOMER_PAYMENTS = Table(
    "customer_payments",
    columns=[column for column in PAYMENTS.columns
             if column.name != "account__customer__party__name"],
    order="-at",
    needs=("account_id",),
)  # fmt: skip


@page("customers/new", title=_("New customer"), permission="customers.edit",
      write="customers.edit")  # fmt: skip
def customer_new(request: HttpRequest) -> HttpResponse:
    """A form for a new customer."""
    form = NewCustomerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_customer(**form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            text = _("The customer is added. Next: an account.")
            return done(request, text, "console.account_new", made.code)
    return _form(request, form, _("Add the customer"), reverse("customers.customers"))


@page("customers/<code:code>", title=_("Customer"), permission="customers.view")
def customer(request: HttpRequest, code: str) -> HttpResponse:
    """What happened, on one time axis; the accounts; who it is."""
    one = _customer(code)
    accounts = _accounts(one)
    party = one.party
    facts = [
        (_("Code"), one.code), (_("Kind"), KINDS.get(party.kind, party.kind)),
        (_("E-mail"), party.email),
        (_("Phone"), party.phone), (_("Address"), party.address), (_("Country"), party.country),
        (_("Tax id"), party.tax_id), (_("Language"), written.language(party.language)),
        (_("Segment"), one.segment),
    ]  # fmt: skip
    context = {
        "facts": [(term, value) for term, value in facts if value],
        "accounts": Rows(ACCOUNTS, _owed(accounts[:MOST]), caption=_("Accounts")),
        "more_accounts": max(len(accounts) - MOST, 0),
        "events": _events(request, one, [account.pk for account in accounts]),
        "note_form": NoteForm(),
    }
    return _show(request, one, "console/customer.html", context)


@page("customers/<code:code>/services", title=_("Services"), permission="subscriptions.view",
      help="console-customer")  # fmt: skip
def customer_services(request: HttpRequest, code: str) -> HttpResponse:
    """The subscriptions of a customer."""
    one = _customer(code)
    rows = Subscription.objects.filter(account__customer=one)
    return _list(request, one, SERVICES, rows)


@page("customers/<code:code>/usage", title=_("Usage"), permission="usage.view",
      help="console-customer")  # fmt: skip
def customer_usage(request: HttpRequest, code: str) -> HttpResponse:
    """Usage so far this period, and what it comes to, account by account."""
    one = _customer(code)
    return _show(request, one, "console/customer_usage.html", {"accounts": _accounts(one)[:10]})


@page("customers/<code:code>/meters", title=_("Meters"), permission="usage.view",
      help="console-customer")  # fmt: skip
def customer_meters(request: HttpRequest, code: str) -> HttpResponse:
    """The meters at the places of a customer's contracts."""
    one = _customer(code)
    here = _installations(one).filter(end_at=None)
    return _list(request, one, METERS, Meter.objects.filter(pk__in=here.values("meter_id")))


@page("customers/<code:code>/invoices", title=_("Invoices"), permission="invoices.view",
      help="console-customer")  # fmt: skip
def customer_invoices(request: HttpRequest, code: str) -> HttpResponse:
    """The invoices and credit notes of a customer."""
    one = _customer(code)
    return _list(request, one, INVOICES, Invoice.objects.filter(account_id__in=_ids(one)))


@page("customers/<code:code>/payments", title=_("Payments"), permission="payments.view",
      help="console-customer")  # fmt: skip
def customer_payments(request: HttpRequest, code: str) -> HttpResponse:
    """The payments of a customer, and credit that was granted."""
    one = _customer(code)
    rows = Payment.objects.filter(account_id__in=_ids(one))
    return _list(request, one, CUSTOMER_PAYMENTS, rows)


@page("customers/<code:code>/notes", title=_("Notes"), permission="care.view",
      help="console-customer")  # fmt: skip
def customer_notes(request: HttpRequest, code: str) -> HttpResponse:
    """What was noted about a customer and said to them."""
    one = _customer(code)
    context = {"events": story.notes(one.pk), "note_form": NoteForm()}
    return _show(request, one, "console/customer_notes.html", context)


@act("customers/<code:code>/notes/write", permission="care.edit")
def note_write(request: HttpRequest, code: str) -> HttpResponse:
    """Write a note, or record an interaction."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        one = _customer(code)
        context = {"events": story.notes(one.pk), "note_form": form}
        return _show(request, one, "console/customer_notes.html", context)
    care.write(code, form.cleaned_data["text"], kind=form.cleaned_data["kind"])
    return done(request, _("The note is kept."), "console.customer_notes", code)


@page("customers/<code:code>/edit", title=_("Change a customer"), permission="customers.edit",
      write="customers.edit")  # fmt: skip
def customer_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change who a customer is; issued documents stay as they are."""
    one = _customer(code)
    names = CustomerForm.base_fields
    held = {name: getattr(one if name == "segment" else one.party, name) for name in names}
    form = CustomerForm(request.POST or None, initial=held)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_customer(code, **form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The customer is changed."), "console.customer", code)
    return _form(request, form, _("Save"), reverse("console.customer", args=[code]))


@page("customers/<code:code>/accounts/new", title=_("New account"), permission="customers.edit",
      write="customers.edit")  # fmt: skip
def account_new(request: HttpRequest, code: str) -> HttpResponse:
    """A form for a new billing account of a customer."""
    one = _customer(code)
    form = AccountForm(request.POST or None, initial={"code": one.code})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_account(customer=code, **form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The account is made."), "console.account", made.pk)
    return _form(request, form, _("Make the account"), reverse("console.customer", args=[code]))


def _customer(code: str) -> Customer:
    return get_object_or_404(Customer.objects.select_related("party"), code=code)


def _accounts(one: Customer) -> list[Account]:
    return list(Account.objects.filter(customer=one).order_by("code")[:500])


def _ids(one: Customer) -> list[int]:
    return list(Account.objects.filter(customer=one).values_list("pk", flat=True))


def _owed(accounts: list[Account]) -> list[dict[str, Any]]:
    ids = [account.pk for account in accounts]
    owed = ageing.of(ids, clock.now())
    credits = store.credits(ids)
    credit = dict(zip(credits["account_id"], credits["credit"], strict=True))
    return [
        {"pk": one.pk, "code": one.code, "currency": one.currency, "total": owed[one.pk].total,
         "overdue": owed[one.pk].overdue, "credit": credit.get(one.pk, 0),
         "balance": owed[one.pk].total - credit.get(one.pk, 0)}
        for one in accounts
    ]  # fmt: skip


def _events(request: HttpRequest, one: Customer, accounts: list[int]) -> list[story.Event]:
    """Of what whoever is signed in may see."""
    return story.of_customer(
        one.pk, accounts,
        shown={kind for kind in story.SOURCES if allowed(request, story.SOURCES[kind])},
    )  # fmt: skip


def _list(request: HttpRequest, one: Customer, table: Table, rows: QuerySet[Any]) -> HttpResponse:
    return table.respond(request, rows, "console/customer_list.html", **_frame(request, one))


def _show(
    request: HttpRequest, one: Customer, template: str, context: dict[str, Any]
) -> HttpResponse:
    return render(request, template, {**_frame(request, one), **context})


def _frame(request: HttpRequest, one: Customer) -> dict[str, Any]:
    tabs = [
        (_("Overview"), "console.customer", "customers.view"),
        (_("Services"), "console.customer_services", "subscriptions.view"),
        (_("Usage"), "console.customer_usage", "usage.view"),
        *(
            [(_("Meters"), "console.customer_meters", "usage.view")]
            if _installations(one).exists()
            else []
        ),
        (_("Invoices"), "console.customer_invoices", "invoices.view"),
        (_("Payments"), "console.customer_payments", "payments.view"),
        (_("Notes"), "console.customer_notes", "care.view"),
        (_("Portal"), "portal.access", "customers.view"),
    ]
    first = Account.objects.filter(customer=one).order_by("code").first()
    return {
        "customer": one, "first_account": first,
        "tabs": [(title, reverse(name, args=[one.code]), None)
                 for title, name, permission in tabs if allowed(request, permission)],
    }  # fmt: skip


def _installations(one: Customer) -> QuerySet[Installation]:
    """Where meters are, or were, at the places of a customer's contracts."""
    held = Identifier.objects.filter(subscription__account__customer=one)
    return Installation.objects.filter(identifier__in=held.values("value"))


def _form(request: HttpRequest, form: forms.Form, verb: Any, back: str) -> HttpResponse:
    context = {"form": form, "verb": verb, "back": back, "back_title": _("Back")}
    return render(request, "console/act_form.html", context)
