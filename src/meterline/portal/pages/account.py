"""My account: who I am, how bills reach me, what I agree to, and all that is kept about me."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.customers import services
from meterline.customers.models import Account
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock
from meterline.portal.export import exported
from meterline.portal.scope import account_of, accounts_of, customer_of
from meterline.portal.services import PERMISSION
from meterline.portal.words import DELIVERIES, PURPOSES
from meterline.web.errors import sentence
from meterline.web.page import done, fragment, page


class ContactForm(forms.Form):
    """How a customer can be reached, and in which language."""

    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=50)
    address = forms.CharField(
        label=_("Address"), required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("As it stands on bills, line by line."),
    )  # fmt: skip
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, help_text=_("Of bills and e-mail.")
    )


@page("portal/account", title=_("Account"), permission=PERMISSION, menu="account",
      surface="portal")  # fmt: skip
def account(request: HttpRequest) -> HttpResponse:
    """Contacts, delivery, consents, payment details, data."""
    customer = customer_of(request)
    party, mine = customer.party, accounts_of(request)
    languages = dict(settings.LANGUAGES)
    contacts = [
        (_("Name"), party.name), (_("E-mail"), party.email), (_("Phone"), party.phone),
        (_("Address"), party.address), (_("Language"), languages.get(party.language)),
    ]  # fmt: skip
    said = services.consents(customer)
    context = {
        "contacts": [(term, value) for term, value in contacts if value],
        "deliveries": [(one, DELIVERIES[one.delivery]) for one in mine],
        "consents": [(words, said.get(code)) for code, words in PURPOSES.items()],
        "sellers": {one.seller for one in mine if one.seller.iban},
    }  # fmt: skip
    return render(request, "portal/account.html", context)


@page("portal/account/contacts", title=_("Change my contacts"), permission=PERMISSION,
      write=PERMISSION, surface="portal")  # fmt: skip
def contacts(request: HttpRequest) -> HttpResponse:
    """Change how I can be reached; bills that were issued stay as they are."""
    customer = customer_of(request)
    held = {name: getattr(customer.party, name) for name in ContactForm.base_fields}
    form = ContactForm(request.POST or None, initial=held)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_customer(customer.code, **form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("Your contacts are changed."), "portal.account")
    return _form(request, form)


@page("portal/account/delivery", title=_("How bills reach me"), permission=PERMISSION,
      write=PERMISSION, surface="portal")  # fmt: skip
def delivery(request: HttpRequest) -> HttpResponse:
    """Choose how the bills of an account are delivered."""
    one = account_of(request)
    form = _delivery_form(request, one)
    if request.method == "POST" and form.is_valid():
        services.set_delivery(one.pk, form.cleaned_data["delivery"])
        return done(request, _("Your choice is kept."), "portal.account")
    return _form(request, form, note=one.code)


@page("portal/account/consents", title=_("What I agree to"), permission=PERMISSION,
      write=PERMISSION, surface="portal")  # fmt: skip
def consents(request: HttpRequest) -> HttpResponse:
    """Agree to something, or take it back."""
    customer = customer_of(request)
    said = services.consents(customer)
    form = forms.Form(request.POST if request.method == "POST" else None)
    for code, words in PURPOSES.items():
        given = code in said and said[code].given
        form.fields[code] = forms.BooleanField(label=words, required=False, initial=given)
    if request.method == "POST" and form.is_valid():
        services.set_consents(customer, form.cleaned_data)
        return done(request, _("Your choice is kept."), "portal.account")
    note = _("Nothing of this is needed for your contract. You can change it at any time.")
    return _form(request, form, note=note)


@fragment("portal/account/data", permission=PERMISSION)
def data(request: HttpRequest) -> HttpResponse:
    """All that is kept about the customer, as a ZIP of JSON and CSV files."""
    customer = customer_of(request)
    content = exported(customer, clock.now())
    audit.record("customer.data_exported", f"customer:{customer.code}")
    answer = HttpResponse(content, content_type="application/zip")
    answer["Content-Disposition"] = 'attachment; filename="my-data.zip"'
    return answer


def _delivery_form(request: HttpRequest, one: Account) -> forms.Form:
    form = forms.Form(request.POST or None)
    form.fields["delivery"] = forms.ChoiceField(
        label=_("Bills reach me"), choices=list(DELIVERIES.items()), initial=one.delivery,
        widget=forms.RadioSelect,
    )  # fmt: skip
    return form


def _form(request: HttpRequest, form: forms.Form, **more: Any) -> HttpResponse:
    context = {"form": form, "verb": _("Save"), "back": reverse("portal.account"),
               "back_title": _("Account"), **more}  # fmt: skip
    return render(request, "console/act_form.html", context)
