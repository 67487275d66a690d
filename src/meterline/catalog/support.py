"""What catalogue files can say and the product does not do yet. It would be billed wrongly, so
applying refuses it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meterline.catalog.plan_sections import PlanSection
from meterline.kernel.errors import NotSupported

Plans = Mapping[str, PlanSection]


def refuse_unsupported(plans: Plans) -> None:
    """Raise NotSupported naming all that cannot be billed."""
    found = list(unsupported(plans))
    if found:
        raise NotSupported(what="; ".join(found))


def unsupported(plans: Plans) -> Iterator[str]:
    """What the plans of a catalogue use that cannot be billed."""
    for code, plan in plans.items():
        if plan.existing != "keep":
            yield f"existing: {plan.existing} (plan {code})"
