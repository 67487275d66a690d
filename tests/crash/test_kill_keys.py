"""Whoever writes runs of keys is killed at random moments, and loads go on beside: in the end each
record is known, once."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import psycopg
import pytest
from crash.company import ACCOUNTS, Company

pytestmark = pytest.mark.slow

KILLS = 8
TEND = """
import django
django.setup()
from meterline.usage import tend_keys
tend_keys._RUN_KEYS = 1000
while True:
    tend_keys.tend(batches_most=0, keys_most=0)
"""


def rated(company: Company) -> int:
    with psycopg.connect(company.url) as reader:
        (found,) = reader.execute("SELECT sum(rated)::bigint FROM usage_batch").fetchall()
    return int(found[0])


def test_keys_are_neither_lost_nor_doubled(copy: Callable[[str], Company]) -> None:
    company, chance = copy("keys"), random.Random(20260201)
    lines = (company.folder / "usage-0.csv").read_text().splitlines()
    header, records, at = lines[0], lines[1:], 0
    for number in range(KILLS):
        part = records[at : at + chance.randint(500, 3_000)]
        at += len(part)
        path = company.folder / f"part-{number}.csv"
        path.write_text("\n".join([header, *part, *records[:at:50]]))
        tending = company.start("-c", TEND)
        loading = company.start("-m", "meterline", "usage", "load", str(path))
        time.sleep(chance.uniform(1.0, 4.0))
        tending.send_signal(signal.SIGKILL)
        tending.communicate()
        _, errors = loading.communicate()
        assert loading.returncode == 0, errors[-2000:]
    new = sum(int(record.split(",")[2][1:]) < ACCOUNTS for record in records[:at])
    assert rated(company) == new
    path = company.folder / "all.csv"
    path.write_text("\n".join([header, *records[:at], "again,calls,A0001,2026-01-05T10:00:00Z,3"]))
    company.meterline("usage", "load", str(path))
    assert rated(company) == new + 1
