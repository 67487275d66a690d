"""Names in a scenario that point to something: accounts, subscriptions, plans, invoices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meterline.catalog.plan_sections import PlanSection
from meterline.scenario.files import ScenarioFile
from meterline.scenario.steps import Bill, Subscribe, walk

Place = tuple[str | int, ...]


def faults(
    model: ScenarioFile, plans: Iterable[Mapping[Any, PlanSection]]
) -> Iterator[tuple[Place, str]]:
    """Names that nothing bears, with their place in the document. A bundle's add-ons are named
    after their base: `s1-roaming`."""
    yield from _parents(model)
    codes = {str(code) for group in plans for code in group}
    included = {one.plan for group in plans for plan in group.values() for one in plan.includes}
    taken: set[str] = set()
    subscriptions: set[str] = set()
    invoices: set[str] = set()
    for place, step in walk(model.steps):
        if len(place) == 2 and place[1] == 0 and step.at is None:
            yield (*place, "at"), "expected, because the clock is not set yet"
        if isinstance(step, Subscribe) and step.name is not None:
            if step.name in taken:
                yield (*place, "as"), f"the name {step.name} is taken"
            taken.add(step.name)
            subscriptions |= {step.name, *(f"{step.name}-{plan}" for plan in included)}
        known: dict[str, Iterable[str]] = {
            "account": model.accounts, "subscription": subscriptions,
            "plan": codes, "invoice": invoices,
        }  # fmt: skip
        for key, names in known.items():
            name = getattr(step, key, None)
            if name is not None and name not in set(names):
                yield (*place, key), _unknown(key, name, names)
        if isinstance(step, Bill):
            yield from _bill(place, step, model.accounts)
            invoices |= {one.name for one in step.expect or () if one.name}


def _bill(place: Place, step: Bill, accounts: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    for index, name in enumerate(step.accounts or ()):
        if name not in accounts:
            yield (*place, "accounts", index), _unknown("account", name, accounts)
    for index, invoice in enumerate(step.expect or ()):
        if invoice.account not in accounts:
            field = (*place, "expect", index, "account")
            yield field, _unknown("account", invoice.account, accounts)


def _parents(model: ScenarioFile) -> Iterator[tuple[Place, str]]:
    for code, account in model.accounts.items():
        place = ("accounts", code, "parent")
        seen = {code}
        parent = account.parent
        while parent is not None:
            if parent not in model.accounts:
                yield place, _unknown("account", parent, model.accounts)
                break
            if parent in seen:
                yield place, "expected a parent that is not below the account itself"
                break
            seen.add(parent)
            parent = model.accounts[parent].parent


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    listed = ", ".join(sorted(known)) or "none"
    return f"unknown {kind} {name}; expected one of: {listed}"
