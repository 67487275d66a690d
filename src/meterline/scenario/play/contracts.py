"""Steps that change contracts and the catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

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
from meterline.scenario.world import World
from meterline.subscriptions import discounts
from meterline.subscriptions import services as subscriptions


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
        quantity=Decimal(1) if step.quantity is None else step.quantity,
        overrides=step.overrides,
        discounts=step.discounts,
        promotion=step.promotion,
        identifiers=step.identifiers,
    )
    if step.name is not None:
        world.subscriptions[step.name] = made.id
        world.owners[step.name] = step.account


@play.register
def _(step: Change, world: World) -> None:
    subscription = world.subscriptions[step.subscription]
    subscriptions.change(subscription, step.plan, _at(step, world), when=step.when)


@play.register
def _(step: SetQuantity, world: World) -> None:
    subscription = world.subscriptions[step.subscription]
    subscriptions.set_quantity(subscription, step.quantity, _at(step, world), when=step.when)


@play.register
def _(step: SetState, world: World) -> None:
    subscription, at = world.subscriptions[step.subscription], _at(step, world)
    if step.do == "uncancel":
        subscriptions.uncancel(subscription, at)
        return
    act = {
        "cancel": subscriptions.cancel,
        "pause": subscriptions.pause,
        "resume": subscriptions.resume,
    }[step.do]
    act(subscription, at, when=step.when or "policy")


@play.register
def _(step: GiveDiscount, world: World) -> None:
    name = world.subscriptions[step.subscription] if step.subscription else None
    holder = discounts.holder(subscription=name, account=step.account)
    act = discounts.give if step.do == "give_discount" else discounts.end
    act(step.discount, holder, _at(step, world))


@play.register
def _(step: Redeem, world: World) -> None:
    subscription = world.subscriptions[step.subscription]
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
