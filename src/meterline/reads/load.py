"""Loading reads: decode, find the register, check, keep; then usage follows. One transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from meterline.customers.imports import new_ids
from meterline.platform import audit, clock
from meterline.platform.database import read_frame, write_frame
from meterline.reads import snapshot, stale
from meterline.reads.follow import follow
from meterline.reads.frames import INSTANT, READS
from meterline.reads.models import Read
from meterline.reads.normalise import COLUMNS, found, typed, without_duplicates
from meterline.reads.validate import judged
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS as UNREAD
from meterline.usage.formats.csv import BOM, decode_blocks, numbered
from meterline.usage.load import lock_batches, register_batch, write_rejects
from meterline.usage.models import Batch, Reject
from meterline.usage.totals import TOTALS

NAME = "reads"
REQUIRED = {"at", "value"}
_WHOSE = {"serial", "identifier"}
_USAGE = {"meter", "start"}  # of the canonical CSV of usage
_SHOWN = {"file_name": pl.String, "line": pl.Int64, "reason": pl.String, "detail": pl.String,
          "record": pl.String}  # fmt: skip


def sniff(head: bytes) -> bool:
    """A first line that names the columns of a read, and is not one of usage."""
    first = head.removeprefix(BOM).splitlines()[:1]
    names = first[0].decode("utf-8", "replace").split(",") if first else []
    plain = {name.strip().strip('"') for name in names}
    return plain >= REQUIRED and bool(plain & _WHOSE) and not plain >= _USAGE


def load(
    path: Path, *, source: str, digest: str, progress: Callable[[int], None] | None = None
) -> Batch:
    """Load a file of reads as a batch (see usage.intake). Raises UsageFileError."""
    rows, unread = [], [pl.DataFrame(schema=UNREAD)]
    count = 0
    for chunk in decode_blocks(numbered(path), path, _check_header):
        rows.append(chunk.records)
        unread.append(chunk.rejects)
        count += chunk.records.height + chunk.rejects.height
        if progress:
            progress(count)
    frame = pl.concat(rows, how="diagonal") if rows else pl.DataFrame(schema={"line": pl.UInt32})
    text = pl.struct(pl.col("record").alias("text")).struct.json_encode()
    lost = pl.concat(unread).with_columns(record=text, file_name=pl.lit(path.name))
    return taken(frame, source=source, file_name=path.name, digest=digest, unread=lost)


def _check_header(names: list[str], path: Path) -> None:
    missing = sorted(REQUIRED - set(names))
    if not _WHOSE & set(names):
        missing.append("serial (or identifier)")
    if missing:
        raise UsageFileError(file=path.name, why=f"the header has no column {', '.join(missing)}")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Reads to keep, accepted or held for review, and those that are refused."""

    reads: pl.DataFrame  # validate.JUDGED, line
    rejects: pl.DataFrame  # normalise.REJECTS
    identifiers: list[str]


def taken(
    rows: pl.DataFrame, *, source: str, file_name: str, digest: str = "",
    unread: pl.DataFrame | None = None,
) -> Batch:  # fmt: skip
    """Take rows (line, COLUMNS; file_name and file_line if they come from elsewhere) in as a batch:
    every one ends as kept (accepted or held), rejected or duplicate. After lock_loading()."""
    lock_batches()
    kept = decided(rows, source=source)
    lost = unread if unread is not None else pl.DataFrame(schema=_SHOWN)
    count, rejected = rows.height + lost.height, kept.rejects.height + lost.height
    batch = register_batch(
        pl.DataFrame(schema=TOTALS), None, [], source=source, file_name=file_name, format=NAME,
        digest=digest, records=count, rated=kept.reads.height, rejected=rejected,
        duplicates=count - kept.reads.height - rejected,
    )  # fmt: skip
    write(kept.reads, batch.pk)
    told = [lost.select(_shown()), _told(kept.rejects, rows, file_name)]
    write_rejects(batch, pl.concat(told))
    follow(kept.identifiers)
    return batch


def _shown() -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in _SHOWN.items()]


def _told(rejects: pl.DataFrame, rows: pl.DataFrame, file_name: str) -> pl.DataFrame:
    """Rejects with the rows as they came."""
    named = rows if "file_name" in rows.columns else rows.with_columns(file_name=pl.lit(file_name))
    texts = [name for name in named.columns if name not in ("line", "file_name", "file_line")]
    place = "file_line" if "file_line" in rows.columns else "line"
    came = named.select(
        pl.col("line").cast(pl.Int64), "file_name", pl.col(place).alias("place"),
        record=pl.struct(texts).struct.json_encode() if texts else pl.lit("{}"),
    )  # fmt: skip
    joined = rejects.join(came, on="line").with_columns(line=pl.col("place"))
    return joined.select(_shown())


def decided(rows: pl.DataFrame, *, source: str) -> Kept:
    """What becomes of rows (line, COLUMNS)."""
    wanted = [name for name in rows.columns if name in ("line", *COLUMNS)]
    good, malformed = typed(rows.select(wanted), source, clock.now())
    registers = _registers(good)
    identifiers = sorted({*good["identifier"].drop_nulls(), *registers["identifier"].drop_nulls()})
    places = snapshot.places(identifiers)
    own = registers.select("register_id", "serial", "code", "timezone").unique()
    placed, lost = found(good, own, places.channels)
    new = without_duplicates(placed, _known(placed))
    ids = new_ids("reads_read", new.height)
    fresh = new.with_columns(ids.alias("read_id"), reviewed=pl.lit(False))
    looked = judged(
        fresh.select(READS.keys()), snapshot.reads(places.channels), places.channels,
        places.limits, snapshot.occupied(places.channels),
    )  # fmt: skip
    about = fresh.select("read_id", "line", "register_id", "value", "source")
    kept = looked.join(about, on="read_id")
    touched = places.channels.join(kept, on="channel", how="semi")["identifier"].unique().to_list()
    return Kept(reads=kept, rejects=pl.concat([malformed, lost]), identifiers=touched)


def _registers(rows: pl.DataFrame) -> pl.DataFrame:
    """register_id, serial, code, timezone, identifier: the registers of the meters that are named,
    or that are or were at the places that are, and all their places."""
    return read_frame(
        """
        SELECT r.id, m.serial, r.code, m.timezone, i.identifier
        FROM reads_meter m JOIN reads_register r ON r.meter_id = m.id
        LEFT JOIN reads_installation i ON i.meter_id = m.id
        WHERE m.serial = ANY(%s) OR m.id IN (
            SELECT meter_id FROM reads_installation WHERE identifier = ANY(%s))
        """,
        [rows[name].drop_nulls().unique().to_list() for name in ("serial", "identifier")],
        schema={"register_id": pl.Int64, "serial": pl.String, "code": pl.String,
                "timezone": pl.String, "identifier": pl.String},
    )  # fmt: skip


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """register_id, at, units, quality of what was said before at the instants of rows."""
    stored = read_frame(
        """
        SELECT r.register_id, r.at, (r.value * 10 ^ g.decimals)::bigint, r.quality
        FROM reads_read r JOIN reads_register g ON g.id = r.register_id
        WHERE r.register_id = ANY(%s) AND r.state <> 'backed_out'
            AND r.at BETWEEN %s AND %s
        """,
        [rows["register_id"].unique().to_list(), rows["at"].min(), rows["at"].max()],
        schema={"register_id": pl.Int64, "at": INSTANT, "units": pl.Int64, "quality": pl.String},
    )
    return stored


def write(kept: pl.DataFrame, batch_id: int | None) -> None:
    """Write reads: JUDGED, register_id, value, source, line."""
    held = pl.col("reason").is_not_null()
    write_frame(
        "reads_read",
        kept.select(
            pl.col("read_id").alias("id"), "register_id", "at", "value", "quality", "source",
            pl.when(held).then(pl.lit("held")).otherwise(pl.lit("accepted")).alias("state"),
            pl.col("reason").fill_null(""), pl.lit("").alias("detail"),
            pl.lit(False).alias("reviewed"), pl.lit(batch_id, pl.Int64).alias("batch_id"), "line",
            pl.lit(clock.now()).alias("received_at"),
        ),
    )  # fmt: skip


def recycle(rejects: Sequence[Reject], changes: Mapping[str, str]) -> Batch:
    """Try rejected reads again, with some columns changed."""
    records = [
        {name: str(value) for name, value in row.record.items() if value is not None}
        | dict(changes)
        for row in rejects
    ]
    names = sorted({name for record in records for name in record})
    rows = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
        line=pl.int_range(1, len(records) + 1, dtype=pl.UInt32, eager=True),
        file_line=pl.Series([row.line for row in rejects], dtype=pl.Int64),
        file_name=pl.Series([row.file_name for row in rejects], dtype=pl.String),
    )
    batch = taken(rows, source=rejects[0].batch.source, file_name="rejects")
    Reject.objects.filter(pk__in=[row.pk for row in rejects]).update(state="recycled")
    audit.record(
        "reads.recycle", f"usage_batch:{batch.pk}",
        after={"rejects": [row.pk for row in rejects], "changes": dict(changes)},
    )  # fmt: skip
    return batch


def contracts_changed(subscription_ids: Sequence[int]) -> None:
    """Usage of meters at their places is to follow."""
    stale.note_contracts(subscription_ids)


def identifiers_changed(values: Sequence[str]) -> None:
    """Usage of meters at these places is to follow."""
    stale.note_places(values)


def back_out(batch: Batch) -> Batch:
    """Take the reads of a batch out again, as if they had never come."""
    rows = Read.objects.filter(batch=batch).exclude(state="backed_out")
    registers = list(rows.values_list("register_id", flat=True).distinct())
    rows.update(state="backed_out")
    Batch.objects.filter(pk=batch.pk).update(state="backed_out")
    Reject.objects.filter(batch=batch, state="open").update(state="discarded")
    made = register_batch(
        pl.DataFrame(schema=TOTALS), None, [], source=batch.source, file_name=batch.file_name,
        format="back-out", digest="", records=0, rated=0, rejected=0, duplicates=0, corrects=batch,
    )  # fmt: skip
    audit.record("reads.back_out", f"usage_batch:{batch.pk}", after={"by": made.pk})
    follow(places_of(registers))
    return made


def places_of(registers: Sequence[int]) -> list[str]:
    """Where the meters of registers are or were."""
    rows = read_frame(
        """
        SELECT DISTINCT i.identifier FROM reads_installation i
        JOIN reads_register r ON r.meter_id = i.meter_id WHERE r.id = ANY(%s)
        """,
        [list(registers)],
        schema={"identifier": pl.String},
    )
    return rows["identifier"].to_list()
