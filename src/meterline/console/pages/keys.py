"""Settings: API keys of programs."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access import secrets
from meterline.access.models import ApiKey
from meterline.access.permissions import meaning, meanings
from meterline.web.confirm import confirm, confirmed
from meterline.web.page import act, done, page
from meterline.web.rows import Column, When, Who
from meterline.web.table import Table

KEYS = Table(
    "keys",
    columns=[
        Column("name", _("Name"), link=lambda row: reverse("console.key", args=[row["prefix"]])),
        Column("prefix", _("Begins with")),
        Who("created_by", _("Made by")),
        When("created_at", _("Made"), sort=True),
        When("last_used_at", _("Last used")),
        When("revoked_at", _("Revoked")),
    ],
    order="-created_at",
    empty=_("A program that sends usage or reads figures signs in by a key."),
)


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What will use it."))
    permissions = forms.MultipleChoiceField(
        label=_("What it may do"), choices=meanings,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    rate = forms.IntegerField(
        label=_("Events a second"), required=False, min_value=1, max_value=2_000_000_000,
        help_text=_("What it may send at most. Empty: any number."),
    )  # fmt: skip


@page("settings/keys", title=_("API keys"), permission="settings.view", menu="settings", order=30)
def keys(request: HttpRequest) -> HttpResponse:
    """All keys, those revoked too."""
    context = {"secret": request.session.pop("api_key", None)}
    return KEYS.respond(request, ApiKey.objects.all(), "console/keys.html", **context)


@page("settings/keys/new", title=_("New API key"), permission="keys.manage", write="keys.manage")
def key_new(request: HttpRequest) -> HttpResponse:
    """A form for a key; its secret is shown once, afterwards."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _key, secret = secrets.make_key(**form.cleaned_data)
        request.session["api_key"] = secret
        return done(request, _("The key is made. Its secret is shown this once."), "console.keys")
    return render(request, "console/key_new.html", {"form": form})


@page("settings/keys/<str:prefix>", title=_("API key"), permission="settings.view")
def key(request: HttpRequest, prefix: str) -> HttpResponse:
    """One key: what it may do, when it was used."""
    one = get_object_or_404(ApiKey, prefix=prefix)
    grants = [meaning(code) or code for code in one.permissions]
    return render(request, "console/key.html", {"key": one, "grants": grants})


@act("settings/keys/<str:prefix>/revoke", permission="keys.manage")
def key_revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    """No more use of a key, from now on."""
    if not confirmed(request):
        return confirm(
            request, _("Revoke this key"), verb=_("Revoke %(key)s") % {"key": prefix}, danger=True,
            note=_("Programs that use it are refused at once. This cannot be taken back."),
            effects=[(_("Key"), prefix)],
        )  # fmt: skip
    secrets.revoke_key(prefix)
    return done(request, _("The key is revoked."), "console.keys")
