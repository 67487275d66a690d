"""Simulated bills are those that real runs make; what is in force changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from insight.operator import CATALOGUE, RAISED, billed, changed, set_up, undone, written

from meterline.insight.segment import conditions
from meterline.insight.simulate import Simulation, simulate
from meterline.kernel.explain import evaluate

pytestmark = pytest.mark.django_db
OTHER_TOO = ('unit_amount: "3.00"', 'unit_amount: "2.75"')


def by_account(found: Simulation, side: str) -> dict[str, tuple[Decimal, ...]]:
    names = ("account", f"net_{side}", f"tax_{side}", f"total_{side}")
    return {row[0]: row[1:] for row in found.bills.select(names).iter_rows()}


ONE_BY_ONE = [RAISED[number] for number in (0, 1, 3, 7, 8)]


@pytest.mark.parametrize(
    "change", [[*RAISED, OTHER_TOO], *([one, OTHER_TOO] for one in ONE_BY_ONE)]
)
def test_a_simulated_bill_is_what_a_run_bills_under_the_file(
    change: list[tuple[str, str]], tmp_path: Path, home: Path
) -> None:
    # every plan changes, so that the whole bill of each account is compared
    every = [*change, ("phases:", "name: Mobile phone\n    phases:"),
             ("minimum:", "name: Power at home\n    minimum:")]  # fmt: skip
    text = changed(*every)
    with undone():
        set_up(tmp_path, text, ended=True)
        wanted = billed()
    with undone():
        set_up(tmp_path, CATALOGUE, ended=True)
        found = simulate(written(tmp_path, text, "new.yaml"), workers=1)
        assert by_account(found, "then") == wanted
        assert by_account(found, "now") == billed()
    assert wanted != by_account(found, "now")


def test_the_catalogue_in_force_changes_nobody(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    found = simulate(written(tmp_path, CATALOGUE), workers=1)
    assert (found.reasons, found.bills.height) == ({}, 0)


def test_a_file_that_prices_the_same_changes_no_bill(tmp_path: Path, home: Path) -> None:
    """The whole base is rated and billed anew, under versions that differ in their names only."""
    set_up(tmp_path, CATALOGUE, ended=False)
    renamed = (
        ("    phases:", "Another"),
        ("    minimum:", "One"),
        ("    prices:\n      seats", "X"),
    )
    same = changed(*((text, f"    name: {name}\n{text}") for text, name in renamed))
    found = simulate(written(tmp_path, same, "new.yaml"), workers=1)
    assert sorted(found.reasons) == ["mobile", "other", "power"]
    assert found.records > 100
    assert found.bills["difference"].to_list() == [0, 0, 0]
    assert by_account(found, "now") == by_account(found, "then")
    assert found.bills["total_now"].min() > 0
    assert (found.rises, found.falls) == ([], [])


def test_only_plans_that_the_file_touches_are_worked_on(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    card = simulate(written(tmp_path, changed(RAISED[3])), workers=1)
    assert card.reasons == {"mobile": ("rate_card world",)}
    assert card.subscriptions == {"mobile": 3}
    assert set(card.revenue["plan"]) == {"mobile"}
    calendar = simulate(written(tmp_path, changed(('to: "18:00"', 'to: "19:00"'))), workers=1)
    assert calendar.reasons == {
        "mobile": ("rate_card world",), "power": ("calendar hours",),
    }  # fmt: skip
    tax = simulate(written(tmp_path, changed(RAISED[9])), workers=1)
    assert set(tax.reasons) == {"mobile", "other", "power"}
    moved = {row["account"] for row in tax.bills.to_dicts() if row["difference"]}
    assert moved == {"de"}


def test_what_the_file_rejects_is_told(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    row = next(line for line in CATALOGUE.splitlines() if '["44"]' in line)
    meters = [line for line in CATALOGUE.splitlines() if "data: {kind" in line or "tiers:" in line]
    text = changed((row + "\n", ""), ("\n".join(meters) + "\n", ""))
    found = simulate(written(tmp_path, text), workers=1)
    told = {(r["plan"], r["meter"], r["reason"]): r["records"] for r in found.rejects.to_dicts()}
    assert set(told) == {("mobile", "data", "no_price"), ("mobile", "voice", "unknown_destination")}
    data = 16 + 8 + 6  # days 12..27 in steps of one, two and three
    assert told["mobile", "data", "no_price"] == data
    assert found.rejects.filter(reason="unknown_destination")["detail"].to_list() == [
        "card world: no row for 44123"
    ]


def test_overrides_stay_or_are_told(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    dearer = simulate(written(tmp_path, changed(RAISED[1])), workers=1)
    nobody = next(r for r in dearer.bills.to_dicts() if r["account"] == "no")
    assert nobody["difference"] == 0  # base at 7.00 is theirs
    renamed = changed(
        ("      base: {kind", "      fee: {kind"), ("prices: {base:", "prices: {fee:")
    )
    told = simulate(written(tmp_path, renamed), workers=1)
    assert told.unfit == {"mobile.base": 1}


def test_segments(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    file = written(tmp_path, changed(*RAISED))

    def accounts(*texts: str) -> set[str]:
        return set(simulate(file, segment=conditions(texts), workers=1).bills["account"])

    assert accounts() == {"it", "de", "no"}
    assert accounts("region=IT") == {"it"}
    assert accounts("region=IT", "region=DE") == {"it", "de"}
    assert accounts("region=IT", "plan=other") == set()
    assert accounts("plan=power", "currency=EUR") == {"it", "de"}
    assert accounts("seller=nobody") == set()


def test_the_largest_changes_are_explained(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    found = simulate(written(tmp_path, changed(*RAISED)), workers=1)
    shown = [*found.rises, *found.falls]
    assert {row["account"] for row in shown} == {"it", "de", "no"}
    for row in shown:
        for side in ("now", "then"):
            lines = row[f"lines_{side}"]
            assert sum(line["amount"] for line in lines) == row[f"net_{side}"]
            assert all(evaluate(line["expression"]) == line["amount"] for line in lines)


def test_nothing_is_written(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=False)
    deck = tmp_path / "deck.csv"
    deck.write_text("key,step1_price\n39,0.01\n44,0.02\n")
    start, end = CATALOGUE.index("    calendar: hours\n    rows"), CATALOGUE.index("taxes:")
    text = CATALOGUE[:start] + "    file: deck.csv\n" + CATALOGUE[end:]
    before = contents(), sorted(home.rglob("*"))
    found = simulate(written(tmp_path, text, "new.yaml"), workers=1)
    assert found.reasons == {"mobile": ("rate_card world",)}
    after = [path for path in sorted(home.rglob("*")) if path.name != "new.yaml"]
    assert (contents(), after) == before


def contents() -> list[tuple[str, int]]:
    """Every table and how many rows it has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
        names = [row[0] for row in cursor.fetchall()]
        found = []
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            found.append((name, cursor.fetchone()[0]))
        return found


@pytest.mark.slow
def test_the_benchmark_runs_in_worker_processes() -> None:
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "simulate.py"
    done = subprocess.run(
        [sys.executable, str(script), "--accounts", "200", "--workers", "2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1])["n"] == 200
