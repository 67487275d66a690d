"""The reference is executed: every key and choice of the file formats stands in an example of
docs/reference whose figures hold, and is named in the text beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from meterline.catalog.files import CatalogModel
from meterline.catalog.plan_sections import PriceSection
from meterline.kernel.errors import NotSupported
from meterline.pricing.registry import all_models
from meterline.scenario.files import Malformed, Scenario, ScenarioFile
from meterline.scenario.play import play
from meterline.scenario.read import read
from meterline.scenario.run import run
from meterline.scenario.steps import Charging, Collect

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
REFERENCE = [page for page in PAGES if page.parent.name == "reference"]
BLOCK = re.compile(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
Key = tuple[str, str, str]  # model, key as written, and the value of a choice

WITHOUT_EXAMPLE = {
    "Charging": "prepaid balances are not charged yet: the step answers so",
    "ExpectedGrant": "what such a step would answer",
    "BalanceSpec": "a balance that such a step would draw on",
    "AccountSpec.balances": "the same",
    "Collect": "debts are not collected yet: the step answers so",
    "ExpectedLine.kind.adjustment": "of credit notes: `adjust` makes them, `bill` none",
}


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Language, file name if there is one, and text of each fenced block."""
    for found in BLOCK.finditer(page.read_text("utf-8")):
        yield found[1], found[2] or "", found[3]


def is_scenario(text: str) -> bool:
    return re.match(r"(#[^\n]*\n)*scenario:", text) is not None


def examples(page: Path) -> list[str]:
    """The blocks of a page that are whole scenarios."""
    return [text for language, _, text in blocks(page) if language == "yaml" and is_scenario(text)]


EXAMPLES = [
    pytest.param(page, number, id=f"{page.stem}-{number}")
    for page in PAGES
    for number in range(len(examples(page)))
]


def example(page: Path, number: int, folder: Path) -> list[Scenario | Malformed]:
    """An example read as a file; files that the page shows lie beside it."""
    for _, name, text in blocks(page):
        if name:
            (folder / name).write_text(text, "utf-8")
    file = folder / "example.yaml"
    file.write_text(examples(page)[number], "utf-8")
    return read(file)


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "number"), EXAMPLES)
def test_the_figures_of_an_example_hold(page: Path, number: int, tmp_path: Path) -> None:
    for scenario in example(page, number, tmp_path):
        outcome = run(scenario)
        assert outcome.differences == ()
        assert outcome.passed


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.stem)
def test_every_example_of_the_formats_is_executed(page: Path) -> None:
    shown = [text for language, _, text in blocks(page) if language == "yaml"]
    assert [text for text in shown if not is_scenario(text)] == []


def written(model: type[BaseModel]) -> dict[str, str]:
    """The fields of a model by their key in a file."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def choices(annotation: Any) -> Iterator[str]:
    """The words that a field may have."""
    if get_origin(annotation) is Literal:
        yield from (str(word) for word in get_args(annotation))
    else:
        for inner in get_args(annotation):
            yield from choices(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def required() -> set[Key]:
    """Every key of every model of the formats, and every choice."""
    keys: set[Key] = set()
    seen: set[type[BaseModel]] = set()
    waiting = [ScenarioFile, CatalogModel, *(model.parameters for model in all_models().values())]
    while waiting:
        model = waiting.pop()
        if model in seen or model.__name__ in ("UpTo", "AmountLimit"):
            continue
        seen.add(model)
        for key, name in written(model).items():
            if (model, key) == (PriceSection, "parameters"):
                continue
            annotation = model.model_fields[name].annotation
            keys.add((model.__name__, key, ""))
            keys |= {(model.__name__, key, word) for word in choices(annotation)}
            waiting += models_in(annotation)
    return keys | {("PriceSection", "model", name) for name in all_models()}


def used(part: Any) -> Iterator[Key]:
    """The keys that a part of an example gives, and the choices that it makes."""
    if isinstance(part, BaseModel):
        owner = type(part).__name__
        for key, name in written(type(part)).items():
            if name not in part.model_fields_set:
                continue
            value = getattr(part, name)
            yield owner, key, ""
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, str):
                    yield owner, key, one
            if isinstance(part, ScenarioFile) and name == "catalog":
                continue
            yield from used(value)
        if isinstance(part, PriceSection):
            yield from used(part.model_parameters())
    elif isinstance(part, dict):
        for inner in part.values():
            yield from used(inner)
    elif isinstance(part, tuple | list):
        for inner in part:
            yield from used(inner)


@cache
def shown() -> frozenset[Key]:
    """What the examples of the reference show."""
    keys: set[Key] = set()
    for page in REFERENCE:
        for number in range(len(examples(page))):
            with TemporaryDirectory() as folder:
                for one in example(page, number, Path(folder)):
                    assert isinstance(one, Scenario), one.problems
                    catalogues = (one.catalog, *one.published.values())
                    keys |= set(used(one.document))
                    keys |= {key for file in catalogues for key in used(file.model)}
    return frozenset(keys)


def excused(key: Key) -> str | None:
    """Why a key has no example."""
    owner, name, choice = key
    places = (owner, f"{owner}.{name}", f"{owner}.{name}.{choice}")
    return next((WITHOUT_EXAMPLE[place] for place in places if place in WITHOUT_EXAMPLE), None)


def test_every_key_and_choice_has_an_example() -> None:
    missing = sorted(key for key in required() - shown() if not excused(key))
    assert [".".join(part for part in key if part) for key in missing] == []


def test_nothing_is_excused_that_has_an_example() -> None:
    assert [key for key in shown() & required() if excused(key)] == []
    owners = {owner for owner, _, _ in required()}
    assert {key.split(".")[0] for key in WITHOUT_EXAMPLE} <= owners


@pytest.mark.parametrize("step", [Charging, Collect])
def test_steps_without_example_answer_that_they_are_not_played(step: Any) -> None:
    for word in choices(step.model_fields["do"].annotation):
        with pytest.raises(NotSupported):
            play(step.model_construct(do=word), None)  # type: ignore[arg-type]


def words(page: Path) -> set[str]:
    """The words of a page that stand as code, in a heading or in the first column of a table."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    code = " ".join(re.findall(r"`([^`]+)`", text))
    firsts = " ".join(re.findall(r"^(?:\||#+) ([^|\n]+)", text, re.MULTILINE))
    return set(re.findall(r"\w+", f"{code} {firsts}"))


def test_every_key_and_choice_is_described() -> None:
    said = set().union(*(words(page) for page in REFERENCE))
    unsaid = {key[-1] or key[1] for key in required() if not excused(key)} - said
    assert sorted(unsaid) == []
