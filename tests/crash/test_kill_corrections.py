"""Re-rating, packing and archiving killed at random moments: nothing is left half-done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crash.company import CATALOGUE, Company
from crash.test_kill import killed, usage_files

pytestmark = pytest.mark.slow

KILLS_LEAST = 8
ACTS = (
    ("usage", "rerate", "--from", "2026-01-01", "--commit"), ("usage", "compact"),
    ("usage", "archive", "1"), ("usage", "restore", "1"),
)  # fmt: skip
CHECK = """
import json, django
django.setup()
from datetime import datetime, UTC
from meterline.platform import files
from meterline.usage import services
from meterline.usage.models import Batch, Retired
from meterline.usage.parts import Selection
from meterline.usage.rework import rework
import shutil
for path in services.orphans():
    shutil.rmtree(path)
assert rework(Selection(start=datetime(2026, 1, 1, tzinfo=UTC))).changed == 0
owned = set(Batch.objects.exclude(path="").values_list("path", flat=True))
owned |= set(Retired.objects.values_list("path", flat=True))
assert {path.name for path in files.folder("usage").iterdir()} == owned
assert set(Batch.objects.values_list("records_at", flat=True)) == {"here"}, "restored"
"""


def corrected(company: Company) -> Company:
    """With all its usage, and then a meter that counts calls instead of seconds."""
    for path in usage_files(company):
        company.meterline("usage", "load", str(path))
    path: Path = company.folder / "catalogue.yaml"
    path.write_text(CATALOGUE.replace("aggregation: sum, value: seconds", "aggregation: count"))
    company.meterline("catalog", "apply", str(path))
    return company


def test_corrections_killed_at_random_moments(copy: Callable[[str], Company]) -> None:
    usual = corrected(copy("corrected"))
    before, seconds = usual.state(), []
    for act in ACTS:
        start = time.monotonic()
        usual.meterline(*act)
        seconds.append(time.monotonic() - start)
    usual.run("-c", CHECK)
    expected = usual.state()
    assert expected["totals"] != before["totals"]
    chance = random.Random(20260201)
    kills = rounds = 0
    while kills < KILLS_LEAST:
        company = corrected(copy(f"correcting_{rounds}"))
        rounds += 1
        for act, most in zip(ACTS, seconds, strict=True):
            for _ in range(3):
                if not killed(company.start("-m", "meterline", *act), chance, most):
                    break
                kills += 1
                state = company.state()["totals"]
                assert state in (before["totals"], expected["totals"])
            company.start("-m", "meterline", *act).communicate()  # refused where it is done
        company.run("-c", CHECK)
        found = company.state()
        assert found["totals"] == expected["totals"]
        assert found["batches"] == expected["batches"]
