"""The files of a draft: a catalogue, its decks, its scenarios and what those need."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from meterline.authoring.errors import ScenarioOfAnother, ScenariosMalformed
from meterline.catalog.drafts import Kept
from meterline.catalog.files import CatalogFile, parse
from meterline.scenario.files import Malformed, Scenario
from meterline.scenario.read import read
from meterline.scenario.steps import UsageFile, walk


def bundle(file: Path, scenarios: Sequence[Path]) -> tuple[str, list[Kept]]:
    """The catalogue's name among the files, and the files.

    Raises CatalogInvalid, ScenariosMalformed, ScenarioOfAnother, OSError.
    """
    parts = {file.resolve(): False} | dict.fromkeys(_decks(file, parse(file)), False)
    for path in scenarios:
        for one in _scenarios(path, file):
            parts |= dict.fromkeys(_needed(one), False)
    parts |= {path.resolve(): True for path in scenarios}
    root = Path(os.path.commonpath([path.parent for path in parts]))
    kept = [
        Kept(path=path.relative_to(root).as_posix(), content=path.read_bytes(), scenario=scenario)
        for path, scenario in parts.items()
    ]
    return file.resolve().relative_to(root).as_posix(), kept


def _decks(file: Path, catalogue: CatalogFile) -> Iterator[Path]:
    for card in catalogue.model.rate_cards.values():
        if card.file is not None:
            yield (file.parent / card.file).resolve()


def _scenarios(path: Path, file: Path) -> list[Scenario]:
    found = read(path)
    problems = [text for one in found if isinstance(one, Malformed) for text in one.problems]
    if problems:
        raise ScenariosMalformed(problems="\n" + "\n".join(problems))
    sound = [one for one in found if isinstance(one, Scenario)]
    for one in sound:
        named = one.document.catalog
        if not isinstance(named, str) or (path.parent / named).resolve() != file.resolve():
            told = named if isinstance(named, str) else "a catalogue of its own"
            raise ScenarioOfAnother(file=path, scenario=one.name, catalog=told, draft=file.name)
    return sound


def _needed(one: Scenario) -> Iterator[Path]:
    """Usage files, and the catalogues that `publish` steps name, with their decks."""
    for _, step in walk(one.document.steps):
        if isinstance(step, UsageFile):
            yield (one.file.parent / step.path).resolve()
    for catalogue in one.published.values():
        if Path(catalogue.name) != one.file:
            yield Path(catalogue.name).resolve()
        yield from _decks(Path(catalogue.name), catalogue)
