"""Taking payments, giving credit, giving money back, and what an account owes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from django.db import connection, transaction

from meterline.customers.errors import UnknownAccount
from meterline.customers.models import Account
from meterline.invoices.models import Invoice
from meterline.kernel.money import MONEY, decimals
from meterline.ledger import posting
from meterline.ledger import services as ledger
from meterline.payments import store
from meterline.payments.allocate import Incoming, allocate, take_back
from meterline.payments.errors import (
    InvalidAmount,
    NotEnoughCredit,
    NotEnoughPaid,
    PaymentCodeTaken,
    UnknownInvoice,
    WrongCurrency,
)
from meterline.payments.models import OpenItem, Payment
from meterline.platform import audit, clock, events

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


def open_documents(documents: pl.DataFrame, at: datetime) -> None:
    """Documents just issued (id, account_id, currency, due_date, total, credit_applied, due) are
    open from now on, or are credit; the credit that they use is used."""
    store.write_open_items(documents)
    is_credit = pl.col("total") < 0
    store.add_credit(
        documents.select(
            "account_id",
            "currency",
            amount=0 - pl.when(is_credit).then("total").otherwise("credit_applied"),
        )
    )


def credit_balances(account_ids: Sequence[int], *, lock: bool = False) -> pl.DataFrame:
    """account_id, currency, credit of accounts that have some; with `lock` nobody else uses it
    until the transaction ends."""
    if lock:
        store.lock_accounts(account_ids)
    return store.credits(account_ids)


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

    Raises WrongCurrency, InvalidAmount, UnknownInvoice, PaymentCodeTaken.
    """
    account = _account(account_id)
    _check_amount(amount, account, currency)
    moment = at or clock.now()
    known = None if code is None else Payment.objects.filter(code=code).first()
    if known is not None:
        if (known.account_id, known.amount) != (account_id, amount):
            raise PaymentCodeTaken(
                payment=code, amount=known.amount, currency=known.currency,
                account=known.account.code,
            )  # fmt: skip
        return known
    invoice_id = _invoice_id(account, invoice)
    made = _take(
        _rows([(account_id, amount, account.currency, moment, reference, invoice_id)])
        .with_columns(kind=pl.lit("payment"), method=pl.lit(method), code=pl.lit(code, pl.String))
    )  # fmt: skip
    payment = Payment.objects.get(pk=made["id"][0])
    audit.record("payment.recorded", f"payment:{payment.code}", after=_told(payment))
    return payment


@transaction.atomic
def pay_many(payments: pl.DataFrame) -> int:
    """Record many payments (columns PAYMENTS), as `pay` would one by one in their order; all or
    none. Those whose code is known already change nothing. Returns the number of the others."""
    if "code" in payments.columns:
        known = list(_known_codes(payments["code"]))
        payments = payments.filter(~pl.col("code").is_in(known) | pl.col("code").is_null())
    if payments.is_empty():
        return 0
    accounts = _accounts_by_code(payments["account_code"].unique().to_list())
    invoices = _invoice_ids(payments["invoice"].drop_nulls().unique().to_list())
    rows = []
    for row in payments.iter_rows(named=True):
        account = accounts.get(row["account_code"])
        if account is None:
            raise UnknownAccount(code=row["account_code"])
        _check_amount(row["amount"], account, row["currency"])
        invoice_id = None
        if row["invoice"] is not None:
            owner, invoice_id = invoices.get(row["invoice"], (None, None))
            if owner != account.pk:
                raise UnknownInvoice(account=account.code, invoice=row["invoice"])
        rows.append(
            (account.pk, row["amount"], row["currency"], row["at"], row["reference"], invoice_id)
        )
    codes = payments["code"] if "code" in payments.columns else pl.lit(None, pl.String)
    made = _take(
        _rows(rows).with_columns(kind=pl.lit("payment"), method=pl.lit("bank_transfer"), code=codes)
    )
    audit.record("payment.import", f"payments:{made['id'][0]}", after={"payments": made.height})
    return made.height


@transaction.atomic
def grant_credit(
    account_id: int, amount: Decimal, *, at: datetime | None = None, reason: str = ""
) -> Payment:
    """Give an account credit, at the seller's expense; the next invoice uses it."""
    account = _account(account_id)
    _check_amount(amount, account, None)
    store.lock_accounts([account_id])
    return _record("credit", account, amount, Decimal(0), at, reason)


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
    _check_amount(amount, account, None)
    if invoice is not None:
        return _give_back("refund", account, amount, invoice, at, reference)
    store.lock_accounts([account_id])
    credit = _credit(account_id)
    if credit < amount:
        raise NotEnoughCredit(
            account=account.code, credit=f"{credit:f}", currency=account.currency, amount=amount
        )
    return _record("refund", account, amount, Decimal(0), at, reference)


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
    _check_amount(amount, account, None)
    return _give_back("chargeback", account, amount, invoice, at, reference)


def balance(account_id: int, at: datetime | None = None) -> Balance:
    """What an account owes; `overdue`: due before the local day of `at`."""
    account = _account(account_id)
    day = (at or clock.now()).astimezone(ZoneInfo(account.timezone)).date()
    items = OpenItem.objects.filter(account_id=account_id, open__gt=0)
    amounts = list(items.values_list("open", "due_date"))
    receivable = sum((open_ for open_, _ in amounts), Decimal(0))
    credit = _credit(account_id)
    return Balance(
        currency=account.currency,
        balance=receivable - credit,
        receivable=receivable,
        credit=credit,
        overdue=sum((open_ for open_, due in amounts if due < day), Decimal(0)),
    )


def _give_back(
    kind: str,
    account: Account,
    amount: Decimal,
    invoice: int | str | None,
    at: datetime | None,
    reference: str,
) -> Payment:
    store.lock_accounts([account.pk])
    undone = take_back(amount, store.allocated(account.pk, _invoice_id(account, invoice)))
    reopened = sum((part for _, part in undone), Decimal(0))
    if amount - reopened > _credit(account.pk):
        raise NotEnoughPaid(
            account=account.code, paid=f"{reopened + _credit(account.pk):f}",
            currency=account.currency, amount=amount,
        )  # fmt: skip
    payment = _record(kind, account, amount, reopened, at, reference)
    taken = [(payment.pk, account.pk, invoice_id, -part) for invoice_id, part in undone]
    schema: dict[str, Any] = {
        **dict.fromkeys(("payment_id", "account_id", "invoice_id"), pl.Int64), "amount": MONEY,
    }  # fmt: skip
    store.write_allocations(pl.DataFrame(taken, schema=schema, orient="row"), payment.at)
    return payment


def _record(
    kind: str,
    account: Account,
    amount: Decimal,
    allocated: Decimal,
    at: datetime | None,
    reference: str,
) -> Payment:
    """One row of another kind than payment: what is not `allocated` goes into or out of credit."""
    rows = _rows([(account.pk, amount, account.currency, at or clock.now(), reference, None)])
    made = _numbered(
        rows.with_columns(kind=pl.lit(kind), method=pl.lit("manual"), code=pl.lit(None, pl.String))
    )
    _book(made.with_columns(allocated=pl.lit(allocated, MONEY)))
    payment = Payment.objects.get(pk=made["id"][0])
    audit.record(f"payment.{kind}", f"payment:{payment.code}", after=_told(payment))
    return payment


def _take(rows: pl.DataFrame) -> pl.DataFrame:
    """Allocate payments in their order and write everything about them."""
    ids = rows["account_id"].unique().sort().to_list()
    store.lock_accounts(ids)
    made = _numbered(rows)
    incoming = [
        Incoming(key=key, account_id=account, amount=amount, invoice_id=invoice)
        for key, account, amount, invoice in made.select(
            "id", "account_id", "amount", "invoice_id"
        ).iter_rows()
    ]
    allocations = allocate(incoming, store.open_items(ids))
    sums = allocations.group_by("key").agg(pl.col("amount").sum().alias("allocated"))
    joined = made.join(sums, left_on="id", right_on="key", how="left", maintain_order="left")
    _book(joined.with_columns(pl.col("allocated").fill_null(0).cast(MONEY)))
    store.write_allocations(allocations.rename({"key": "payment_id"}), clock.now())
    return made


def _book(rows: pl.DataFrame) -> None:
    """Write payments (with `allocated`), their effect on credit, and their postings."""
    store.write_payments(rows)
    incoming = pl.col("kind").is_in(["payment", "credit"])
    rest = (pl.col("amount") - pl.col("allocated")) * pl.when(incoming).then(1).otherwise(-1)
    store.add_credit(rows.select("account_id", "currency", amount=rest.cast(MONEY)))
    entries = rows.with_columns(
        key="id", date=pl.col("at").dt.date(),
        reference=pl.concat_str("code", pl.lit(" "), "reference").str.strip_chars_end(),
    )  # fmt: skip
    ledger.post(*posting.payment_postings(entries))
    payload = pl.struct(
        "kind", "currency", pl.col("amount").cast(pl.String), pl.col("allocated").cast(pl.String)
    ).struct.json_encode()
    events.emit_many(
        "payment.recorded",
        rows.select(subject=pl.concat_str(pl.lit("payment:"), "code"), payload=payload),
    )


def _rows(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema: dict[str, Any] = {
        "account_id": pl.Int64, "amount": MONEY, "currency": pl.String,
        "at": PAYMENTS["at"], "reference": pl.String, "invoice_id": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    ids = pl.Series("id", store.draw_ids(rows.height), dtype=pl.Int64)
    own = pl.concat_str(pl.lit("P-"), pl.col("id").cast(pl.String).str.zfill(8))
    return rows.with_columns(ids).with_columns(code=pl.coalesce("code", own))


def _account(account_id: int) -> Account:
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise UnknownAccount(code=str(account_id))
    return account


def _known_codes(codes: pl.Series) -> set[str]:
    wanted = codes.drop_nulls().to_list()
    return set(Payment.objects.filter(code__in=wanted).values_list("code", flat=True))


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


def _check_amount(amount: Decimal, account: Account, currency: str | None) -> None:
    places = decimals(account.currency)
    if currency is not None and currency != account.currency:
        raise WrongCurrency(account=account.code, expected=account.currency, currency=currency)
    whole = amount.is_finite() and 0 < amount < 10**15
    if not whole or amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise InvalidAmount(amount=amount, places=places)


def _told(payment: Payment) -> dict[str, Any]:
    return {
        "account_id": payment.account_id, "kind": payment.kind, "amount": str(payment.amount),
        "currency": payment.currency, "reference": payment.reference,
    }  # fmt: skip
