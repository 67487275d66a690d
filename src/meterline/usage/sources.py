"""Sources of usage: what each sent, what is missing, and the folders that are watched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models import Count, Max, Sum

from meterline.platform import audit
from meterline.usage import formats
from meterline.usage.errors import UnknownFolder, UsageFileError
from meterline.usage.mapping import read_mapping
from meterline.usage.models import Batch, Delivery, Gap, Source, Stream
from meterline.usage.sequence import shown


@dataclass(frozen=True, kw_only=True)
class StreamTold:
    """A sequence of files: the number that comes next, and those that are missing."""

    name: str
    expected: int
    missing: str
    missing_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class SourceTold:
    """A source and what came from it; batches that were backed out do not count."""

    code: str
    folder: str
    files: int
    records: int
    rejected: int
    flagged: int
    last_at: datetime | None
    streams: tuple[StreamTold, ...]


def sources() -> list[SourceTold]:
    """All sources, by code."""
    sums = {
        row["source"]: row
        for row in Batch.objects.filter(state="committed", corrects=None)
        .values("source")
        .annotate(
            files=Count("id"), last_at=Max("committed_at"), records_sum=Sum("records"),
            rejected_sum=Sum("rejected"),
        )
    }  # fmt: skip
    flagged = dict(
        Delivery.objects.filter(batch__state="committed")
        .exclude(remarks=[])
        .values_list("batch__source")
        .annotate(Count("id"))
    )
    streams: dict[int, list[StreamTold]] = {}
    gaps: dict[int, list[Gap]] = {}
    for gap in Gap.objects.order_by("first"):
        gaps.setdefault(gap.stream_id, []).append(gap)
    for stream in Stream.objects.order_by("name"):
        streams.setdefault(stream.source_id, []).append(_stream(stream, gaps.get(stream.pk, [])))
    found = []
    for source in Source.objects.order_by("code"):
        row = sums.get(source.code, {})
        found.append(
            SourceTold(
                code=source.code, folder=source.folder, files=row.get("files", 0),
                records=row.get("records_sum") or 0, rejected=row.get("rejected_sum") or 0,
                flagged=flagged.get(source.code, 0), last_at=row.get("last_at"),
                streams=tuple(streams.get(source.pk, [])),
            )
        )  # fmt: skip
    return found


def _stream(stream: Stream, gaps: list[Gap]) -> StreamTold:
    return StreamTold(
        name=stream.name, expected=stream.expected,
        missing=shown([(gap.first, gap.last) for gap in gaps]),
        missing_since=min((gap.noticed_at for gap in gaps), default=None),
    )  # fmt: skip


def set_source(
    code: str,
    *,
    folder: Path | None = None,
    format: str | None = None,
    mapping: Path | None = None,
    settle: int = 5,
    late_days: int | None = None,
) -> Source:
    """Say how a source is read, the folder (None: none) in which the worker looks for its
    files, and the days (None: any number) after which its records go to review.
    Raises UnknownFolder; UsageFileError for a mapping that will not do."""
    if folder is not None and not folder.is_dir():
        raise UnknownFolder(folder=folder)
    if format is not None and format not in formats.names():
        known = ", ".join(formats.names())
        raise UsageFileError(file=code, why=f"there is no format {format}; choose {known}")
    if mapping is not None:
        read_mapping(mapping)
    fields = {
        "folder": "" if folder is None else str(folder.resolve()), "format": format or "",
        "mapping": "" if mapping is None else str(mapping.resolve()), "settle_seconds": settle,
        "late_days": late_days,
    }  # fmt: skip
    source, _ = Source.objects.update_or_create(code=code, defaults=fields)
    audit.record("usage.source_set", f"usage_source:{code}", after=fields)
    return source
