"""Money in and out, by hand: each act shows what it would settle before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from meterline.access import limits
from meterline.access.models import Approval
from meterline.console import moments
from meterline.customers.lookup import account_by_code
from meterline.customers.models import Account
from meterline.kernel.errors import MeterlineError
from meterline.kernel.money import decimals
from meterline.payments import approved, grants, preview, services
from meterline.payments.grants import Terms
from meterline.payments.models import Grant, Payment
from meterline.payments.pages import METHODS, allocated_rows
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import AmountField, DayField, LookupField
from meterline.web.page import act, done, page


class PayForm(forms.Form):
    """A payment that came in."""

    account = LookupField(label=_("Account"), kind="accounts", help_text=_("Its code."))
    amount = forms.DecimalField(
        label=_("Amount"), max_digits=28, help_text=_("In the currency of the account.")
    )
    invoice = forms.CharField(
        label=_("Invoice"), required=False, max_length=40,
        help_text=_("Its number, to settle it first. Left empty, the oldest come first."),
    )  # fmt: skip
    on = DayField(label=_("Day"), required=False, help_text=_("Left empty: now."))
    method = forms.ChoiceField(label=_("Method"), choices=tuple(METHODS.items()))
    reference = forms.CharField(
        label=_("Reference"), required=False, max_length=200, help_text=_("What the payer wrote.")
    )


@page("money/pay", title=_("Take a payment"), permission="payments.record",
      write="payments.record")  # fmt: skip
def pay(request: HttpRequest) -> HttpResponse:
    """A form for a payment; what it would settle; then it is recorded."""
    form = PayForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data

        def record() -> Payment:
            return services.pay(
                account.pk, data["amount"], invoice=data["invoice"] or None,
                at=moments.start_of(data["on"], account), reference=data["reference"],
                method=data["method"],
            )  # fmt: skip

        try:
            account = account_by_code(data["account"])
            answer = _decide(request, account, record, _("Take a payment"), __("Take %(amount)s"))
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return answer
    return render(request, "console/act_form.html", _form(form, "payments.payments", _("Payments")))


class BackForm(forms.Form):
    """Money that goes back."""

    def __init__(self, *args: Any, currency: str, invoices: Iterable[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"] = AmountField(label=_("Amount"), currency=currency)
        if invoices:
            self.fields["invoice"] = forms.ChoiceField(
                label=_("Out of"), required=False,
                choices=[*((number, number) for number in invoices), ("", _("the credit"))],
                help_text=_("An invoice is open again for what is paid back of it."),
            )  # fmt: skip
        self.fields["reference"] = forms.CharField(
            label=_("Reason"), required=False, max_length=200
        )


BACK = {"refund": (services.refund, _("Pay money back"), _("Pay back %(amount)s")),
        "chargeback": (services.chargeback, _("The bank took a payment back"),
                       _("Record %(amount)s as taken back"))}  # fmt: skip


@page("money/payments/<int:payment>/<slug:kind>", title=_("Give a payment back"),
      permission="payments.record", write="payments.record")  # fmt: skip
def give_back(request: HttpRequest, payment: int, kind: str) -> HttpResponse:
    """Refund a payment, or record that a bank took it back; what it settled is open again."""
    one = get_object_or_404(Payment.objects.select_related("account"), pk=payment, kind="payment")
    if kind not in BACK:
        raise Http404
    service, title, verb = BACK[kind]
    start = {"amount": f"{one.amount:.{decimals(one.currency)}f}", "reference": one.code}
    settled = one.allocation_set.order_by("-pk").values_list("invoice__number", flat=True)
    invoices = list(dict.fromkeys(settled)) if kind == "refund" else []
    form = BackForm(request.POST or None, currency=one.currency, invoices=invoices, initial=start)
    if request.method == "POST" and form.is_valid():

        def record() -> Payment:
            return service(
                one.account_id, form.cleaned_data["amount"],
                invoice=form.cleaned_data.get("invoice") or None,
                reference=form.cleaned_data["reference"],
            )  # fmt: skip

        try:
            return _decide(request, one.account, record, title, str(verb), danger=True)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    context = _form(form, "payments.payments", _("Payments")) | {"title": title}
    return render(request, "console/act_form.html", context)


class GrantForm(forms.Form):
    """Credit to be granted."""

    account = LookupField(label=_("Account"), kind="accounts", help_text=_("Its code."))
    amount = forms.DecimalField(
        label=_("Amount"), max_digits=28, help_text=_("In the currency of the account.")
    )
    reason = forms.CharField(label=_("Why"), max_length=200)
    expires = DayField(
        label=_("Expires"), required=False, help_text=_("From this day on it is lost.")
    )
    only_usage = forms.BooleanField(label=_("For usage only"), required=False)


@page("money/credit/grant", title=_("Grant credit"), permission="payments.credit",
      write="payments.credit")  # fmt: skip
def grant(request: HttpRequest) -> HttpResponse:
    """A form for credit; above the limit a second person is asked first."""
    form = GrantForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        try:
            account = account_by_code(form.cleaned_data["account"])
            return _grant(request, account, form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    note = _("Above what Settings, Rules say a second person has to approve it.")
    return render(
        request, "console/act_form.html",
        _form(form, "payments.credit", _("Credit")) | {"note": note},
    )  # fmt: skip


def _grant(request: HttpRequest, account: Account, data: dict[str, Any]) -> HttpResponse:
    """What granting would do; then it is granted, or a second person is asked for it."""
    expires = moments.start_of(data["expires"], account)
    terms = Terms(expires_at=expires, only_usage=data["only_usage"])

    def give() -> Payment:
        return services.grant_credit(account.pk, data["amount"], reason=data["reason"], terms=terms)

    if not limits.above(data["amount"], account.currency, approved.subject(account)):
        return _decide(request, account, give, _("Grant credit"), __("Grant %(amount)s"))
    with limits.lifted():
        preview.attempt(account.pk, give)  # what cannot be is told before it is asked
    if not confirmed(request):
        amount = written.amount(data["amount"], account.currency)
        given = limits.given(account.currency, approved.subject(account))
        effects = [
            (_("Account"), account.code), (_("Credit"), amount),
            (_("Given by you within a day"), written.amount(given, account.currency)),
            (_("One person may give"),
             written.amount(limits.limit(account.currency), account.currency)),
        ]  # fmt: skip
        note = _(
            "Together with what you gave this account within a day, it is above what one"
            " person may give away. Somebody else has to approve it first."
        )
        return confirm(request, _("Grant credit"), verb=_("Ask for approval"), effects=effects,
                       note=note)  # fmt: skip
    made = services.grant_or_ask(account.pk, data["amount"], reason=data["reason"], terms=terms)
    if isinstance(made, Payment):  # it was approved before
        return done(request, _("The credit is granted."), "payments.payment", made.pk)
    return done(request, _("It waits for a second person."), "console.approval", made.pk)


@act("money/credit/approved/<int:approval>", permission="payments.credit")
def grant_approved(request: HttpRequest, approval: int) -> HttpResponse:
    """Grant what a second person has approved."""
    one = get_object_or_404(Approval, pk=approval, kind=approved.KIND, state="approved")
    account = account_by_code(one.payload["account"])
    made = services.grant_credit(account.pk, **approved.asked(one.payload))
    return done(request, _("The credit is granted."), "payments.payment", made.pk)


@act("money/credit/<int:payment>/void", permission="payments.credit")
def void(request: HttpRequest, payment: int) -> HttpResponse:
    """Take back what is left of a grant."""
    one = get_object_or_404(Grant.objects.select_related("payment__account"), pk=payment)
    back = reverse("payments.payment", args=[payment])
    account = one.payment.account
    return _decide(
        request, account, lambda: grants.void(one.payment.code), _("Take credit back"),
        __("Take back %(amount)s"), danger=True, back=back,
    )  # fmt: skip


def _decide(
    request: HttpRequest, account: Account, record: Callable[[], Payment], title: Any, verb: str,
    *, danger: bool = False, back: str = "",
) -> HttpResponse:  # fmt: skip
    """Show what the act would do; when that was confirmed, do it."""
    if confirmed(request):
        made = record()
        text = _("%(code)s is recorded.") % {"code": made.code}
        return done(request, text, "payments.payment", made.pk)
    seen = preview.attempt(account.pk, record)
    amount = written.amount(seen.payment.amount, account.currency)
    credit = seen.after.credit - seen.before.credit
    effects = [
        (_("Account"), f"{account.code}, {account.customer.party.name}"),
        (_("Amount"), written.money(seen.payment.amount, account.currency)),
        (_("Invoices"), written.number(len({part.invoice_id for part in seen.parts}))),
        (_("Settled"), written.money(seen.settled, account.currency)),
        (_("Change of credit"), written.money(credit, account.currency)),
        (_("Owes before"), written.money(seen.before.balance, account.currency)),
        (_("Owes after"), written.money(seen.after.balance, account.currency)),
    ]
    rows = allocated_rows(seen.parts[:20], account.currency) if seen.parts else None
    return confirm(
        request, title, verb=verb % {"amount": amount}, effects=effects, largest=rows,
        danger=danger, back=back,
    )  # fmt: skip


def _form(form: forms.Form, back: str, back_title: Any) -> dict[str, Any]:
    return {"form": form, "back": reverse(back), "back_title": back_title}
