"""How long records stay, by source: then their batches are archived, or their records erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from meterline.platform import audit, clock, files
from meterline.usage.archive import archive, let_go
from meterline.usage.errors import InvalidRetention
from meterline.usage.models import Batch, Source
from meterline.usage.store import scan

AFTERWARDS = ("archive", "erase")


@dataclass(frozen=True, kw_only=True)
class Due:
    """A batch whose records have stayed long enough."""

    batch: Batch
    afterwards: str
    archive: str  # where to


def set_retention(
    code: str, *, keep_months: int | None, afterwards: str = "archive", archive: str = ""
) -> Source:
    """Say how many months the records of a source stay (None: for ever), and what is done then.
    Raises InvalidRetention."""
    if keep_months is not None and keep_months < 1:
        raise InvalidRetention(what=f"{keep_months} months")
    if afterwards not in AFTERWARDS:
        raise InvalidRetention(what=afterwards)
    fields = {"keep_months": keep_months, "afterwards": afterwards, "archive": archive}
    before = Source.objects.filter(code=code).values(*fields).first()
    source, _ = Source.objects.update_or_create(code=code, defaults=fields)
    audit.record("usage.retention_set", f"usage_source:{code}", before=before, after=fields)
    return source


def due() -> list[Due]:
    """The batches whose records are to go, the oldest first. One that holds records of several
    sources (a re-rating, recycled rejects) goes when the last of them would."""
    rules = {one.code: one for one in Source.objects.exclude(keep_months=None)}
    if not rules:
        return []
    cutoffs = {code: _before(one.keep_months or 0) for code, one in rules.items()}
    rows = Batch.objects.filter(state="committed", last_start__lt=max(cutoffs.values()))
    found = []
    for one in rows.exclude(path="").exclude(records_at="erased").order_by("pk"):
        sources = _sources_of(one) if one.format in ("re-rate", "recycle") else {one.source}
        if not sources <= rules.keys():
            continue
        assert one.last_start is not None
        if one.last_start >= min(cutoffs[code] for code in sources):
            continue
        mild = [rules[code] for code in sorted(sources) if rules[code].afterwards == "archive"]
        rule = mild[0] if mild else rules[min(sources)]
        if one.records_at == "archived" and rule.afterwards == "archive":
            continue
        found.append(Due(batch=one, afterwards=rule.afterwards, archive=rule.archive))
    return found


def keep_to_it() -> Sequence[Due]:
    """Archive or erase what is due, a batch a transaction."""
    found = due()
    for one in found:
        if one.afterwards == "archive":
            archive(one.batch.pk, one.archive)
        else:
            let_go(one.batch.pk)
    return found


def _before(months: int) -> datetime:
    """The instant so many months ago, by the first of its month: a month goes as a whole."""
    now = clock.now().astimezone(UTC)
    count = now.year * 12 + now.month - 1 - months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def _sources_of(one: Batch) -> set[str]:
    """Where the records of a correction came from."""
    rows = scan(files.folder("usage") / one.path, "rated", [one.pk])
    if rows is None:
        return {one.source}
    origins = rows.select(pl.col("origin").unique()).collect()["origin"].to_list()
    return set(Batch.objects.filter(pk__in=origins).values_list("source", flat=True)) or {
        one.source
    }
