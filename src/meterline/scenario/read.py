"""Reading scenario files: every fault of every document, with file, line and field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meterline.catalog import files as catalog_files
from meterline.catalog.yaml import Document, load_all
from meterline.scenario.files import Malformed, Scenario, ScenarioFile, line_of
from meterline.scenario.references import faults
from meterline.scenario.steps import Publish, walk

Place = tuple[str | int, ...]


def read(file: Path) -> list[Scenario | Malformed]:
    """The scenarios of a file in their order; a malformed one does not hide the others."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        return [_malformed(file, [f"{file}: cannot be read: {error.strerror}"])]
    except UnicodeDecodeError as error:
        return [_malformed(file, [f"{file}:1: expected UTF-8 text: {error.reason}"])]
    try:
        documents = load_all(text, str(file))
    except catalog_files.CatalogInvalid as error:
        return [_malformed(file, messages(error))]
    if not documents:
        return [_malformed(file, [f"{file}:1: expected a scenario, found an empty file"])]
    return [_document(file, document) for document in documents]


def messages(error: catalog_files.CatalogInvalid) -> list[str]:
    """The problems that a catalogue error carries, one text each."""
    return [str(problem) for problem in error.problems]


def _malformed(file: Path, problems: Sequence[str], name: str | None = None) -> Malformed:
    return Malformed(file=file, name=name, problems=tuple(problems))


def _document(file: Path, document: Document) -> Scenario | Malformed:
    data, lines = document.data, document.lines
    if not isinstance(data, Mapping):
        text = f"{file}:{line_of(lines, ())}: expected a mapping with the key `scenario`"
        return _malformed(file, [text])
    name = str(data["scenario"]) if "scenario" in data else None
    try:
        model = ScenarioFile.model_validate(data)
    except ValidationError as error:
        return _malformed(file, list(_faults(file, document, error)), name)
    problems: list[str] = []
    catalogs: dict[Place, catalog_files.CatalogFile] = {}
    for place, source in _catalogs(model):
        try:
            catalogs[place] = _catalog(file, document, place, source)
        except catalog_files.CatalogInvalid as error:
            problems += messages(error)
    if not problems:
        problems = [
            f"{file}:{line_of(lines, place)}: {_field(place)}: {text}"
            for place, text in faults(model, [catalog.plans for catalog in catalogs.values()])
        ]
    if problems:
        return _malformed(file, problems, name)
    first = catalogs.pop(("catalog",))
    return Scenario(file=file, document=model, lines=lines, catalog=first, published=catalogs)


def _catalogs(model: ScenarioFile) -> Iterator[tuple[Place, dict[str, Any] | str]]:
    yield ("catalog",), model.catalog
    for place, step in walk(model.steps):
        if isinstance(step, Publish):
            yield (*place, "catalog"), step.catalog


def _catalog(
    file: Path, document: Document, place: Place, source: dict[str, Any] | str
) -> catalog_files.CatalogFile:
    if isinstance(source, str):
        return catalog_files.parse(file.parent / source)
    return catalog_files.parse_data(source, lines=document.lines, file=str(file), at=place)


def _faults(file: Path, document: Document, error: ValidationError) -> Iterator[str]:
    """One text for each place, in the order of the file."""
    found = [
        (line_of(document.lines, place), _field(place), message)
        for place, message in catalog_files.faults(document.data, error)
    ]
    for line, field, message in sorted(found, key=lambda fault: fault[0]):
        yield f"{file}:{line}: {field}: {message}"


def _field(place: Place) -> str:
    return ".".join(str(key) for key in place) or "scenario"
