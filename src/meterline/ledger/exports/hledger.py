"""hledger's journal format."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from meterline.ledger.exports.names import account_name, amount_text, one_line


def export(journal: pl.DataFrame) -> Iterator[str]:
    """The text of a journal (services.JOURNAL)."""
    for (_,), lines in journal.group_by("entry_id", maintain_order=True):
        head = lines.row(0, named=True)
        text = one_line(f"{head['account_code']} | {head['kind']} {head['reference']}")
        yield f"{head['date']} * {text.replace(';', ',')}\n"
        for line in lines.iter_rows(named=True):
            amount = amount_text(line["amount"])
            yield f"    {account_name(line['ledger_account'])}  {amount} {line['currency']}\n"
        yield "\n"
