"""The values of a price's `by` fields as one text, a JSON array. Pure."""

from __future__ import annotations

import json

import polars as pl


def by_values(fields: list[pl.Series]) -> pl.Series:
    """by_value (String) of each event, given the values of each field of `by` (at least one); a
    property that an event does not have is null in the array.

    Few distinct values stand behind many events: each is encoded once.
    """
    values = pl.DataFrame([field.alias(f"by{number}") for number, field in enumerate(fields)])
    distinct = values.unique(maintain_order=True)
    texts = [json.dumps(row, ensure_ascii=False) for row in distinct.iter_rows()]
    encoded = distinct.with_columns(by_value=pl.Series(texts, dtype=pl.String))
    joined = values.join(
        encoded, on=values.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["by_value"]
