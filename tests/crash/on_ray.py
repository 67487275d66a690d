"""In a network namespace of its own: a Ray cluster of three nodes works for a company, and loses
two of them on the way. `python on_ray.py FOLDER URL`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))
from crash.company import Company

LOAD = """
import sys
import django
django.setup()
from meterline.usage import services
from meterline.usage.formats import csv
csv.BLOCK = 1 << 17
for path in sys.argv[1:]:
    services.load_file(path)
"""
PATIENCE_SECONDS = 300
NODE = {"node_ip_address": "127.0.0.1", "num_cpus": 1, "object_store_memory": 100 << 20}


def until(true: Callable[[], bool], process: Any) -> None:
    """Wait for something that `process` brings about."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < end
        time.sleep(0.02)


def work(company: Company, lose: Callable[[], None], begun: Callable[[], bool], *of: str) -> None:
    """Run Python on the cluster; as soon as it has begun, a node dies."""
    process = company.start(*of)
    until(begun, process)
    lose()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors[-3000:]


def main(company: Company) -> None:
    """Load the company's usage and bill it."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    others = [cluster.add_node(**NODE) for _ in range(2)]
    os.environ["METERLINE_ENGINE"], os.environ["RAY_ADDRESS"] = "ray", cluster.address

    def lose() -> None:
        cluster.remove_node(others.pop(), allow_graceful=False)

    def rated() -> bool:
        return any(company.folder.glob("usage/*/rated-*.parquet"))

    def billed() -> bool:
        with psycopg.connect(company.url) as connection:
            found = connection.execute("SELECT max(chunks_done) FROM billing_run").fetchone()
        return found is not None and bool(found[0])

    files = [str(path) for path in sorted(company.folder.glob("usage-*.csv"))]
    work(company, lose, rated, "-c", LOAD, *files)
    work(company, lose, billed, *company.bill("run", 1))
    cluster.shutdown()


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    main(Company(folder=Path(sys.argv[1]), url=sys.argv[2]))
