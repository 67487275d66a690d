"""The worked catalogues bill what the comments of their scenarios work out."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterline.catalog.files import parse
from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.read import read
from meterline.scenario.run import run
from meterline.scenario.steps import Change, Rate, Subscribe, walk

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/tests"))


def scenarios(folder: Path) -> list[Scenario | Malformed]:
    return [one for file in sorted(folder.glob("tests/*.yaml")) for one in read(file)]


def test_the_worked_catalogues_are_there() -> None:
    assert [folder.name for folder in FOLDERS] == ["saas", "telco", "utility"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(one, id=f"{folder.name}: {one.name}")
        for folder in FOLDERS
        for one in scenarios(folder)
    ],
)
def test_scenarios_of_examples(scenario: Scenario | Malformed) -> None:
    outcome = run(scenario)
    assert outcome.differences == ()
    assert outcome.passed


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_plan_of_an_example_is_tried(folder: Path) -> None:
    tried = {
        step.plan
        for one in scenarios(folder)
        if isinstance(one, Scenario)
        for _, step in walk(one.document.steps)
        if isinstance(step, Subscribe | Change | Rate)
    }
    assert set(parse(folder / "catalogue.yaml").plans) <= tried
