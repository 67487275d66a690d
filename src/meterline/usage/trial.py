"""Dry runs of usage: what is done inside is undone at its end, with the files that it wrote."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from meterline.platform import files, trial
from meterline.usage.models import Batch


@contextmanager
def usage_trial() -> Iterator[None]:
    """Loads, recycles, back-outs and reversals inside are really made, and leave nothing."""
    newest = Batch.objects.order_by("-id").values_list("id", flat=True).first() or 0
    paths: list[str] = []
    try:
        with trial.trial():
            yield
            made = Batch.objects.filter(pk__gt=newest).exclude(path="")
            paths += made.values_list("path", flat=True)
    finally:
        for path in paths:
            shutil.rmtree(files.folder("usage") / path, ignore_errors=True)
