"""Every scenario of the shared oracles and of this folder, played through the real services."""

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
from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.read import read
from meterline.scenario.scratch import folder
from meterline.scenario.world import World

HERE = Path(__file__).parent
ORACLES = HERE.parents[2] / "shared" / "oracles"
FOLDERS = (HERE / "cases", HERE.parent / "invoices", ORACLES)


def _scenarios(folder: Path) -> Iterator[object]:
    for file in sorted(folder.rglob("*.yaml")):
        if file.parent.name == "files":
            continue
        for number, one in enumerate(read(file)):
            name = f"{file.parent.name}/{file.stem}-{number}"
            yield pytest.param(one, id=name)


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", [one for place in FOLDERS for one in _scenarios(place)])
def test_scenario(scenario: Scenario | Malformed) -> None:
    """What is expected is made, and the arithmetic of each line's explanation gives its amount."""
    assert isinstance(scenario, Scenario), scenario.problems
    world = World(scenario=scenario)
    with folder(), transaction.atomic():
        try:
            run._set_up(world)
            run._play_all(world)
        except NotSupported as error:
            assert world.differences == []
            pytest.skip(str(error))
        assert world.differences == []
        for number in Invoice.objects.order_by("id").values_list("number", flat=True):
            for line, why in reports.explain(number):
                assert why.amount == evaluate(why.expression) == line["amount"], why
                assert why.rule
                assert "0000000000" not in why.expression


def test_own_cases_are_there() -> None:
    assert len([*(HERE / "cases").glob("*.yaml")]) >= 12
