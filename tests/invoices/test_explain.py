"""Every line of every document has an explanation whose arithmetic gives its amount."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

from meterline.invoices import reports
from meterline.invoices.explain import explain_line
from meterline.invoices.models import Invoice
from meterline.kernel.errors import NotSupported
from meterline.kernel.explain import evaluate
from meterline.scenario import run
from meterline.scenario.files import Scenario
from meterline.scenario.read import read
from meterline.scenario.scratch import folder
from meterline.scenario.world import World

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    Path(__file__).parent: (),
    ROOT / "tests" / "scenario" / "cases": (),
    ROOT.parent / "shared" / "oracles": (pytest.mark.slow,),
}


def _scenarios() -> Iterator[object]:
    for place, marks in FOLDERS.items():
        for file in sorted(place.rglob("*.yaml")):
            if file.parent.name == "files":
                continue
            for number, one in enumerate(read(file)):
                if isinstance(one, Scenario):
                    name = f"{file.parent.name}/{file.stem}-{number}"
                    yield pytest.param(one, id=name, marks=marks)


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", [*_scenarios()])
def test_arithmetic_gives_the_amount(scenario: Scenario) -> None:
    world = World(scenario=scenario)
    with folder(), transaction.atomic():
        try:
            run._set_up(world)
            run._play_all(world)
        except NotSupported as error:
            pytest.skip(str(error))
        for number in Invoice.objects.order_by("id").values_list("number", flat=True):
            for line, why in reports.explain(number):
                assert why.amount == evaluate(why.expression) == line["amount"], why
                assert why.rule
                assert "0000000000" not in why.expression


_FIXED = {"fixed": "2.0000000000", "percent": None, "share": "1/1"}


@pytest.mark.parametrize(
    ("kind", "amount", "inputs", "expression"),
    [
        ("discount", "-1.50", {**_FIXED, "part": "3/4"}, "-1.5"),
        ("discount", "-0.50", {**_FIXED, "before": "-1.5000000000"}, "-2 - (-1.5)"),
        (
            "discount", "-0.67",
            {"target": "10.0000000000", "percent": "10.000000", "rounding": "half_up",
             "decimals": 2, "part": "2/3"},
            "round(-round(10 * 10 / 100, 2, half_up) * 2/3, 2, half_up)",
        ),
        ("usage", "3.20", {"before": "-3.2000000000"}, "3.2"),
        (
            "discount", "0.50",
            {"credit_of": "-1.0000000000", "share": "1/2", "rounding": "half_up",
             "left": "-1.0000000000"},
            "-max(round(-1 * 1/2, 2, half_up), -1)",
        ),
        (
            "recurring", "-4.00",
            {"credit_of": "10.0000000000", "share": "1/2", "rounding": "half_up",
             "left": "4.0000000000"},
            "-min(round(10 * 1/2, 2, half_up), 4)",
        ),
        ("adjustment", "-1.00", {}, "-1"),
    ],
)  # fmt: skip
def test_lines_without_a_price(
    kind: str, amount: str, inputs: dict[str, object], expression: str
) -> None:
    line = {"name": "Fee", "kind": kind, "amount": Decimal(amount), "inputs": inputs}
    why = explain_line(line, None, 2)
    assert why.expression == expression
    assert why.amount == evaluate(expression) == Decimal(amount)
