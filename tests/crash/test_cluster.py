"""A real Ray cluster of several nodes, of which two die in the middle: the same, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crash.company import Company
from crash.on_ray import LOAD

pytestmark = pytest.mark.slow
ALONE = ("unshare", "--net")  # nobody reaches the cluster from outside


def test_a_cluster_that_loses_nodes_makes_the_same(copy: Callable[[str], Company]) -> None:
    near, far = copy("near"), copy("far")
    near.run("-c", LOAD, *(str(path) for path in sorted(near.folder.glob("usage-*.csv"))))
    near.run(*near.bill("run", 1))
    script = Path(__file__).with_name("on_ray.py")
    done = subprocess.run(
        [*ALONE, sys.executable, str(script), str(far.folder), far.url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert far.state() == near.state()
    assert len(near.state()["invoices"]) > 300
    far.meterline("doctor")


def test_an_engine_that_is_none_is_refused() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "meterline", "--engine", "spark", "usage", "list"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, "spark is no engine" in told.stderr) == (2, True)
