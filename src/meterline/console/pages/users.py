"""Settings: users and their roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access import secrets, services
from meterline.access.models import Role, User
from meterline.kernel.errors import MeterlineError
from meterline.web.errors import sentence
from meterline.web.filters import Choice, Search
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Row, When
from meterline.web.table import Table


def _roles() -> list[tuple[str, str]]:
    return [(role.code, role.title) for role in Role.objects.order_by("name")]


def _with_roles(rows: list[dict[str, Any]]) -> None:
    ids = [row["pk"] for row in rows]
    users = User.objects.filter(pk__in=ids).prefetch_related("roles")
    held = {user.pk: sorted(role.title for role in user.roles.all()) for user in users}
    for row in rows:
        row["roles"] = ", ".join(held[row["pk"]])


def _link(row: Row) -> str:
    return reverse("console.user", args=[row["pk"]])


USERS = Table(
    "users",
    columns=[
        Column("email", _("E-mail"), sort=True, link=_link),
        Column("name", _("Name")),
        Column("roles", _("Roles")),
        Chip("is_active", _("State"), tones={True: "good"},  # type: ignore[dict-item]
             labels={True: _("active"), False: _("inactive")}),  # type: ignore[dict-item]
        When("last_login", _("Last sign-in")),
        When("created_at", _("Added"), hidden=True),
    ],
    filters=[
        Search(fields=("email", "name"), label=_("E-mail or name")),
        Choice("role", _("Role"), field="roles__code", choices=_roles),
    ],
    order="email",
    enrich=_with_roles,
    enriched=frozenset({"roles"}),
)  # fmt: skip


class UserForm(forms.Form):
    """A new user."""

    email = forms.EmailField(label=_("E-mail"), help_text=_("What they sign in with."))
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=_roles, widget=forms.CheckboxSelectMultiple,
        help_text=_("What the user may do is what all of their roles allow together."),
    )  # fmt: skip


class RolesForm(forms.Form):
    """The roles of a user."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=_roles, widget=forms.CheckboxSelectMultiple, required=False
    )


@page("settings/users", title=_("Users"), permission="settings.view", menu="settings", order=10)
def users(request: HttpRequest) -> HttpResponse:
    """Everybody who may sign in."""
    return USERS.respond(request, User.objects.all(), "console/users.html")


@page("settings/users/add", title=_("Add a user"), permission="users.manage", write="users.manage")
def user_add(request: HttpRequest) -> HttpResponse:
    """A form for a new user; then a link by which they sign in for the first time."""
    form = UserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.add_user(**form.cleaned_data)
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            return done(request, _("The user is added."), "console.user", user.pk)
    return render(request, "console/user_add.html", {"form": form})


@page("settings/users/<int:user>", title=_("User"), permission="settings.view")
def user(request: HttpRequest, user: int) -> HttpResponse:
    """One user: roles, state, and links to sign in."""
    one = get_object_or_404(User, pk=user)
    codes = list(one.roles.values_list("code", flat=True))
    context = {
        "one": one,
        "form": RolesForm(initial={"roles": codes}),
        "roles": one.roles.order_by("name"),
        "grants": sorted(one.granted()),
        "link": request.session.pop("sign_in_link", None),
    }
    return render(request, "console/user.html", context)


@act("settings/users/<int:user>/roles", permission="users.manage")
def user_roles(request: HttpRequest, user: int) -> HttpResponse:
    """Give a user exactly these roles."""
    one = get_object_or_404(User, pk=user)
    services.set_roles(one.email, request.POST.getlist("roles"))
    return done(request, _("The roles are set."), "console.user", one.pk)


@act("settings/users/<int:user>/active", permission="users.manage")
def user_active(request: HttpRequest, user: int) -> HttpResponse:
    """Let a user sign in, or no more."""
    one = get_object_or_404(User, pk=user)
    services.set_active(one.email, request.POST.get("active") == "1")
    return done(request, _("Done."), "console.user", one.pk)


@act("settings/users/<int:user>/link", permission="users.manage")
def user_link(request: HttpRequest, user: int) -> HttpResponse:
    """A link that signs the user in once, shown once."""
    one = get_object_or_404(User, pk=user)
    secret = secrets.make_link(one)
    path = reverse("console.sign_in", args=[secret])
    request.session["sign_in_link"] = request.build_absolute_uri(path)
    return done(request, _("The link is made. It is shown this once."), "console.user", one.pk)
