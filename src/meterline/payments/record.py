"""Writing payments: their rows, what they settle, what they do to credit and to the books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from meterline.customers.models import Account
from meterline.kernel.money import MONEY
from meterline.ledger import posting
from meterline.ledger import services as ledger
from meterline.payments import store
from meterline.payments.allocate import Incoming, allocate
from meterline.platform import events


class Row(NamedTuple):
    """A payment, refund, chargeback or granted credit that is to be recorded."""

    account_id: int
    amount: Decimal
    currency: str
    at: datetime
    reference: str
    kind: str = "payment"
    method: str = "bank_transfer"
    code: str | None = None  # None: numbered by us
    invoice_id: int | None = None  # to be settled first


_ROWS: dict[str, Any] = {
    "account_id": pl.Int64, "amount": MONEY, "currency": pl.String,
    "at": pl.Datetime("us", "UTC"), "reference": pl.String, "kind": pl.String,
    "method": pl.String, "code": pl.String, "invoice_id": pl.Int64,
}  # fmt: skip


def take(rows: Iterable[Row]) -> pl.DataFrame:
    """Record incoming payments in their order, allocated. Their accounts must be locked.

    Returns the rows with id, code and `allocated`.
    """
    made = _numbered(rows)
    ids = made["account_id"].unique().sort().to_list()
    incoming = [
        Incoming(key=key, account_id=account, amount=amount, invoice_id=invoice)
        for key, account, amount, invoice in made.select(
            "id", "account_id", "amount", "invoice_id"
        ).iter_rows()
    ]
    allocations = allocate(incoming, store.open_items(ids))
    sums = allocations.group_by("key").agg(pl.col("amount").sum().alias("allocated"))
    joined = made.join(sums, left_on="id", right_on="key", how="left", maintain_order="left")
    taken = joined.with_columns(pl.col("allocated").fill_null(0).cast(MONEY))
    _book(taken)
    moments = taken.select(pl.col("id").alias("payment_id"), "at")
    store.write_allocations(
        allocations.rename({"key": "payment_id"}).join(
            moments, on="payment_id", maintain_order="left"
        )
    )
    return taken


def record(row: Row, *, undone: list[tuple[int, Decimal]]) -> int:
    """Record one act of another kind: what it takes back from invoices (invoice_id, amount) is open
    again, the rest goes into or out of credit. Returns its id. The account must be locked."""
    reopened = sum((part for _, part in undone), Decimal(0))
    made = _numbered([row]).with_columns(allocated=pl.lit(reopened, MONEY))
    _book(made)
    payment_id = int(made["id"][0])
    taken = [(payment_id, row.account_id, invoice_id, -part, row.at) for invoice_id, part in undone]
    store.write_allocations(pl.DataFrame(taken, schema=store.ALLOCATION, orient="row"))
    return payment_id


def record_all(rows: Sequence[Row]) -> list[int]:
    """Record acts that only take out of credit. Returns their ids. The accounts must be locked."""
    if not rows:
        return []
    made = _numbered(rows).with_columns(allocated=pl.lit(0).cast(MONEY))
    _book(made)
    return made["id"].to_list()


def _book(rows: pl.DataFrame) -> None:
    """Write payments (with `allocated`), their effect on credit, and their postings."""
    store.write_payments(rows)
    incoming = pl.col("kind").is_in(["payment", "credit"])
    rest = (pl.col("amount") - pl.col("allocated")) * pl.when(incoming).then(1).otherwise(-1)
    store.add_credit(rows.select("account_id", "currency", amount=rest.cast(MONEY)))
    entries = rows.with_columns(
        key="id", date=_local_date(rows),
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


def _local_date(rows: pl.DataFrame) -> pl.Series:
    """The day of each row in its account's zone."""
    ids = rows["account_id"].unique().to_list()
    zones = dict(Account.objects.filter(pk__in=ids).values_list("pk", "timezone"))
    zone = pl.col("account_id").replace_strict(zones, return_dtype=pl.String)
    days = [
        pl.when(zone == name).then(pl.col("at").dt.convert_time_zone(name).dt.date())
        for name in sorted(set(zones.values()))
    ]
    return rows.select(date=pl.coalesce(days))["date"]


def _numbered(rows: Iterable[Row]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=_ROWS, orient="row")
    ids = pl.Series("id", store.draw_ids(frame.height), dtype=pl.Int64)
    own = pl.concat_str(pl.lit("P-"), pl.col("id").cast(pl.String).str.zfill(8))
    return frame.with_columns(ids).with_columns(code=pl.coalesce("code", own))
