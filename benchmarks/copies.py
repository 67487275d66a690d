"""How rows of a small company become those of a large one: SQL, made from the models.

Each row of a copied table is written `copies` times. Its n-th copy has the id `first + n * step`:
rows that were made together (a block, such as those of one bill run) stay together, so that ids go
with time as they do where the product made them. Columns that point to copied rows are moved alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FIRST = [
    "Giulia",
    "Marco",
    "Sara",
    "Luca",
    "Elena",
    "Paolo",
    "Chiara",
    "Davide",
    "Anna",
    "Matteo",
    "Irene",
    "Franco",
    "Laura",
    "Pietro",
    "Olivia",
    "Jack",
    "Charlotte",
    "Noah",
    "Ruby",
    "Liam",
    "Matilda",
    "Cooper",
    "Isla",
    "Grace",
    "Zoe",
    "Ava",
    "Mason",
    "Harper",
    "Logan",
    "Nora",
    "Ethan",
    "Maya",
    "Caleb",
    "Ruth",
    "Owen",
    "Leah",
    "Isaac",
    "June",
    "Wyatt",
    "Greta",
    "Bruno",
    "Ines",
    "Otto",
    "Vera",
    "Hugo",
    "Petra",
    "Emil",
    "Clara",
]
STEM = [
    "Fer",
    "Gal",
    "Con",
    "Mar",
    "Rin",
    "Ser",
    "Vil",
    "Bru",
    "Fon",
    "Mon",
    "Gre",
    "Leo",
    "Bas",
    "Wal",
    "Tay",
    "Kel",
    "Sin",
    "Har",
    "Doy",
    "Che",
    "Mur",
    "Rei",
    "Bark",
    "Law",
    "Pha",
    "Brook",
    "Riv",
    "Hugh",
    "Pat",
    "Fos",
    "Mor",
    "Dia",
    "Sut",
    "Pri",
    "Hay",
    "Ben",
    "Col",
    "Adl",
    "Brand",
    "Car",
    "Dorn",
    "Eck",
    "Fal",
    "Gruen",
]
END = [
    "ri",
    "lo",
    "ti",
    "ini",
    "aldi",
    "ra",
    "la",
    "no",
    "tana",
    "ti",
    "co",
    "ne",
    "ile",
    "sh",
    "er",
    "ly",
    "mann",
    "berg",
    "ton",
    "ford",
    "well",
    "ow",
    "ett",
    "ano",
]
TRADE = [
    "Analytics",
    "Robotics",
    "Studio",
    "Labs",
    "Logistics",
    "Health",
    "Foods",
    "Media",
    "Works",
    "Capital",
    "Design",
]

COPIED = (
    "customers.Party", "customers.Customer", "customers.Account", "customers.BillingDay",
    "subscriptions.Subscription", "subscriptions.Change", "subscriptions.Phase",
    "subscriptions.Identifier", "subscriptions.Discount", "care.Note", "usage.Batch",
    "usage.Delivery", "usage.Total", "usage.Reject", "invoices.Invoice", "invoices.Line",
    "invoices.InvoiceTax", "ledger.Entry", "ledger.Line", "payments.Payment",
    "payments.Allocation", "payments.OpenItem", "payments.Credit", "payments.Grant",
    "billing.AccountState",
)  # fmt: skip
"""What every account has, referred to before what refers to it."""

BLOCKS = {
    "subscriptions_change": "t.recorded_at",
    "usage_batch": "t.id",
    "usage_delivery": "t.batch_id",
    "usage_total": "t.batch_id",
    "usage_reject": "t.batch_id",
    "invoices_invoice": "t.issue_date",
    "invoices_line": "(SELECT issue_date FROM invoices_invoice i WHERE i.id = t.invoice_id)",
    "invoices_tax": "(SELECT issue_date FROM invoices_invoice i WHERE i.id = t.invoice_id)",
    "ledger_entry": "date_trunc('month', t.posted_at)",
    "ledger_line": "(SELECT date_trunc('month', posted_at) FROM ledger_entry e"
                   " WHERE e.id = t.entry_id)",
    "payments_payment": "date_trunc('month', t.at)",
    "payments_allocation": "date_trunc('month', t.at)",
}  # fmt: skip
"""What tells rows that were made together; in other tables all were."""

LOOSE = {
    "account_id": "customers_account", "subscription_id": "subscriptions_subscription",
    "last_batch_id": "usage_batch", "last_change_id": "subscriptions_change",
    "last_billing_day_id": "customers_billingday",
}  # fmt: skip
"""Columns that point to rows without a foreign key."""

_CODE = "'A' || lpad({id}::text, 8, '0')"
_LAST = (
    "(ARRAY{stem})[1 + (({hash} >> 8) % {stems})] || (ARRAY{end})[1 + (({hash} >> 16) % {ends})]"
)
_HASH = "(hashint8({id}) & 2147483647)"
_SERIAL = "lpad((s.sequence_first + o.n * s.sequence_step)::text, 8, '0')"
_PAID = "'P-' || lpad((s.payment_first + o.n * s.payment_step)::text, 8, '0')"

REWRITTEN = {
    ("customers_party", "code"): _CODE,
    ("customers_party", "name"): "{name}",
    ("customers_party", "email"):
        "lower(replace({name}, ' ', '.')) || '.' || {id} || '@example.com'",
    ("customers_customer", "code"): _CODE,
    ("customers_account", "code"): _CODE,
    ("subscriptions_subscription", "code"): _CODE,
    ("subscriptions_identifier", "value"): "'3932' || lpad({id}::text, 8, '0')",
    ("usage_batch", "file_name"): "replace(s.file_name, '.csv', '-' || o.n || '.csv')",
    ("usage_batch", "digest"): "encode(sha256((s.digest || o.n)::bytea), 'hex')",
    ("usage_batch", "path"): "''",
    ("usage_reject", "file_name"): "replace(s.file_name, '.csv', '-' || o.n || '.csv')",
    ("invoices_invoice", "sequence_number"): "s.sequence_first + o.n * s.sequence_step",
    ("invoices_invoice", "number"): f"regexp_replace(s.number, '[0-9]+$', '') || {_SERIAL}",
    ("payments_payment", "code"): "'P-' || lpad({id}::text, 8, '0')",
    ("ledger_entry", "reference"):
        f"CASE WHEN s.sequence_step > 0 THEN regexp_replace(s.reference, '[0-9]+$', '') ||"
        f" {_SERIAL} WHEN s.payment_step > 0 THEN {_PAID} || substr(s.reference, 11)"
        f" ELSE s.reference END",
}  # fmt: skip
"""Texts that are unique, or name others, by their table and column."""

SEQUENCES = """
    CREATE TABLE bulk.sequence AS SELECT id, number, step,
        (start - 1) * %(copies)s + place - start + 1 AS first
    FROM (SELECT *, min(place) OVER own AS start, count(*) OVER own AS step
          FROM (SELECT id, number, seller_id, series, issue_date, row_number() OVER (
                    PARTITION BY seller_id, series ORDER BY issue_date, sequence_number) AS place
                FROM invoices_invoice) numbered
          WINDOW own AS (PARTITION BY seller_id, series, issue_date)) placed
"""
"""Of invoice numbers, which have no gaps in each series."""
EXTRA = {
    "invoices_invoice": (
        ", q.first AS sequence_first, q.step AS sequence_step",
        "JOIN bulk.sequence q ON q.id = t.id",
    ),
    "ledger_entry": (
        ", q.first AS sequence_first, q.step AS sequence_step, p.first AS payment_first,"
        " p.step AS payment_step",
        "LEFT JOIN bulk.sequence q ON q.number = t.reference"
        " LEFT JOIN payments_payment y ON y.code = left(t.reference, 10)"
        " LEFT JOIN bulk.place_payments_payment p ON p.id = y.id",
    ),
}  # fmt: skip
"""What the texts of a table need besides its own row."""


@dataclass(frozen=True)
class Copied:
    """A table: its key, its columns, and which of them point to which copied table."""

    table: str
    key: str
    columns: list[str]
    points: dict[str, str]

    @property
    def placed(self) -> bool:
        """Does it have ids of its own?"""
        return self.points[self.key] == self.table


def tables() -> list[Copied]:
    """The copied tables, in the order of COPIED."""
    from django.apps import apps

    models = [apps.get_model(name) for name in COPIED]
    known = {model._meta.db_table for model in models}
    return [_table(model, known) for model in models]


def _table(model: Any, known: set[str]) -> Copied:
    points: dict[str, str] = {}
    columns = []
    for field in model._meta.concrete_fields:
        columns.append(field.column)
        related = field.related_model._meta.db_table if field.related_model else None
        target = related or LOOSE.get(field.column)
        if field.primary_key and target is None:
            target = model._meta.db_table
        if target in known:
            points[field.column] = target
    return Copied(model._meta.db_table, model._meta.pk.column, columns, points)


def stage(all_tables: list[Copied], copies: int) -> Iterator[str]:
    """Statements that keep the small company's rows with the places of their copies."""
    yield "CREATE SCHEMA bulk"
    yield SEQUENCES % {"copies": copies}
    for one in all_tables:
        if one.placed:
            yield _places(one, copies)
            yield f"CREATE UNIQUE INDEX ON bulk.place_{one.table} (id)"
    for one in all_tables:
        yield _staged(one)
        yield f"CREATE INDEX ON bulk.{one.table} (block, place)"
        yield f"ANALYZE bulk.{one.table}"


def _places(one: Copied, copies: int) -> str:
    block = BLOCKS.get(one.table, "1")
    return f"""
        CREATE TABLE bulk.place_{one.table} AS SELECT id, block, step,
            (start - 1) * {copies} + place - start + 1 AS first
        FROM (SELECT *, min(place) OVER own AS start, count(*) OVER own AS step
              FROM (SELECT t.id, dense_rank() OVER (ORDER BY {block}) AS block,
                        row_number() OVER (ORDER BY {block}, t.id) AS place
                    FROM {one.table} t) numbered
              WINDOW own AS (PARTITION BY block)) placed
    """


def _staged(one: Copied) -> str:
    joins, moved = [], []
    for column, target in one.points.items():
        joins.append(f"LEFT JOIN bulk.place_{target} at_{column} ON at_{column}.id = t.{column}")
        moved.append(f"at_{column}.first AS {column}_first, at_{column}.step AS {column}_step")
    extra, more = EXTRA.get(one.table, ("", ""))
    return f"""
        CREATE TABLE bulk.{one.table} AS SELECT t.*, {", ".join(moved)}{extra},
            at_{one.key}.block, at_{one.key}.first AS place
        FROM {one.table} t {" ".join(joins)} {more}
    """


def fill(one: Copied, copies: int) -> str:
    """The statement that writes all copies of a table's rows, in the order of their ids."""
    values = [f"{_value(one, column)} AS {column}" for column in one.columns]
    return f"""
        INSERT INTO {one.table} ({", ".join(one.columns)}) SELECT x.* FROM (
            SELECT block, n FROM (SELECT DISTINCT block FROM bulk.{one.table}) b,
                generate_series(0, {copies - 1}) n ORDER BY block, n) o
        CROSS JOIN LATERAL (
            SELECT {", ".join(values)} FROM bulk.{one.table} s WHERE s.block = o.block
            ORDER BY s.place) x
    """


def _value(one: Copied, column: str) -> str:
    own = f"(s.{one.key}_first + o.n * s.{one.key}_step)"
    written = REWRITTEN.get((one.table, column))
    if written is not None:
        hashed = _HASH.format(id=own)
        return written.format(id=own, hash=hashed, name=_name(hashed, own))
    if column in one.points:
        return f"coalesce(s.{column}_first + o.n * s.{column}_step, s.{column})"
    return f"s.{column}"


def _name(hashed: str, own: str) -> str:
    """A person's name, of some 50,000; a firm's has its number."""
    last = _LAST.format(stem=STEM, stems=len(STEM), end=END, ends=len(END), hash=hashed)
    person = f"(ARRAY{FIRST})[1 + {hashed} % {len(FIRST)}] || ' ' || {last}"
    firm = f"{last} || ' ' || (ARRAY{TRADE})[1 + {hashed} % {len(TRADE)}] || ' ' || {own}"
    return f"CASE s.kind WHEN 'person' THEN {person} ELSE {firm} END"
