"""The runbook for a bad day runs as written, and everybody has paid what is right in the end."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from meterline.cli import app
from meterline.scenario.scratch import scratch

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "a-bad-day.md"
REFUSED = " || echo refused"


def run(line: str) -> str:
    """Run a line of the page: what it prints."""
    words = shlex.split(line.removesuffix(REFUSED))
    assert words[0] == "meterline"
    done = CliRunner().invoke(app, words[1:], env={"COLUMNS": "200"})
    assert (done.exit_code != 0) == line.endswith(REFUSED), (line, done.output, done.exception)
    return done.output


def told(line: str) -> Any:
    return json.loads(run(f"{line} --json"))


def test_the_runbook_runs_as_written(
    django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HOW_TO.read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines[0] == "cd examples/bad-day"
    monkeypatch.chdir(ROOT / "examples" / "bad-day")
    with django_db_blocker.unblock(), scratch():
        printed = "".join(run(line) for line in lines[1:])
        for words in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
            assert words.strip() in printed
        assert told("meterline usage rejects") == []
        states = Counter(row["state"] for row in told("meterline usage list"))
        assert states["backed_out"] == 1
        paid: dict[str, Decimal] = {}
        for row in told("meterline invoice list"):
            paid[row["account"]] = paid.get(row["account"], Decimal(0)) + Decimal(row["total"])
    assert paid == {"jo": Decimal("1.00"), "mo": Decimal("0.70")}
