"""Correcting what stands: batches backed out, records re-rated or reversed, in new batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import polars as pl
from django.db import connection, transaction

from meterline.platform import audit
from meterline.subscriptions.periods import INSTANT
from meterline.usage import intake
from meterline.usage import reference as references
from meterline.usage.again import COMPARED, as_rejects, differing
from meterline.usage.allowances import (
    drawn_again,
    freed,
    of_owners,
    together,
    waiting,
)
from meterline.usage.deduplicate import KEY, keys
from meterline.usage.errors import BatchNotBackedOut, RecordsAway, UnknownBatch, UnknownRecord
from meterline.usage.guide import GUIDED, guide
from meterline.usage.load import lock_batches, lock_loading, register_batch, write_rejects
from meterline.usage.models import Batch, Reject
from meterline.usage.process import rate_and_place
from meterline.usage.settle import DRAWN, LATE, USES, settle
from meterline.usage.store import RATED, BatchFolder, Live, live
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
    other = intake.of_batch(batch)
    if batch.state == "committed" and other is not None:
        return other.back_out(batch)
    if batch.state != "committed" or batch.format in CORRECTIONS:
        raise BatchNotBackedOut(
            batch_id=batch_id, why=batch.state.replace("_", " ") if batch.state != "committed"
            else f"a {batch.format} of others",
        )  # fmt: skip
    if batch.records_at != "here":
        raise RecordsAway(batch_id=batch_id, where=batch.records_at)
    came_with = (pl.col("batch_id") == batch_id) | (pl.col("origin") == batch_id)
    standing = live(batch.first_start, None, whole=True)
    rows = standing.rated().filter(came_with)
    uses = standing.uses(rows)
    later = freed(rows, uses)
    made = register_batch(
        added([negated(totals(rows))]), None, [drawn_again(uses, -1)],
        source=batch.source, file_name=batch.file_name,
        format="back-out", digest="", records=0, rated=0, rejected=0, duplicates=0,
        first_start=batch.first_start, last_start=batch.last_start, corrects=batch,
    )  # fmt: skip
    Batch.objects.filter(pk=batch_id).update(state="backed_out")
    Reject.objects.filter(batch=batch_id, state="open").update(state="discarded")
    audit.record("usage.back_out", f"usage_batch:{batch_id}", after={"by": made.id})
    rerate_each(of_owners(later))
    return made


@transaction.atomic
def reverse(record_id: str) -> Batch:
    """Take one record out. It is not counted when it comes again: it was refused, not lost."""
    lock_loading()
    lock_batches()
    made = _reversed(keys(pl.Series([record_id])), live(), source="reversal", name=record_id)
    if made is None:
        raise UnknownRecord(record_id=record_id)
    audit.record("usage.reverse", f"usage_record:{record_id}", after={"by": made.id})
    return made


@transaction.atomic
def take_out(record_ids: Sequence[str], *, source: str) -> Batch | None:
    """Take out those of the records that count, all in one batch; none of them is counted when it
    comes again."""
    lock_loading()
    lock_batches()
    wanted = keys(pl.Series(record_ids, dtype=pl.String))
    return _reversed(wanted, live(), source=source, name=f"{len(record_ids)} records")


def _reversed(wanted: pl.DataFrame, standing: Live, *, source: str, name: str) -> Batch | None:
    """The batch that takes out records by their KEY; None if none of them counts."""
    found = standing.keys(wanted)
    held = Batch.objects.filter(pk__in=found["batch_id"].unique().to_list())
    away = held.exclude(records_at="here").first()
    if away is not None:
        raise RecordsAway(batch_id=away.pk, where=away.records_at)
    within = replace(
        standing, batches=[one for one in standing.batches if one[0] in set(found["batch_id"])]
    )
    rows = within.rated().join(found, on=_ROW, how="semi")
    if rows.is_empty():
        return None
    uses = within.uses(rows)
    later = freed(rows, uses)
    folder = BatchFolder()
    gone = found.select(KEY).with_row_index("line").with_columns(
        pl.col("line").cast(pl.UInt32), origin=pl.lit(0, pl.Int64)
    )  # fmt: skip
    folder.add(1, pl.DataFrame(), pl.DataFrame(schema=RATED), gone)
    folder.supersede(found)
    folder.close()
    made = register_batch(
        added([negated(totals(rows))]), folder, [drawn_again(uses, -1)],
        source=source, file_name=name,
        format="reversal", digest="", records=0, rated=0, rejected=0, duplicates=0,
        supersedes=True, first_start=rows["start"].min(), last_start=rows["start"].max(),
    )  # fmt: skip
    rerate_each(of_owners(later))
    return made


def rerate(subscription_ids: Sequence[int], since: datetime) -> Batch | None:
    """Guide and rate again the records of subscriptions from `since` on, under the contracts as
    they are now. What changes is superseded by a new batch; None if nothing does.
    """
    if not _came_since(since):  # what most changes find
        return None
    wanted = pl.DataFrame(
        {"subscription_id": subscription_ids}, schema={"subscription_id": pl.Int64}
    )
    return rerate_each(wanted.with_columns(since=pl.lit(since, INSTANT)))


@transaction.atomic
def rerate_each(wanted: pl.DataFrame) -> Batch | None:
    """`rerate` of subscription_id from since on, each, with whoever shares allowances with them."""
    if wanted.is_empty():
        return None
    if not _came_since(cast(datetime, wanted["since"].min())):
        return None
    wanted = together(wanted)
    ids, first = wanted["subscription_id"].to_list(), cast(datetime, wanted["since"].min())
    if not _has_usage(ids, first):
        return None
    lock_batches()
    standing = live(start=first, whole=True)
    old = (
        standing.rated(ids, start=first)
        .join(wanted, on="subscription_id", maintain_order="left")
        .filter(pl.col("start") >= pl.col("since"))
        .drop("since")
    )
    if old.is_empty():
        return None
    again = _again(old, standing)
    if again.changed.is_empty():
        return None
    made = _supersede(old, again)
    concerned = wanted["subscription_id"].implode()
    others = of_owners(again.late).filter(~pl.col("subscription_id").is_in(concerned))
    rerate_each(others)
    return made


@dataclass(frozen=True, kw_only=True)
class _Again:
    """Records rated anew, in the numbers of a new batch (`line`)."""

    records: pl.DataFrame  # as stored, with origin
    kept: pl.DataFrame  # guided
    rated: pl.DataFrame
    refused: pl.DataFrame
    taken: pl.DataFrame  # DRAWS and batch_id of the old ones
    uses: pl.DataFrame  # settle.USES
    drawn: pl.DataFrame
    late: pl.DataFrame
    changed: pl.DataFrame  # line, batch_id, old_line of what is not as it was


def _again(old: pl.DataFrame, standing: Live) -> _Again:
    rows = (
        old.select(*_ROW, "origin").unique(_ROW, maintain_order=True).with_row_index("new_line", 1)
    )
    stored = standing.records(rows)
    records = stored.drop(*_ROW, *GUIDED, strict=False).rename({"new_line": "line"})
    reference = references.reference_for(records)
    again = records.with_columns(local=pl.lit(None, pl.Datetime("us")))
    guided, lost = guide(again.drop("origin"), reference.holders)
    kept, rated, refused = rate_and_place(guided, reference)
    taken = standing.uses(old)
    uses, drawn = pl.DataFrame(schema=USES), pl.DataFrame(schema=DRAWN)
    late = pl.DataFrame(schema=LATE)
    waits = reference.cover.touches(rated)
    if waits is not None:
        outcome = settle(*waiting(kept, rated.filter(waits), taken))
        rated = pl.concat([rated.filter(~waits), outcome.rated.select(rated.columns)])
        uses, drawn, late = outcome.uses, outcome.drawn, outcome.late
    places = rows.select(pl.col("new_line").alias("line"), "batch_id", old_line="line")
    changed = [differing(old, rated, places, COMPARED), differing(taken, uses, places, [*USES])]
    return _Again(
        records=records.join(places, on="line"),
        kept=kept, rated=rated, refused=pl.concat([lost, refused]), taken=taken, uses=uses,
        drawn=drawn, late=late, changed=pl.concat(changed).unique(maintain_order=True),
    )  # fmt: skip


def _came_since(since: datetime) -> bool:
    """Whether any usage has come that started since."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM usage_batch WHERE last_start >= %s)", [since])
        return bool(cursor.fetchone()[0])


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


def _supersede(old: pl.DataFrame, again: _Again) -> Batch:
    """The batch that holds the changed records anew and supersedes them where they were."""
    changed = again.changed
    origins = again.records.select(
        "line", origin=pl.when(pl.col("origin") == 0).then("batch_id").otherwise("origin")
    )
    gone = changed.select("batch_id", line="old_line")
    new_rated = again.rated.join(changed, on="line", how="semi").join(origins, on="line")
    new_uses = again.uses.join(changed, on="line", how="semi").join(origins, on="line")
    new_records = again.kept.join(changed, on="line", how="semi")
    new_keys = keys(new_records["id"]).select(KEY).hstack(new_records.select("line"))
    folder = BatchFolder()
    folder.add(1, new_records, new_rated, new_keys.join(origins, on="line"))
    folder.add_settled(1, new_rated.clear(), new_uses)
    refused = again.records.join(changed, on="line", how="semi")
    folder.take_out(
        refused.join(new_records, on="line", how="anti").drop("origin").join(origins, on="line")
    )
    folder.supersede(gone)
    folder.close()
    taken = old.join(gone, on=_ROW, how="semi")
    drawn = [
        drawn_again(again.taken.join(gone, on=_ROW, how="semi"), -1),
        drawn_again(new_uses, 1),
        again.drawn.with_columns(pl.col("amount") * 0, pl.lit(1, pl.Int64).alias("denominator")),
    ]
    made = register_batch(
        added([totals(new_rated), negated(totals(taken))]), folder, drawn, source="re-rate",
        file_name="", format="re-rate", digest="", records=changed.height,
        rated=new_records.height, rejected=changed.height - new_records.height, duplicates=0,
        supersedes=True, first_start=taken["start"].min(), last_start=taken["start"].max(),
    )  # fmt: skip
    write_rejects(made, as_rejects(again.records, again.refused, changed))
    return made
