"""Issued documents for people: whole, with usage detail, explained, listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from meterline.catalog import services as catalog
from meterline.invoices import reading
from meterline.invoices.document import InvoiceDocument, UsageRecord
from meterline.invoices.errors import UnknownLine
from meterline.invoices.explain import explain_line
from meterline.kernel.explain import Explanation
from meterline.usage import services as usage


def document(number: str, *, usage_detail: bool = False) -> InvoiceDocument:
    """A document by its number. Raises UnknownDocument."""
    invoice_id = reading.id_of(number)
    found = reading.documents([invoice_id])[0]
    if not usage_detail:
        return found
    lines = reading.lines([invoice_id])
    zone = reading.rows(
        "SELECT a.timezone FROM invoices_invoice i JOIN customers_account a ON a.id = i.account_id"
        " WHERE i.id = %s",
        [invoice_id],
    )[0]["timezone"]
    return replace(found, usage=tuple(_usage(lines, ZoneInfo(zone))))


def documents(ids: Sequence[int]) -> list[InvoiceDocument]:
    """Documents by their ids."""
    return reading.documents(ids)


def documents_of(numbers: Sequence[str], *, usage_detail: bool) -> Iterator[InvoiceDocument]:
    """Documents by their numbers, read a few hundred at a time. Raises UnknownDocument."""
    ids = reading.ids_of(numbers)
    if usage_detail:
        yield from (document(number, usage_detail=True) for number in numbers)
        return
    for first in range(0, len(ids), 500):
        yield from reading.documents(ids[first : first + 500])


def _usage(lines: list[dict[str, Any]], zone: ZoneInfo) -> Iterator[UsageRecord]:
    charged = [row for row in lines if row["kind"] == "usage"]
    if not charged:
        return
    names = {row["price_id"]: (row["name"], row["unit"] or "") for row in charged}
    found = usage.detail(
        sorted({row["subscription_id"] for row in charged}), sorted(names),
        min(row["start_at"] for row in charged), max(row["end_at"] for row in charged), ids=True,
    )  # fmt: skip
    counted = found.drop_nulls("quantity")  # what a meter's filter leaves out is not shown
    for record in counted.sort("start", "id").iter_rows(named=True):
        name, unit = names[record["price_id"]]
        exact = record["amount"] / record["denominator"]
        yield UsageRecord(
            price=name, identifier=record["identifier"] or "", unit=unit,
            start=record["start"].astimezone(zone),
            quantity=record["quantity"] + record["covered"], covered=record["covered"],
            band=record["band"] or "", amount=exact or None,
        )  # fmt: skip


def explain(number: str, line: int | None = None) -> list[tuple[dict[str, Any], Explanation]]:
    """(line, its explanation) of a document's lines, or of one by its position.

    Raises UnknownDocument, UnknownLine.
    """
    invoice_id = reading.id_of(number)
    places = reading.documents([invoice_id])[0].decimals
    rows = [
        row for row in reading.lines([invoice_id])
        if line is None or row["position"] == line
    ]  # fmt: skip
    if not rows:
        raise UnknownLine(number=number, line=line)
    prices = _prices([row["price_id"] for row in rows if row["price_id"]])
    return [(row, explain_line(row, prices.get(row["price_id"]), places)) for row in rows]


def _prices(price_ids: list[int]) -> dict[int, Any]:
    versions = reading.rows(
        "SELECT DISTINCT plan_version_id FROM catalog_price WHERE id = ANY(%s)", [price_ids]
    )
    found = catalog.prices([row["plan_version_id"] for row in versions])
    return {price.id: price for price in found}


def listing(account: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The newest documents (of an account): number, kind, account, dates, total, open."""
    return reading.rows(
        """
        SELECT i.number, i.kind, a.code AS account, i.issue_date, i.due_date, i.currency, i.total,
            coalesce(o.open, 0) AS open
        FROM invoices_invoice i JOIN customers_account a ON a.id = i.account_id
        LEFT JOIN payments_openitem o ON o.invoice_id = i.id
        WHERE %s::text IS NULL OR a.code = %s::text ORDER BY i.id DESC LIMIT %s
        """,
        [account, account, limit],
    )
