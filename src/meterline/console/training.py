"""Training: the demo company reset by a background job, and how far that is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass

from django.core.cache import cache
from procrastinate.exceptions import AlreadyEnqueued

from meterline.demo.errors import ResetUnderWay
from meterline.demo.restore import check
from meterline.platform import audit

_KEY = "training:progress"
_KEPT_SECONDS = 24 * 3600
_MONTH = re.compile(r"\d{4}-\d{2}  ")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Months that were lived, of how many; `failed` says what went wrong."""

    done: int
    total: int
    failed: str = ""

    @property
    def running(self) -> bool:
        """Is it under way?"""
        return not self.failed and self.done < self.total


def progress() -> Progress | None:
    """How far the last reset is; None where there was none today."""
    kept = cache.get(_KEY)
    return None if kept is None else Progress(**kept)


def begin() -> None:
    """Give the reset to a job. Raises NotASandbox, NotOnlyDemoData, ResetUnderWay."""
    from meterline.console.jobs import restore_demo

    size = check()
    try:
        restore_demo.defer(actor=audit.actor())
    except AlreadyEnqueued:
        raise ResetUnderWay from None
    audit.record("sandbox.reset", "demo", after={"customers": size.customers})
    _tell(Progress(done=0, total=size.months))


def work() -> None:
    """Do it, in a process of its own, since it moves the clock."""
    total = check().months
    _tell(Progress(done=0, total=total))
    command = [sys.executable, "-m", "meterline", "demo", "--restore"]
    lived, said = 0, ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lived, said = lived + bool(_MONTH.match(line)), line.strip() or said
            _tell(Progress(done=min(lived, total - 1), total=total))
    if process.returncode:
        _tell(Progress(done=lived, total=total, failed=said))
        raise subprocess.CalledProcessError(process.returncode, command)
    _refresh()
    _tell(Progress(done=total, total=total))


def _refresh() -> None:
    from meterline.insight import reports
    from meterline.web import figures
    from meterline.web.page import load_pages

    load_pages()
    figures.refresh()
    reports.refresh()


def _tell(state: Progress) -> None:
    cache.set(_KEY, asdict(state), _KEPT_SECONDS)
