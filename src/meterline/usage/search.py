"""Looking records up: those that count, of a subscription or identifier and a stretch of time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from meterline.platform import files
from meterline.subscriptions.models import Identifier, Subscription
from meterline.usage.models import Batch
from meterline.usage.store import live, scan


def subscriptions_of(text: str) -> dict[int, str]:
    """The subscriptions (id -> code) of this code, or that have or had this identifier."""
    named = Subscription.objects.filter(code=text)
    held = Subscription.objects.filter(
        pk__in=Identifier.objects.filter(value=text).values("subscription_id")
    )
    return dict([*named.values_list("pk", "code"), *held.values_list("pk", "code")])


def records(
    subscription_ids: list[int],
    start: datetime,
    end: datetime,
    *,
    price_id: int | None,
    most: int,
    newer: int = 0,
) -> tuple[pl.DataFrame, int]:
    """Rated records that start within [start, end), the newest first, and how many there are: at
    most `most` of them after the `newer` first ones; the columns of store.RATED, batch_id, and the
    record's id, identifier and meter."""
    standing = live(start, end)
    prices = None if price_id is None else [price_id]
    rated = standing.rated(subscription_ids, prices, start, end)
    shown = rated.sort(["start", "batch_id", "line"], descending=True).slice(newer, most)
    if shown.is_empty():
        return shown, rated.height
    about = standing.records(shown.select("batch_id", "line").unique())
    named = about.select("batch_id", "line", "id", "identifier", "meter")
    joined = shown.join(named, on=["batch_id", "line"], maintain_order="left")
    return joined, rated.height


def record(batch: Batch, line: int) -> tuple[dict[str, Any] | None, pl.DataFrame]:
    """A record of a batch by its line there, as it was stored, and what it was rated at
    (store.RATED, a row a price)."""
    folder = files.folder("usage") / batch.path
    stored, rated = (_of_line(folder, kind, batch, line) for kind in ("records", "rated"))
    return stored.row(0, named=True) if stored.height else None, rated


def _of_line(folder: Path, kind: str, batch: Batch, line: int) -> pl.DataFrame:
    rows = scan(folder, kind, [batch.pk])
    if rows is None:
        return pl.DataFrame()
    return rows.filter(pl.col("line") == line).drop("batch_id").collect()
