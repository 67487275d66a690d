"""Contracts through the services and the database: what is asked for, and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.catalog.errors import UnknownPlan
from meterline.catalog.models import PlanVersion
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.platform.models import AuditEntry, Event
from meterline.subscriptions import services
from meterline.subscriptions.errors import (
    AlreadyPaused,
    CurrencyDiffers,
    InvalidQuantity,
    NotCancelled,
    NotPaused,
    SubscriptionCodeTaken,
    SubscriptionEnded,
    UnknownDiscount,
    UnknownOverride,
    UnknownSubscription,
)
from meterline.subscriptions.models import Change, Discount, Phase, Subscription

pytestmark = pytest.mark.django_db

CATALOG = """
currency: EUR
timezone: UTC
policy: {downgrade: end_of_period}
discounts: [{code: launch, percent: 10}, {code: friend, percent: 5}]
plans:
  small:
    name: Small
    prices: {base: {kind: recurring, model: flat, amount: 10}}
  big:
    name: Big
    prices: {base: {kind: recurring, model: flat, amount: 20}}
  yearly:
    name: Yearly
    policy: {anchor: reset}
    prices: {base: {kind: recurring, interval: year, model: flat, amount: 200}}
  seats:
    name: Seats
    prices: {seat: {kind: recurring, model: per_unit, unit_amount: 5}}
  tried:
    name: Tried
    trial: 14 days
    prices: {base: {kind: recurring, model: flat, amount: 10}}
  late:
    name: Late
    policy: {change_day: old, cancel_day: old}
    prices: {base: {kind: recurring, model: flat, amount: 10}}
  exact:
    name: Exact
    policy: {day_count: seconds}
    prices: {base: {kind: recurring, model: flat, amount: 10}}
  staged:
    name: Staged
    phases:
      - {for: 1 month, prices: {base: {amount: 1}}}
      - {for: 2 months, prices: {base: {amount: 5}}}
    prices: {base: {kind: recurring, model: flat, amount: 10}}
"""


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def account(tmp_path: Path) -> int:
    """An account billed on the first of the month, and a catalogue."""
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG, encoding="utf-8")
    catalog.apply(files.parse(path), effective=date(2020, 1, 1))
    return customers.create_account(code="A", currency="EUR").id


def subscribe(account: int, plan: str = "small", at: str = "2026-03-01", **more: object) -> str:
    return services.subscribe(account_id=account, plan=plan, at=day(at), code="s1", **more).code  # type: ignore[arg-type]


def phases() -> list[str]:
    """start, end, plan (and quantity, state, anchor where they are not the usual ones)."""
    plans = dict(PlanVersion.objects.values_list("id", "plan_code"))
    return [
        f"{p.start_at:%m-%d} {p.end_at.strftime('%m-%d') if p.end_at else '-'}"
        f" {plans[p.plan_version_id]}"
        + (f" x{p.quantity.normalize():f}" if p.quantity != 1 else "")
        + (f" {p.state}" if p.state != "active" else "")
        + (f" from {p.anchor:%m-%d}" if p.anchor else "")
        for p in Phase.objects.order_by("subscription_id", "start_at")
    ]


# (plan, start, [(what, day, arguments)], phases)
STORIES: dict[str, tuple[str, str, list[tuple[str, str, dict[str, object]]], list[str]]] = {
    "an upgrade at once": (
        "small", "2026-03-01", [("change", "2026-03-10T15:00", {"plan": "big"})],
        ["03-01 03-10 small", "03-10 - big"],
    ),
    "a downgrade waits": (
        "big", "2026-03-01", [("change", "2026-03-10", {"plan": "small"})],
        ["03-01 04-01 big", "04-01 - small"],
    ),
    "a downgrade now": (
        "big", "2026-03-01", [("change", "2026-03-10", {"plan": "small", "when": "now"})],
        ["03-01 03-10 big", "03-10 - small"],
    ),
    "a newer downgrade replaces the one that waits": (
        "big", "2026-03-01",
        [("change", "2026-03-10", {"plan": "small"}), ("change", "2026-03-12", {"plan": "yearly"})],
        ["03-01 04-01 big", "04-01 - yearly from 04-01"],
    ),
    "changed there and back before it came": (
        "big", "2026-03-01",
        [("change", "2026-03-10", {"plan": "small"}), ("change", "2026-03-12", {"plan": "big"})],
        ["03-01 - big"],
    ),
    "changed there and back on one day": (
        "small", "2026-03-01",
        [("change", "2026-03-10T09:00", {"plan": "big"}),
         ("change", "2026-03-10T10:00", {"plan": "small", "when": "now"})],
        ["03-01 - small"],
    ),
    "changed on the day of the start": (
        "small", "2026-03-01", [("change", "2026-03-01T12:00", {"plan": "big"})],
        ["03-01 - big"],
    ),
    "a back-dated change": (
        "small", "2026-03-01",
        [("change", "2026-03-20", {"plan": "big"}),
         ("change", "2026-03-05", {"plan": "seats", "when": "now"})],
        ["03-01 03-05 small", "03-05 03-20 seats", "03-20 - big"],
    ),
    "a future change": (
        "small", "2026-03-01", [("change", "2026-05-05", {"plan": "big"})],
        ["03-01 05-05 small", "05-05 - big"],
    ),
    "seats": (
        "seats", "2026-03-01",
        [("set_quantity", "2026-03-05", {"quantity": 3}),
         ("set_quantity", "2026-03-10", {"quantity": "2.5", "when": "end_of_period"})],
        ["03-01 03-05 seats", "03-05 04-01 seats x3", "04-01 - seats x2.5"],
    ),
    "a year, with cycles that begin at the change": (
        "small", "2026-03-01", [("change", "2026-03-10", {"plan": "yearly", "when": "now"})],
        ["03-01 03-10 small", "03-10 - yearly from 03-10"],
    ),
    "the anchor follows the trial": (
        "tried", "2026-03-01", [("change", "2026-03-10", {"plan": "yearly", "when": "now"})],
        ["03-01 03-10 tried", "03-10 - yearly from 03-10"],
    ),
    "the day of a change and of the end belong to the old state": (
        "late", "2026-03-01",
        [("change", "2026-03-10", {"plan": "late", "quantity": 2, "when": "now"}),
         ("cancel", "2026-03-20", {})],
        ["03-01 03-11 late", "03-11 03-21 late x2"],
    ),
    "cancelled at the end of the period": (
        "small", "2026-03-01", [("cancel", "2026-03-10", {"when": "end_of_period"})],
        ["03-01 04-01 small"],
    ),
    "cancelled, and sooner after all": (
        "small", "2026-03-01",
        [("cancel", "2026-03-10", {"when": "end_of_period"}), ("cancel", "2026-03-15", {})],
        ["03-01 03-15 small"],
    ),
    "taken back": (
        "small", "2026-03-01",
        [("cancel", "2026-03-10", {"when": "end_of_period"}), ("uncancel", "2026-03-31", {})],
        ["03-01 - small"],
    ),
    "cancelled on the day of the start": (
        "small", "2026-03-01", [("cancel", "2026-03-01T18:00", {})], [],
    ),
    "cancelled in the trial at its end": (
        "tried", "2026-03-01", [("cancel", "2026-03-05", {"when": "end_of_period"})],
        ["03-01 03-15 tried"],
    ),
    "paused and resumed": (
        "small", "2026-03-01", [("pause", "2026-03-05", {}), ("resume", "2026-03-09", {})],
        ["03-01 03-05 small", "03-05 03-09 small paused", "03-09 - small"],
    ),
    "paused and resumed on one day": (
        "small", "2026-03-01",
        [("pause", "2026-03-05T08:00", {}), ("resume", "2026-03-05T17:00", {})],
        ["03-01 - small"],
    ),
    "a pause that waits is taken back": (
        "small", "2026-03-01",
        [("pause", "2026-03-05", {"when": "end_of_period"}), ("resume", "2026-03-09", {})],
        ["03-01 - small"],
    ),
    "changed while paused": (
        "small", "2026-03-01",
        [("pause", "2026-03-05", {}), ("change", "2026-03-07", {"plan": "big"}),
         ("resume", "2026-03-09", {})],
        ["03-01 03-05 small", "03-05 03-07 small paused", "03-07 03-09 big paused",
         "03-09 - big"],
    ),
    "stages of a plan": (
        "staged", "2026-03-15", [],
        ["03-15 04-15 staged", "04-15 06-15 staged", "06-15 - staged"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("plan", "start", "steps", "expected"), STORIES.values(), ids=STORIES)
def test_story(
    account: int,
    plan: str,
    start: str,
    steps: list[tuple[str, str, dict[str, object]]],
    expected: list[str],
) -> None:
    code = subscribe(account, plan, start)
    for what, at, arguments in steps:
        getattr(services, what)(code, at=day(at), **arguments)
    assert phases() == expected
    assert Change.objects.count() == len(steps) + 1


REFUSED: dict[
    str, tuple[str, list[tuple[str, str, dict[str, object]]], type[MeterlineError]]
] = {
    "change after the end": (
        "small", [("cancel", "2026-03-10", {}), ("change", "2026-03-10", {"plan": "big"})],
        SubscriptionEnded,
    ),
    "a change that would come at the end": (
        "big", [("cancel", "2026-03-10", {"when": "end_of_period"}),
                ("change", "2026-03-12", {"plan": "small"})],
        SubscriptionEnded,
    ),
    "cancelled twice": (
        "small", [("cancel", "2026-03-10", {}), ("cancel", "2026-03-11", {})], SubscriptionEnded,
    ),
    "taken back too late": (
        "small", [("cancel", "2026-03-10", {}), ("uncancel", "2026-03-10", {})], NotCancelled,
    ),
    "taken back without a cancellation": ("small", [("uncancel", "2026-03-10", {})], NotCancelled),
    "paused twice": (
        "small", [("pause", "2026-03-05", {}), ("pause", "2026-03-06", {})], AlreadyPaused,
    ),
    "resumed while it runs": ("small", [("resume", "2026-03-05", {})], NotPaused),
    "no units": ("seats", [("set_quantity", "2026-03-05", {"quantity": 0})], InvalidQuantity),
    "units below zero": (
        "seats", [("set_quantity", "2026-03-05", {"quantity": -1})], InvalidQuantity,
    ),
    "no number of units": (
        "seats", [("set_quantity", "2026-03-05", {"quantity": "NaN"})], InvalidQuantity,
    ),
    "an unknown plan": ("small", [("change", "2026-03-05", {"plan": "none"})], UnknownPlan),
    "an override of no price": (
        "small", [("change", "2026-03-05", {"plan": "big", "overrides": {"x": {"amount": "1"}}})],
        UnknownOverride,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("plan", "steps", "error"), REFUSED.values(), ids=REFUSED)
def test_refused(
    account: int,
    plan: str,
    steps: list[tuple[str, str, dict[str, object]]],
    error: type[MeterlineError],
) -> None:
    code = subscribe(account, plan)
    *before, (what, at, arguments) = steps
    for name, when, given in before:
        getattr(services, name)(code, at=day(when), **given)
    standing, log = phases(), Change.objects.count()
    with pytest.raises(error):
        getattr(services, what)(code, at=day(at), **arguments)
    assert (phases(), Change.objects.count()) == (standing, log)


def test_what_does_not_begin(account: int) -> None:
    subscribe(account)
    with pytest.raises(SubscriptionCodeTaken):
        subscribe(account)
    with pytest.raises(UnknownSubscription, match="'none'"):
        services.cancel("none")
    other = customers.create_account(code="B", currency="USD").id
    with pytest.raises(CurrencyDiffers, match="small is in EUR, account B in USD"):
        services.subscribe(account_id=other, plan="small", at=day("2026-03-01"))
    with pytest.raises(UnknownDiscount, match="friend, launch"):
        services.subscribe(
            account_id=account, plan="small", at=day("2026-03-01"), discounts=["none"]
        )
    with pytest.raises(UnknownPlan):
        services.subscribe(account_id=account, plan="small", at=day("2019-12-31"))
    assert Subscription.objects.count() == 1


def test_discounts_keep_their_order(account: int) -> None:
    subscribe(account, discounts=["launch", "friend"])
    rows = Discount.objects.order_by("position").values_list("discount_code", "since_at")
    assert list(rows) == [("launch", day("2026-03-01")), ("friend", day("2026-03-01"))]


def test_overrides_are_a_version_of_their_own_and_end_with_the_plan(account: int) -> None:
    subscribe(account, overrides={"base": {"amount": "7.50"}})
    own = Phase.objects.get().plan_version_id
    (price,) = catalog.prices([own])
    assert price.parameter("amount") == Decimal("7.50")
    services.subscribe(
        account_id=account, plan="small", at=day("2026-03-02"), code="s2",
        overrides={"base": {"amount": "7.50"}},
    )  # fmt: skip
    assert set(Phase.objects.values_list("plan_version_id", flat=True)) == {own}
    services.change("s2", "small", day("2026-03-10"), when="now")
    plain = catalog.plan_version_at("small", date(2026, 3, 10)).id
    assert Phase.objects.filter(plan_version_id=plain).count() == 1


def test_days_are_those_of_the_account(tmp_path: Path, account: int) -> None:
    tokyo = customers.create_account(code="T", currency="EUR", timezone="Asia/Tokyo")
    services.subscribe(account_id=tokyo.id, plan="small", at=day("2026-03-01T16:00"), code="t")
    phase = Phase.objects.get()
    assert phase.start_at == datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert phase.charge_start == date(2026, 3, 2)


def test_seconds_count(account: int) -> None:
    subscribe(account, "exact", "2026-03-01T10:30")
    services.cancel("s1", day("2026-03-05T18:45:10"))
    phase = Phase.objects.get()
    assert (phase.start_at, phase.end_at) == (day("2026-03-01T10:30"), day("2026-03-05T18:45:10"))


def test_the_billing_day_of_then_decides_and_a_later_one_moves_nothing(account: int) -> None:
    clock.move_to(day("2026-03-10"))
    subscribe(account, "big", "2026-03-01")
    services.change("s1", "small", day("2026-03-10"))
    customers.set_billing_day(account, 15, date(2026, 3, 11))
    services.set_quantity("s1", 2, day("2026-03-12"))
    assert phases() == ["03-01 03-12 big", "03-12 04-01 big x2", "04-01 - small x2"]
    services.cancel("s1", day("2026-04-05"), when="end_of_period")
    assert phases()[-1] == "04-01 04-15 small x2"


def test_state_over_time(account: int) -> None:
    clock.move_to(day("2026-02-01"))
    subscribe(account, "tried", "2026-03-01")
    assert Subscription.objects.get().state == "pending"
    services.pause("s1", day("2026-03-20"))
    services.cancel("s1", day("2026-04-01"))
    times = ["2026-02-28", "2026-03-14", "2026-03-15", "2026-03-20", "2026-04-01"]
    assert [services.state("s1", day(at)) for at in times] == [
        "pending", "trial", "active", "paused", "cancelled"
    ]  # fmt: skip


def test_when_it_ends_is_kept(account: int) -> None:
    clock.move_to(day("2026-03-01"))
    subscribe(account, "small", "2026-03-05")

    def end() -> datetime | None:
        return Subscription.objects.get().ends_at

    assert end() is None
    services.cancel("s1", day("2026-05-01"))
    assert end() == day("2026-05-01")
    services.uncancel("s1", day("2026-03-02"))
    assert end() is None
    services.cancel("s1", day("2026-03-03"))
    assert phases() == []
    assert end() == day("2026-03-05")


def test_each_change_leaves_an_event_and_an_audit_record(account: int) -> None:
    subscribe(account)
    services.change("s1", "big", day("2026-03-10"))
    services.set_quantity("s1", 2, day("2026-03-11"))
    services.pause("s1", day("2026-03-12"))
    services.resume("s1", day("2026-03-13"))
    services.cancel("s1", day("2026-03-20"), when="end_of_period")
    services.uncancel("s1", day("2026-03-21"))
    expected = ["created", "changed", "quantity_set", "paused", "resumed", "cancelled",
                "uncancelled"]  # fmt: skip
    names = [f"subscription.{what}" for what in expected]
    events = Event.objects.filter(subject="subscription:s1").order_by("id")
    assert [event.name for event in events] == names
    audits = AuditEntry.objects.filter(subject="subscription:s1").order_by("id")
    assert [entry.action for entry in audits] == names
    assert Event.objects.get(name="subscription.changed").payload["plan"] == "big"


def test_the_log_is_append_only(account: int) -> None:
    subscribe(account)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Change.objects.update(kind="cancel")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Change.objects.all().delete()


def test_a_frame_of_phases(account: int) -> None:
    subscribe(account, "seats", quantity=4)
    services.subscribe(account_id=account, plan="small", at=day("2026-03-05"), code="s2")
    frame = services.phases_frame([account])
    assert frame["code"].to_list() == ["s1", "s2"]
    assert frame["quantity"].to_list() == [4, 1]
    s2 = Subscription.objects.get(code="s2").id
    assert services.phases_frame(subscription_ids=[s2])["start_at"].to_list() == [day("2026-03-05")]
    assert services.phases_frame([account + 1]).is_empty()
