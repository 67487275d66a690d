"""Signing in by a link that works once, and looking as a customer."""

from __future__ import annotations

from ipaddress import ip_address

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _

from meterline.access import impersonation, secrets
from meterline.access.permissions import ANYONE, SIGNED_IN
from meterline.customers.models import Customer
from meterline.platform import audit
from meterline.web.page import act, done, fragment
from meterline.web.sign_in import home_of

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@fragment("sign-in/<str:secret>", permission=ANYONE)
def sign_in(request: HttpRequest, secret: str) -> HttpResponse:
    """Sign in by a link made on this machine; it is good on this machine only, and once."""
    here = ip_address(request.META["REMOTE_ADDR"]).is_loopback
    here = here and request.get_host().split(":")[0] in ("localhost", "127.0.0.1")
    user = secrets.use_link(secret) if here else None
    if user is None:
        return render(request, "console/link_used.html", status=403)
    login(request, user, backend=_BACKEND)
    with audit.acting_as(f"user:{user.email}"):
        audit.record("user.signed_in", f"user:{user.email}", after={"by": "link"})
    return HttpResponseRedirect(home_of(user))


@act("impersonate/<code:customer>", permission=impersonation.PERMISSION)
def impersonate(request: HttpRequest, customer: str) -> HttpResponse:
    """Look at the portal as a customer does."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, str(_("Say why you look as this customer.")))
        return HttpResponseRedirect(request.headers.get("Referer", "/"), status=303)
    one = get_object_or_404(Customer, code=customer)
    impersonation.begin(request, one.code, reason)
    return HttpResponseRedirect("/portal/", status=303)


@act("impersonation/end", permission=SIGNED_IN)
def impersonate_end(request: HttpRequest) -> HttpResponse:
    """Look as oneself again."""
    impersonation.end(request)
    return done(request, _("You look as yourself again."), "/")
