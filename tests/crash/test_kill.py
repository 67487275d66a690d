"""Loaders and bill runs killed at random moments: in the end all is as if nothing had happened."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from crash.company import Company, named, server_url

pytestmark = pytest.mark.slow

KILLS_LEAST = int(os.environ.get("METERLINE_KILLS", "20"))


def usage_files(company: Company) -> list[Path]:
    return sorted(company.folder.glob("usage-*.csv"))


def undisturbed(company: Company) -> tuple[float, float]:
    """Load and bill; gives the seconds that a load and a bill run take."""
    start = time.monotonic()
    for path in usage_files(company):
        company.meterline("usage", "load", str(path))
    loaded = time.monotonic()
    company.run(*company.bill("run", 2))
    return (loaded - start) / 3, time.monotonic() - loaded


def killed(process: subprocess.Popen[str], chance: random.Random, most: float) -> bool:
    """Kill -9 the process, or one of its workers, at a random moment; False: it was done before."""
    try:
        process.wait(chance.uniform(0.25, 1.0) * most)
    except subprocess.TimeoutExpired:
        family = psutil.Process(process.pid).children(recursive=True)
        victim = chance.choice([process.pid, *(child.pid for child in family)])
        os.kill(victim, signal.SIGKILL)
        if victim == process.pid:
            _, alive = psutil.wait_procs(family, timeout=10)
            assert not alive  # workers end with their parent
        process.communicate(timeout=60)
        return True
    process.communicate()
    return False


def test_killed_at_random_moments(copy: Callable[[str], Company]) -> None:
    usual = copy("usual")
    load_seconds, bill_seconds = undisturbed(usual)
    expected = usual.state()
    assert len(expected["invoices"]) == 400
    chance = random.Random(20260201)
    kills = rounds = 0
    while kills < KILLS_LEAST:
        company = copy(f"round_{rounds}")
        rounds += 1
        for path in usage_files(company):
            while killed(
                company.start("-m", "meterline", "usage", "load", str(path)), chance, load_seconds
            ):
                kills += 1
        action = "run"
        while killed(company.start(*company.bill(action, 2)), chance, bill_seconds):
            kills += 1
            action = "resume"
            time.sleep(0.3)  # the server notices that its clients are gone
        company.run(*company.bill("resume", 1))
        company.run(*company.bill("run", 1))
        assert company.state() == expected
    assert kills >= KILLS_LEAST


def test_a_database_that_goes_away(copy: Callable[[str], Company]) -> None:
    usual, company = copy("steady"), copy("gone")
    undisturbed(usual)
    for path in usage_files(company):
        company.meterline("usage", "load", str(path))
    process = company.start("-m", "meterline", "bill", "run", "--until", "2026-02-01")
    time.sleep(1.0)
    with psycopg.connect(server_url("postgres"), autocommit=True) as server:
        while process.poll() is None:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [named("crash_gone")],
            )
            time.sleep(0.05)
    _, errors = process.communicate()
    assert process.returncode in (0, 3)
    assert process.returncode == 0 or "database" in errors
    company.run(*company.bill("resume", 1))
    company.run(*company.bill("run", 1))
    assert company.state() == usual.state()


def test_a_disk_that_is_full(copy: Callable[[str], Company]) -> None:
    company = copy("full")
    path = usage_files(company)[0]
    process = company.start(
        "-m", "meterline", "usage", "load", str(path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert company.state()["batches"] == []
    assert not list((company.folder / "usage").iterdir())
    company.meterline("usage", "load", str(path))
    assert company.state()["batches"][0][1] == 30_000
