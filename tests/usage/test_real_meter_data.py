"""The how-to on real meter data runs as written, and every figure of it is right."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterline.kernel.explain import evaluate
from meterline.platform.embedded import stop

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
HOW_TO = ROOT / "docs" / "how-to" / "bill-real-meter-data.md"
CHICAGO = ZoneInfo("America/Chicago")
CENT = Decimal("0.01")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here"),
]


class Home:
    """A data folder in which the how-to was followed."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "METERLINE_HOME": str(folder),
            "DATA": str(DATA),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.environment.pop("METERLINE_DATABASE_URL", None)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def json(self, *command: str) -> Any:
        return json.loads(self.run("meterline", *command, "--json"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    made.run("bash", "-ec", "\n".join(blocks))
    yield made
    stop(tmp_path / "postgresql")


def test_the_how_to_runs_and_its_figures_are_right(
    home: Home, hours: list[tuple[datetime, Decimal]]
) -> None:
    """All that is looked at in one home: to follow the how-to takes longer than to look."""
    check_that_every_file_is_loaded_and_every_record_ends_somewhere(home)
    check_a_year_on_time_of_use(home, hours)
    check_a_year_on_two_tiers(home, hours)


@pytest.fixture(scope="module")
def hours() -> list[tuple[datetime, Decimal]]:
    """Local hours of the Illinois home in 2016, and their kWh."""
    with gzip.open(DATA / "electricity" / "il-electricity-hourly.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    found = [
        (datetime.fromisoformat(row["start"]).astimezone(CHICAGO), Decimal(row["value"]))
        for row in rows
        if row["value"] not in ("", "nan")
    ]
    return [(at, kwh) for at, kwh in found if at.year == 2016]


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def days_of(month: int) -> int:
    after = date(2016 + month // 12, month % 12 + 1, 1)
    return (after - date(2016, month, 1)).days


def lines_of(home: Home, account: str) -> dict[int, list[dict[str, Any]]]:
    """The year's lines by month of use, the explanations of a winter and a summer month checked on
    the way."""
    found: dict[int, list[dict[str, Any]]] = {}
    for invoice in home.json("invoice", "list", "--account", account):
        shown = home.json("invoice", "show", invoice["number"])
        lines = [line for block in shown["blocks"] for line in block["lines"]]
        month = date.fromisoformat(lines[0]["start"]).month
        for told in home.json("invoice", "explain", invoice["number"]) if month in (1, 7) else ():
            assert evaluate(told["explanation"]["expression"]) == Decimal(told["amount"])
        found[month] = lines
    return found


def check_that_every_file_is_loaded_and_every_record_ends_somewhere(home: Home) -> None:
    batches = home.json("usage", "list")
    assert len(batches) == 15
    for batch in batches:
        ends = batch["rated"] + batch["rejected"] + batch["duplicates"]
        assert batch["records"] == ends > 0
    office = next(b for b in batches if b["file"].startswith("commercial"))
    assert (office["records"], office["rated"]) == (8760, 8760)
    totals = home.json("usage", "show", str(office["id"]))["totals"]
    assert round(Decimal(totals[0]["quantity"]), 3) == Decimal("726208.384")


def check_a_year_on_time_of_use(home: Home, hours: list[tuple[datetime, Decimal]]) -> None:
    bills = lines_of(home, "illinois-tou")
    assert sorted(bills) == list(range(1, 13))
    for month, lines in bills.items():
        summer = 6 <= month <= 9
        use = defaultdict(Decimal)
        for at, kwh in hours:
            if at.month == month:
                use["peak" if 16 <= at.hour < 21 else "off_peak"] += kwh
        peak, off = ("0.52240", "0.39940") if summer else ("0.39757", "0.36757")
        baseline = Decimal("9.8" if summer else "9.7") * days_of(month)
        credited = min(baseline, sum(use.values(), Decimal(0)))
        expected = {
            ("Energy", "peak"): rounded(use["peak"] * Decimal(peak)),
            ("Energy", "off peak"): rounded(use["off_peak"] * Decimal(off)),
            ("Baseline credit", "all day"): -rounded(credited * Decimal("0.0814")),
            ("Base services charge", ""): rounded(Decimal("0.79343") * days_of(month)),
        }
        made = {
            (line["name"], line["detail"].split(", ")[0]): Decimal(line["amount"]) for line in lines
        }
        assert made == expected, month


def check_a_year_on_two_tiers(home: Home, hours: list[tuple[datetime, Decimal]]) -> None:
    bills = lines_of(home, "illinois-tiered")
    assert sorted(bills) == list(range(1, 13))
    for month, lines in bills.items():
        baseline = Decimal("9.8" if 6 <= month <= 9 else "9.7") * days_of(month)
        use = sum((kwh for at, kwh in hours if at.month == month), Decimal(0))
        first = min(use, baseline)
        energy = first * Decimal("0.32561") + (use - first) * Decimal("0.40702")
        made = {line["name"]: Decimal(line["amount"]) for line in lines}
        assert made == {
            "Energy": rounded(energy),
            "Base services charge": rounded(Decimal("0.79343") * days_of(month)),
        }, month
