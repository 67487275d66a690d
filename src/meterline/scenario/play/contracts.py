"""Steps that change contracts and the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError
from meterline.scenario.play.registry import play
from meterline.scenario.steps import (
    Change,
    GiveDiscount,
    Publish,
    Redeem,
    SetBillingDay,
    SetQuantity,
    SetState,
    Step,
    Subscribe,
)
from meterline.scenario.values import instant
from meterline.scenario.world import World
from meterline.subscriptions import decide, discounts
from meterline.subscriptions import services as subscriptions

Word = Literal["policy", "now"]


def _when(step: Change | SetQuantity | SetState, world: World, default: Word) -> decide.When:
    """A word, or the date or instant at which it shall be."""
    when = step.when or default
    return when if isinstance(when, str) else instant(when, world.zone_of(step))


def _at(step: Step, world: World) -> datetime:
    """When the step takes effect: an `at` before the clock is a back-dated contract."""
    return world.instant(step.at, world.zone_of(step))


@play.register
def _(step: Subscribe, world: World) -> None:
    made = subscriptions.subscribe(
        account_id=world.accounts[step.account],
        plan=step.plan,
        at=_at(step, world),
        code=step.name,
        quantity=step.quantity,
        overrides=step.overrides,
        discounts=step.discounts,
        promotion=step.promotion,
        identifiers=step.identifiers,
        base=None if step.base is None else world.subscriptions[step.base],
    )
    if step.name is not None:
        world.subscriptions[step.name] = made.id
        world.owners[step.name] = step.account


@play.register
def _(step: Change, world: World) -> None:
    subscription = world.subscription(step.subscription)
    when = _when(step, world, "policy")
    subscriptions.change(subscription, step.plan, _at(step, world), when=when)


@play.register
def _(step: SetQuantity, world: World) -> None:
    subscription = world.subscription(step.subscription)
    when = _when(step, world, "now")
    subscriptions.set_quantity(subscription, step.quantity, _at(step, world), when=when)


@play.register
def _(step: SetState, world: World) -> None:
    subscription, at = world.subscription(step.subscription), _at(step, world)
    if step.do == "uncancel":
        subscriptions.uncancel(subscription, at)
        return
    act = {
        "cancel": subscriptions.cancel,
        "pause": subscriptions.pause,
        "resume": subscriptions.resume,
    }[step.do]
    act(subscription, at, when=_when(step, world, "now"))


@play.register
def _(step: GiveDiscount, world: World) -> None:
    name = world.subscription(step.subscription) if step.subscription else None
    holder = discounts.holder(subscription=name, account=step.account)
    act = discounts.give if step.do == "give_discount" else discounts.end
    act(step.discount, holder, _at(step, world))


@play.register
def _(step: Redeem, world: World) -> None:
    subscription = world.subscription(step.subscription)
    try:
        discounts.redeem(step.promotion, subscription, _at(step, world))
    except MeterlineError as error:
        if error.code != step.refused:
            raise
        return
    if step.refused is not None:
        world.differs(f"expected to be refused ({step.refused})")


@play.register
def _(step: SetBillingDay, world: World) -> None:
    day = None if step.day == "anniversary" else step.day
    on = _at(step, world).astimezone(world.zone(step.account)).date()
    customers.set_billing_day(world.accounts[step.account], day, on)


@play.register
def _(step: Publish, world: World) -> None:
    effective = _at(step, world).astimezone(world.zone(None)).date()
    catalog.apply(world.scenario.published[(*world.place, "catalog")], effective=effective)
