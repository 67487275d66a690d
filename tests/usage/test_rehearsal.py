"""A dry run takes away what it made, and nothing of what others made meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.world import set_up
from django.db import connection

from meterline.platform import clock, files
from meterline.scenario.scratch import scratch
from meterline.usage import services
from meterline.usage.models import Batch
from meterline.usage.rehearsal import rehearsal


def usage(folder: Path, number: int) -> Path:
    path = folder / f"usage-{number}.csv"
    path.write_text(f"id,meter,subscription,start,mb\nr{number},data,s1,2026-01-05T10:00:00Z,2\n")
    return path


def load_beside(path: Path) -> int:
    """In another transaction, which ends before the dry run does."""
    try:
        return services.load_file(path).pk
    finally:
        connection.close()


def test_a_dry_run_leaves_what_others_load_meanwhile(
    django_db_blocker: Any, tmp_path: Path
) -> None:
    with django_db_blocker.unblock(), scratch():
        set_up()
        clock.move_to(datetime(2026, 2, 1, 12, tzinfo=UTC))
        with rehearsal(), ThreadPoolExecutor(1) as thread:
            theirs = thread.submit(load_beside, usage(tmp_path, 1)).result()
            ours = services.load_file(usage(tmp_path, 2))
        assert [batch.pk for batch in Batch.objects.all()] == [theirs]
        folders = {path.name for path in files.folder("usage").iterdir()}
        assert folders == {Batch.objects.get(pk=theirs).path}
        assert ours.path not in folders
