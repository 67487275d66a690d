"""Coming in by an invitation; and, for staff, who of a customer's comes in."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from meterline.access.permissions import ANYONE
from meterline.customers.models import Customer
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit
from meterline.portal import services
from meterline.web.confirm import confirm, confirmed
from meterline.web.errors import sentence
from meterline.web.page import act, done, page


@page("portal/welcome/<str:secret>", title=_("Welcome"), permission=ANYONE, write=ANYONE,
      surface="portal")  # fmt: skip
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """An invitation: a button lets in, once (a mail scanner that opens the link does not); then a
    password is chosen."""
    if request.method != "POST":
        return render(request, "portal/welcome.html")
    user = services.welcome(secret)
    if user is None:
        return render(request, "portal/welcome_used.html", status=403)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    with audit.acting_as(f"user:{user.email}"):
        audit.record("user.signed_in", f"user:{user.email}", after={"by": "invitation"})
    chosen = user.has_usable_password()
    return HttpResponseRedirect("/portal/" if chosen else reverse("account_set_password"))


class InviteForm(forms.Form):
    """Whom to let into the portal."""

    email = forms.EmailField(label=_("E-mail"), help_text=_("The invitation is sent there."))
    name = forms.CharField(label=_("Name"), max_length=200, required=False)


@page("customers/<code:code>/portal", title=_("Portal access"), permission="customers.view",
      write="portal.invite")  # fmt: skip
def access(request: HttpRequest, code: str) -> HttpResponse:
    """Who sees the customer's accounts in the portal; inviting somebody; looking as they do."""
    one = get_object_or_404(Customer.objects.select_related("party"), code=code)
    form = InviteForm(request.POST or None, initial={"email": one.party.email})
    if request.method == "POST" and form.is_valid():
        try:
            path = services.invite(code, form.cleaned_data["email"], name=form.cleaned_data["name"])
        except MeterlineError as error:
            form.add_error(None, sentence(error))
        else:
            context = {"customer": one, "link": f"{settings.SITE_URL}{path}"}
            return render(request, "portal/invited.html", context)
    context = {"customer": one, "form": form, "users": services.users_of(one)}
    return render(request, "portal/access.html", context)


@act("customers/<code:code>/portal/take-away", permission="portal.invite")
def take_away(request: HttpRequest, code: str) -> HttpResponse:
    """No more access for one user of a customer."""
    email = request.POST.get("email", "")
    back = reverse("portal.access", args=[code])
    if not confirmed(request):
        return confirm(request, _("Take portal access away"), verb=_("Take it away"),
                       effects=[(_("Customer"), code), (_("User"), email)], danger=True,
                       back=back)  # fmt: skip
    services.take_away(code, email)
    return done(request, _("The user cannot sign in any more."), back)
