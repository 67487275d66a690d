"""What the demo reads back to tell what it did."""

from __future__ import annotations

from typing import Any

from django.db import connection

SALES = """
    SELECT s.name, i.currency, count(*) FILTER (WHERE i.kind = 'invoice') AS invoices,
        count(*) FILTER (WHERE i.kind = 'credit_note') AS credit_notes,
        sum(i.net) AS net, sum(i.tax) AS tax, sum(i.total) AS total
    FROM invoices_invoice i JOIN customers_seller s ON s.id = i.seller_id
    GROUP BY s.id, s.name, i.currency ORDER BY s.id
"""
OPEN = """
    SELECT s.name, o.currency, sum(o.open) AS open,
        sum(o.open) FILTER (WHERE o.due_date < %s) AS overdue
    FROM payments_openitem o JOIN customers_account a ON a.id = o.account_id
    JOIN customers_seller s ON s.id = a.seller_id
    GROUP BY s.id, s.name, o.currency ORDER BY s.id
"""
PAID = """
    SELECT s.name, p.currency, count(*) AS payments, sum(p.amount) AS amount
    FROM payments_payment p JOIN customers_account a ON a.id = p.account_id
    JOIN customers_seller s ON s.id = a.seller_id
    WHERE p.kind = 'payment' GROUP BY s.id, s.name, p.currency ORDER BY s.id
"""
USAGE = """
    SELECT count(*) AS batches, coalesce(sum(records), 0) AS records,
        coalesce(sum(rated), 0) AS rated, coalesce(sum(rejected), 0) AS rejected,
        coalesce(sum(duplicates), 0) AS duplicates
    FROM usage_batch
"""
REJECTS = """
    SELECT reason, count(*) AS records FROM usage_reject WHERE state = 'open'
    GROUP BY reason ORDER BY records DESC, reason
"""
LEDGER = """
    SELECT currency, count(DISTINCT entry_id) AS entries,
        sum(amount) FILTER (WHERE amount > 0) AS debit, sum(amount) AS difference
    FROM ledger_line GROUP BY currency ORDER BY currency
"""
RUN_INVOICES = """
    SELECT i.number, a.code AS account, i.currency, i.due
    FROM invoices_invoice i JOIN customers_account a ON a.id = i.account_id
    WHERE i.bill_run_id = %s ORDER BY i.id
"""
SHOWPIECES = """
    SELECT DISTINCT ON (i.seller_id) i.number, a.code AS account
    FROM invoices_invoice i JOIN customers_account a ON a.id = i.account_id
    JOIN (SELECT invoice_id, count(*) AS lines FROM invoices_line GROUP BY invoice_id) l
        ON l.invoice_id = i.id
    WHERE i.kind = 'invoice' AND i.bill_run_id = (SELECT max(bill_run_id) FROM invoices_invoice)
    ORDER BY i.seller_id, l.lines DESC, i.id
"""
DEBTOR = """
    SELECT a.code FROM payments_openitem o JOIN customers_account a ON a.id = o.account_id
    WHERE o.open > 0 GROUP BY a.id, a.code ORDER BY count(*) DESC, a.id LIMIT 1
"""


def rows(query: str, *parameters: Any) -> list[dict[str, Any]]:
    """The rows of a query, a dictionary each."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
