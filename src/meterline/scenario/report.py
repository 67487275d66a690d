"""How a run of scenarios is told: to people, as JSON, and as an exit code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from meterline.scenario.run import Outcome

WORDS = {
    "passed": "passed",
    "failed": "FAILED",
    "not_supported": "not supported",
    "malformed": "MALFORMED",
}


def as_json(outcomes: Sequence[Outcome]) -> str:
    """One array: file, scenario, passed, differences."""
    return json.dumps(
        [
            {
                "file": one.file,
                "scenario": one.scenario,
                "passed": one.passed,
                "differences": list(one.differences),
            }
            for one in outcomes
        ],
        indent=2,
        ensure_ascii=False,
    )


def as_text(outcome: Outcome) -> str:
    """One scenario: how it ended, and each difference indented below."""
    head = f"{WORDS[outcome.state]:<13} {outcome.file}: {outcome.scenario or '(unnamed)'}"
    texts = [text.replace("\n", "\n    ") for text in outcome.differences]
    return "\n".join([head, *(f"    {text}" for text in texts)])


def summary(outcomes: Sequence[Outcome]) -> str:
    """Counts in a line."""
    counts = Counter(one.state for one in outcomes)
    parts = [f"{counts['passed']} passed", f"{counts['failed']} failed"]
    parts.append(f"{counts['not_supported']} not supported yet")
    if counts["malformed"]:
        parts.append(f"{counts['malformed']} malformed")
    return ", ".join(parts)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """2 if a file is malformed, 1 if a scenario does not hold, else 0."""
    states = {one.state for one in outcomes}
    if "malformed" in states:
        return 2
    return 1 if states & {"failed", "not_supported"} else 0
