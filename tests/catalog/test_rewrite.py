"""Values changed inside a YAML text; everything else of it stays as it was."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.catalog.errors import CannotRewrite
from meterline.catalog.rewrite import REMOVED, flow, rewritten
from meterline.catalog.yaml import load_all

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "examples").glob("*/catalogue.yaml"))
TEXT = """\
# A file with a style of its own.
plans:
  pro:   # the best
    prices:
      base:  {kind: recurring,  model: flat, amount: "10.00"}   # aligned
      api:
        kind: usage
        # the tiers were agreed in March
        tiers:      # three
        - {up_to: 1000, unit_amount: 0}
        - unit_amount: "0.002"
        name: Calls
    empty:

other: 'left alone'
"""
PRICES = ("plans", "pro", "prices")


def data(text: str) -> Any:
    return load_all(text, "t")[0].data


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("place", "value", "lines"),
    [
        ((*PRICES, "base", "amount"), "11.00", [
            '-       base:  {kind: recurring,  model: flat, amount: "10.00"}   # aligned',
            '+       base:  {kind: recurring,  model: flat, amount: "11.00"}   # aligned']),
        ((*PRICES, "base", "tax"), "standard", [
            '-       base:  {kind: recurring,  model: flat, amount: "10.00"}   # aligned',
            '+       base:  {kind: recurring,  model: flat, amount: "10.00", tax: standard}'
            '   # aligned']),
        ((*PRICES, "base", "kind"), REMOVED, [
            '-       base:  {kind: recurring,  model: flat, amount: "10.00"}   # aligned',
            '+       base:  {model: flat, amount: "10.00"}   # aligned']),
        ((*PRICES, "api", "name"), REMOVED, ["-         name: Calls"]),
        ((*PRICES, "api", "name"), "Calls: all", [
            "-         name: Calls", '+         name: "Calls: all"']),
        ((*PRICES, "api", "by"), ["region"], ["+         by: [region]"]),
        ((*PRICES, "api", "tiers", 1, "unit_amount"), "0.003", [
            '-         - unit_amount: "0.002"', '+         - unit_amount: "0.003"']),
        ((*PRICES, "api", "tiers"), [{"unit_amount": 1}], [
            "+         tiers: [{unit_amount: 1}]",
            "-         tiers:      # three", "-         - {up_to: 1000, unit_amount: 0}",
            '-         - unit_amount: "0.002"']),
        ((*PRICES, "base"), REMOVED, [
            '-       base:  {kind: recurring,  model: flat, amount: "10.00"}   # aligned']),
        ((*PRICES, "new"), {"kind": "one_time", "amount": "5"}, [
            '+       new: {kind: one_time, amount: "5"}']),
        (("plans", "pro", "empty", "a"), 1, ["-     empty:", "+     empty: {a: 1}"]),
        (("meters", "m"), {"aggregation": "count"}, ["+ meters: {m: {aggregation: count}}"]),
    ],
)  # fmt: skip
def test_only_what_changes_is_written(place: Any, value: Any, lines: list[str]) -> None:
    assert changed_lines(TEXT, rewritten(TEXT, place, value)) == lines


def test_a_long_price_takes_a_line_a_field() -> None:
    price = {"kind": "usage", "model": "graduated", "meter": "api_calls", "name": "Calls of all",
             "tiers": [{"up_to": 1000, "unit_amount": 0}, {"unit_amount": "0.02"}]}  # fmt: skip
    lines = changed_lines(TEXT, rewritten(TEXT, (*PRICES, "calls"), price))
    assert lines[0] == "+       calls:"
    assert lines[-1] == '+         tiers: [{up_to: 1000, unit_amount: 0}, {unit_amount: "0.02"}]'


def test_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    made = rewritten(text, (*PRICES, "new"), {"amount": 1})
    assert made.count("\n") == made.count("\r\n") == text.count("\r\n") + 1
    assert rewritten("a: 1", ("b",), 2) == "a: 1\nb: 2\n"


@pytest.mark.parametrize(
    "text", ["a: &x {b: 1}\nc: *x\n", "c: &x {b: 1}\na: *x\n", "a: {b: &x 1}\nc: *x\n"]
)
def test_anchors_are_refused(text: str) -> None:
    with pytest.raises(CannotRewrite):
        rewritten(text, ("a", "b"), 2)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab: #'\"[]{},~0.é\n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text("abc0", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(values)
def test_a_value_reads_as_it_was_written(value: Any) -> None:
    assert data(f"a: {flow(value)}\n")["a"] == value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
@settings(max_examples=12)
@given(choice=st.data())
def test_any_change_of_any_example(file: Path, choice: st.DataObject) -> None:
    """What it says is what was asked, and no comment outside of it is lost."""
    text = file.read_text("utf-8")
    plans = data(text)["plans"]
    plan = choice.draw(st.sampled_from(sorted(plans)))
    price = choice.draw(st.sampled_from(sorted(plans[plan]["prices"])))
    place: tuple[Any, ...] = ("plans", plan, "prices", price)
    body = plans[plan]["prices"][price]
    name = choice.draw(st.sampled_from([*sorted(body), "new_field"]))
    value = choice.draw(st.just(REMOVED) | values) if name in body else choice.draw(values)
    after = {key: one for key, one in {**body, name: value}.items() if one is not REMOVED}
    made = rewritten(text, place, after)
    assert data(made)["plans"][plan]["prices"][price] == after
    if not isinstance(body.get(name), dict | list):
        assert made.count("#") >= text.count("#")
