"""The scenario file: its model, and a checked scenario ready to be played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from meterline.catalog import files as catalog_files
from meterline.scenario.expect import Part
from meterline.scenario.steps import Step
from meterline.scenario.values import Number, Text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError("expected a time zone such as Europe/Rome") from None
    return name


class BalanceSpec(Part):
    """A prepaid balance of an account; `limit` is how far below zero it may go."""

    limit: Number | None = None


class AccountSpec(Part):
    """An account; what is left out comes from the catalogue."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    billing_day: Annotated[int, Field(ge=1, le=31)] | Literal["anniversary"] = 1
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    region: Text | None = None
    parent: Text | None = None
    balances: dict[Text, BalanceSpec] = Field(default_factory=dict)


class ScenarioFile(Part):
    """One document of a scenario file."""

    scenario: Text = Field(description="what happens, in a sentence")
    source: Text | None = Field(None, description="where the expected figures come from")
    catalog: dict[str, Any] | str = Field(description="a catalogue, or the path of its file")
    accounts: dict[Text, AccountSpec] = Field(default_factory=dict)
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A checked scenario: the document, where it stands, and its catalogues ready to apply."""

    file: Path
    document: ScenarioFile
    lines: Mapping[tuple[str | int, ...], int]
    catalog: catalog_files.CatalogFile
    published: Mapping[tuple[str | int, ...], catalog_files.CatalogFile]
    """Catalogues of `publish` steps, by the step's place in the document."""

    @property
    def name(self) -> str:
        return self.document.scenario

    def line(self, place: tuple[str | int, ...]) -> int:
        """The line where the part at `place` begins."""
        return line_of(self.lines, place)


def line_of(lines: Mapping[tuple[str | int, ...], int], place: tuple[str | int, ...]) -> int:
    """The line of a place, or of the nearest part around it that has one."""
    for length in range(len(place), -1, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return 1


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A document, or a whole file, that is no scenario; `problems` tells all that is wrong."""

    file: Path
    name: str | None
    problems: tuple[str, ...]
