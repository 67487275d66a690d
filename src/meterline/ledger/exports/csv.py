"""CSV: a row a line, debit and credit apart."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl


def export(journal: pl.DataFrame) -> Iterator[str]:
    """The text of a journal (services.JOURNAL)."""
    amount = pl.col("amount")
    yield (
        journal.with_columns(
            debit=pl.when(amount > 0).then(amount), credit=pl.when(amount < 0).then(amount.abs())
        )
        .drop("amount")
        .write_csv()
    )
