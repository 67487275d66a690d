"""What others call to make and find sellers, customers and accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from meterline.customers import validate
from meterline.customers.errors import CodeTaken, UnknownAccount
from meterline.customers.imports import ImportReport, import_file
from meterline.customers.lookup import (
    DEFAULT_SELLER,
    account_by_code,
    customer_by_code,
    default_seller,
    seller_by_code,
)
from meterline.customers.models import Account, BillingDay, Consent, Customer, Party, Seller
from meterline.platform import audit, clock, events

__all__ = [
    "DEFAULT_SELLER",
    "ImportReport",
    "account_by_code",
    "consents",
    "create_account",
    "create_customer",
    "create_seller",
    "customer_by_code",
    "default_seller",
    "import_file",
    "seller_by_code",
    "set_billing_day",
    "set_consents",
    "set_delivery",
    "update_customer",
    "update_seller",
]

FIRST_DAY = date(1, 1, 1)
_BILLING_DAY_LOCK = 7206501


@transaction.atomic
def create_seller(*, code: str, name: str, **fields: Any) -> Seller:
    """A new seller; `fields` are those of the model. Raises CodeTaken, InvalidField."""
    _check(Seller, validate.SELLER, code=code, name=name, **fields)
    if Seller.objects.filter(code=code).exists():
        raise CodeTaken(what="seller", code=code)
    seller = Seller.objects.create(code=code, name=name, **fields)
    audit.record("seller.created", f"seller:{code}", after={"name": name, **fields})
    events.emit("seller.created", f"seller:{code}", {"code": code, "name": name})
    return seller


@transaction.atomic
def update_seller(code: str, **fields: Any) -> Seller:
    """Change what a seller's documents show. Issued documents stay as they are."""
    seller = seller_by_code(code)
    _check(Seller, validate.SELLER, **fields)
    before = {name: getattr(seller, name) for name in fields}
    for name, value in fields.items():
        setattr(seller, name, value)
    seller.save(update_fields=list(fields))
    audit.record("seller.updated", f"seller:{code}", before=before, after=fields)
    events.emit("seller.updated", f"seller:{code}", {"code": code, **fields})
    return seller


@transaction.atomic
def create_customer(
    *, code: str, name: str, kind: str = "person", segment: str = "", **fields: Any
) -> Customer:
    """A new customer and the party behind it; `fields`: email, phone, address and so on."""
    _check(Party, validate.PARTY, code=code, name=name, kind=kind, **fields)
    if Customer.objects.filter(code=code).exists() or Party.objects.filter(code=code).exists():
        raise CodeTaken(what="customer", code=code)
    party = Party.objects.create(code=code, name=name, kind=kind, **fields)
    customer = Customer.objects.create(
        code=code, party=party, segment=segment, created_at=clock.now()
    )
    audit.record(
        "customer.created", f"customer:{code}", after={"name": name, "kind": kind, **fields}
    )
    events.emit("customer.created", f"customer:{code}", {"code": code, "name": name, "kind": kind})
    return customer


@transaction.atomic
def update_customer(code: str, *, segment: str | None = None, **fields: Any) -> Customer:
    """Change what is known of a customer and the party behind it (`fields`); its code stays.

    Issued documents stay as they are. Raises UnknownCustomer, InvalidField.
    """
    customer = customer_by_code(code)
    _check(Party, validate.PARTY, **fields)
    if segment is not None:
        validate.length("segment", segment, 100)
        fields = {**fields, "segment": segment}
    before = {}
    for name, value in fields.items():
        holder = customer if name == "segment" else customer.party
        before[name] = getattr(holder, name)
        setattr(holder, name, value)
    customer.party.save()
    customer.save()
    changed = {name: value for name, value in fields.items() if value != before[name]}
    told = {name: before[name] for name in changed}
    audit.record("customer.updated", f"customer:{code}", before=told, after=changed)
    events.emit("customer.updated", f"customer:{code}", {"code": code, **changed})
    return customer


@transaction.atomic
def create_account(
    *,
    code: str,
    currency: str,
    timezone: str = "UTC",
    billing_day: int | None = 1,
    region: str | None = None,
    customer: str | None = None,
    parent: str | int | None = None,
    seller: str | None = None,
) -> Account:
    """A new account. `billing_day` None is the anniversary of each subscription's start.

    `customer`, `parent` (its id will do) and `seller` are codes; without a customer one of the
    account's code is made. Raises CodeTaken, InvalidField and what is raised for unknown codes.
    """
    _check(
        Account, validate.ACCOUNT,
        code=code, currency=currency, timezone=timezone, region=region, billing_day=billing_day,
    )  # fmt: skip
    if Account.objects.filter(code=code).exists():
        raise CodeTaken(what="account", code=code)
    account = Account.objects.create(
        code=code, currency=currency, timezone=timezone, tax_region=region,
        customer=customer_by_code(customer) if customer else create_customer(code=code, name=code),
        parent=_parent(parent),
        seller=seller_by_code(seller) if seller else default_seller(),
        created_at=clock.now(),
    )  # fmt: skip
    BillingDay.objects.create(account=account, since=FIRST_DAY, day=billing_day)
    facts = {
        "code": code, "currency": currency, "timezone": timezone, "region": region,
        "billing_day": billing_day, "customer": account.customer.code,
        "seller": account.seller.code, "parent": account.parent and account.parent.code,
    }  # fmt: skip
    audit.record("account.created", f"account:{code}", after=facts)
    events.emit("account.created", f"account:{code}", facts)
    return account


@transaction.atomic
def set_billing_day(account_id: int, day: int | None, on: date) -> date:
    """Bill an account on another day of the month, from a local day on (None: anniversaries);
    gives that day: today, if `on` is over, since usage and bills are by the periods of before.

    Periods that have started by then keep their end; the next ones are stubs.
    """
    validate.billing_day(day)
    account = Account.objects.select_for_update().get(id=account_id)
    since = max(on, clock.now().astimezone(ZoneInfo(account.timezone)).date())
    _lock_billing_days()
    BillingDay.objects.create(account=account, since=since, day=day)
    change = {"billing_day": day, "since": since.isoformat()}
    audit.record("account.billing_day_set", f"account:{account.code}", after=change)
    events.emit("account.billing_day_set", account.code, {"code": account.code, **change})
    return since


@transaction.atomic
def set_delivery(account_id: int, way: str) -> None:
    """How the documents of an account reach its customer: one of validate.DELIVERIES."""
    validate.delivery(way)
    account = Account.objects.select_for_update().get(id=account_id)
    before, account.delivery = account.delivery, way
    account.save(update_fields=["delivery"])
    change = {"delivery": way}
    audit.record(
        "account.delivery_set", f"account:{account.code}", before={"delivery": before}, after=change
    )
    events.emit("account.delivery_set", account.code, {"code": account.code, **change})


def consents(customer: Customer) -> dict[str, Consent]:
    """The newest word of a customer on each purpose (validate.PURPOSES) that they spoke on."""
    rows = Consent.objects.filter(customer=customer).order_by("purpose", "-id")
    return {row.purpose: row for row in rows.distinct("purpose")}


@transaction.atomic
def set_consents(customer: Customer, given: Mapping[str, bool]) -> None:
    """Note what a customer agrees to and refuses, where it is not what they said last."""
    held = consents(customer)
    changed = {
        validate.purpose(purpose): agrees
        for purpose, agrees in given.items()
        if purpose not in held or held[purpose].given != agrees
    }
    for purpose, agrees in changed.items():
        Consent.objects.create(
            customer=customer, purpose=purpose, given=agrees, at=clock.now(), by=audit.actor()
        )
    if changed:
        subject = f"customer:{customer.code}"
        audit.record("customer.consents_set", subject, after=changed)
        events.emit("customer.consents_set", subject, {"code": customer.code, **changed})


def _lock_billing_days() -> None:
    """Moved billing days get their ids in the order in which they are committed: a bill remembers
    the newest one that it has seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BILLING_DAY_LOCK])


def _parent(parent: str | int | None) -> Account | None:
    if isinstance(parent, int):
        found = Account.objects.filter(id=parent).first()
        if found is None:
            raise UnknownAccount(code=parent)
        return found
    return account_by_code(parent) if parent else None


def _check(model: Any, checks: dict[str, validate.Check], **fields: Any) -> None:
    for field, value in fields.items():
        if field in _COLUMNS_OF[model]:
            validate.length(field, value, _COLUMNS_OF[model][field])
        if field in checks:
            checks[field](value)


_COLUMNS_OF: dict[Any, dict[str, int | None]] = {
    model: {field.name: field.max_length for field in model._meta.concrete_fields}
    for model in (Seller, Party, Account)
}
