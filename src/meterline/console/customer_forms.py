"""The forms of customers, their accounts and notes."""

from __future__ import annotations

from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from meterline.care.services import LONGEST
from meterline.console.story import NOTES
from meterline.customers.models import Seller

WANTED = {"portal": _("in the portal"), "email": _("by e-mail"), "post": _("by post")}


class CustomerForm(forms.Form):
    """What is known of a customer."""

    name = forms.CharField(label=_("Name"), max_length=300)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[("person", _("person")), ("organisation", _("organisation"))]
    )
    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=50)
    address = forms.CharField(
        label=_("Address"), required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("As it stands on invoices, line by line."),
    )  # fmt: skip
    country = forms.CharField(
        label=_("Country"), required=False, max_length=2, help_text=_("Two letters, such as IT.")
    )
    tax_id = forms.CharField(label=_("Tax id"), required=False, max_length=50)
    language = forms.CharField(
        label=_("Language"), initial="en", max_length=20, help_text=_("Of invoices, such as it.")
    )
    segment = forms.CharField(label=_("Segment"), required=False, max_length=100)


class NewCustomerForm(CustomerForm):
    """A new customer."""

    code = forms.CharField(
        label=_("Code"), max_length=100, help_text=_("Yours, for good: it is never changed.")
    )
    field_order = ("code",)


class AccountForm(forms.Form):
    """A new billing account."""

    code = forms.CharField(label=_("Code"), max_length=100)
    currency = forms.CharField(
        label=_("Currency"), max_length=3, initial="EUR", help_text=_("It never changes.")
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"), initial="UTC", help_text=_("Days begin by it. It never changes."),
        choices=[(zone, zone) for zone in sorted(available_timezones())],
    )  # fmt: skip
    billing_day = forms.IntegerField(
        label=_("Billing day"), required=False, min_value=1, max_value=31, initial=1,
        help_text=_("Left empty: the anniversary of each subscription."),
    )  # fmt: skip
    region = forms.CharField(
        label=_("Tax region"), required=False, max_length=20, empty_value=None,
        help_text=_("A country, or a part of one, such as IT or US-NY."),
    )  # fmt: skip
    seller = forms.ChoiceField(
        label=_("Seller"), required=False,
        choices=lambda: [("", _("the default one")),
                         *Seller.objects.order_by("name").values_list("code", "name")],
    )  # fmt: skip


class BillingDayForm(forms.Form):
    """Another billing day."""

    day = forms.IntegerField(
        label=_("Billing day"), required=False, min_value=1, max_value=31,
        help_text=_("Left empty: the anniversary of each subscription."),
    )  # fmt: skip


class DeliveryForm(forms.Form):
    """How an account wants its bills."""

    delivery = forms.ChoiceField(
        label=_("Wants bills"), choices=list(WANTED.items()), widget=forms.RadioSelect,
        help_text=_("All of them can be seen in the portal, in any case."),
    )  # fmt: skip


class NoteForm(forms.Form):
    """A note, or what was said."""

    kind = forms.ChoiceField(label=_("Kind"), choices=list(NOTES.items()))
    text = forms.CharField(
        label=_("Text"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )
