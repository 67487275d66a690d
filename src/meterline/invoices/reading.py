"""Documents read back from the database: few queries for any number of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from meterline.invoices.document import Address, CreditUse, DocumentTax, InvoiceDocument, blocks
from meterline.invoices.errors import UnknownDocument
from meterline.kernel.money import decimals

_HEADS = """
    SELECT i.id, i.number, i.kind, a.code AS account, i.currency, i.issue_date, i.due_date, i.net,
        i.tax, i.total, i.credit_applied, i.due, a.timezone, i.account_id,
        p.name, p.address, p.country, p.tax_id, p.email, p.language,
        s.name AS seller_name, s.address AS seller_address, s.country AS seller_country,
        s.tax_id AS seller_tax_id, s.email AS seller_email, s.phone AS seller_phone,
        s.website AS seller_website, s.iban, s.bic, s.colour
    FROM invoices_invoice i
    JOIN customers_account a ON a.id = i.account_id
    JOIN customers_customer c ON c.id = a.customer_id
    JOIN customers_party p ON p.id = c.party_id
    JOIN customers_seller s ON s.id = i.seller_id
    WHERE i.id = ANY(%s) ORDER BY i.id
"""
_LINES = """
    SELECT l.invoice_id, l.id, l.position, l.subscription_id, l.price_id, l.price_code, l.name,
        l.kind, l.start_at, l.end_at, l.quantity, l.amount, l.tax_percent, l.season, l.band,
        l.by_value, l.track, l.inputs, i.currency, v.name AS plan_name, e.body ->> 'unit' AS unit,
        (SELECT string_agg(DISTINCT x.value, ', ' ORDER BY x.value)
         FROM subscriptions_identifier x
         WHERE x.subscription_id = l.subscription_id AND x.start_at IS DISTINCT FROM x.end_at
            AND x.start_at <= i.issued_at AND (x.end_at IS NULL OR x.end_at >= l.start_at)
        ) AS identifiers
    FROM invoices_line l
    JOIN invoices_invoice i ON i.id = l.invoice_id
    LEFT JOIN catalog_price c ON c.id = l.price_id
    LEFT JOIN catalog_planversion v ON v.id = c.plan_version_id
    LEFT JOIN LATERAL (
        SELECT body FROM catalog_entry WHERE kind = 'meter' AND code = c.meter_code
            AND l.kind = 'usage'
        ORDER BY version DESC LIMIT 1) e ON true
    WHERE l.invoice_id = ANY(%s) ORDER BY l.invoice_id, l.position
"""
_UNITS = """
    SELECT c.id, e.body ->> 'unit' AS unit FROM catalog_price c
    JOIN LATERAL (
        SELECT body FROM catalog_entry WHERE kind = 'meter' AND code = c.meter_code
        ORDER BY version DESC LIMIT 1) e ON true
    WHERE c.id = ANY(%s)
"""
_TAXES = """
    SELECT invoice_id, code, percent, base, amount FROM invoices_tax
    WHERE invoice_id = ANY(%s) ORDER BY invoice_id, code, percent
"""
_CREDITS = """
    SELECT u.invoice_id, coalesce(nullif(p.reference, ''), p.code) AS reason,
        sum(u.amount) AS amount
    FROM payments_grantuse u JOIN payments_payment p ON p.id = u.grant_id
    WHERE u.invoice_id = ANY(%s) GROUP BY u.invoice_id, p.id ORDER BY u.invoice_id, p.id
"""


def rows(query: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows of a query, a dictionary each."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lines(ids: Sequence[int]) -> list[dict[str, Any]]:
    """The lines of documents, in order, with what their price and subscription say; `inputs` is
    what their explanation is made from."""
    found = rows(_LINES, [list(ids)])
    for row in found:
        row["inputs"] = None if row["inputs"] is None else json.loads(row["inputs"])
    return found


def units(price_ids: Collection[int]) -> dict[int, str | None]:
    """The unit of the meter of each price that has one."""
    return {row["id"]: row["unit"] for row in rows(_UNITS, [list(price_ids)])}


def id_of(number: str) -> int:
    """The id of a document. Raises UnknownDocument."""
    return ids_of([number])[0]


def ids_of(numbers: Sequence[str]) -> list[int]:
    """The ids of documents, in the numbers' order. Raises UnknownDocument."""
    query = "SELECT number, id FROM invoices_invoice WHERE number = ANY(%s)"
    found = {row["number"]: int(row["id"]) for row in rows(query, [list(numbers)])}
    for number in numbers:
        if number not in found:
            raise UnknownDocument(number=number)
    return [found[number] for number in numbers]


def documents(ids: Sequence[int]) -> list[InvoiceDocument]:
    """The documents of these ids, in the ids' order of size."""
    grouped = _by_invoice(lines(ids))
    taxes = _by_invoice(rows(_TAXES, [list(ids)]))
    credits_ = _by_invoice(rows(_CREDITS, [list(ids)]))
    return [
        _document(head, *(found.get(head["id"], []) for found in (grouped, taxes, credits_)))
        for head in rows(_HEADS, [list(ids)])
    ]


def _by_invoice(found: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        grouped.setdefault(row["invoice_id"], []).append(row)
    return grouped


def _document(
    head: dict[str, Any],
    lines: list[dict[str, Any]],
    taxes: list[dict[str, Any]],
    granted: list[dict[str, Any]],
) -> InvoiceDocument:
    own = ("number", "kind", "account", "currency", "language", "colour", "iban", "bic",
           "issue_date", "due_date", "net", "tax", "total", "credit_applied", "due")  # fmt: skip
    return InvoiceDocument(
        **{name: head[name] for name in own},
        decimals=decimals(head["currency"]),
        seller=_address(head, "seller_"),
        customer=_address(head, ""),
        blocks=blocks(lines, head["timezone"]),
        taxes=tuple(
            DocumentTax(**{k: v for k, v in row.items() if k != "invoice_id"}) for row in taxes
        ),
        credits=tuple(CreditUse(reason=row["reason"], amount=row["amount"]) for row in granted),
    )


def _address(head: dict[str, Any], prefix: str) -> Address:
    text = {
        name: head.get(f"{prefix}{name}") or ""
        for name in ("name", "country", "tax_id", "email", "phone", "website")
    }
    lines = (head[f"{prefix}address"] or "").splitlines()
    return Address(lines=tuple(line for line in lines if line.strip()), **text)
