"""What explanations say is known to pages, clause by clause."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils.translation import override

from meterline.web.rules import clause, told

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "meterline"
MAKERS = ("worked_out", "line_sum", "_made", "Explanation")


def said(path: Path) -> set[str]:
    """The clauses that a module writes, with 2 for each value in them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in MAKERS:
                found.add(_text(first))
            case (
                ast.keyword(arg="rule", value=value)
                | ast.Assign(targets=[ast.Name(id="rule" | "until")], value=value)
            ):
                found.add(_text(value))
    return {text for text in found if text}


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(_piece, values))
    return ""


def _piece(part: ast.expr) -> str:
    """A piece of a formatted text: what stands for a clause within it is a fixed amount."""
    match part:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id="rule" | "until" | "of")):
            return "a fixed amount"
    return "2"


MODULES = [*sorted((PACKAGE / "pricing" / "models").glob("*.py")), PACKAGE / "invoices/explain.py",
           PACKAGE / "pricing" / "explain.py"]  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_clause_is_known(path: Path) -> None:
    unknown = []
    for rule in said(path):
        for part in rule.split("; "):
            rest = part.removeprefix("2: ").removeprefix("2, ")
            without = rest.replace("a fixed amount", "")  # it may say nothing at all
            if part != "2" and clause(rest) is None and clause(without) is None:
                unknown.append(part)
    assert unknown == []


@pytest.mark.parametrize(
    ("rule", "german"),
    [
        ("Monthly fee: a fixed amount; for 10/31 of the period",
         "Monthly fee: ein fester Betrag; für 10/31 des Zeitraums"),
        ("Calls: events rated by the card voice (21 of them)",
         "Calls: Ereignisse, bewertet nach der Tarifkarte voice (21 Stück)"),
        ("Loyalty: its part of 10 % off for 1/2 of the period",
         "Loyalty: sein Anteil an 10 % Nachlass für 1/2 des Zeitraums"),
        ("Seats: 1.5 a unit, the first 20 free", "Seats: 1,5 je Einheit, die ersten 20 frei"),
        ("something new: unheard of", "something new: unheard of"),
    ],
)  # fmt: skip
def test_rules_are_told_in_the_language_of_the_page(rule: str, german: str) -> None:
    with override("de"):
        assert told(rule) == german


def test_in_english_a_rule_stays_as_it_is() -> None:
    rule = "Fee: 1.5 a unit; less 3, billed before"
    with override("en"):
        assert told(rule) == rule
