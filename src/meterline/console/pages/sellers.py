"""Settings: the sellers of the group, and what their documents show of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.customers import services
from meterline.customers.models import Account, Seller
from meterline.invoices.models import NumberSeries
from meterline.kernel.errors import MeterlineError
from meterline.web import format as written
from meterline.web.errors import sentence
from meterline.web.filters import Search
from meterline.web.page import done, page
from meterline.web.rows import Column, Number, Row, Rows
from meterline.web.table import COUNTED, Table


def _link(row: Row) -> str:
    return reverse("console.seller", args=[row["pk"]])


SELLERS = Table(
    "sellers",
    columns=[
        Column("name", _("Name"), link=_link), Column("code", _("Code"), sort=True),
        Column("country", _("Country")), Column("tax_id", _("Tax id")),
        Column("invoice_prefix", _("Numbers begin with")),
        Number("payment_terms_days", _("Days to pay")), Column("email", _("E-mail"), hidden=True),
    ],
    filters=[Search(fields=("code", "name"), label=_("Name or code"))],
    order="code",
)  # fmt: skip


class SellerForm(forms.Form):
    """What documents show of a seller."""

    name = forms.CharField(label=_("Name"), max_length=300, help_text=_("As it is printed."))
    address = forms.CharField(
        label=_("Address"), required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("As it stands on invoices, line by line."),
    )  # fmt: skip
    country = forms.CharField(
        label=_("Country"), required=False, max_length=2, help_text=_("Two letters, such as IT.")
    )
    tax_id = forms.CharField(label=_("Tax id"), required=False, max_length=50)
    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=50)
    website = forms.CharField(label=_("Website"), required=False, max_length=300)
    iban = forms.CharField(
        label=_("IBAN"), required=False, max_length=34, help_text=_("To which customers pay.")
    )
    bic = forms.CharField(label=_("BIC"), required=False, max_length=11)
    colour = forms.CharField(
        label=_("Colour"), initial="#1f3a5f", widget=forms.TextInput(attrs={"type": "color"}),
        help_text=_("Of its documents and of its portal."),
    )  # fmt: skip
    invoice_prefix = forms.CharField(
        label=_("Numbers begin with"), max_length=20, initial="INV",
        help_text=_("Such as INV. Numbers that are given stay; the count goes on."),
    )  # fmt: skip
    payment_terms_days = forms.IntegerField(
        label=_("Days to pay"), min_value=0, max_value=999, initial=14,
        help_text=_("From the day of issue until an invoice is due."),
    )  # fmt: skip


class NewSellerForm(SellerForm):
    """A new seller."""

    code = forms.CharField(
        label=_("Code"), max_length=100, help_text=_("Yours, for good: it is never changed.")
    )
    field_order = ("code",)


@page("settings/sellers", title=_("Sellers"), permission="settings.view", menu="settings", order=5)
def sellers(request: HttpRequest) -> HttpResponse:
    """All companies of the group that issue invoices."""
    return SELLERS.respond(request, Seller.objects.all(), "console/sellers.html")


@page("settings/sellers/<int:seller>", title=_("Seller"), permission="settings.view")
def seller(request: HttpRequest, seller: int) -> HttpResponse:
    """One seller: what its documents show, its numbers, its accounts."""
    one = get_object_or_404(Seller, pk=seller)
    series = NumberSeries.objects.filter(seller=one).order_by("series")
    rows: list[dict[str, Any]] = [
        {"series": row.series, "next": f"{one.invoice_prefix}{row.series}-{row.next_number:08d}"}
        for row in series
    ]
    context = {
        "one": one, "facts": _facts(one), "accounts": _counted(Account.objects.filter(seller=one)),
        "series": Rows([Column("series", _("Series")), Column("next", _("Next number"))], rows,
                       caption=_("Numbers")),
    }  # fmt: skip
    return render(request, "console/seller.html", context)


@page("settings/sellers/new", title=_("New seller"), permission="sellers.edit",
      write="sellers.edit")  # fmt: skip
def seller_new(request: HttpRequest) -> HttpResponse:
    """A form for a seller."""
    form = NewSellerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_seller(**form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The seller is made."), "console.seller", made.pk)
    return _shown(request, form, reverse("console.sellers"), _("Sellers"), _("Make it"))


@page("settings/sellers/<int:seller>/edit", title=_("Change a seller"), permission="sellers.edit",
      write="sellers.edit")  # fmt: skip
def seller_edit(request: HttpRequest, seller: int) -> HttpResponse:
    """Change what documents show from now on; those issued stay as they are."""
    one = get_object_or_404(Seller, pk=seller)
    now = {name: getattr(one, name) for name in SellerForm.base_fields}
    form = SellerForm(request.POST or None, initial=now)
    if request.method == "POST" and form.is_valid():
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            services.update_seller(one.code, **changed)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The seller is changed."), "console.seller", one.pk)
    back = reverse("console.seller", args=[one.pk])
    return _shown(request, form, back, one.name, _("Save"))


def _shown(
    request: HttpRequest, form: forms.Form, back: str, back_title: Any, verb: Any
) -> HttpResponse:
    context = {"form": form, "back": back, "back_title": back_title, "verb": verb}
    return render(request, "console/act_form.html", context)


def _facts(one: Seller) -> list[tuple[Any, Any]]:
    return [
        (_("Code"), one.code), (_("Address"), ", ".join(one.address.splitlines())),
        (_("Country"), one.country), (_("Tax id"), one.tax_id), (_("E-mail"), one.email),
        (_("Phone"), one.phone), (_("Website"), one.website), (_("IBAN"), one.iban),
        (_("BIC"), one.bic), (_("Colour"), one.colour),
        (_("Days to pay"), one.payment_terms_days),
    ]  # fmt: skip


def _counted(rows: QuerySet[Account]) -> str:
    count = rows.order_by()[: COUNTED + 1].count()
    return f"{written.number(COUNTED)}+" if count > COUNTED else written.number(count)
