"""Moving to new versions: many at once as one at a time, and what the catalogue tells of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from catalog.test_commands import run as catalog_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Hypothesis
from hypothesis import strategies as st
from subscriptions.house import account

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.catalog.models import PlanVersion
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.subscriptions import moves, plans, services, store
from meterline.subscriptions.models import Phase

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
OLD = """
currency: EUR
timezone: UTC
plans:
  plan:
    {existing}
    phases: [{{for: 2 months, prices: {{base: {{amount: "5.00"}}}}}}]
    prices:
      base: {{kind: recurring, model: flat, amount: "{amount}"}}
      seat: {{kind: recurring, model: per_unit, unit_amount: 1}}
  other: {{prices: {{base: {{kind: recurring, model: flat, amount: "9.00"}}}}}}
"""

OWN = {"base": {"amount": "7.00"}}


def document(tmp_path: Path, amount: str, existing: str = "keep", name: str = "c.yaml") -> Path:
    path = tmp_path / name
    path.write_text(OLD.format(amount=amount, existing=f"existing: {existing}"), "utf-8")
    return path


def set_up(home: Path) -> None:
    clock.move_to(START)
    catalog.apply(files.parse(document(home, "10.00")))


deeds = st.lists(
    st.tuples(
        st.integers(0, 5),  # which subscription
        st.integers(0, 120),  # on which day
        st.sampled_from(["other", "plan", "three", "pause", "resume", "cancel", "uncancel"]),
        st.sampled_from(["policy", "now", "end_of_period"]),
    ),
    max_size=14,
)


def enter(deed: tuple[int, int, str, str]) -> None:
    number, day, what, when = deed
    at = datetime.fromtimestamp(START.timestamp() + day * 86400, UTC)
    moment: Any = when
    code = f"s{number}"
    try:
        match what:
            case "three":
                services.set_quantity(code, 3, at, moment)
            case "pause" | "resume" | "cancel":
                getattr(services, what)(code, at, moment)
            case "uncancel":
                services.uncancel(code, at)
            case plan:
                services.change(code, plan, at, moment)
    except MeterlineError:
        return


def pictures() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in Phase.objects.order_by("subscription", "start_at"):
        found.setdefault(row.subscription.code, []).append(
            (row.start_at, row.end_at, row.plan_version_id, row.quantity, row.state,
             row.trial_end, row.charge_start, row.anchor)
        )  # fmt: skip
    return found


@settings(
    max_examples=8, deadline=None, phases=[Hypothesis.explicit, Hypothesis.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(found=deeds, existing=st.sampled_from(["move", "move_at_renewal"]), later=st.booleans())
def test_many_at_once_are_as_one_at_a_time(
    home: Path, found: list[tuple[int, int, str, str]], existing: str, later: bool
) -> None:
    with transaction.atomic():
        set_up(home)
        for number in range(6):
            services.subscribe(
                account_id=account("house" if number % 2 else "tokyo"), plan="plan", at=START,
                code=f"s{number}", overrides=OWN if number > 3 else None,
            )  # fmt: skip
        for deed in sorted(found, key=lambda deed: deed[1]):
            enter(deed)
        customers.set_billing_day(account("tokyo"), 15, START.date())
        clock.move_to(datetime(2026, 5, 15, 12, tzinfo=UTC))
        catalog.apply(files.parse(document(home, "12.00")))
        version = PlanVersion.objects.filter(plan_code="plan", base=None).latest("id")
        version.existing = existing  # as if published so, of a version that is not saved
        if later:
            version.effective = date(2026, 2, 10)
        for overrides in (None, OWN):  # derived once, so that both ways have the same ids
            plans.offer_of(version, overrides)
        together = _moved(version, lambda: moves.move_existing(version))
        alone = _moved(version, lambda: _one_by_one(version))
        transaction.set_rollback(True)
    clock.move_to(None)
    assert together == alone


def _moved(version: PlanVersion, move: Any) -> tuple[Any, list[Any]]:
    with transaction.atomic():
        move()
        made = pictures()
        logs = [
            [(one.kind, one.effective_at, one.terms) for one in store.load(f"s{n}").log]
            for n in range(6)
        ]
        transaction.set_rollback(True)
    return made, logs


def _one_by_one(version: PlanVersion) -> None:
    for subscription_id in moves._holders(version, None):
        moves._move_one(version, subscription_id)


def test_the_dry_run_counts_and_applying_moves(home: Path) -> None:
    set_up(home)
    for number in range(3):
        services.subscribe(account_id=account(), plan="plan", at=START, code=f"s{number}")
    services.cancel("s2", START)
    path = document(home, "12.00", "move")
    (told,) = [
        one
        for one in json.loads(catalog_command("diff", str(path), "--json"))
        if one["code"] == "plan"
    ]
    assert told["existing"] == {"subscriptions": 2, "policy": "move"}
    text = catalog_command("apply", str(path), "--dry-run")
    assert "2 subscriptions move to it then" in text
    assert "2 subscriptions of plan plan move" in catalog_command("apply", str(path))
    assert json.loads(catalog_command("apply", str(path), "--json"))["moved"] == {}
    kept = document(home, "13.00", "keep")
    assert "2 subscriptions keep the version" in catalog_command("diff", str(kept))
    assert "no subscriptions" not in catalog_command("apply", str(kept))
    kinds = [one.kind for one in store.load("s0").log]
    assert kinds == ["subscribe", "move"]


def test_an_import_takes_part_in_a_version_that_begins_later(home: Path) -> None:
    import polars as pl

    set_up(home)
    path = document(home, "12.00", "move")
    catalog.apply(files.parse(path), effective=date(2026, 3, 1))
    rows = pl.DataFrame(
        {"code": ["a", "b"], "account_id": [account()] * 2, "plan": ["plan"] * 2,
         "at": [START, datetime(2026, 4, 1, tzinfo=UTC)]}
    )  # fmt: skip
    services.subscribe_many(rows)
    for code, kinds in (("a", ["subscribe", "move"]), ("b", ["subscribe"])):
        held = store.load(code)
        assert [one.kind for one in held.log] == kinds
        assert held.timeline[-1].plan_version_id == store.load("b").timeline[-1].plan_version_id
