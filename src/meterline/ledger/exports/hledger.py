"""hledger's journal format."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from meterline.ledger.exports.names import account_name, amount_text


def export(journal: pl.DataFrame) -> Iterator[str]:
    """The text of a journal (services.JOURNAL)."""
    for (_,), lines in journal.group_by("entry_id", maintain_order=True):
        head = lines.row(0, named=True)
        text = f"{head['account_code']} | {head['kind']} {head['reference']}".replace(";", ",")
        yield f"{head['date']} * {text}\n"
        for line in lines.iter_rows(named=True):
            amount = amount_text(line["amount"])
            yield f"    {account_name(line['ledger_account'])}  {amount} {line['currency']}\n"
        yield "\n"
