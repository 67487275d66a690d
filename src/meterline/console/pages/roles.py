"""Settings: roles and their permissions."""

from __future__ import annotations

from django import forms
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access import services
from meterline.access.models import Role
from meterline.access.permissions import ROLES as BUILT_IN
from meterline.access.permissions import meaning, meanings
from meterline.kernel.errors import MeterlineError
from meterline.web.errors import sentence
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Number, Word
from meterline.web.table import Table

_NAMES = {name: _(name) for name, _granted in BUILT_IN.values()}
ROLES = Table(
    "roles",
    columns=[
        Word("name", _("Name"), sort=True, labels=_NAMES,
             link=lambda row: reverse("console.role", args=[row["code"]])),
        Column("code", _("Code")),
        Chip("built_in", _("Comes from"),
             labels={True: _("the product"), False: _("us")}),  # type: ignore[dict-item]
        Number("holders", _("Users")),
    ],
    order="name",
)  # fmt: skip


class RoleForm(forms.Form):
    """A role of one's own."""

    name = forms.CharField(label=_("Name"), max_length=100)
    code = forms.SlugField(label=_("Code"), max_length=60, help_text=_("Lower case, no spaces."))
    description = forms.CharField(label=_("Description"), widget=forms.Textarea, required=False)
    permissions = forms.MultipleChoiceField(
        label=_("What it allows"), choices=meanings,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip


@page("settings/roles", title=_("Roles"), permission="settings.view", menu="settings", order=20)
def roles(request: HttpRequest) -> HttpResponse:
    """All roles."""
    queryset = Role.objects.annotate(holders=Count("users"))
    return ROLES.respond(request, queryset, "console/roles.html")


@page("settings/roles/new", title=_("New role"), permission="roles.manage", write="roles.manage")
def role_new(request: HttpRequest) -> HttpResponse:
    """A form for a role of one's own."""
    form = RoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            role = services.save_role(**form.cleaned_data, new=True)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The role is made."), "console.role", role.code)
    return render(request, "console/role_form.html", {"form": form, "heading": _("New role")})


@page(
    "settings/roles/<slug:code>", title=_("Role"), permission="settings.view",
    write="roles.manage",
)  # fmt: skip
def role(request: HttpRequest, code: str) -> HttpResponse:
    """One role: what it allows; of one's own, a form that changes it."""
    one = get_object_or_404(Role, code=code)
    if one.built_in:
        grants = [(code, meaning(code)) for code in one.permissions]
        return render(request, "console/role.html", {"role": one, "grants": grants})
    held = {"name": one.name, "code": one.code, "description": one.description,
            "permissions": one.permissions}  # fmt: skip
    form = RoleForm(request.POST or None, initial=held)
    form.fields["code"].disabled = True
    if request.method == "POST" and form.is_valid():
        services.save_role(**form.cleaned_data)
        return done(request, _("The role is changed."), "console.role", one.code)
    return render(request, "console/role_form.html", {"form": form, "role": one,
                                                      "heading": one.title})  # fmt: skip


@act("settings/roles/<slug:code>/remove", permission="roles.manage")
def role_remove(request: HttpRequest, code: str) -> HttpResponse:
    """Remove a role that nobody holds."""
    services.remove_role(code)
    return done(request, _("The role is removed."), "console.roles")
