"""Simulations that are kept: asked on a page, worked out by a job, reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.db import transaction

from meterline.catalog import drafts
from meterline.catalog.drafts import Kept
from meterline.catalog.files import CatalogFile, parse
from meterline.catalog.models import Draft
from meterline.insight import report
from meterline.insight.jobs import simulate_what_if
from meterline.insight.models import WhatIf, WhatIfFile
from meterline.insight.segment import conditions
from meterline.insight.simulate import simulate
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock, files
from meterline.platform.database import apart


def ask_draft(draft: Draft, *, months: int, segment: Sequence[str]) -> WhatIf:
    """Ask what a draft would change. Raises UnknownSegment."""
    conditions(segment)
    with transaction.atomic():
        return _ask(WhatIf(draft=draft, name=draft.name, months=months, segment=list(segment)))


def ask_files(name: str, kept: Sequence[Kept], *, months: int, segment: Sequence[str]) -> WhatIf:
    """Ask what a catalogue file (`name` among the files) would change.

    Raises UnknownSegment, CatalogInvalid.
    """
    conditions(segment)
    with drafts.unpacked(kept) as folder:
        parse(folder / name)
    with transaction.atomic():
        one = _ask(WhatIf(name=name, months=months, segment=list(segment)))
        WhatIfFile.objects.bulk_create(
            WhatIfFile(what_if=one, path=each.path, content=each.content) for each in kept
        )
    return one


def again(one: WhatIf) -> None:
    """Begin anew with one that was interrupted."""
    with transaction.atomic():
        WhatIf.objects.filter(pk=one.pk).update(state="waiting", done=0, total=0)
        simulate_what_if.defer(what_if=one.pk)


def _ask(one: WhatIf) -> WhatIf:
    one.asked_by, one.asked_at = audit.actor(), clock.now()
    one.save()
    simulate_what_if.defer(what_if=one.pk)
    audit.record("insight.what_if", f"what_if:{one.pk}", after={"file": one.name,
                 "draft": one.draft_id, "months": one.months, "segment": one.segment})  # fmt: skip
    return one


def run(what_if_id: int) -> WhatIf:
    """Work one out and keep what it came to; what cannot be simulated is told on it."""
    one = WhatIf.objects.get(pk=what_if_id)
    WhatIf.objects.filter(pk=one.pk).update(state="working")
    try:
        with _catalogue(one) as catalogue:
            found = simulate(
                catalogue, months=one.months, segment=conditions(one.segment),
                progress=lambda done, total: _advance(one.pk, done, total),
            )  # fmt: skip
    except MeterlineError as error:
        one.state, one.problem = "failed", error.message
    else:
        files.write_whole(bills_file(one), report.bills_csv(found.bills).write_csv)
        one.state, one.report = "done", report.as_dict(found)
        one.done = one.total = found.bills.height
    one.finished_at = clock.now()
    one.save(update_fields=["state", "problem", "report", "done", "total", "finished_at"])
    return one


def bills_file(one: WhatIf) -> Path:
    """Where the bills one by one are kept, as CSV."""
    return files.folder("what-ifs") / f"{one.pk}.csv"


def _advance(what_if_id: int, done: int, total: int) -> None:
    """The simulation reads at one moment, and writes nothing: this goes beside it."""
    with apart() as beside, beside.cursor() as cursor:
        cursor.execute(
            "UPDATE insight_whatif SET done = %s, total = %s WHERE id = %s",
            [done, total, what_if_id],
        )


@contextmanager
def _catalogue(one: WhatIf) -> Iterator[CatalogFile]:
    if one.draft is not None:
        with drafts.opened(one.draft) as (catalogue, _scenarios):
            yield catalogue
        return
    kept = [Kept(path=row.path, content=bytes(row.content)) for row in one.files.order_by("id")]
    with drafts.unpacked(kept) as folder:
        yield replace(parse(folder / one.name), name=one.name)
