"""Whose data a request to the portal may see: every query of the portal begins here."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from meterline.customers.models import Account, Customer
from meterline.invoices.models import Invoice
from meterline.portal.models import PortalUser
from meterline.subscriptions.models import Subscription


def customer_of(request: HttpRequest) -> Customer:
    """The customer who is signed in, or as whom support looks. Raises Http404 for anybody else."""
    if not hasattr(request, "portal_customer"):
        rows = Customer.objects.select_related("party")
        seen = getattr(request, "impersonation", None)
        if seen is not None:
            request.portal_customer = get_object_or_404(rows, code=seen.customer)
        else:
            held = PortalUser.objects.filter(user_id=request.user.pk).values("customer_id")
            request.portal_customer = get_object_or_404(rows, pk__in=held)
    found: Customer = request.portal_customer
    return found


def accounts_of(request: HttpRequest) -> list[Account]:
    """All accounts of the customer, in the order of their codes."""
    if not hasattr(request, "portal_accounts"):
        rows = Account.objects.filter(customer=customer_of(request)).select_related("seller")
        request.portal_accounts = list(rows.order_by("code"))
    found: list[Account] = request.portal_accounts
    return found


def account_of(request: HttpRequest) -> Account:
    """The account that the request names (`?account=`), or the first one. Raises Http404."""
    mine = accounts_of(request)
    wanted = request.GET.get("account") or request.POST.get("account")
    for one in mine:
        if wanted in (None, "", one.code):
            return one
    raise Http404


def invoice_of(request: HttpRequest, invoice: int) -> Invoice:
    """A document of the customer. Raises Http404 for one of somebody else's."""
    rows = Invoice.objects.filter(account__customer=customer_of(request))
    return get_object_or_404(rows.select_related("account__customer__party", "seller"), pk=invoice)


def subscription_of(request: HttpRequest, subscription: int) -> Subscription:
    """A contract of the customer. Raises Http404 for one of somebody else's."""
    rows = Subscription.objects.filter(account__customer=customer_of(request))
    return get_object_or_404(rows.select_related("account"), pk=subscription)
