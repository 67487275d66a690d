"""Add-ons: a subscription beside another one, its base, which it follows."""

from __future__ import annotations

from datetime import datetime

from meterline.catalog.models import PlanVersion
from meterline.customers.models import Account
from meterline.platform import clock, events
from meterline.subscriptions import identifiers, models, plans, store
from meterline.subscriptions.errors import BaseElsewhere, BaseNeeded, NotAnAddon
from meterline.subscriptions.store import Held


def start(offer: plans.Offer, account: Account, base: Held | None, begin: datetime) -> datetime:
    """When a subscription of an offer begins: an add-on not before its base.

    Raises BaseNeeded, BaseElsewhere, NotAnAddon, SubscriptionEnded.
    """
    if base is None:
        if offer.terms.addon_to:
            raise BaseNeeded(plan=offer.plan, bases=", ".join(offer.terms.addon_to))
        return begin
    holder = base.subscription.account
    if holder.id != account.id:
        raise BaseElsewhere(base=base.code, holder=holder.code, account=account.code)
    if base.subscription.base_id is not None:
        raise _not_an_addon(offer, base, begin)
    begin, _ = base.phase_for(begin)
    _check_plan(offer, base, begin)
    return begin


def check_change(offer: plans.Offer, held: Held, at: datetime) -> None:
    """A change of plan keeps an add-on beside its base, and others without one.

    Raises BaseNeeded, NotAnAddon.
    """
    if held.subscription.base is not None:
        _check_plan(offer, store.held(held.subscription.base), at)
    elif offer.terms.addon_to:
        raise BaseNeeded(plan=offer.plan, bases=", ".join(offer.terms.addon_to))


def has(base: Held, plan: str, at: datetime) -> bool:
    """Whether a subscription has an add-on of a plan at an instant."""
    for row in store.addons(base):
        phase = store.held(row).phase(at)
        if phase is not None and _plan_code(phase.plan_version_id) == plan:
            return True
    return False


def follow(base: Held, since: datetime) -> None:
    """Make the phases of a changed subscription's add-ons anew."""
    from meterline.usage.services import rerate  # usage stands on subscriptions

    for row in store.addons(base):
        before = models.Phase.objects.filter(subscription=row).order_by("start_at").last()
        held = store.held(row)
        store.write_phases(held)
        ended = before.end_at if before is not None else row.started_at
        if ended != held.end_at:
            identifiers.move_end(row, ended, held.end_at)
        told = {
            "code": row.code, "base": base.code, "state": row.state,
            "end_at": held.end_at and held.end_at.isoformat(),
        }  # fmt: skip
        events.emit("subscription.followed", f"subscription:{row.code}", told)
        if since < clock.now():
            rerate([row.pk], since)


def _check_plan(offer: plans.Offer, base: Held, at: datetime) -> None:
    phase = base.phase(at)
    if phase is None or _plan_code(phase.plan_version_id) not in offer.terms.addon_to:
        raise _not_an_addon(offer, base, at)


def _not_an_addon(offer: plans.Offer, base: Held, at: datetime) -> NotAnAddon:
    return NotAnAddon(
        plan=offer.plan, base=base.code, at=f"{at.astimezone(base.zone):%Y-%m-%d %H:%M}",
        bases=", ".join(offer.terms.addon_to) or "no other",
    )  # fmt: skip


def _plan_code(plan_version_id: int) -> str:
    return PlanVersion.objects.values_list("plan_code", flat=True).get(id=plan_version_id)
