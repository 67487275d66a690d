"""Contracts change after usage of theirs has come: it is rated anew, and what is made of meters
follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from meterline.platform import clock
from meterline.usage import intake
from meterline.usage.allowances import concerned_since, sharing
from meterline.usage.correct import rerate, rerate_each


def follow_contract(subscription_id: int, at: datetime, *, new: bool = False) -> None:
    """A contract has changed from an instant on, or begun (`new`): usage that came before that and
    is concerned is rated anew, also of what drew on allowances that are others now."""
    intake.contracts_changed([subscription_id])
    lots = concerned_since([subscription_id], at, shared_only=new)["since"].to_list()
    since = lots if new else [*lots, at]
    if since and min(since) < clock.now():
        rerate([subscription_id], min(since))


def follow_moved(subscription_ids: Sequence[int], since: datetime) -> None:
    """Contracts are on other terms from an instant on: usage that came before is rated anew, also
    of what drew on allowances that are others now."""
    intake.contracts_changed(subscription_ids)
    moved = pl.DataFrame(
        {"subscription_id": subscription_ids}, schema={"subscription_id": pl.Int64}
    )
    lots = concerned_since(subscription_ids, since)
    both = pl.concat([moved.with_columns(since=pl.lit(since, lots.schema["since"])), lots])
    earliest = both.group_by("subscription_id").agg(pl.col("since").min())
    rerate_each(earliest.filter(pl.col("since") < clock.now()))


def follow_identifiers(values: Sequence[str]) -> None:
    """Identifiers have another owner from some instant on. Usage of them that was rejected is tried
    again by itself (waiting.py); what is made of meters at such places follows."""
    intake.identifiers_changed(values)


def follow_new(begun: pl.DataFrame) -> None:
    """Subscriptions (subscription_id, since) have begun: where they share allowances, usage of
    their accounts that came before them is rated anew."""
    intake.contracts_changed(begun["subscription_id"].to_list())
    rerate_each(sharing(begun.filter(pl.col("since") < clock.now())))
