"""Every scenario of the shared oracles and of this folder, played through the real services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.read import read
from meterline.scenario.run import run

HERE = Path(__file__).parent
ORACLES = HERE.parents[2] / "shared" / "oracles"


def _scenarios(folder: Path) -> Iterator[object]:
    for file in sorted(folder.rglob("*.yaml")):
        if file.parent.name == "files":
            continue
        for number, one in enumerate(read(file)):
            name = f"{file.parent.name}/{file.stem}-{number}"
            yield pytest.param(one, id=name)


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", [*_scenarios(HERE / "cases"), *_scenarios(ORACLES)])
def test_scenario(scenario: Scenario | Malformed) -> None:
    outcome = run(scenario)
    if outcome.state == "not_supported":
        pytest.skip(outcome.differences[-1])
    assert outcome.differences == ()
    assert outcome.passed


def test_own_cases_are_there() -> None:
    assert len(list(_scenarios(HERE / "cases"))) >= 12
