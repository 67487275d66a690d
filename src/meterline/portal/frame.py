"""What every page of the portal shows around it: whose portal it is, who looks, the tabs."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from meterline.portal.scope import accounts_of, customer_of
from meterline.portal.services import brand
from meterline.web.menu import tabs
from meterline.web.shell import page_of, surface_of


def context(request: HttpRequest) -> dict[str, Any]:
    """The context processor: nothing on pages of the console."""
    page = page_of(request)
    if not request.user.is_authenticated or surface_of(request, page) != "portal":
        return {}
    try:
        customer = customer_of(request)
    except Http404:
        return {"tabs_of_portal": [], "brand": None}
    return {
        "brand": brand(customer), "customer": customer, "tabs_of_portal": tabs(request, page),
        "accounts": accounts_of(request),
    }  # fmt: skip
