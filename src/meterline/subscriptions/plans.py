"""What the catalogue says of plans, as the decisions about contracts need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from meterline.catalog import services as catalog
from meterline.catalog.models import PlanVersion
from meterline.catalog.plan_sections import TermSection
from meterline.kernel.interval import Interval
from meterline.kernel.policy import Policy
from meterline.platform.remembered import remembered
from meterline.subscriptions.decide import PlanView
from meterline.subscriptions.errors import CurrencyDiffers, UnknownOverride
from meterline.subscriptions.terms import Raise, Stage, Term, Terms

Overrides = Mapping[str, Mapping[str, Any]]
_POLICY = {field.name for field in fields(Policy)}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A plan version that is about to be taken: its terms, and its view."""

    plan: str
    version_id: int
    currency: str
    terms: Terms
    policy: Policy
    includes: tuple[tuple[str, Decimal], ...] = ()
    """Plans and quantities of the add-ons that a bundle brings along."""

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
    return offer_of(catalog.plan_version_at(plan, on), overrides)


def offer_of(version: PlanVersion, overrides: Overrides | None = None) -> Offer:
    """A plan version with the overrides of one subscription. Raises UnknownOverride."""
    plan = version.plan_code
    own = dict(overrides or {})
    if own:
        known = {price.code for price in catalog.prices([version.id])}
        for price in own.keys() - known:
            raise UnknownOverride(plan=plan, price=price, known=", ".join(sorted(known)))
    body = version.body
    phases = body.get("phases") or ()
    lengths = [*(Interval.parse(phase["for"]) for phase in phases), None]
    changes: list[Overrides] = [*(_merged(phase.get("prices") or {}, own) for phase in phases), own]
    versions = [_derived(version.id, one) for one in changes]
    policy = policy_of(body)
    terms = Terms(
        stages=tuple(
            Stage(plan_version_id=one, length=length)
            for one, length in zip(versions, lengths, strict=True)
        ),
        trial=Interval.parse(body["trial"]) if body.get("trial") else None,
        by_seconds=policy.day_count == "seconds",
        raises=_raises(version, changes),
        term=_term(body.get("term"), versions[-1]),
        addon_to=tuple(body.get("addon_to") or ()),
        base_quantity=body.get("addon_quantity") == "base",
    )
    return Offer(
        plan=version.plan_code, version_id=version.id, currency=version.currency, terms=terms,
        policy=policy, includes=_includes(body),
    )  # fmt: skip


def _raises(version: PlanVersion, changes: Sequence[Overrides]) -> tuple[Raise, ...]:
    """The versions that hold from each date of the plan's indexation."""
    indexed = [catalog.indexed(version.body, one) for one in changes]
    dates = sorted({since for stage in indexed for since in stage})
    found = []
    for since in dates:
        reached = [max((d for d in stage if d <= since), default=None) for stage in indexed]
        versions = [
            _derived(version.id, one if day is None else stage[day])
            for one, stage, day in zip(changes, indexed, reached, strict=True)
        ]
        found.append(Raise(since=since, plan_version_ids=tuple(versions)))
    return tuple(found)


def _term(written: Mapping[str, Any] | None, plan_version_id: int) -> Term | None:
    if written is None:
        return None
    section = TermSection.model_validate(written)
    return Term(
        length=Interval.parse(section.for_),
        renewal=section.renewal,
        renew_for=Interval.parse(section.renew_for or section.for_),
        notice=Interval.parse(section.notice) if section.notice else None,
        plan_version_id=plan_version_id,
    )


def _includes(body: Mapping[str, Any]) -> tuple[tuple[str, Decimal], ...]:
    return tuple(
        (one["plan"], Decimal(one.get("quantity", 1))) for one in body.get("includes") or ()
    )


def view(plan_version_id: int) -> PlanView:
    """A plan version with its policy and prices."""
    return _view(plan_version_id, catalog.newest_entry())


@remembered(4096)
def _view(plan_version_id: int, newest_entry: int) -> PlanView:
    """Versions never change; the meters of their prices may, with `newest_entry`."""
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
