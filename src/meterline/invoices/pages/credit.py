"""Crediting part of a line: form, dry run, credit note."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.access import limits
from meterline.access.errors import ApprovalMoved, ApprovalNeeded
from meterline.access.models import Approval
from meterline.invoices import adjust
from meterline.invoices.models import Invoice
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.platform.trial import trial
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.forms import AmountField
from meterline.web.page import act, done, page


class CreditForm(forms.Form):
    """Which line, how much of it, before tax."""

    def __init__(self, invoice: Invoice, data: Any = None) -> None:
        super().__init__(data)
        lines = invoice.lines.filter(amount__gt=0, price_code__isnull=False)
        choices = [
            (
                line.pk,
                f"{line.position}. {line.name}, {written.amount(line.amount, invoice.currency)}",
            )
            for line in lines.exclude(kind="adjustment").order_by("position")[:500]
        ]
        self.fields["line"] = forms.ChoiceField(label=_("Line"), choices=choices)
        self.fields["amount"] = AmountField(
            label=_("Amount before tax"), currency=invoice.currency,
            help_text=_("Tax is added as the line had it. Never more than is left of the line."),
        )  # fmt: skip


@page(
    "billing/invoices/<int:invoice>/credit", title=later("Credit a line"),
    permission="invoices.correct", write="invoices.correct",
)  # fmt: skip
def credit(request: HttpRequest, invoice: int) -> HttpResponse:
    """A credit note against a line; first what it would be, then it."""
    one = get_object_or_404(Invoice.objects.select_related("account"), pk=invoice)
    form = CreditForm(one, request.POST or None)
    if request.method == "POST" and form.is_valid():
        line, amount = int(form.cleaned_data["line"]), form.cleaned_data["amount"]
        try:
            return _decided(request, one, line, amount)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
    asked = Approval.objects.filter(kind=adjust.KIND, state__in=("awaiting", "approved"))
    context = {
        "invoice": one, "form": form, "asked": asked.filter(payload__invoice=one.number),
        "limit": written.money(limits.limit(one.currency), one.currency),
        "given": written.money(
            limits.given(one.currency, adjust.giving(one.account)), one.currency
        ),
    }  # fmt: skip
    return render(request, "invoices/credit.html", context)


@act("billing/invoices/credit/<int:approval>", permission="invoices.correct")
def credit_approved(request: HttpRequest, approval: int) -> HttpResponse:
    """Issue a credit note that a second person has approved."""
    one = get_object_or_404(Approval, pk=approval, kind=adjust.KIND, state="approved")
    line, amount = one.payload["line"], Decimal(one.payload["amount"])
    note = adjust.adjust_line(line, amount, clock.now())
    return done(request, _("The credit note is issued."), "invoices.invoice", note.pk)


def _decided(request: HttpRequest, one: Invoice, line: int, amount: Decimal) -> HttpResponse:
    """First what the credit note would be; then it, or a second person is asked for it."""
    if not confirmed(request):
        with trial(), limits.lifted():
            note = adjust.adjust_line(line, amount, clock.now())
        return _shown(
            request,
            one,
            note,
            alone=not limits.above(amount, one.currency, adjust.giving(one.account)),
        )
    try:
        note = adjust.adjust_line(line, amount, clock.now())
    except (ApprovalNeeded, ApprovalMoved):
        asked = adjust.ask(line, amount)
        return done(request, _("It waits for a second person."), "console.approval", asked.pk)
    return done(request, _("The credit note is issued."), "invoices.invoice", note.pk)


def _shown(request: HttpRequest, one: Invoice, note: Invoice, *, alone: bool) -> HttpResponse:
    total = written.amount(-note.total, one.currency)
    verb = _("Credit %(total)s") if alone else _("Ask for approval of %(total)s")
    return confirm(
        request, _("Credit a line"), verb=verb % {"total": total}, danger=alone,
        effects=[
            (_("Invoice"), one.number), (_("Account"), one.account.code),
            (_("Net"), written.money(note.net, one.currency)),
            (_("Tax"), written.money(note.tax, one.currency)),
            (_("Credit note"), written.money(note.total, one.currency)),
        ],
        note=_("A credit note is issued and booked at once; it cannot be changed any more.")
        if alone else _("Together with what you gave this account within a day, it is above what"
                      " one person may give away. Somebody else has to approve it."),
    )  # fmt: skip
