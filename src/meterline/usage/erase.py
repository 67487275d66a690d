"""Erasing one person's usage records, wherever they lie. Totals, invoices and the keys that tell
duplicates stay; of prices whose records bills measure one by one, the figures stay without what
tells whose or to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, Sum

from meterline.catalog import services as catalog
from meterline.customers.models import Account
from meterline.platform import audit, clock, files
from meterline.rating.properties import PREFIX, column
from meterline.subscriptions.models import Identifier, Subscription
from meterline.usage.archive import fetch, put, remove
from meterline.usage.folders import KINDS, frames, measured_prices, put_in_place
from meterline.usage.load import lock_batches, lock_loading
from meterline.usage.models import Batch, Erasure, Reject, Total
from meterline.usage.store import PACK, PLACE, BatchFolder, is_in, parts_of

_STAYS = ["batch_id", "line", "id", "meter", "start", "duration_us", "quantity"]


@transaction.atomic
def erase(account_ids: Sequence[int]) -> int:
    """Erase the usage records of accounts, of all batches that there are; how many it were. Their
    rejects are discarded, without what stood in them. Killed half-way, nothing is erased."""
    lock_loading()
    lock_batches()
    newest = Batch.objects.aggregate(newest=Max("pk"))["newest"] or 0
    concerned = Total.objects.filter(account_id__in=account_ids).values("batch_id").distinct()
    batches = Batch.objects.filter(pk__in=concerned).exclude(path="").exclude(records_at="erased")
    count, made = 0, []
    try:
        for path in batches.order_by("path").values_list("path", flat=True).distinct():
            folder, erased = _without(files.folder("usage") / path, account_ids)
            made.append(folder)
            count += erased
            put_in_place(list(Batch.objects.filter(path=path)), folder)
        for one in batches.filter(records_at="archived"):
            count += _archive_without(one, account_ids)
    except BaseException:
        for folder in made:
            folder.remove()
        raise
    rejects = _erase_rejects(account_ids)
    for account_id in account_ids:
        Erasure.objects.create(
            account_id=account_id, batch_id_last=newest, records=count, at=clock.now(),
            by=audit.actor(),
        )  # fmt: skip
    codes = list(Account.objects.filter(pk__in=account_ids).values_list("code", flat=True))
    audit.record("usage.erase", f"accounts:{','.join(codes)}",
                 after={"records": count, "rejects": rejects})  # fmt: skip
    return count


def concerned(account_ids: Sequence[int]) -> tuple[int, int]:
    """How many records of accounts there are (a record counts at each of its prices), and of
    how many batches."""
    sums = Total.objects.filter(account_id__in=account_ids, events__gt=0)
    return (
        sums.aggregate(events=Sum("events"))["events"] or 0,
        sums.values("batch_id").distinct().count(),
    )


def _without(path: Path, account_ids: Sequence[int]) -> tuple[BatchFolder, int]:
    """A folder like another, without the records of accounts; and how many it had."""
    folder = BatchFolder(PACK if path.name.startswith(PACK) else "")
    try:
        theirs = _theirs(path, account_ids)
        measured = _theirs(path, account_ids, measured_prices())
        for kind in KINDS:
            for file in parts_of(path, kind):
                frame = pl.read_parquet(file)
                left = _left(frame, kind, theirs, measured)
                folder.write(left, kind, file.stem.removeprefix(f"{kind}-"))
        folder.close()
    except BaseException:
        folder.remove()
        raise
    return folder, theirs.height


def _theirs(
    path: Path, account_ids: Sequence[int], price_ids: Sequence[int] | None = None
) -> pl.DataFrame:
    """The places (batch_id in packs, line) of records of accounts, rated at some prices."""
    parts = parts_of(path, "rated")
    if not parts:
        return pl.DataFrame(schema={"line": pl.UInt32})
    rows = pl.concat([pl.scan_parquet(one) for one in parts]).filter(
        is_in("account_id", account_ids)
    )
    if price_ids is not None:
        rows = rows.filter(is_in("price_id", price_ids))
    key = [name for name in PLACE if name in rows.collect_schema().names()]
    return rows.select(key).unique().collect()


def _left(
    frame: pl.DataFrame, kind: str, theirs: pl.DataFrame, measured: pl.DataFrame
) -> pl.DataFrame:
    """What is left of the rows of a file."""
    if kind in ("keys", "gone", "superseded") or theirs.is_empty():
        return frame
    key = theirs.columns
    others = frame.join(theirs, on=key, how="anti", maintain_order="left")
    if kind == "uses" or measured.is_empty():
        return others
    kept = frame.join(measured, on=key, how="semi", maintain_order="left")
    if kind == "rated":
        kept = kept.filter(is_in("price_id", measured_prices()))
        return pl.concat([others, kept])
    return pl.concat([others, _nameless(kept)], how="diagonal")


def _nameless(records: pl.DataFrame) -> pl.DataFrame:
    """Records without identifiers and properties; where distinct values are counted, each is a
    number that tells it from others. Ids keep their order."""
    counted = [
        column(str(meter.value))
        for meter in catalog.meters().values()
        if meter.aggregation == "unique" and column(str(meter.value)) in records.columns
    ]
    by = [name for name in records.columns if name.startswith(PREFIX) and name in _by_fields()]
    return records.select(
        *(name for name in _STAYS if name in records.columns and name != "id"),
        pl.format("erased-{}", pl.col("id").rank("dense").cast(pl.String).str.zfill(10))
        .alias("id"),
        pl.lit(None, pl.String).alias("identifier"), pl.lit(None, pl.String).alias("subscription"),
        *(_sealed(records[name]) for name in counted if name not in by),
        *by,
    )  # fmt: skip


def _sealed(values: pl.Series) -> pl.Series:
    """Equal texts for equal values, from which nobody without this installation's secret finds the
    value, not even by trying all telephone numbers."""
    secret = settings.SECRET_KEY.encode()[:64]
    found = values.drop_nulls().unique()
    made = [blake2b(one.encode(), key=secret, digest_size=12).hexdigest() for one in found]
    return values.replace_strict(
        found, [f"erased-{one}" for one in made], default=None, return_dtype=pl.String
    )


def _by_fields() -> list[str]:
    """The properties by which prices tell quantities apart."""
    return [column(name) for one in catalog.tariff().prices.values() for name in one.by]


def _archive_without(one: Batch, account_ids: Sequence[int]) -> int:
    """Write the archive of a batch anew, without the records of accounts."""
    with TemporaryDirectory(dir=files.folder("archiving")) as work:
        path = Path(work)
        fetch(one, path)
        theirs = _theirs(path, account_ids)
        measured = _theirs(path, account_ids, measured_prices())
        url = f"{one.archive}-e"
        put(url, ((kind, _left_of(path, kind, one, theirs, measured)) for kind in KINDS), one)
    old = one.archive
    Batch.objects.filter(pk=one.pk).update(archive=url)
    transaction.on_commit(lambda: remove(old))
    return theirs.height


def _left_of(
    path: Path, kind: str, one: Batch, theirs: pl.DataFrame, measured: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    for frame in frames(path, kind, one.pk):
        yield _left(frame, kind, theirs, measured)


def _erase_rejects(account_ids: Sequence[int]) -> int:
    """Take away what stands in the rejects of accounts, by their codes and identifiers."""
    mine = Subscription.objects.filter(account_id__in=account_ids)
    codes = list(mine.values_list("code", flat=True))
    identifiers = Identifier.objects.filter(subscription__in=mine)
    others = Identifier.objects.exclude(subscription__in=mine).values("value")
    held = list(identifiers.exclude(value__in=others).values_list("value", flat=True))
    found = Reject.objects.filter(
        Q(record__subscription__in=codes) | Q(record__identifier__in=held)
    )
    found.filter(state="open").update(state="discarded")
    return found.update(record={}, detail="erased")
