"""What the benchmarks share: a data folder of their own, the clock, and the line they print."""

from __future__ import annotations

import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def scratch() -> Iterator[str]:
    """A fresh data folder with a migrated embedded database; gone afterwards."""
    folder = tempfile.mkdtemp(prefix="meterline-benchmark-")
    os.environ["METERLINE_HOME"] = folder
    from pathlib import Path

    try:
        prepare()
        yield folder
    finally:
        from django.db import connection

        from meterline.platform.embedded import stop

        connection.close()
        stop(Path(folder) / "postgresql")
        shutil.rmtree(folder, ignore_errors=True)


def prepare() -> None:
    """The product with a migrated embedded database in the data folder METERLINE_HOME."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "meterline.platform.settings"
    os.environ.pop("METERLINE_DATABASE_URL", None)
    import django

    django.setup()
    from meterline.platform.migrate import migrate

    migrate()


@contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """The time of a block, under a name."""
    start = time.perf_counter()
    yield
    seconds[what] = time.perf_counter() - start


def report(benchmark: str, n: int, seconds: float, limit_seconds: float) -> None:
    """The line that every benchmark prints last."""
    peaks = [resource.getrusage(who).ru_maxrss for who in
             (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]  # fmt: skip
    tell(
        benchmark, n, seconds=round(seconds, 3), per_second=round(n / seconds),
        limit_seconds=round(limit_seconds, 3), ratio_to_limit=round(seconds / limit_seconds, 2),
        peak_rss_mib=round(max(peaks) / 1024),
    )  # fmt: skip


def tell(benchmark: str, n: int, **figures: float | str) -> None:
    """One JSON line: the benchmark, how many of what it is about, and its figures."""
    print(json.dumps({"benchmark": benchmark, "n": n, **figures}))
