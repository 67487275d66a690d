"""Finding sellers, customers and accounts by their codes."""

from __future__ import annotations

from meterline.customers.errors import UnknownAccount, UnknownCustomer, UnknownSeller
from meterline.customers.models import Account, Customer, Seller

DEFAULT_SELLER = "default"


def account_by_code(code: str) -> Account:
    """The account of a code. Raises UnknownAccount."""
    account = Account.objects.filter(code=code).first()
    if account is None:
        raise UnknownAccount(code=code)
    return account


def customer_by_code(code: str) -> Customer:
    """The customer of a code. Raises UnknownCustomer."""
    customer = Customer.objects.filter(code=code).first()
    if customer is None:
        raise UnknownCustomer(code=code)
    return customer


def seller_by_code(code: str) -> Seller:
    """The seller of a code. Raises UnknownSeller."""
    seller = Seller.objects.filter(code=code).first()
    if seller is None:
        raise UnknownSeller(code=code)
    return seller


def default_seller() -> Seller:
    """The seller of accounts that name none, made when it is first needed."""
    seller, _ = Seller.objects.get_or_create(code=DEFAULT_SELLER, defaults={"name": "My company"})
    return seller
