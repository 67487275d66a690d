"""Faults of scenario files: each with file, line and field, all of a document at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.read import read

GOOD = """\
scenario: good
catalog:
  currency: EUR
  timezone: UTC
  plans: {p: {name: P, prices: {base: {kind: recurring, interval: month, model: flat, amount: 1}}}}
accounts: {A: {}}
steps:
  - {at: 2024-01-01, do: subscribe, account: A, plan: p, as: s1}
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems of a file, without its folder."""
    file = tmp_path / "case.yaml"
    file.write_text(text, encoding="utf-8")
    return [
        problem.replace(f"{tmp_path}/", "")
        for one in read(file)
        if isinstance(one, Malformed)
        for problem in one.problems
    ]


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{at: 2024-01-02, do: dance}", "case.yaml:9: steps.1"),
        (
            "{at: 2024-01-02, do: bill, colour: red}",
            "case.yaml:9: steps.1.colour: unknown key",
        ),
        ("{at: yesterday, do: bill}", "case.yaml:9: steps.1.at: expected a date"),
        ("{at: 2024-02-30, do: bill}", "case.yaml:9: steps.1.at: expected a date"),
        (
            "{at: 2024-01-02, do: pay, account: A}",
            "case.yaml:9: steps.1.amount: expected",
        ),
        (
            "{do: pay, account: A, amount: x}",
            "steps.1.amount: expected a decimal number",
        ),
        ("{do: pay, account: A, amount: .nan}", "steps.1.amount: expected a"),
        ("{do: pay, account: B, amount: 1}", "steps.1.account: unknown account B"),
        (
            "{do: cancel, subscription: s9}",
            "steps.1.subscription: unknown subscription s9",
        ),
        ("{do: change, subscription: s1, plan: q}", "steps.1.plan: unknown plan q"),
        (
            "{do: pay, account: A, amount: 1, invoice: i}",
            "steps.1.invoice: unknown invoice i",
        ),
        (
            "{do: subscribe, account: A, plan: p, as: s1}",
            "steps.1.as: the name s1 is taken",
        ),
        ("{do: set_billing_day, account: A, day: 32}", "case.yaml:9: steps.1.day"),
        ("{do: usage, subscription: s1, meter: m, count: 0}", "steps.1.count"),
        ("{do: usage, meter: m}", "case.yaml:9: steps.1: expected either"),
        (
            "{do: rate, event: {}, expect: {amount: 1}}",
            "steps.1: expected either `card`",
        ),
        ("{do: bill, accounts: [Z]}", "steps.1.accounts.0: unknown account Z"),
        (
            "{do: bill, expect: [{account: Z}]}",
            "steps.1.expect.0.account: unknown account Z",
        ),
        (
            "{do: bill, expect: [{account: A, gross: 1}]}",
            "steps.1.expect.0.gross: unknown key",
        ),
        ("{do: bill, expect: {account: A}}", "case.yaml:9: steps.1.expect"),
        (
            "{do: bill, expect: [{account: A, lines: [{prize: base}]}]}",
            "case.yaml:9: steps.1.expect.0.lines.0.prize: unknown key",
        ),
        ("{do: parallel, steps: [{do: bill, x: 1}]}", "steps.1.steps.0.x: unknown key"),
    ],
)
def test_a_fault_of_a_step_is_named(tmp_path: Path, line: str, expected: str) -> None:
    found = problems(tmp_path, f"{GOOD}  - {line}\n")
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("scenario: good\n", "", "case.yaml:1: scenario: expected, but it is missing"),
        (
            "accounts: {A: {}}",
            "accounts: {A: {zone: x}}",
            "case.yaml:6: accounts.A.zone: unknown",
        ),
        (
            "accounts: {A: {}}",
            "accounts: {A: {timezone: Mars/X}}",
            "accounts.A.timezone",
        ),
        ("accounts: {A: {}}", "accounts: {A: {parent: A}}", "accounts.A.parent"),
        (
            "accounts: {A: {}}",
            "accounts: {A: {parent: Z}}",
            "accounts.A.parent: unknown",
        ),
        ("accounts: {A: {}}", "acounts: {A: {}}", "case.yaml:6: acounts: unknown key"),
        ("at: 2024-01-01, ", "", "case.yaml:8: steps.0.at: expected, because"),
        ("model: flat", "model: flatt", "case.yaml:5"),
        ("interval: month", "intervall: month", "case.yaml:5"),
        ("catalog:", "catalog: [", "case.yaml:"),
    ],
)
def test_a_fault_of_the_document_is_named(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert before in GOOD
    found = problems(tmp_path, GOOD.replace(before, after))
    assert any(expected in text for text in found), found


def test_all_faults_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(
        tmp_path, GOOD + "  - {do: dance}\n  - {do: bill, x: 1}\n  - {do: bill, y: 1}\n"
    )
    assert [text.split(":")[1] for text in found] == ["9", "10", "11"]


def test_a_malformed_document_does_not_hide_the_others(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(f"{GOOD}---\nscenario: bad\n---\n{GOOD}", encoding="utf-8")
    kinds = [type(one) for one in read(file)]
    assert kinds == [Scenario, Malformed, Scenario]
    assert [one.name for one in read(file)] == ["good", "bad", "good"]


def test_files_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00scenario")
    empty = tmp_path / "empty.yaml"
    empty.write_text("", encoding="utf-8")
    for file in (binary, empty, tmp_path / "absent.yaml", tmp_path):
        (only,) = read(file)
        assert isinstance(only, Malformed)
        assert str(file) in only.problems[0]
    file = tmp_path / "list.yaml"
    file.write_text("- 1\n", encoding="utf-8")
    assert "expected a mapping" in problems(tmp_path, "- 1\n")[0]


def test_the_catalogue_file_that_a_scenario_names_must_be_there(tmp_path: Path) -> None:
    text = "scenario: x\ncatalog: nowhere.yaml\nsteps: []\n"
    assert "nowhere.yaml" in problems(tmp_path, text)[0]
