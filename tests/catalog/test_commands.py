"""The commands of the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meterline.catalog.commands import app
from meterline.catalog.errors import CatalogInvalid, SeveralFiles, UnknownPlan
from meterline.catalog.models import PlanVersion
from meterline.kernel.errors import MeterlineError

pytestmark = pytest.mark.django_db
EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*/catalogue.yaml"))
CATALOGUE = """\
currency: EUR
meters: {calls: {aggregation: count}}
rate_cards: {world: {key: {field: to}, file: rates.csv}}
plans:
  a:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
"""


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, MeterlineError):
        raise result.exception
    return result


def run(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def file(tmp_path: Path, home: Path) -> Path:
    (tmp_path / "rates.csv").write_text("key,step1_price\n39,0.1\n")
    (tmp_path / "c.yaml").write_text(CATALOGUE)
    return tmp_path / "c.yaml"


def test_validate_tells_all_faults_of_all_files(file: Path, tmp_path: Path) -> None:
    assert run("validate", file) == f"{file}: valid; plans: a\n"
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(CATALOGUE.replace("EUR", "EURO").replace("world}", "moon}"))
    result = invoke("validate", faulty, file, tmp_path / "gone.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{faulty}:1: currency: unknown currency 'EURO': expected an ISO 4217 code such as EUR",
        f"{faulty}:8: plans.a.prices.calls.card: unknown rate card 'moon' (expected one of world)",
        f"{tmp_path / 'gone.yaml'}:1: file: cannot be read: No such file or directory",
    ]
    assert result.stdout == f"{file}: valid; plans: a\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_are_valid_and_can_be_applied(path: Path, home: Path) -> None:
    assert invoke("validate", path).stderr == ""
    assert run("apply", path).endswith(", 0 unchanged\n")
    assert run("apply", path).startswith("0 published, ")


def test_apply_tells_what_it_made_and_a_dry_run_makes_nothing(file: Path) -> None:
    told = json.loads(run("apply", file, "--dry-run", "--json"))
    assert [(one["kind"], one["code"], one["state"]) for one in told] == [
        ("meter", "calls", "new"), ("rate_card", "world", "new"), ("plan", "a", "new"),
    ]  # fmt: skip
    assert PlanVersion.objects.count() == 0
    assert run("apply", file).splitlines() == [
        "meter: calls", "rate_card: world", "plan: a", "3 published, 0 unchanged",
    ]  # fmt: skip
    told = json.loads(run("apply", file, "--json"))
    assert told == {"published": {}, "unchanged": 3, "moved": {}}
    assert PlanVersion.objects.count() == 1


def test_diff_shows_each_field(file: Path) -> None:
    run("apply", file)
    file.write_text(CATALOGUE.replace('"9.90"', '"12.00"'))
    assert run("diff", file, "--effective", "2090-01-01").splitlines() == [
        "plan a: version 2, from 2090-01-01",
        "    prices.base.amount: 9.90 -> 12.00",
        "    0 subscriptions keep the version that they have",
        "1 to publish, 2 unchanged",
    ]
    (changed,) = [one for one in json.loads(run("diff", file, "--json")) if one["differences"]]
    assert changed["differences"] == [
        {"field": "prices.base.amount", "before": "9.90", "after": "12.00"}
    ]


def test_list_and_show(file: Path) -> None:
    assert "No plans yet" in run("list")
    run("apply", file)
    (row,) = json.loads(run("list", "--json"))
    assert (row["plan"], row["name"], row["version"]) == ("a", "A", 1)
    assert "A" in run("list")
    result = invoke("show", "a")
    assert 'amount: "9.90"' in result.stdout
    assert "rates" not in result.stdout and "world.csv): use --output" in result.stderr
    shown = json.loads(run("show", "a", "--json"))
    assert (shown["plan"], shown["body"]["prices"]["base"]["amount"]) == ("a", "9.90")
    with pytest.raises(UnknownPlan):
        invoke("show", "b")


def test_export_to_a_file_and_to_a_folder(file: Path, tmp_path: Path) -> None:
    run("apply", file)
    run("export", "--output", tmp_path / "one" / "all.yaml")
    run("export", "--output", tmp_path / "two")
    for path in (tmp_path / "one" / "all.yaml", tmp_path / "two" / "EUR-UTC.yaml"):
        assert (path.parent / "world.csv").read_text() == "key,step1_price\n39,0.1\n"
        assert run("diff", path) == "0 to publish, 3 unchanged\n"
    file.write_text("currency: USD\nplans: {b: {prices: {}}}\n")
    run("apply", file)
    with pytest.raises(SeveralFiles, match="2 currencies or time zones"):
        invoke("export", "--output", tmp_path / "all.yaml")
    assert run("export", "--plan", "b").startswith("currency: USD\n")


def test_a_faulty_file_publishes_nothing(file: Path) -> None:
    file.write_text(CATALOGUE.replace("calls, model", "cells, model"))
    with pytest.raises(CatalogInvalid, match="unknown meter 'cells'"):
        invoke("apply", file)
    assert PlanVersion.objects.count() == 0
