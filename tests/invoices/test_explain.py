"""Every line of every document has an explanation whose arithmetic gives its amount."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from meterline.invoices import reports
from meterline.invoices.models import Invoice
from meterline.kernel.errors import NotSupported
from meterline.kernel.explain import evaluate
from meterline.scenario import run
from meterline.scenario.files import Scenario
from meterline.scenario.read import read
from meterline.scenario.scratch import folder
from meterline.scenario.world import World

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "tests" / "scenario" / "cases", ROOT.parent / "shared" / "oracles")


def _scenarios() -> Iterator[object]:
    for file in sorted(file for place in FOLDERS for file in place.rglob("*.yaml")):
        if file.parent.name == "files":
            continue
        for number, one in enumerate(read(file)):
            if isinstance(one, Scenario):
                yield pytest.param(one, id=f"{file.parent.name}/{file.stem}-{number}")


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
