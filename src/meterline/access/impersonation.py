"""Support sees the portal as a customer does: visibly, on record, and reading only.

The customer is a code here: whose it is, the portal knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meterline.access.permissions import SIGNED_IN
from meterline.platform import audit, clock

PERMISSION = "support.impersonate"
LASTS = timedelta(minutes=30)
_KEY = "impersonation"
_ENDS = "console.impersonate_end"


@dataclass(frozen=True, kw_only=True)
class Impersonation:
    """Whom a user of support looks as, why, and until when."""

    customer: str
    reason: str
    until: datetime


def begin(request: HttpRequest, customer: str, reason: str) -> Impersonation:
    """Look as a customer from now on, for half an hour."""
    seen = Impersonation(customer=customer, reason=reason, until=clock.now() + LASTS)
    request.session[_KEY] = {
        "customer": customer, "reason": reason, "until": seen.until.isoformat()
    }  # fmt: skip
    audit.record("impersonation.begun", f"customer:{customer}", after={"reason": reason})
    return seen


def end(request: HttpRequest) -> None:
    """Look as oneself again."""
    held = request.session.pop(_KEY, None)
    if held is not None:
        audit.record("impersonation.ended", f"customer:{held['customer']}")


def current(request: HttpRequest) -> Impersonation | None:
    """Whom the request looks as. What has lasted too long ends here."""
    held = request.session.get(_KEY)
    if held is None:
        return None
    until = datetime.fromisoformat(held["until"])
    if until <= clock.now() or PERMISSION not in request.user.granted():
        end(request)
        return None
    return Impersonation(customer=held["customer"], reason=held["reason"], until=until)


def gate(request: HttpRequest, seen: Impersonation, permission: str) -> HttpResponse | None:
    """While impersonating: pages of the portal may be read, nothing may be changed, and each look
    is on record. The console stays closed until it ends."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if name == _ENDS:
        return None
    if permission == "portal.use" and request.method in ("GET", "HEAD"):
        looked = {"path": request.path}
        audit.record("impersonation.viewed", f"customer:{seen.customer}", after=looked)
        return None
    if permission == SIGNED_IN and request.method in ("GET", "HEAD"):
        return None
    return render(request, "web/impersonating.html", {"seen": seen}, status=403)
