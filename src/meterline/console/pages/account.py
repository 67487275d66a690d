"""One billing account: what it owes, its next invoice line by line, its allowances."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.billing.services import preview
from meterline.billing.trial import next_day, total
from meterline.console import account_discounts, moments, next_invoice
from meterline.console.customer_forms import WANTED, BillingDayForm, DeliveryForm
from meterline.customers import services
from meterline.customers.models import Account
from meterline.invoices.pages.sending import sendings_of
from meterline.kernel.errors import MeterlineError
from meterline.payments import ageing
from meterline.payments.services import balance
from meterline.platform import clock
from meterline.subscriptions import store
from meterline.usage.services import balances_of
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.page import done, fragment, page
from meterline.web.rows import Column, Money, Number, Rows, When

LATE = (
    ("not_due", _("Not due yet")), ("days_1_30", _("1 to 30 days late")),
    ("days_31_60", _("31 to 60 days late")), ("days_61_90", _("61 to 90 days late")),
    ("days_91", _("More than 90 days late")),
)  # fmt: skip
ALLOWANCES = [
    Column("allowance", _("Allowance")), Column("subscription", _("Subscription")),
    Number("granted", _("Granted")), Number("used", _("Used")), Number("left", _("Left")),
    When("end", _("Until")),
]  # fmt: skip


@page("customers/accounts/<int:account>", title=_("Account"), permission="customers.view")
def account(request: HttpRequest, account: int) -> HttpResponse:
    """What an account owes and will be billed."""
    one = _account(account)
    owed = ageing.of([one.pk], clock.now())[one.pk]
    days = store.billing_days(one.pk)
    facts = [
        (_("Currency"), one.currency), (_("Time zone"), one.timezone),
        (_("Billing day"), days[-1].day or _("anniversaries")),
        (_("Tax region"), one.tax_region), (_("Seller"), one.seller.name),
        (_("Under"), one.parent and one.parent.code),
        (_("Wants bills"), WANTED[one.delivery]),
    ]  # fmt: skip
    ages = [{"age": str(title), "amount": getattr(owed, name), "currency": one.currency}
            for name, title in LATE]  # fmt: skip
    context = {
        "one": one, "customer": one.customer, "balance": balance(one.pk), "facts": facts,
        "discounts": account_discounts.running(one),
        "ages": Rows([Column("age", _("When")), Money("amount", _("Open"))],
                     [row for row in ages if row["amount"]], caption=_("What is open")),
        "sendings": sendings_of(invoice__account=one),
    }  # fmt: skip
    return render(request, "console/account.html", context)


@fragment("customers/accounts/<int:account>/next", permission="billing.view")
def account_next(request: HttpRequest, account: int) -> HttpResponse:
    """The next invoice as it would be: the very computation of a bill run, nothing kept."""
    one = _account(account)
    day = next_day(one)
    documents = preview(one.pk, day)
    context = {
        "rows": next_invoice.line_rows(documents, one), "day": day, "account": one,
        "documents": documents, "total": total(documents),
    }  # fmt: skip
    return next_invoice.respond(request, context)


@fragment("customers/accounts/<int:account>/usage", permission="usage.view")
def account_usage(request: HttpRequest, account: int) -> HttpResponse:
    """Usage so far: what it comes to, and what allowances have left."""
    one = _account(account)
    day = next_day(one)
    documents = preview(one.pk, day)
    rows = next_invoice.line_rows(documents, one, kind="usage")
    left = [_lot(lot) for lot in balances_of(one.code)]
    context = {
        "rows": rows, "day": day, "account": one, "documents": documents,
        "total": total(documents),
        "left": Rows(ALLOWANCES, left[:100], caption=_("Allowances")) if left else None,
    }  # fmt: skip
    return next_invoice.respond(request, context)


@page("customers/accounts/<int:account>/billing-day", title=_("Change the billing day"),
      permission="customers.edit", write="customers.edit")  # fmt: skip
def billing_day(request: HttpRequest, account: int) -> HttpResponse:
    """Bill an account on another day of the month, from today on."""
    one = _account(account)
    back = reverse("console.account", args=[one.pk])
    form = BillingDayForm(request.POST or None, initial={"day": store.billing_days(one.pk)[-1].day})
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data["day"]
        if not confirmed(request):
            shown = day or _("anniversaries")
            effects = [(_("Account"), one.code), (_("Billing day"), shown)]
            note = _("Periods that have begun keep their end; the next one is shorter.")
            return confirm(request, _("Change the billing day"), verb=_("Change it"),
                           effects=effects, note=note)  # fmt: skip
        try:
            services.set_billing_day(one.pk, day, moments.today(one))
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The billing day is changed."), back)
    context = {"form": form, "back": back, "back_title": one.code}
    return render(request, "console/act_form.html", context)


@page("customers/accounts/<int:account>/delivery", title=_("How bills are sent"),
      permission="customers.edit", write="customers.edit")  # fmt: skip
def delivery(request: HttpRequest, account: int) -> HttpResponse:
    """Send the bills of an account in another way, from the next one on."""
    one = _account(account)
    back = reverse("console.account", args=[one.pk])
    form = DeliveryForm(request.POST or None, initial={"delivery": one.delivery})
    if request.method == "POST" and form.is_valid():
        services.set_delivery(one.pk, form.cleaned_data["delivery"])
        if form.cleaned_data["delivery"] == "email" and not one.customer.party.email:
            words = _("It is kept. The customer has no e-mail address yet: enter it.")
            return done(request, words, "console.customer_edit", one.customer.code)
        return done(request, _("Bills are sent so from the next one on."), back)
    context = {"form": form, "back": back, "back_title": one.code}
    return render(request, "console/act_form.html", context)


def _account(account: int) -> Account:
    rows = Account.objects.select_related("customer__party", "seller", "parent")
    return get_object_or_404(rows, pk=account)


def _lot(lot: Any) -> dict[str, Any]:
    return {
        "allowance": lot.allowance, "subscription": lot.subscription or _("shared"),
        "granted": lot.granted, "used": next_invoice.decimal(lot.used),
        "left": next_invoice.decimal(lot.left), "end": lot.end,
    }  # fmt: skip
