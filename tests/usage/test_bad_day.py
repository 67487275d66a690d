"""The runbook for a bad day runs as written, and everybody has paid what is right in the end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterline.platform.embedded import stop

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "a-bad-day.md"

pytestmark = pytest.mark.slow


class Home:
    """A data folder in which the runbook was followed."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            **os.environ, "METERLINE_HOME": str(folder), "COLUMNS": "200",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip
        self.environment.pop("METERLINE_DATABASE_URL", None)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
        return done.stdout

    def json(self, *command: str) -> Any:
        return json.loads(self.run("meterline", *command, "--json"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield Home(tmp_path)
    stop(tmp_path / "postgresql")


def test_the_runbook_runs_as_written(home: Home) -> None:
    text = HOW_TO.read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    told = home.run("bash", "-ec", "\n".join(blocks))
    for words in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        assert words.strip() in told
    assert "refused" in told.splitlines()
    assert home.json("usage", "rejects") == []
    states = Counter(row["state"] for row in home.json("usage", "list"))
    assert states["backed_out"] == 1
    paid: dict[str, Decimal] = {}
    for row in home.json("invoice", "list"):
        paid[row["account"]] = paid.get(row["account"], Decimal(0)) + Decimal(row["total"])
    assert paid == {"jo": Decimal("1.00"), "mo": Decimal("0.70")}
