"""What customers can do to their contracts by themselves, and with which choices.

The very services that clerks use; a customer chooses no day of the past and no plan of another
kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from meterline.catalog.models import PlanVersion, PriceRow
from meterline.console.contract_forms import (
    NOW,
    PERIOD,
    TERM,
    ContractAct,
    choose_when,
    chosen,
    fits,
    quantity,
)
from meterline.platform import clock
from meterline.subscriptions import overview, services
from meterline.subscriptions.store import Held


def similar(held: Held, on: date) -> list[PlanVersion]:
    """Other plans that a contract can change to: offered in its currency, for the same usage (they
    share a meter with its plan, or neither has one), and as an add-on or not, as it is."""
    now = overview.now_of([held.subscription.pk], clock.now())[held.subscription.pk]
    base = held.subscription.base
    beside = None if base is None else _plan_code(base.pk)
    offered = [
        one for one in overview.offered(on, held.subscription.account.currency)
        if fits(one.body.get("addon_to") or (), beside)
    ]  # fmt: skip
    meters = _meters([one.pk for one in offered])
    mine = next((meters[one.pk] for one in offered if one.plan_code == now["plan_code"]), set())
    return [
        one for one in offered
        if one.plan_code != now["plan_code"]
        and (meters[one.pk] & mine or not (meters[one.pk] or mine))
    ]  # fmt: skip


def addons(held: Held, on: date) -> list[PlanVersion]:
    """Add-ons that go with the plan of a contract."""
    plan, currency = _plan_code(held.subscription.pk), held.subscription.account.currency
    return [
        one for one in overview.offered(on, currency)
        if one.body.get("addon_to") and fits(one.body["addon_to"], plan)
    ]  # fmt: skip


def today(held: Held) -> date:
    """The present day where the contract is."""
    return clock.now().astimezone(held.zone).date()


def _plan_code(subscription: int) -> str:
    return str(overview.now_of([subscription], clock.now())[subscription]["plan_code"])


def _meters(versions: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {one: set() for one in versions}
    rows = PriceRow.objects.filter(plan_version_id__in=versions, meter_code__isnull=False)
    for version, meter in rows.values_list("plan_version_id", "meter_code"):
        found[version].add(meter)
    return found


def _choices(plans: list[PlanVersion]) -> list[tuple[str, str]]:
    return [(one.plan_code, one.name) for one in plans]


def _plan_field(held: Held) -> dict[str, forms.Field]:
    choices = _choices(similar(held, today(held)))
    return {"plan": forms.ChoiceField(label=_("New plan"), choices=choices,
                                      widget=forms.RadioSelect)}  # fmt: skip


def _addon_field(held: Held) -> dict[str, forms.Field]:
    choices = _choices(addons(held, today(held)))
    return {"plan": forms.ChoiceField(label=_("Add-on"), choices=choices,
                                      widget=forms.RadioSelect)}  # fmt: skip


ACTS: dict[str, ContractAct] = {
    "plan": ContractAct(
        title=_("Change the plan"), verb=_("Change the plan"), fields=_plan_field,
        run=lambda held, data: services.change(held.code, data["plan"]),
        reverse=_("You can change back later; a change that waits can be taken back."),
    ),
    "quantity": ContractAct(
        title=_("Change the quantity"), verb=_("Change the quantity"),
        fields=lambda held: {"quantity": quantity(), **choose_when(NOW, PERIOD)},
        run=lambda held, data: services.set_quantity(
            held.code, data["quantity"], when=chosen(data)),
        reverse=_("You can change it again at any time."),
    ),
    "add-on": ContractAct(
        title=_("Add an add-on"), verb=_("Add it"), fields=_addon_field, icon="plus",
        run=lambda held, data: services.subscribe(
            account_id=held.subscription.account_id, plan=data["plan"], base=held.code
        ).started_at,
        reverse=_("You can cancel the add-on by itself."),
    ),
    "pause": ContractAct(
        title=_("Pause"), verb=_("Pause it"), icon="clock",
        fields=lambda held: choose_when(NOW, PERIOD),
        run=lambda held, data: services.pause(held.code, when=chosen(data)),
        reverse=_("You can resume it at any time."),
    ),
    "resume": ContractAct(
        title=_("Resume"), verb=_("Resume it"), icon="play", fields=lambda held: {},
        run=lambda held, data: services.resume(held.code),
        reverse=_("You can pause it again."),
    ),
    "cancel": ContractAct(
        title=_("Cancel"), verb=_("Cancel it"), danger=True, icon="trash",
        fields=lambda held: choose_when(PERIOD, *((TERM,) if has_term(held) else ())),
        run=lambda held, data: services.cancel(held.code, when=chosen(data)),
        reverse=_("Until then you can take the cancellation back."),
    ),
    "uncancel": ContractAct(
        title=_("Take the cancellation back"), verb=_("Take it back"), icon="undo",
        fields=lambda held: {}, run=lambda held, data: services.uncancel(held.code),
        reverse=_("You can cancel it again."),
    ),
}  # fmt: skip
"""The acts of customers: name -> act."""


def has_term(held: Held) -> bool:
    """Is the contract bound for a term?"""
    version = PlanVersion.objects.get(pk=held.timeline[-1].plan_version_id)
    return bool(version.body.get("term"))


def possible(held: Held, state: str) -> list[tuple[str, ContractAct]]:
    """The acts that make sense for a contract as it is now."""
    if state == "cancelled":
        return []
    ends = any(one.kind == "cancel" for one in services.scheduled(held))
    hidden = {"cancel" if ends else "uncancel", "pause" if state == "paused" else "resume"}
    if not similar(held, today(held)):
        hidden.add("plan")
    if held.subscription.base is not None or not addons(held, today(held)):
        hidden.add("add-on")
    if not _by_units(held):
        hidden.add("quantity")
    return [(name, one) for name, one in ACTS.items() if name not in hidden]


def _by_units(held: Held) -> bool:
    """Is anything charged for each unit, such as a seat?"""
    return PriceRow.objects.filter(
        plan_version_id=held.timeline[-1].plan_version_id, kind="recurring", model="per_unit"
    ).exists()
