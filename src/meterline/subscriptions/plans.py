"""What the catalogue says of plans, as the decisions about contracts need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from meterline.catalog import services as catalog
from meterline.catalog.models import PlanVersion
from meterline.kernel.interval import Interval
from meterline.kernel.policy import Policy
from meterline.subscriptions.decide import PlanView
from meterline.subscriptions.errors import CurrencyDiffers, UnknownOverride
from meterline.subscriptions.terms import Stage, Terms

Overrides = Mapping[str, Mapping[str, Any]]
_POLICY = {field.name for field in fields(Policy)}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A plan version that is about to be taken: its terms, and its view."""

    plan: str
    currency: str
    terms: Terms
    policy: Policy

    @property
    def plan_version_id(self) -> int:
        """The version that holds in the end, when the plan's phases are over."""
        return self.terms.stages[-1].plan_version_id

    @property
    def view(self) -> PlanView:
        """With its prices."""
        return view(self.plan_version_id)

    def check_currency(self, account: str, currency: str) -> None:
        """Raises CurrencyDiffers unless it is the account's."""
        if self.currency != currency:
            raise CurrencyDiffers(
                plan=self.plan, plan_currency=self.currency, account=account,
                account_currency=currency,
            )  # fmt: skip


def offer(plan: str, on: date, overrides: Overrides | None = None) -> Offer:
    """The version of a plan on a local day, with the overrides of one subscription.

    A subscription's overrides come before those of the plan's phases. Raises UnknownPlan,
    UnknownOverride.
    """
    version = catalog.plan_version_at(plan, on)
    own = dict(overrides or {})
    if own:
        known = {price.code for price in catalog.prices([version.id])}
        for price in own.keys() - known:
            raise UnknownOverride(plan=plan, price=price, known=", ".join(sorted(known)))
    body = version.body
    stages = [
        Stage(
            plan_version_id=_derived(version.id, _merged(phase.get("prices") or {}, own)),
            length=Interval.parse(phase["for"]),
        )
        for phase in body.get("phases") or ()
    ]
    stages.append(Stage(plan_version_id=_derived(version.id, own), length=None))
    policy = policy_of(body)
    terms = Terms(
        stages=tuple(stages),
        trial=Interval.parse(body["trial"]) if body.get("trial") else None,
        by_seconds=policy.day_count == "seconds",
    )
    return Offer(plan=version.plan_code, currency=version.currency, terms=terms, policy=policy)


def view(plan_version_id: int) -> PlanView:
    """A plan version with its policy and prices."""
    version = PlanVersion.objects.get(id=plan_version_id)
    return PlanView(
        plan_version_id=plan_version_id,
        policy=policy_of(version.body),
        prices=tuple(catalog.prices([plan_version_id])),
    )


def policy_of(body: Mapping[str, Any]) -> Policy:
    """The plan's policy, from its body."""
    return Policy(**{k: v for k, v in (body.get("policy") or {}).items() if k in _POLICY})


def _derived(plan_version_id: int, overrides: Overrides) -> int:
    if not overrides:
        return plan_version_id
    return catalog.derive_plan_version(plan_version_id, overrides)


def _merged(phase: Overrides, own: Overrides) -> dict[str, dict[str, Any]]:
    return {price: {**phase.get(price, {}), **own.get(price, {})} for price in {**phase, **own}}
