"""What others call to make and change contracts: load, decide, save, emit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.db import transaction

from meterline.catalog.resolve import plain
from meterline.customers.models import Account
from meterline.platform import audit, clock, events
from meterline.subscriptions import addons, decide, identifiers, moves, plans, store, timeline
from meterline.subscriptions import discounts as given
from meterline.subscriptions.bulk import subscribe_many
from meterline.subscriptions.decide import When
from meterline.subscriptions.errors import (
    AlreadyPaused,
    InvalidQuantity,
    NotCancelled,
    NotPaused,
    NotScheduled,
    SubscriptionCodeTaken,
)
from meterline.subscriptions.frames import identifiers_frame, phases_frame
from meterline.subscriptions.imports import import_file
from meterline.subscriptions.log import Change, Kind
from meterline.subscriptions.models import Identifier, Subscription
from meterline.subscriptions.store import Held
from meterline.subscriptions.timeline import State

__all__ = [
    "add_identifier", "cancel", "change", "end_identifier", "identifiers_frame", "import_file",
    "pause", "phases_frame", "resume", "scheduled", "set_quantity", "state", "subscribe",
    "subscribe_many", "uncancel", "unschedule",
]  # fmt: skip

Number = Decimal | int | str


@transaction.atomic
def subscribe(
    *,
    account_id: int,
    plan: str,
    at: datetime | None = None,
    code: str | None = None,
    quantity: Number | None = None,
    overrides: plans.Overrides | None = None,
    discounts: Sequence[str] = (),
    promotion: str | None = None,
    identifiers: Mapping[str, str] | None = None,
    base: int | str | None = None,
) -> Subscription:
    """A new subscription of an account, from `at` on (its first local day counts whole).

    `overrides`: {price code: {field: value}}; `discounts`: codes, in the order in which they
    apply; `promotion`: a code to redeem; `identifiers`: {kind: value}; `base`: of an add-on.
    Without a code one is made. A bundle brings its add-ons along.
    """
    account = Account.objects.get(id=account_id)
    zone, at = ZoneInfo(account.timezone), at or clock.now()
    code = code or f"sub-{secrets.token_hex(5)}"
    store.lock_log()
    if Subscription.objects.filter(code=code).exists():
        raise SubscriptionCodeTaken(code=code)
    taken = plans.offer(plan, at.astimezone(zone).date(), overrides)
    taken.check_currency(account.code, account.currency)
    given.check_known(discounts)
    under = None if base is None else store.load(base)
    start = addons.start(taken, account, under, decide.start_instant(at, taken.policy, zone))
    first = Change(
        number=1, kind="subscribe", effective_at=start, requested_at=at, terms=taken.terms,
        quantity=_quantity(1 if quantity is None else quantity),
    )  # fmt: skip
    facts = {"plan": plan, "overrides": plain(overrides or {})}
    beside = None if under is None else under.subscription
    held = store.create(code, account, first, facts, beside)
    for kind, value in (identifiers or {}).items():
        _identify(held, kind, value, first.effective_at)
    given.at_start(held, discounts, promotion)
    conclude(held, first, plan=plan, discounts=list(discounts))
    moves.catch_up(plan, at.astimezone(zone).date(), [held.subscription.pk])
    _bring_along(held, taken, at)
    return held.subscription


def _bring_along(held: Held, taken: plans.Offer, at: datetime) -> None:
    """The add-ons of a bundle that the subscription does not have already."""
    for plan, quantity in taken.includes:
        if not addons.has(held, plan, at):
            code = f"{held.code}-{plan}"
            if Subscription.objects.filter(code=code).exists():
                code = f"{code}-{secrets.token_hex(3)}"
            subscribe(
                account_id=held.subscription.account_id, plan=plan, at=at, code=code,
                quantity=quantity, base=held.code,
            )  # fmt: skip


@transaction.atomic
def change(
    subscription: int | str,
    plan: str,
    at: datetime | None = None,
    when: When | None = "policy",
    *,
    quantity: Number | None = None,
    overrides: plans.Overrides | None = None,
) -> datetime:
    """Change to another plan; gives the instant from which it holds.

    `when`: policy (that of the plan that is left: upgrades and downgrades), now, end_of_period,
    end_of_term or a date. Overrides end with the plan they were made for. A newer change of plan
    replaces one that still waits for the end of a period.
    """
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    asked, phase = held.phase_for(at)
    left = plans.view(held.final_version(asked))
    taken = plans.offer(plan, asked.astimezone(held.zone).date(), overrides)
    account = held.subscription.account
    taken.check_currency(account.code, account.currency)
    units = phase.quantity if quantity is None else _quantity(quantity)
    choice = decide.change_when(when or "policy", left, taken.view, phase.quantity)
    effective, deferred = decide.effective_at(asked, choice, left.policy.change_day, held, left)
    held.check_reached(effective)
    if effective > asked:
        taken = plans.offer(plan, effective.astimezone(held.zone).date(), overrides)
    addons.check_change(taken, held, effective)
    made = Change(
        number=store.next_number(held), kind="change", effective_at=effective, requested_at=at,
        deferred=deferred, terms=taken.terms, quantity=None if quantity is None else units,
        anchor=decide.anchor(effective, left, taken.view, held.zone),
    )  # fmt: skip
    held = record(held, made, {"plan": plan, "overrides": plain(overrides or {})}, plan=plan)
    moves.catch_up(plan, effective.astimezone(held.zone).date(), [held.subscription.pk])
    _bring_along(held, taken, effective)
    return effective


def set_quantity(
    subscription: int | str, quantity: Number, at: datetime | None = None, when: When | None = "now"
) -> datetime:
    """Change the number of units (seats); gives the instant from which it holds."""
    return _step(subscription, "set_quantity", at, when, quantity=_quantity(quantity))


@transaction.atomic
def cancel(
    subscription: int | str, at: datetime | None = None, when: When | None = "now"
) -> datetime:
    """End a subscription now, at the end of the period or of the term, or on a date; gives its end.

    A newer cancellation replaces one that is still to come. Identifiers and add-ons end with it.
    """
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    asked, phase = held.phase_for(at)
    left = plans.view(phase.plan_version_id)
    end, deferred = decide.cancel_at(asked, when or "now", held, left)
    made = Change(
        number=store.next_number(held), kind="cancel", effective_at=end, requested_at=at,
        deferred=deferred,
    )  # fmt: skip
    record(held, made)
    return end


@transaction.atomic
def uncancel(subscription: int | str, at: datetime | None = None) -> None:
    """Take back a cancellation that is still to come. Raises NotCancelled, IdentifierTaken."""
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    if not any(one.kind == "cancel" and one.effective_at > at for one in held.in_force):
        raise NotCancelled(code=held.code)
    record(
        held,
        Change(number=store.next_number(held), kind="uncancel", effective_at=at, requested_at=at),
    )


def pause(
    subscription: int | str, at: datetime | None = None, when: When | None = "now"
) -> datetime:
    """Stop charging and usage until it is resumed; gives the instant from which it is paused."""
    return _step(subscription, "pause", at, when)


def resume(
    subscription: int | str, at: datetime | None = None, when: When | None = "now"
) -> datetime:
    """Go on after a pause; gives the instant from which it is active."""
    return _step(subscription, "resume", at, when)


@transaction.atomic
def add_identifier(
    subscription: int | str, kind: str, value: str, at: datetime | None = None
) -> Identifier:
    """Give a subscription an identifier from an instant on. Raises IdentifierTaken."""
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    asked, _ = held.phase_for(at)
    row = _identify(held, kind, value, asked)
    _tell_identifier("added", row, asked)
    return row


@transaction.atomic
def end_identifier(value: str, at: datetime | None = None) -> Identifier:
    """End an identifier, whoever holds it; another may have it then. Raises UnknownIdentifier."""
    at = at or clock.now()
    store.lock_log()
    row = identifiers.end(value, at)
    _tell_identifier("ended", row, at)
    return row


@transaction.atomic
def unschedule(subscription: int | str, number: int, at: datetime | None = None) -> None:
    """Take back a change that is still to come, by its number in `scheduled`. Raises NotScheduled,
    IdentifierTaken."""
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    if number not in {one.number for one in scheduled(held, at)}:
        raise NotScheduled(code=held.code, number=number)
    record(
        held,
        Change(
            number=store.next_number(held), kind="unschedule", effective_at=at, requested_at=at,
            of=number,
        ),
    )  # fmt: skip


def scheduled(held: Held, at: datetime | None = None) -> list[Change]:
    """The changes of a subscription that are still to come, in the order in which they come."""
    at = at or clock.now()
    found = [one for one in held.in_force if one.effective_at > at and one.kind != "subscribe"]
    return sorted(found, key=lambda one: (one.effective_at, one.number))


def state(subscription: int | str, at: datetime | None = None) -> State:
    """What a subscription is at an instant: pending, trial, active, paused or cancelled."""
    held = store.load(subscription)
    return timeline.state_at(held.timeline, at or clock.now(), held.zone)


@transaction.atomic
def _step(
    subscription: int | str,
    kind: Literal["set_quantity", "pause", "resume"],
    at: datetime | None,
    when: When | None,
    quantity: Decimal | None = None,
) -> datetime:
    """A change that leaves the plan as it is."""
    at = at or clock.now()
    store.lock_log()
    held = store.load(subscription)
    asked, phase = held.phase_for(at)
    left = plans.view(phase.plan_version_id)
    effective, deferred = decide.effective_at(
        asked, when or "now", left.policy.change_day, held, left
    )
    held.check_reached(effective)
    made = Change(
        number=store.next_number(held), kind=kind, effective_at=effective, requested_at=at,
        deferred=deferred, quantity=quantity,
    )  # fmt: skip
    _check_state(held, made)
    record(held, made)
    return effective


def _check_state(held: Held, made: Change) -> None:
    """A pause needs something that runs, a resumption a pause, there or still to come."""
    before = held.phase(made.effective_at)
    text = f"{made.effective_at.astimezone(held.zone):%Y-%m-%d %H:%M}"
    paused = before is not None and before.state == "paused"
    if made.kind == "pause" and paused:
        raise AlreadyPaused(code=held.code, at=text)
    waiting = any(
        one.kind == "pause" and one.deferred and one.effective_at > made.requested_at
        for one in held.in_force
    )
    if made.kind == "resume" and not paused and not waiting:
        raise NotPaused(code=held.code, at=text)


def _identify(held: Held, kind: str, value: str, start: datetime) -> Identifier:
    end = held.end_at
    return identifiers.add(
        held.subscription, kind, value, start if end is None else min(start, end), end
    )


def _quantity(value: Number) -> Decimal:
    try:
        quantity = Decimal(value)
    except InvalidOperation as error:
        raise InvalidQuantity(quantity=value) from error
    if not quantity.is_finite() or quantity <= 0 or quantity >= 10**15:
        raise InvalidQuantity(quantity=value)
    if quantity != quantity.quantize(Decimal("1e-10")):
        raise InvalidQuantity(quantity=value)
    return quantity


def record(held: Held, made: Change, facts: Mapping[str, Any] | None = None, **told: Any) -> Held:
    """Append a change; identifiers and add-ons follow."""
    after = store.append(held, made, facts or {})
    if after.end_at != held.end_at:
        identifiers.move_end(held.subscription, held.end_at, after.end_at)
    addons.follow(after, made.effective_at)
    conclude(after, made, **told)
    return after


def conclude(held: Held, made: Change, **facts: Any) -> None:
    """Tell of a change; usage that came before it and after its effect is rated anew."""
    from meterline.usage.services import follow_contract  # usage stands on subscriptions

    told = {
        "code": held.code,
        "account": held.subscription.account.code,
        "state": held.subscription.state,
        **store.payload(replace(made, terms=None), facts),
        "effective_at": made.effective_at.isoformat(),
    }
    told.pop("terms")
    name = f"subscription.{_EVENTS[made.kind]}"
    events.emit(name, f"subscription:{held.code}", told)
    audit.record(name, f"subscription:{held.code}", after=told)
    follow_contract(held.subscription.pk, made.effective_at, new=made.kind == "subscribe")


def _tell_identifier(what: str, row: Identifier, at: datetime) -> None:
    from meterline.usage.services import follow_identifiers  # usage stands on subscriptions

    told = {
        "code": row.subscription.code, "kind": row.kind, "value": row.value, "at": at.isoformat(),
    }  # fmt: skip
    subject = f"subscription:{row.subscription.code}"
    events.emit(f"subscription.identifier_{what}", subject, told)
    audit.record(f"subscription.identifier_{what}", subject, after=told)
    follow_identifiers([row.value])


_EVENTS: dict[Kind, str] = {
    "subscribe": "created",
    "change": "changed",
    "unschedule": "unscheduled",
    "set_quantity": "quantity_set",
    "cancel": "cancelled",
    "uncancel": "uncancelled",
    "pause": "paused",
    "resume": "resumed",
}
