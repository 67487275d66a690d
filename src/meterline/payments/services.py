"""Taking payments, giving credit, giving money back, and what an account owes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.access.errors import ApprovalMoved, ApprovalNeeded
from meterline.access.models import Approval
from meterline.customers.errors import UnknownAccount
from meterline.customers.models import Account
from meterline.invoices.models import Invoice
from meterline.kernel.frames import empty
from meterline.kernel.money import MONEY
from meterline.payments import ageing, approved, grants, store
from meterline.payments.allocate import take_back
from meterline.payments.check import (
    Known,
    check_amount,
    check_texts,
    is_known,
    known_codes,
    written,
)
from meterline.payments.credit import GRANTS, Parts, use
from meterline.payments.errors import (
    ExpiresInPast,
    NotEnoughCredit,
    NotEnoughPaid,
    UnknownInvoice,
)
from meterline.payments.grants import Terms
from meterline.payments.models import Payment
from meterline.payments.record import Row, record, take
from meterline.platform import audit, clock

PAYMENTS: dict[str, Any] = {  # of pay_many
    "account_code": pl.String,
    "amount": MONEY,
    "currency": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "reference": pl.String,
    "invoice": pl.String,  # number, or null: the oldest
    "code": pl.String,  # may be left out: numbered by us
}


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What an account owes: balance = receivable - credit; overdue is part of receivable."""

    currency: str
    balance: Decimal
    receivable: Decimal
    credit: Decimal
    overdue: Decimal


def open_documents(documents: pl.DataFrame, at: datetime, uses: pl.DataFrame) -> None:
    """Documents just issued (id, account_id, currency, due_date, total, credit_applied, due) are
    open from now on, or are credit; the credit that they use (credit.USES) is used."""
    store.write_open_items(documents)
    invoices = documents.select("account_id", pl.col("id").alias("invoice_id"))
    granted = uses.filter(pl.col("grant_id").is_not_null())
    grants.take(granted.join(invoices, on="account_id").sort("grant_id"), "used", at)
    is_credit = pl.col("total") < 0
    store.add_credit(
        documents.select(
            "account_id",
            "currency",
            amount=0 - pl.when(is_credit).then("total").otherwise("credit_applied"),
        )
    )


def use_credit(
    documents: pl.DataFrame, parts: Parts, at: datetime, *, lock: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What `credit.use` gives for documents issued at `at`; with `lock` nobody else uses the
    accounts' credit until the transaction ends."""
    account_ids = documents["account_id"].to_list()
    if lock:
        store.lock_accounts(account_ids)
    credits = store.credits(account_ids)
    ids = credits["account_id"].to_list()  # without credit there is no grant with some left
    granted = grants.usable(ids, at) if ids else empty(GRANTS)
    return use(documents, credits, granted, parts)


@transaction.atomic
def pay(
    account_id: int,
    amount: Decimal,
    *,
    currency: str | None = None,
    invoice: int | str | None = None,
    at: datetime | None = None,
    reference: str = "",
    method: str = "bank_transfer",
    code: str | None = None,
) -> Payment:
    """Record a payment and allocate it: to `invoice` (id or number) first, then to the oldest
    ones; the rest is credit. The same `code` again changes nothing.

    Raises WrongCurrency, InvalidAmount, InvalidField, UnknownInvoice, PaymentCodeTaken,
    ReservedCode.
    """
    account = _account(account_id)
    check_amount(amount, account, currency)
    check_texts(code, reference, method)
    store.lock_accounts([account_id])
    if code is not None:
        known = known_codes([code])
        if is_known(code, account, amount, known):
            return Payment.objects.get(code=code)
    row = Row(
        account_id, amount, account.currency, at or clock.now(), reference, "payment", method,
        code, _invoice_id(account, invoice),
    )  # fmt: skip
    payment = Payment.objects.get(pk=take([row])["id"][0])
    audit.record("payment.recorded", f"payment:{payment.code}", after=_told(payment))
    return payment


@transaction.atomic
def pay_many(payments: pl.DataFrame) -> int:
    """Record many payments (columns PAYMENTS), as `pay` would one by one in their order; all or
    none. Those whose code is known already change nothing. Returns the number of the others.

    Raises UnknownAccount and what `pay` raises.
    """
    accounts = _accounts_by_code(payments["account_code"].unique().to_list())
    store.lock_accounts(sorted(account.pk for account in accounts.values()))
    invoices = _invoice_ids(payments["invoice"].drop_nulls().unique().to_list())
    known = known_codes(payments["code"].drop_nulls().to_list()) if "code" in payments else {}
    rows = []
    for row in payments.iter_rows(named=True):
        account, code = accounts.get(row["account_code"]), row.get("code")
        if account is None:
            raise UnknownAccount(code=row["account_code"])
        reference = row["reference"] or ""
        check_amount(row["amount"], account, row["currency"])
        check_texts(code, reference)
        if code is not None and is_known(code, account, row["amount"], known):
            continue
        invoice_id = None
        if row["invoice"] is not None:
            owner, invoice_id = invoices.get(row["invoice"], (None, None))
            if owner != account.pk:
                raise UnknownInvoice(account=account.code, invoice=row["invoice"])
        rows.append(
            Row(account.pk, row["amount"], account.currency, row["at"] or clock.now(), reference,
                code=code, invoice_id=invoice_id)
        )  # fmt: skip
        if code is not None:
            known[code] = Known("payment", account.code, account.currency, row["amount"])
    if not rows:
        return 0
    made = take(rows)
    audit.record("payment.import", f"payments:{made['id'][0]}", after={"payments": made.height})
    return made.height


@transaction.atomic
def grant_credit(
    account_id: int,
    amount: Decimal,
    *,
    at: datetime | None = None,
    reason: str = "",
    terms: Terms = grants.PLAIN,
) -> Payment:
    """Give an account credit, at the seller's expense; the next invoice that `terms` allow uses
    it. Above the limit (access.limits) it uses the approval of a second person.

    Raises WrongCurrency, InvalidAmount, InvalidField, ExpiresInPast, ApprovalNeeded, ApprovalMoved.
    """
    account = _account(account_id)
    check_amount(amount, account, None)
    moment = at or clock.now()
    if terms.expires_at is not None and terms.expires_at <= moment:
        raise ExpiresInPast(expires=terms.expires_at, at=moment)
    store.lock_accounts([account_id])
    approved.check(account, amount, at, reason, terms)
    payment = _record("credit", account, amount, [], moment, reason)
    grants.open_grant(payment, terms)
    return payment


def grant_or_ask(
    account_id: int,
    amount: Decimal,
    *,
    at: datetime | None = None,
    reason: str = "",
    terms: Terms = grants.PLAIN,
) -> Payment | Approval:
    """Grant credit; where a second person has to approve it and has not, ask for that instead.
    Said again once it is approved, it is granted. Raises what `grant_credit` raises otherwise."""
    try:
        return grant_credit(account_id, amount, at=at, reason=reason, terms=terms)
    except (ApprovalNeeded, ApprovalMoved):
        return approved.ask(_account(account_id), amount, at, reason, terms)


@transaction.atomic
def refund(
    account_id: int,
    amount: Decimal,
    *,
    invoice: int | str | None = None,
    at: datetime | None = None,
    reference: str = "",
) -> Payment:
    """Pay credit back to the customer, or what was paid on `invoice`, which is open again then.

    Raises NotEnoughCredit, NotEnoughPaid.
    """
    account = _account(account_id)
    check_amount(amount, account, None)
    if invoice is not None:
        return _give_back("refund", account, amount, invoice, at, reference)
    store.lock_accounts([account_id])
    free = _payable(account_id)
    if free < amount:
        raise NotEnoughCredit(
            account=account.code, credit=written(free, account.currency),
            currency=account.currency, amount=amount,
        )  # fmt: skip
    return _pay_out("refund", account, amount, [], at, reference)


@transaction.atomic
def chargeback(
    account_id: int,
    amount: Decimal,
    *,
    invoice: int | str | None = None,
    at: datetime | None = None,
    reference: str = "",
) -> Payment:
    """A bank took a payment back: what it had settled is open again, newest first; the rest comes
    out of credit. Raises NotEnoughPaid."""
    account = _account(account_id)
    return _give_back("chargeback", account, amount, invoice, at, reference)


def balance(account_id: int, at: datetime | None = None) -> Balance:
    """What an account owes; `overdue`: due before the local day of `at`."""
    account = _account(account_id)
    owed = ageing.of([account_id], at or clock.now())[account_id]
    credit = _credit(account_id)
    return Balance(
        currency=account.currency, balance=owed.total - credit, receivable=owed.total,
        credit=credit, overdue=owed.overdue,
    )  # fmt: skip


def _give_back(
    kind: str,
    account: Account,
    amount: Decimal,
    invoice: int | str | None,
    at: datetime | None,
    reference: str,
) -> Payment:
    check_amount(amount, account, None)
    store.lock_accounts([account.pk])
    undone = take_back(amount, store.allocated(account.pk, _invoice_id(account, invoice)))
    reopened = sum((part for _, part in undone), Decimal(0))
    paid = _payable(account.pk, reopened)
    if amount > paid:
        raise NotEnoughPaid(
            account=account.code, paid=written(paid, account.currency),
            currency=account.currency, amount=amount,
        )  # fmt: skip
    return _pay_out(kind, account, amount, undone, at, reference)


def _pay_out(
    kind: str,
    account: Account,
    amount: Decimal,
    undone: list[tuple[int, Decimal]],
    at: datetime | None,
    reference: str,
) -> Payment:
    """Money that leaves: what it does not take back from invoices, it takes out of credit."""
    moment = at or clock.now()
    from_credit = amount - sum((part for _, part in undone), Decimal(0))
    grants.take_out(account.pk, from_credit, _credit(account.pk), kind, moment)
    return _record(kind, account, amount, undone, moment, reference)


def _record(
    kind: str,
    account: Account,
    amount: Decimal,
    undone: list[tuple[int, Decimal]],
    at: datetime | None,
    reference: str,
) -> Payment:
    check_texts(None, reference)
    row = Row(
        account.pk, amount, account.currency, at or clock.now(), reference, kind, "manual"
    )  # fmt: skip
    payment = Payment.objects.get(pk=record(row, undone=undone))
    audit.record(f"payment.{kind}", f"payment:{payment.code}", after=_told(payment))
    return payment


def _account(account_id: int) -> Account:
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise UnknownAccount(code=str(account_id))
    return account


def _accounts_by_code(codes: list[str]) -> dict[str, Account]:
    return {account.code: account for account in Account.objects.filter(code__in=codes)}


def _invoice_id(account: Account, invoice: int | str | None) -> int | None:
    if invoice is None:
        return None
    field = "pk" if isinstance(invoice, int) else "number"
    found = Invoice.objects.filter(account=account, **{field: invoice}).first()
    if found is None:
        raise UnknownInvoice(account=account.code, invoice=invoice)
    return found.pk


def _invoice_ids(numbers: list[str]) -> dict[str, tuple[int, int]]:
    """Number -> (account id, invoice id)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, account_id, id FROM invoices_invoice WHERE number = ANY(%s)", [numbers]
        )
        return {number: (account, pk) for number, account, pk in cursor.fetchall()}


def _credit(account_id: int) -> Decimal:
    credits = store.credits([account_id])
    return credits["credit"][0] if credits.height else Decimal(0)


def _payable(account_id: int, reopened: Decimal = Decimal(0)) -> Decimal:
    """What may be paid out: credit, and what is taken back from invoices. Where credit that is not
    paid out has paid some of them, no more than what came in: it does not become money."""
    free = reopened + _credit(account_id) - grants.bound(account_id)
    if not grants.kept_back(account_id):
        return free
    return max(min(free, grants.money_in(account_id)), Decimal(0))


def _told(payment: Payment) -> dict[str, Any]:
    return {
        "account_id": payment.account_id, "kind": payment.kind, "amount": str(payment.amount),
        "currency": payment.currency, "reference": payment.reference,
    }  # fmt: skip
