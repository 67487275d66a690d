"""What can be wrong with catalogue files and requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meterline.kernel.errors import MeterlineError


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of a file."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class CatalogInvalid(MeterlineError):
    """{text}"""

    code = "catalog_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(text="\n".join(map(str, self.problems)))

    @property
    def message(self) -> str:
        return str(self.details["text"])

    def __reduce__(self) -> tuple[type[CatalogInvalid], tuple[tuple[Problem, ...]]]:
        return CatalogInvalid, (self.problems,)


class UnknownPlan(MeterlineError):
    """no plan {plan!r} is in force on {on}: `meterline catalog list` shows the known ones"""

    code = "unknown_plan"


class InvalidOverride(MeterlineError):
    """plan {plan} cannot be overridden so: {problem}"""

    code = "invalid_override"


class SeveralFiles(MeterlineError):
    """the plans have {count} currencies or time zones, and a file each: give `--output` a folder"""

    code = "several_files"


class UnknownCard(MeterlineError):
    """{file} has no rate card {card!r}: expected one of {known}"""

    code = "unknown_card"


class DecksDiffer(MeterlineError):
    """{old} has {old_keys} key fields and {new} has {new_keys}: only decks of the same fields can
    be compared"""

    code = "decks_differ"
