"""Dry runs that touch usage: done, looked at and taken back, rows and the files behind them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Max

from meterline.platform import files
from meterline.platform.trial import trial
from meterline.usage.models import Batch


@contextmanager
def rehearsal() -> Iterator[None]:
    """Whatever is written inside is taken back at its end, also the batches by which usage is rated
    anew, with their folders."""
    newest = Batch.objects.aggregate(newest=Max("pk"))["newest"] or 0
    made: list[str] = []
    try:
        with trial():
            yield
            later = Batch.objects.filter(pk__gt=newest).exclude(path="")
            made += later.values_list("path", flat=True)
    finally:
        kept = Batch.objects.filter(path__in=made).values_list("path", flat=True)
        for path in set(made) - set(kept):  # those of others are registered still
            shutil.rmtree(files.folder("usage") / path)
