"""Beancount 3: the accounts opened on the first day, then one transaction an entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from meterline.ledger.exports.names import account_name, amount_text, one_line


def export(journal: pl.DataFrame) -> Iterator[str]:
    """The text of a journal (services.JOURNAL)."""
    if journal.is_empty():
        return
    first: date = journal["date"][0]  # it comes in the order of dates
    for name in sorted({account_name(code) for code in journal["ledger_account"].unique()}):
        yield f"{first} open {name}\n"
    for (_,), lines in journal.group_by("entry_id", maintain_order=True):
        head = lines.row(0, named=True)
        text = f"{head['kind']} {head['reference']}"
        yield f"\n{head['date']} * {_quoted(head['account_code'])} {_quoted(text)}\n"
        for line in lines.iter_rows(named=True):
            amount = amount_text(line["amount"])
            yield f"  {account_name(line['ledger_account'])}  {amount} {line['currency']}\n"


def _quoted(text: str) -> str:
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
