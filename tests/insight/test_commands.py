"""`meterline catalog simulate`, as text, JSON and CSV."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import polars as pl
import pytest
from insight.operator import CATALOGUE, RAISED, changed, set_up
from typer.testing import CliRunner, Result

from meterline.authoring.commands import app
from meterline.insight.errors import UnknownPeriod
from meterline.kernel.errors import MeterlineError
from meterline.platform.files import NoStore

pytestmark = pytest.mark.django_db


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    if isinstance(result.exception, MeterlineError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_the_report(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    file = tmp_path / "new.yaml"
    file.write_text(changed(*RAISED))
    out = tmp_path / "bills.csv"
    told = json.loads(invoke(file, "--output", out, "--workers", 1, "--json").stdout)
    assert (told["since"], told["until"]) == ("2026-06-01", "2026-07-01")
    assert told["subscriptions"] == {"mobile": 3, "other": 1, "power": 2}
    part = told["currencies"]["EUR"]
    assert part["winners"]["accounts"] + part["losers"]["accounts"] == part["accounts"] == 3
    bills = pl.read_csv(out, infer_schema=False)
    assert bills.columns[:2] == ["account", "currency"]
    assert sorted(bills["account"]) == ["de", "it", "no"]
    # the plans' revenue is that of the bills; taxes of plans are rounded on their own sums
    for side in ("now", "then"):
        nets = [
            pl.Series([row[f"net_{side}"]]).str.to_decimal(scale=10)[0] for row in told["revenue"]
        ]
        assert sum(nets) == bills[f"net_{side}"].str.to_decimal(scale=10).sum()
    url = "memory://reports/bills.csv"
    text = invoke(file, "--workers", 1, "--output", url).stdout
    assert fsspec.open(url).open().read() == out.read_bytes()
    with pytest.raises(NoStore, match="nowhere"):
        invoke(file, "--workers", 1, "--output", "nowhere://x/bills.csv")
    assert "Bills of 2026-06-01 to 2026-07-01 (excluded), now and under the file" in text
    assert "mobile: 3 subscriptions (plan, rate_card world, tax vat, discount ten)" in text
    assert "Largest falls" in text
    assert " then mobile.base: " in text


def test_nothing_affected_and_bad_requests(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    file = tmp_path / "new.yaml"
    file.write_text(CATALOGUE)
    assert invoke(file).stdout.endswith("No plan is affected: the file says what is in force.\n")
    with pytest.raises(UnknownPeriod):
        invoke(file, "--against", "last-year")
