"""What subscriptions are at an instant, for lists: many of them in two queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from meterline.catalog.models import PlanVersion
from meterline.subscriptions import timeline
from meterline.subscriptions.models import Identifier, Phase, Subscription


def now_of(ids: Sequence[int], at: datetime) -> dict[int, dict[str, Any]]:
    """By subscription: plan (its name), plan_code, quantity, state_now, numbers (text). What has
    not begun shows what it begins with, what has ended what it was last."""
    zones = dict(Subscription.objects.filter(pk__in=ids).values_list("pk", "account__timezone"))
    phases: dict[int, list[Phase]] = {}
    for phase in Phase.objects.filter(subscription_id__in=ids).order_by("start_at"):
        phases.setdefault(phase.subscription_id, []).append(phase)
    versions = {phase.plan_version_id for mine in phases.values() for phase in mine}
    plans = PlanVersion.objects.filter(pk__in=versions).only("plan_code", "name")
    named = {plan.pk: plan for plan in plans}
    numbers: dict[int, list[str]] = {}
    for row in Identifier.objects.filter(subscription_id__in=ids).order_by("pk"):
        if row.end_at is None or row.end_at > at:
            numbers.setdefault(row.subscription_id, []).append(row.value)
    return {
        pk: {
            **_now(phases.get(pk, []), at, ZoneInfo(zones[pk]), named),
            "numbers": _few(numbers.get(pk, [])),
        }
        for pk in zones
    }


def _now(
    phases: list[Phase], at: datetime, zone: ZoneInfo, plans: dict[int, PlanVersion]
) -> dict[str, Any]:
    here = timeline.phase_at(phases, at)
    if here is None and phases:
        here = phases[0] if at < phases[0].start_at else phases[-1]
    plan = None if here is None else plans.get(here.plan_version_id)
    return {
        "plan": "" if plan is None else plan.name,
        "plan_code": "" if plan is None else plan.plan_code,
        "quantity": None if here is None else here.quantity,
        "state_now": timeline.state_at(phases, at, zone),
    }


def _few(numbers: list[str]) -> str:
    more = len(numbers) - 2
    return ", ".join(numbers[:2]) + (f" + {more}" if more > 0 else "")


def offered(on: date, currency: str | None = None) -> list[PlanVersion]:
    """The plans that can be taken on a day: of each its version of then, by name."""
    versions = PlanVersion.objects.filter(base=None, effective__lte=on)
    if currency is not None:
        versions = versions.filter(currency=currency)
    newest = versions.order_by("plan_code", "-effective", "-version").distinct("plan_code")
    return sorted(newest, key=lambda one: (one.name, one.plan_code))
