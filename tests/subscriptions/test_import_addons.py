"""Add-ons and bundles from files: the same as one by one."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.platform import clock
from meterline.subscriptions import services
from meterline.subscriptions.models import Change, Phase, Subscription

pytestmark = pytest.mark.django_db
START = datetime(2026, 2, 28, 23, tzinfo=UTC)  # midnight of the accounts
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
plans:
  mobile: {prices: {base: {kind: recurring, model: flat, amount: 10}}}
  lease:
    term: {for: 2 months, renewal: none}
    prices: {base: {kind: recurring, model: flat, amount: 1}}
  roaming: {addon_to: [mobile, family], prices: {base: {kind: recurring, model: flat, amount: 2}}}
  care:
    addon_to: [mobile, lease, family]
    addon_quantity: base
    trial: month
    prices: {base: {kind: recurring, model: per_unit, unit_amount: 3}}
  family:
    includes: [{plan: care}, {plan: roaming, quantity: 2}]
    prices: {base: {kind: recurring, model: flat, amount: 20}}
"""
HEADER = "code,account,plan,start,end,quantity,base\n"


@pytest.fixture
def importing(tmp_path: Path, home: Path) -> Callable[[str], list[str]]:
    """Import subscriptions; gives how many were made, and why rows were not."""
    clock.move_to(START)
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE)
    catalog.apply(files.parse(tmp_path / "catalogue.yaml"))
    for code in ("A", "B"):
        customers.create_account(code=code, currency="EUR", timezone="Europe/Rome")
    path = tmp_path / "subscriptions.csv"

    def run(text: str) -> list[str]:
        path.write_text(HEADER + text)
        report = services.import_file("subscriptions", path)
        if report.rejects is None:
            return [str(report.created)]
        with report.rejects.open(newline="") as file:
            rows = [f"{row['line']} {row['reason']}" for row in csv.DictReader(file)]
        return [str(report.created), *rows]

    return run


def begin(code: str, plan: str, at: datetime = START, **more: Any) -> None:
    account = customers.account_by_code("A").pk
    services.subscribe(account_id=account, plan=plan, at=at, code=code, **more)


def shape(code: str) -> dict[str, Any]:
    """All of a subscription but its ids and codes."""
    drop = ("id", "subscription_id", "recorded_at")
    parts: dict[str, Any] = {
        kind.__name__: [
            {key: value for key, value in one.items() if key not in drop}
            for one in kind.objects.filter(subscription__code=code).order_by("id").values()
        ]
        for kind in (Phase, Change)
    }
    for change in parts["Change"]:
        change["payload"]["quantity"] = change["payload"]["quantity"] and float(
            change["payload"]["quantity"]
        )
    row = Subscription.objects.get(code=code)
    base = row.base and row.base.code.removesuffix("'")
    return {**parts, "at": row.started_at, "state": row.state, "base": base}


@pytest.mark.parametrize("at_once", [True, False])
def test_from_a_file_is_as_one_by_one(importing: Callable[[str], list[str]], at_once: bool) -> None:
    march, april = START, datetime(2026, 4, 9, 22, tzinfo=UTC)
    begin("m", "mobile", march, quantity=4)
    begin("f", "lease", march, quantity=2)
    begin("r", "roaming", april, base="m", quantity=3)
    begin("c", "care", march, base="m", quantity=7)
    begin("d", "care", april, base="f")
    mains = ["m',A,mobile,2026-03-01,,4,\n", "f',A,lease,2026-03-01,,2,\n"]
    beside = [
        "r',A,roaming,2026-04-10,,3,m'\n", "c',A,care,2026-03-01,,7,m'\n",
        "d',A,care,2026-04-10,,,f'\n",
    ]  # fmt: skip
    if at_once:
        assert importing("".join(beside + mains)) == ["5"]
    else:
        assert importing("".join(mains)) == ["2"]
        assert importing("".join(beside)) == ["3"]
    for code in "mfrcd":
        assert shape(f"{code}'") == shape(code), code


def test_what_is_imported_follows_its_base(importing: Callable[[str], list[str]]) -> None:
    importing("m,A,mobile,2026-03-01,,4,\nc,A,care,2026-03-01,2026-06-01,,m\n")
    services.set_quantity("m", 5, datetime(2026, 4, 1, tzinfo=UTC))
    services.cancel("m", datetime(2026, 5, 1, tzinfo=UTC))
    phases = Phase.objects.filter(subscription__code="c").order_by("start_at")
    assert [phase.quantity for phase in phases] == [4, 5]
    assert services.state("c", datetime(2026, 5, 2, tzinfo=UTC)) == "cancelled"


def test_a_bundle_brings_its_addons_along(importing: Callable[[str], list[str]]) -> None:
    begin("f", "family", quantity=2)
    assert importing("f',A,family,2026-03-01,,2,\n") == ["1"]
    for plan in ("care", "roaming"):
        assert shape(f"f'-{plan}") == shape(f"f-{plan}")


def test_a_bundle_takes_those_of_the_file(importing: Callable[[str], list[str]]) -> None:
    begin("f-roaming", "mobile")
    assert importing("f,A,family,2026-03-01,,,\nmine,A,care,2026-03-02,,,f\n") == ["2"]
    beside = Subscription.objects.filter(base__code="f").order_by("code").values_list("code")
    (first,), (second,) = beside
    assert first.startswith("f-roaming-") and second == "mine"


BAD = {
    "x,A,roaming,2026-03-01,,,": "base_needed",
    "x,A,roaming,2026-03-01,,,nobody": "unknown_subscription",
    "x,B,roaming,2026-03-01,,,m": "base_elsewhere",
    "x,A,roaming,2026-03-01,,,l": "not_an_addon",
    "x,A,mobile,2026-03-01,,,m": "not_an_addon",
    "x,A,care,2026-03-01,,,r": "not_an_addon",
    "x,A,care,2026-05-01,,,l": "subscription_ended",
    "x,A,care,2026-05-01,,,y": "unknown_subscription",
}


@pytest.mark.parametrize(("row", "reason"), BAD.items())
@pytest.mark.parametrize("at_once", [True, False])
def test_what_does_not_fit_comes_back(
    importing: Callable[[str], list[str]], row: str, reason: str, at_once: bool
) -> None:
    begin("r0", "mobile")
    begin("r", "roaming", base="r0")
    mains = "m,A,mobile,2026-03-01,,,\nl,A,lease,2026-03-01,,,\n"
    bad = f"y,A,none,2026-03-01,,,\n{row}\n"
    if at_once:
        assert importing(mains + bad) == ["2", "4 invalid_plan", f"5 {reason}"]
    else:
        assert importing(mains) == ["2"]
        assert importing(bad) == ["0", "2 invalid_plan", f"3 {reason}"]
