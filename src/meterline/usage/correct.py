"""Correcting what stands: batches backed out, records re-rated or reversed, in new batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.platform import audit
from meterline.usage import reference as references
from meterline.usage.deduplicate import KEY, keys
from meterline.usage.errors import BatchNotBackedOut, UnknownBatch, UnknownRecord
from meterline.usage.guide import GUIDED, guide
from meterline.usage.load import lock_batches, lock_loading, register_batch, write_rejects
from meterline.usage.models import Batch, Reject
from meterline.usage.process import rate_and_place
from meterline.usage.store import RATED, BatchFolder, live
from meterline.usage.totals import added, negated, totals

CORRECTIONS = ("back-out", "re-rate", "reversal")
_ROW = ("batch_id", "line")


@transaction.atomic
def back_out(batch_id: int) -> Batch:
    """Take a batch's records out again, as if they had never come; they may come anew."""
    lock_loading()
    lock_batches()
    batch = Batch.objects.filter(pk=batch_id).first()
    if batch is None:
        raise UnknownBatch(batch_id=batch_id)
    if batch.state != "committed" or batch.format in CORRECTIONS:
        raise BatchNotBackedOut(
            batch_id=batch_id, why=batch.state.replace("_", " ") if batch.state != "committed"
            else f"a {batch.format} of others",
        )  # fmt: skip
    came_with = (pl.col("batch_id") == batch_id) | (pl.col("origin") == batch_id)
    rows = live(batch.first_start, None).rated().filter(came_with)
    made = register_batch(
        added([negated(totals(rows))]), None, source=batch.source, file_name=batch.file_name,
        format="back-out", digest="", records=0, rated=0, rejected=0, duplicates=0,
        first_start=batch.first_start, last_start=batch.last_start, corrects=batch,
    )  # fmt: skip
    Batch.objects.filter(pk=batch_id).update(state="backed_out")
    Reject.objects.filter(batch=batch_id, state="open").update(state="discarded")
    audit.record("usage.back_out", f"usage_batch:{batch_id}", after={"by": made.id})
    return made


@transaction.atomic
def reverse(record_id: str) -> Batch:
    """Take one record out. It is not counted when it comes again: it was refused, not lost."""
    lock_loading()
    lock_batches()
    standing = live()
    key = keys(pl.Series([record_id]))
    found = standing.keys(key)
    if found.is_empty():
        raise UnknownRecord(record_id=record_id)
    rows = standing.rated().join(found, on=_ROW, how="semi")
    if rows.is_empty():
        raise UnknownRecord(record_id=record_id)
    folder = BatchFolder()
    here = {"line": pl.lit(0, pl.UInt32), "origin": pl.lit(0, pl.Int64)}
    folder.add(pl.DataFrame(), pl.DataFrame(schema=RATED), key.with_columns(**here))
    folder.supersede(found)
    folder.close()
    made = register_batch(
        added([negated(totals(rows))]), folder, source="reversal", file_name=record_id,
        format="reversal", digest="", records=0, rated=0, rejected=0, duplicates=0,
        supersedes=True, first_start=rows["start"].min(), last_start=rows["start"].max(),
    )  # fmt: skip
    audit.record("usage.reverse", f"usage_record:{record_id}", after={"by": made.id})
    return made


@transaction.atomic
def rerate(subscription_ids: Sequence[int], since: datetime) -> Batch | None:
    """Guide and rate again the records of subscriptions from `since` on, under the contracts as
    they are now. What changes is superseded by a new batch; None if nothing does.
    """
    if not _has_usage(subscription_ids, since):
        return None
    lock_batches()
    standing = live(start=since)
    old = standing.rated(subscription_ids, start=since)
    if old.is_empty():
        return None
    rows = (
        old.select(*_ROW, "origin").unique(_ROW, maintain_order=True).with_row_index("new_line", 1)
    )
    stored = standing.records(rows)
    records = stored.drop(*_ROW, *GUIDED, strict=False).rename({"new_line": "line"})
    reference = references.reference_for(records)
    again = records.with_columns(local=pl.lit(None, pl.Datetime("us")))
    guided, lost = guide(again.drop("origin"), reference.by_identifier, reference.by_code)
    kept, rated, refused = rate_and_place(guided, reference)
    places = rows.select(pl.col("new_line").alias("line"), "batch_id", old_line="line")
    changed = _changed(old, rated, places)
    if changed.is_empty():
        return None
    return _supersede(old, records, kept, rated, pl.concat([lost, refused]), changed, rows)


def _has_usage(subscription_ids: Sequence[int], since: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT 1 FROM usage_batch b WHERE b.last_start >= %s AND EXISTS (
                    SELECT 1 FROM subscriptions_subscription s
                    JOIN usage_total t ON t.account_id = s.account_id AND t.subscription_id = s.id
                    WHERE s.id = ANY(%s)))
            """,
            [since, list(subscription_ids)],
        )
        return bool(cursor.fetchone()[0])


def _changed(old: pl.DataFrame, new: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """`places` of the records that are not rated as they were."""
    compared = [
        "line", "account_id", "subscription_id", "price_id", "period_start", "quantity", "season",
        "band", "by_value", "amount", "denominator",
    ]  # fmt: skip
    before = old.rename({"line": "old_line"}).join(places, on=["batch_id", "old_line"])
    one, other = before.select(compared), new.select(compared)
    differ = pl.concat(
        [
            one.join(other, on=compared, how="anti", nulls_equal=True).select("line"),
            other.join(one, on=compared, how="anti", nulls_equal=True).select("line"),
        ]
    ).unique()
    return places.join(differ, on="line", how="semi")


def _supersede(
    old: pl.DataFrame,
    records: pl.DataFrame,
    kept: pl.DataFrame,
    rated: pl.DataFrame,
    refused: pl.DataFrame,
    changed: pl.DataFrame,
    rows: pl.DataFrame,
) -> Batch:
    """The batch that holds the changed records anew and supersedes them where they were."""
    origins = rows.select(
        pl.col("new_line").alias("line"),
        origin=pl.when(pl.col("origin") == 0).then("batch_id").otherwise("origin"),
    )
    gone = changed.select("batch_id", line="old_line")
    new_rated = rated.join(changed, on="line", how="semi").join(origins, on="line")
    new_records = kept.join(changed, on="line", how="semi")
    new_keys = keys(new_records["id"]).select(KEY).hstack(new_records.select("line"))
    folder = BatchFolder()
    folder.add(new_records, new_rated, new_keys.join(origins, on="line"))
    folder.supersede(gone)
    folder.close()
    taken = old.join(gone, on=_ROW, how="semi")
    made = register_batch(
        added([totals(new_rated), negated(totals(taken))]), folder, source="re-rate",
        file_name="", format="re-rate", digest="", records=changed.height,
        rated=new_records.height, rejected=changed.height - new_records.height, duplicates=0,
        supersedes=True, first_start=taken["start"].min(), last_start=taken["start"].max(),
    )  # fmt: skip
    write_rejects(made, _as_rejects(records, refused, changed))
    return made


def _as_rejects(
    records: pl.DataFrame, refused: pl.DataFrame, changed: pl.DataFrame
) -> pl.DataFrame:
    texts: dict[str, Any] = {
        name: pl.col(name) for name in records.columns if records.schema[name] == pl.String
    }
    texts["start"] = pl.col("start").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    texts["quantity"] = pl.col("quantity").cast(pl.String)
    texts["duration"] = (pl.col("duration_us").cast(pl.Decimal(38, 6)) / 1_000_000).cast(pl.String)
    about = records.select("line", pl.struct(**texts).struct.json_encode().alias("record"))
    return (
        refused.join(changed, on="line", how="semi")
        .join(about, on="line")
        .with_columns(file_name=pl.lit("re-rate"))
        .select("file_name", "line", "reason", "detail", "record")
    )
