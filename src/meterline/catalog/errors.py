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


class ReviewRequired(MeterlineError):
    """this installation publishes catalogues after a review only: keep {file} as a draft with
    `meterline catalog draft`, then review, approve and publish it"""

    code = "review_required"


class UnknownDraft(MeterlineError):
    """there is no draft {draft}: `meterline catalog drafts` lists them"""

    code = "unknown_draft"


class DraftState(MeterlineError):
    """draft {draft} is {state}; this takes one that is {expected}"""

    code = "draft_state"


class SameEyes(MeterlineError):
    """draft {draft} is by {author}, who cannot approve it too: let somebody else do it, or set
    `meterline catalog rules --approval single-operator`"""

    code = "same_eyes"


class NotTried(MeterlineError):
    """the scenarios of draft {draft} have not been played: `meterline catalog review {draft}`"""

    code = "not_tried"


class TrialFailed(MeterlineError):
    """scenarios of draft {draft} do not hold: {scenarios}. Make a new draft of the corrected
    file"""

    code = "trial_failed"


class CatalogMoved(MeterlineError):
    """the catalogue has changed since draft {draft} was made or last reviewed ({what}): look at it
    again with `meterline catalog review {draft}`. Publishing it now would change: {changes}"""

    code = "catalog_moved"


class NothingToPublish(MeterlineError):
    """{file} says what is in force: there is nothing to publish"""

    code = "nothing_to_publish"


class CannotRewrite(MeterlineError):
    """{place} is written with an anchor or an alias, which changing it would change elsewhere too:
    edit the file itself, and upload it as a draft"""

    code = "cannot_rewrite"
