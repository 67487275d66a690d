"""Granted credit: what is left of each grant, and what takes from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import connection, transaction
from django.db.models import QuerySet

from meterline.kernel.money import MONEY
from meterline.payments import store
from meterline.payments.credit import GRANTS
from meterline.payments.errors import NothingLeft, UnknownGrant
from meterline.payments.models import Grant, GrantUse, Payment
from meterline.payments.record import Row, record_all
from meterline.platform import audit, clock
from meterline.platform.database import read_frame, write_frame

EXPIRED_AT_ONCE = 5000


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a grant may be used: lower priorities first, until it expires, for what."""

    priority: int = 100
    expires_at: datetime | None = None
    only_usage: bool = False
    price_codes: tuple[str, ...] = ()


PLAIN = Terms()


def open_grant(payment: Payment, terms: Terms) -> Grant:
    """The grant of credit that `payment` (kind credit) records."""
    return Grant.objects.create(
        payment=payment, account_id=payment.account_id, currency=payment.currency,
        amount=payment.amount, remaining=payment.amount, priority=terms.priority,
        expires_at=terms.expires_at, only_usage=terms.only_usage,
        price_codes=list(terms.price_codes),
    )  # fmt: skip


def usable(account_ids: Sequence[int], at: datetime) -> pl.DataFrame:
    """GRANTS of which something is left; those that have expired by `at` are not usable."""
    rows = read_frame(
        """
        SELECT payment_id, account_id, currency, remaining, priority, expires_at, only_usage,
            (SELECT string_agg(code, chr(31)) FROM jsonb_array_elements_text(price_codes) code),
            expires_at IS NULL OR expires_at > %s
        FROM payments_grant WHERE account_id = ANY(%s) AND remaining > 0
        """,
        [at, list(account_ids)],
        schema={**GRANTS, "price_codes": pl.String},
    )
    none = pl.lit([], pl.List(pl.String))
    return rows.with_columns(price_codes=pl.col("price_codes").str.split("\x1f").fill_null(none))


def take(uses: pl.DataFrame, kind: str, at: datetime) -> None:
    """Write what is taken from grants: grant_id, amount, invoice_id (null: by no invoice)."""
    if uses.is_empty():
        return
    moment = pl.lit(at).dt.convert_time_zone("UTC")
    write_frame(
        "payments_grantuse",
        uses.select("grant_id", "invoice_id", "amount", kind=pl.lit(kind), at=moment),
    )
    sums = uses.group_by("grant_id").agg(pl.col("amount").sum()).sort("grant_id")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_grant g SET remaining = g.remaining - x.amount
            FROM unnest(%s::bigint[], %s::numeric[]) AS x (grant_id, amount)
            WHERE g.payment_id = x.grant_id
            """,
            [sums["grant_id"].to_list(), sums["amount"].to_list()],
        )


def take_out(account_id: int, amount: Decimal, credit: Decimal, kind: str, at: datetime) -> None:
    """Money leaves an account's `credit`: first what nobody granted, then the newest grants of
    which all may be paid out."""
    left = amount - (credit - _sum(Grant.objects.filter(account_id=account_id)))
    rows = []
    for grant in _paid_out(account_id).order_by("-pk"):
        taken = min(left, grant.remaining)
        if taken > 0:
            rows.append((grant.pk, None, taken))
            left -= taken
    take(pl.DataFrame(rows, schema=_TAKEN, orient="row"), kind, at)


def bound(account_id: int) -> Decimal:
    """What of an account's credit is not paid out: grants that expire, or are not for all."""
    kept = Grant.objects.filter(account_id=account_id, remaining__gt=0)
    return _sum(kept.exclude(pk__in=_paid_out(account_id)))


def kept_back(account_id: int) -> bool:
    """Whether grants that are not paid out have paid invoices: what credit notes give back of
    those looks like any other credit."""
    return (
        GrantUse.objects.filter(grant__account_id=account_id, kind="used")
        .exclude(grant__in=_plain(account_id))
        .exists()
    )


def money_in(account_id: int) -> Decimal:
    """What an account paid and was granted to be paid out, less what went out again."""
    moved = Payment.objects.filter(account_id=account_id)
    paid = {kind: _total(moved.filter(kind=kind)) for kind in ("payment", "refund", "chargeback")}
    plain = _plain(account_id)
    voided = GrantUse.objects.filter(grant__in=plain, kind="void")
    given = _total(plain) - _total(voided)
    return paid["payment"] + given - paid["refund"] - paid["chargeback"]


def _total(rows: QuerySet[Any]) -> Decimal:
    return sum(rows.values_list("amount", flat=True), Decimal(0))


@transaction.atomic
def void(grant: str, *, at: datetime | None = None, reason: str = "") -> Payment:
    """Take back what is left of a grant. Raises UnknownGrant, NothingLeft."""
    found = by_code(grant)
    store.lock_accounts([found.account_id])
    found.refresh_from_db()
    if found.remaining == 0:
        raise NothingLeft(grant=grant)
    moment = at or clock.now()
    row = Row(found.account_id, found.remaining, found.currency, moment, reason, "void", "manual")
    (payment_id,) = record_all([row])
    uses = pl.DataFrame([(found.pk, None, found.remaining)], schema=_TAKEN, orient="row")
    take(uses, "void", moment)
    audit.record("credit.void", f"payment:{grant}", after={"amount": str(found.remaining)})
    return Payment.objects.get(pk=payment_id)


def expire(at: datetime | None = None) -> int:
    """Write off what is left of grants that have expired by `at`; the number of grants. Again, it
    finds none. Each few thousand are a transaction of their own."""
    moment = at or clock.now()
    written = sum(_expire(accounts, moment) for accounts in _with_expired(moment))
    if written:
        audit.record("credit.expire", "credit", after={"grants": written, "at": f"{moment}"})
    return written


def by_code(code: str) -> Grant:
    """A grant by the code of its payment. Raises UnknownGrant."""
    found = Grant.objects.select_related("payment__account").filter(payment__code=code).first()
    if found is None:
        raise UnknownGrant(grant=code)
    return found


def listing(account_id: int) -> list[Grant]:
    """An account's grants, in the order in which they are used; then those with nothing left."""
    rows = Grant.objects.select_related("payment").filter(account_id=account_id)
    return sorted(rows, key=_turn)


def _turn(grant: Grant) -> tuple[bool, int, bool, datetime, int]:
    never = grant.expires_at is None
    until = grant.expires_at or grant.payment.at
    return (grant.remaining == 0, grant.priority, never, until, grant.pk)


_TAKEN: dict[str, Any] = {"grant_id": pl.Int64, "invoice_id": pl.Int64, "amount": MONEY}


def _with_expired(moment: datetime) -> Iterator[list[int]]:
    """Accounts with grants that have expired, a few thousand at a time."""
    due = Grant.objects.filter(remaining__gt=0, expires_at__lte=moment)
    ids = sorted(set(due.values_list("account_id", flat=True)))
    for first in range(0, len(ids), EXPIRED_AT_ONCE):
        yield ids[first : first + EXPIRED_AT_ONCE]


@transaction.atomic
def _expire(account_ids: list[int], moment: datetime) -> int:
    store.lock_accounts(account_ids)
    due = usable(account_ids, moment).filter(~pl.col("usable")).sort("grant_id")
    codes = dict(Payment.objects.filter(pk__in=due["grant_id"].to_list()).values_list("pk", "code"))
    record_all(
        [
            Row(account, left, currency, moment, codes[grant], "expiry", "manual")
            for grant, account, left, currency in due.select(
                "grant_id", "account_id", "left", "currency"
            ).iter_rows()
        ]
    )
    uses = due.select("grant_id", pl.lit(None, pl.Int64).alias("invoice_id"), amount="left")
    take(uses, "expiry", moment)
    return due.height


def _paid_out(account_id: int) -> QuerySet[Grant]:
    """Grants of which something may be paid out."""
    return _plain(account_id).filter(remaining__gt=0)


def _plain(account_id: int) -> QuerySet[Grant]:
    """Grants that never expire, and are for all."""
    return Grant.objects.filter(
        account_id=account_id, expires_at=None, only_usage=False, price_codes=[]
    )


def _sum(grants: QuerySet[Grant]) -> Decimal:
    return sum(grants.values_list("remaining", flat=True), Decimal(0))
