"""Add-ons: what they may be beside, and how they follow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from subscriptions.house import account, publish

from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.platform.models import Event
from meterline.subscriptions import services, store
from meterline.subscriptions.errors import BaseElsewhere, BaseNeeded, NotAnAddon, SubscriptionEnded
from meterline.subscriptions.models import Identifier

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _house(home: Path) -> None:
    clock.move_to(START)
    publish()
    services.subscribe(account_id=account(), plan="mobile", at=START, code="base")


def add(**fields: object) -> None:
    services.subscribe(**{  # type: ignore[arg-type]
        "account_id": account(), "plan": "roaming", "at": START, "code": "x", "base": "base",
        **fields,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"base": None}, BaseNeeded, "add-on to mobile, mobile_big, family"),
        ({"plan": "prepaid"}, NotAnAddon, "beside no other"),
        ({"account_id": "other"}, BaseElsewhere, "on account house, not on other"),
    ],
)
def test_refused(fields: dict[str, object], error: type[MeterlineError], says: str) -> None:
    if "account_id" in fields:
        fields = {"account_id": account("other")}
    with pytest.raises(error, match=says):
        add(**fields)


def test_not_beside_another_add_on_nor_beside_a_plan_it_is_not_for() -> None:
    add()
    with pytest.raises(NotAnAddon):
        add(code="y", plan="insurance", base="x")
    services.change("base", "prepaid", LATER, "now")
    with pytest.raises(NotAnAddon, match="mobile"):
        add(code="z", at=LATER)


def test_a_subscription_does_not_become_an_add_on_nor_the_other_way_round() -> None:
    add()
    with pytest.raises(BaseNeeded):
        services.change("base", "roaming", LATER, "now")
    with pytest.raises(NotAnAddon):
        services.change("x", "prepaid", LATER, "now")
    services.change("x", "insurance", LATER, "now")
    assert len(store.load("x").timeline) == 2


def test_it_begins_with_its_base_and_not_after_it() -> None:
    services.subscribe(account_id=account(), plan="mobile", at=LATER, code="late")
    add(base="late")
    assert store.load("x").timeline[0].start_at == LATER
    services.cancel("late", LATER, "end_of_period")
    with pytest.raises(SubscriptionEnded):
        add(base="late", code="y", at=datetime(2026, 3, 2, tzinfo=UTC))


def test_identifiers_end_and_live_on_with_the_base() -> None:
    add(identifiers={"sim": "7"})
    services.cancel("base", START, "end_of_period")
    assert Identifier.objects.get(value="7").end_at == LATER
    services.uncancel("base", START)
    assert Identifier.objects.get(value="7").end_at is None
    assert Event.objects.filter(name="subscription.followed", subject="subscription:x").count() == 2


def test_pauses_of_both_add_up() -> None:
    add()
    services.pause("base", START, datetime(2026, 1, 10, tzinfo=UTC))
    services.pause("x", START, datetime(2026, 1, 5, tzinfo=UTC))
    services.resume("x", START, datetime(2026, 1, 15, tzinfo=UTC))
    services.resume("base", START, datetime(2026, 1, 20, tzinfo=UTC))
    assert [(f"{one.start_at:%m-%d}", one.state) for one in store.load("x").timeline] == [
        ("01-01", "active"), ("01-05", "paused"), ("01-20", "active"),
    ]  # fmt: skip
