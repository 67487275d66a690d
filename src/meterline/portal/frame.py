"""What every page of the portal shows around it: whose portal it is, who looks, the tabs."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.functional import SimpleLazyObject

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
    return {  # what stands around a page; its parts, loaded later, show nothing of it
        "brand": SimpleLazyObject(partial(brand, customer)), "customer": customer,
        "tabs_of_portal": SimpleLazyObject(partial(tabs, request, page)),
        "accounts": SimpleLazyObject(partial(accounts_of, request)),
    }  # fmt: skip
