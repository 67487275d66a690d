"""Payments, credit, and the state of accounts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from meterline.kernel.errors import NotSupported
from meterline.kernel.explain import number
from meterline.payments import services as payments
from meterline.payments.grants import Terms
from meterline.platform import clock
from meterline.scenario.picture import money
from meterline.scenario.play.registry import play
from meterline.scenario.steps import Charging, Check, Collect, Money
from meterline.scenario.values import instant
from meterline.scenario.world import World
from meterline.subscriptions import services as subscriptions
from meterline.subscriptions.models import Subscription
from meterline.usage import services as usage


@play.register
def _(step: Money, world: World) -> None:
    account, at = world.accounts[step.account], clock.now()
    invoice = world.invoices[step.invoice].id if step.invoice else None
    match step.do:
        case "pay":
            payments.pay(account, step.amount, invoice=invoice, at=at)
        case "credit":
            payments.grant_credit(account, step.amount, at=at, terms=_terms(step, world))
        case "refund":
            payments.refund(account, step.amount, invoice=invoice, at=at)
        case "chargeback":
            payments.chargeback(account, step.amount, invoice=invoice, at=at)


def _terms(step: Money, world: World) -> Terms:
    expires = None if step.expires is None else instant(step.expires, world.zone(step.account))
    return Terms(
        priority=step.priority,
        expires_at=expires,
        only_usage=step.for_ == "usage",
        price_codes=() if isinstance(step.for_, str) else step.for_,
    )


@play.register
def _(step: Charging, world: World) -> None:
    raise NotSupported(what=f"online charging ({step.do})")


@play.register
def _(step: Collect, world: World) -> None:
    raise NotSupported(what=step.do)


@play.register
def _(step: Check, world: World) -> None:
    expected = step.expect
    if expected.unknown():
        raise NotSupported(what=f"check of {', '.join(expected.unknown())}")
    balances = world.scenario.document.accounts[step.account].balances
    if balances and expected.balance is not None:
        raise NotSupported(what="check of a prepaid balance")
    made = payments.balance(world.accounts[step.account], clock.now())
    for figure in ("balance", "receivable", "credit", "overdue"):
        wanted: Decimal | None = getattr(expected, figure)
        got: Decimal = getattr(made, figure)
        if wanted is not None and wanted != got:
            world.differs(f"{figure} expected {wanted:f}, is {money(got)}")
    if expected.subscription_state is not None:
        _states(step, world, expected.subscription_state)
    if expected.allowances is not None:
        _allowances(step, world, expected.allowances)


def _allowances(step: Check, world: World, expected: dict[str, Decimal]) -> None:
    """What is left of the account's allowances, each code's together."""
    left: dict[str, Fraction] = {}
    for one in usage.balances(world.accounts[step.account], clock.now()):
        left[one.allowance] = left.get(one.allowance, Fraction(0)) + one.left
    for code, wanted in expected.items():
        if code not in left:
            world.differs(f"allowance {code} expected {wanted:f}, there is none")
        elif left[code] != wanted:
            world.differs(f"allowance {code} expected {wanted:f}, is {number(left[code])}")


def _states(step: Check, world: World, expected: str | dict[str, str]) -> None:
    rows = Subscription.objects.filter(account_id=world.accounts[step.account])
    states = {row.code: subscriptions.state(row.id) for row in rows}
    wanted = expected if isinstance(expected, dict) else dict.fromkeys(states, expected)
    for name, state in wanted.items():
        if states.get(name) != state:
            world.differs(f"{name} expected to be {state}, is {states.get(name, 'absent')}")
