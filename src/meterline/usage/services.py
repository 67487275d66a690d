"""Usage from file or frame to totals; correcting it; reading it back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from django.db import transaction

from meterline.catalog import services as catalog
from meterline.platform import audit, files
from meterline.platform.ahead import ahead
from meterline.usage import formats
from meterline.usage.correct import back_out, rerate, reverse
from meterline.usage.errors import UnknownBatch, UnknownRejects, UsageFileError
from meterline.usage.load import Load, lock_loading
from meterline.usage.models import Batch, Reject
from meterline.usage.reference import newest_change
from meterline.usage.store import live

__all__ = [
    "back_out",
    "batch",
    "control_totals",
    "detail",
    "detail_of",
    "discard",
    "guided",
    "load_file",
    "load_records",
    "orphans",
    "recycle",
    "rejects",
    "rerate",
    "reverse",
]

FILES = "files"  # the source of records that come in files, unless another is named
_BLOCK = 1 << 20


def load_file(
    path: Path | str,
    *,
    format: str | None = None,
    mapping: Path | str | None = None,
    source: str = FILES,
    progress: Callable[[int], None] | None = None,
) -> Batch:
    """Load a usage file; its format is recognised from its content unless given.

    A file that is loaded already (the same bytes, from the same source by the same mapping) changes
    nothing: its batch is returned.
    Raises UsageFileError for a file that cannot be read. `progress(records)` is called as it goes.
    """
    file = Path(path)
    rule = None if mapping is None else Path(mapping)
    digest = _digest(source, format, rule, file)
    with transaction.atomic():
        lock_loading()
        known = Batch.objects.filter(digest=digest, state="committed").first()
        if known is not None:
            return known
        name = format or formats.recognise(file, mapping=rule)
        load = Load(source=source, file_name=file.name, format=name, digest=digest)
        return _finish(load, formats.decode(file, format=name, mapping=rule), progress)


def load_records(records: pl.DataFrame, *, source: str) -> Batch:
    """Load records (String columns as in the canonical CSV) that some other source hands over."""
    with transaction.atomic():
        lock_loading()
        load = Load(source=source, file_name=source, format="records")
        lines = records if "line" in records.columns else records.with_row_index("line", offset=1)
        none = pl.DataFrame(schema=formats.REJECTS)
        return _finish(load, [formats.Decoded(records=lines, rejects=none)], None)


def _finish(
    load: Load, chunks: Iterable[formats.Decoded], progress: Callable[[int], None] | None
) -> Batch:
    try:
        for chunk in ahead(chunks):
            if chunk.rejects.height:
                load.reject(chunk.rejects)
            if chunk.records.height:
                load.add(chunk.records)
            if progress:
                progress(load.records)
        batch = load.register()
        _follow_changes(load)
    except BaseException:
        load.discard()
        raise
    return batch


def _follow_changes(load: Load) -> None:
    """Contracts that changed while the batch was in the making."""
    from meterline.subscriptions.store import changed_since

    if newest_change() == load.newest_change:
        return
    touched = pl.concat(load.touched).unique().to_series().to_list() if load.touched else []
    for subscription_id, since in changed_since(load.newest_change, touched):
        rerate([subscription_id], since)


def _digest(source: str, format: str | None, mapping: Path | None, file: Path) -> str:
    """What a load is known by: the file's content, and how it is to be read."""
    digest = hashlib.blake2b(f"{source}\n{format or ''}\n".encode(), digest_size=32)
    for path in filter(None, (mapping, file)):
        try:
            with path.open("rb") as content:
                while block := content.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise UsageFileError(file=path, why=error.strerror or str(error)) from error
    return digest.hexdigest()


def batch(batch_id: int) -> Batch:
    """A batch by its number. Raises UnknownBatch."""
    found = Batch.objects.filter(pk=batch_id).first()
    if found is None:
        raise UnknownBatch(batch_id=batch_id)
    return found


def control_totals(batch: Batch) -> list[dict[str, Any]]:
    """A batch's control totals, with the codes of plan and price."""
    known = {price.id: price for price in catalog.tariff().prices.values()}
    return [
        {"plan": known[row["price_id"]].plan, "price": known[row["price_id"]].code, **row}
        for row in batch.totals
    ]


def rejects(
    *, batch_id: int | None = None, reason: str | None = None, state: str = "open"
) -> list[Reject]:
    """Rejects in a state, of a batch or a reason, in order."""
    rows = Reject.objects.filter(state=state).order_by("id")
    if batch_id is not None:
        rows = rows.filter(batch_id=batch_id)
    if reason is not None:
        rows = rows.filter(reason=reason)
    return list(rows)


def recycle(
    ids: Sequence[int] | None = None, *, changes: Mapping[str, str] | None = None
) -> Batch | None:
    """Try open rejects again (those given, or all), with some fields changed; None if there are
    none. What is refused again is a new reject of the same file and line.
    """
    with transaction.atomic():
        lock_loading()
        taken = _open_rejects(ids)
        if not taken:
            return None
        records = [
            {name: str(value) for name, value in row.record.items() if value is not None}
            | dict(changes or {})
            for row in taken
        ]
        names = sorted({name for record in records for name in record})
        frame = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row")
        load = Load(source=FILES, file_name="rejects", format="recycle")
        load.add(
            frame.with_columns(
                line=pl.Series([row.line for row in taken], dtype=pl.UInt32),
                file_name=pl.Series([row.file_name for row in taken]),
            )
        )
        batch = load.register()
        Reject.objects.filter(pk__in=[row.pk for row in taken]).update(state="recycled")
        audit.record(
            "usage.recycle", f"usage_batch:{batch.pk}",
            after={"rejects": [row.pk for row in taken], "changes": dict(changes or {})},
        )  # fmt: skip
        return batch


def discard(ids: Sequence[int]) -> int:
    """Give up open rejects; they stay on record."""
    with transaction.atomic():
        taken = _open_rejects(ids)
        Reject.objects.filter(pk__in=[row.pk for row in taken]).update(state="discarded")
        audit.record("usage.discard", "usage_rejects", after={"rejects": [r.pk for r in taken]})
    return len(taken)


def _open_rejects(ids: Sequence[int] | None) -> list[Reject]:
    rows = Reject.objects.filter(state="open").select_for_update().order_by("id")
    if ids is None:
        return list(rows)
    found = list(rows.filter(pk__in=ids))
    missing = sorted(set(ids) - {row.pk for row in found})
    if missing:
        raise UnknownRejects(ids=json.dumps(missing))
    return found


def orphans() -> list[Path]:
    """Folders of batches that were not registered: what interrupted loads left. None is reported
    while a load is at work."""
    with transaction.atomic():
        lock_loading()
        known = set(Batch.objects.exclude(path="").values_list("path", flat=True))
        return sorted(path for path in files.folder("usage").iterdir() if path.name not in known)


def detail(
    subscription_ids: Sequence[int],
    price_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    ids: bool = False,
) -> pl.DataFrame:
    """Rated records that count: subscription_id, price_id, start, end, quantity, season, band,
    by_value, amount, denominator, and with `ids` the record's id and identifier."""
    if not subscription_ids or not price_ids:
        return pl.DataFrame(schema=_DETAIL)
    standing = live(start, end)
    rows = standing.rated(subscription_ids, price_ids, start, end)
    if not ids:
        return detail_of(rows)
    keys = rows.select("batch_id", "line").unique()
    about = standing.records(keys).select("batch_id", "line", "id", "identifier")
    return (
        rows.with_columns(end=_end())
        .join(about, on=["batch_id", "line"])
        .select("id", "identifier", *_DETAIL)
    )


def detail_of(rated: pl.DataFrame) -> pl.DataFrame:
    """The columns of `detail`, of rated records (store.RATED)."""
    return rated.with_columns(end=_end()).select(_DETAIL.keys())


def _end() -> pl.Expr:
    return pl.col("start") + pl.duration(microseconds="duration_us")


def guided(
    subscription_ids: Sequence[int], start: datetime, end: datetime
) -> Iterator[pl.DataFrame]:
    """The records of subscriptions that count and start within [start, end), as they were guided,
    a part of a batch at a time: what process.rate_and_place takes."""
    yield from live(start, end).guided(subscription_ids, start, end)


_DETAIL: dict[str, Any] = {
    "subscription_id": pl.Int64,
    "price_id": pl.Int64,
    "start": pl.Datetime("us", "UTC"),
    "end": pl.Datetime("us", "UTC"),
    "quantity": pl.Decimal(38, 10),
    "season": pl.String,
    "band": pl.String,
    "by_value": pl.String,
    "amount": pl.Decimal(38, 20),
    "denominator": pl.Int64,
}
