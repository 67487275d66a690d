"""Many subscriptions at once, by frame and by CSV file: the same as one by one."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.platform.models import Event
from meterline.subscriptions import services
from meterline.subscriptions.models import Change, Discount, Identifier, Phase, Subscription

pytestmark = pytest.mark.django_db

CATALOGUE = """
currency: EUR
timezone: Europe/Rome
discounts: [{code: launch, percent: 10}, {code: loyal, percent: 5}]
plans:
  pro:
    name: Pro
    effective: 2026-01-01
    trial: 14 days
    phases: [{for: 3 months, prices: {base: {amount: "5.00"}}}]
    prices: {base: {kind: recurring, interval: month, model: flat, amount: "10.00"}}
  plain:
    name: Plain
    effective: 2026-01-01
    prices: {base: {kind: recurring, interval: month, model: flat, amount: "1.00"}}
"""


@pytest.fixture(autouse=True)
def _catalogue(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE)
    catalog.apply(files.parse(path))
    customers.create_account(code="A", currency="EUR", timezone="Europe/Rome")
    customers.create_account(code="D", currency="USD")


@pytest.fixture
def importing(tmp_path: Path) -> Callable[..., list[str]]:
    """Import a file of a kind from its text; gives how many were made, and why rows were not."""

    def run(kind: str, text: str, **options: bool) -> list[str]:
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        report = services.import_file(kind, path, **options)
        reasons = [str(report.created)]
        if report.rejects:
            with report.rejects.open(newline="") as file:
                reasons += [f"{row['line']} {row['reason']}" for row in csv.DictReader(file)]
        return reasons

    return run


def shape(code: str) -> dict[str, object]:
    """All of a subscription but its ids."""
    row = Subscription.objects.get(code=code)
    drop = ("id", "subscription_id", "recorded_at", "started_at")
    kinds = (Phase, Change, Discount)
    parts = {
        kind.__name__: [
            {key: value for key, value in one.items() if key not in drop}
            for one in kind.objects.filter(subscription=row).order_by("id").values()
        ]
        for kind in kinds
    }
    return {"started_at": row.started_at, "state": row.state, **parts}


def test_in_bulk_is_as_one_by_one() -> None:
    account = customers.account_by_code("A")
    at = datetime(2026, 2, 10, 11, 30, tzinfo=UTC)
    services.subscribe(
        account_id=account.id, plan="pro", at=at, code="one", quantity=Decimal("2.5"),
        overrides={"base": {"amount": "9.00"}}, discounts=["loyal", "launch"],
    )  # fmt: skip
    services.subscribe(account_id=account.id, plan="plain", at=at, code="two")
    made = services.subscribe_many(
        pl.DataFrame(
            {
                "code": ["many one", 'many "two\\'],
                "account_id": [account.id, account.id],
                "plan": ["pro", "plain"],
                "at": [at, at],
                "quantity": [Decimal("2.5"), None],
                "overrides": ['{"base": {"amount": "9.00"}}', None],
                "discounts": [["loyal", "launch"], None],
            },
            schema_overrides={"quantity": pl.Decimal(38, 10), "at": pl.Datetime("us", "UTC")},
        )
    )
    assert made["code"].to_list() == ["many one", 'many "two\\']
    for one, many in (("one", "many one"), ("two", 'many "two\\')):
        expected, got = shape(one), shape(many)
        for change in (*expected["Change"], *got["Change"]):
            change["payload"]["quantity"] = Decimal(change["payload"]["quantity"])
        assert got == expected
    assert Event.objects.filter(name="subscription.created").count() == 4


def test_contracts_made_in_bulk_go_on_like_others() -> None:
    account = customers.account_by_code("A")
    at = datetime(2026, 2, 10, tzinfo=UTC)
    services.subscribe_many(
        pl.DataFrame({"code": ["m"], "account_id": [account.id], "plan": ["plain"], "at": [at]})
    )
    services.set_quantity("m", 3, datetime(2026, 3, 1, tzinfo=UTC))
    services.cancel("m", datetime(2026, 4, 1, tzinfo=UTC))
    phases = Phase.objects.filter(subscription__code="m").order_by("start_at")
    assert [phase.quantity for phase in phases] == [1, 3]
    assert services.state("m", datetime(2026, 5, 1, tzinfo=UTC)) == "cancelled"


def test_subscriptions_and_identifiers_from_files(importing: Callable[..., list[str]]) -> None:
    text = (
        "code,account,plan,start,end,quantity,discounts,overrides\n"
        'S1,A,pro,2026-03-01,,5,launch loyal,"{""base"": {""amount"": ""9.00""}}"\n'
        "S2,A,plain,2026-03-29T10:00:00Z,2026-05-01,,,\n"
    )
    assert importing("subscriptions", text) == ["2"]
    one, two = Phase.objects.filter(subscription__code__in=["S1", "S2"]).order_by(
        "subscription_id", "start_at"
    ).distinct("subscription_id")  # fmt: skip
    assert (one.quantity, str(one.trial_end), str(one.charge_start)) == (
        5, "2026-03-15", "2026-03-15"
    )  # fmt: skip
    assert two.start_at == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert two.end_at == datetime(2026, 4, 30, 22, tzinfo=UTC)
    assert list(Discount.objects.order_by("position").values_list("discount_code", flat=True)) == [
        "launch", "loyal"
    ]  # fmt: skip
    text = "subscription,kind,value,start,end\nS1,msisdn,1,,\nS2,msisdn,2,,\nS2,key,3,2026-04-01,\n"
    assert importing("identifiers", text) == ["3"]
    held = {row.value: (row.start_at, row.end_at) for row in Identifier.objects.all()}
    assert held["1"] == (datetime(2026, 2, 28, 23, tzinfo=UTC), None)
    assert held["2"] == (two.start_at, two.end_at)
    assert held["3"] == (datetime(2026, 3, 31, 22, tzinfo=UTC), two.end_at)


BAD_SUBSCRIPTIONS = {
    "S,nobody,plain,2026-03-01,,,,": "unknown_account",
    "S,A,other,2026-03-01,,,,": "invalid_plan",
    "S,A,plain,2025-12-31,,,,": "invalid_plan",
    "S,D,plain,2026-03-01,,,,": "invalid_plan",
    'S,A,plain,2026-03-01,,,,"{""other"": {}}"': "invalid_plan",
    "S,A,plain,1 March,,,,": "invalid_field",
    "S,A,plain,2026-03-01,2026-03-01,,,": "invalid_time",
    "S,A,plain,2026-03-01,,-1,,": "invalid_field",
    "S,A,plain,2026-03-01,,0,,": "invalid_field",
    "S,A,plain,2026-03-01,,1e3,,": "invalid_field",
    "S,A,plain,2026-03-01,,,launch other,": "invalid_field",
    "S,A,plain,2026-03-01,,,,[]": "invalid_field",
    "S,A,,2026-03-01,,,,": "missing_field",
    "good,A,plain,2026-03-01,,,,": "code_taken",
}


@pytest.mark.parametrize(("row", "reason"), BAD_SUBSCRIPTIONS.items())
def test_bad_subscriptions_come_back(
    importing: Callable[..., list[str]], row: str, reason: str
) -> None:
    header = "code,account,plan,start,end,quantity,discounts,overrides\n"
    text = f"{header}good,A,plain,2026-03-01,,,,\n{row}\n"
    assert importing("subscriptions", text) == ["1", f"3 {reason}"]
    assert Subscription.objects.count() == 1


BAD_IDENTIFIERS = {
    "nobody,msisdn,9,,": "unknown_subscription",
    "S,msisdn,1,,": "identifier_taken",
    "S,msisdn,1,2026-04-30,": "identifier_taken",
    "S,msisdn,9,2026-04-01,2026-03-31": "invalid_time",
    "S,msisdn,,,": "missing_field",
    "S,msisdn, 9,,": "invalid_field",
}


@pytest.mark.parametrize(("row", "reason"), BAD_IDENTIFIERS.items())
def test_bad_identifiers_come_back(
    importing: Callable[..., list[str]], row: str, reason: str
) -> None:
    importing("subscriptions", "code,account,plan,start\nS,A,plain,2026-03-01\n")
    header = "subscription,kind,value,start,end\n"
    text = f"{header}S,msisdn,1,,2026-05-01\nS,msisdn,1,2026-05-01,\n{row}\n"
    assert importing("identifiers", text) == ["2", f"4 {reason}"]


def test_a_dry_run_makes_nothing(importing: Callable[..., list[str]]) -> None:
    text = "code,account,plan,start,overrides\n" + (
        'S,A,plain,2026-03-01,"{""base"": {""amount"": ""7.00""}}"\nT,A,other,2026-03-01,\n'
    )
    versions = catalog.PlanVersion.objects.count()
    assert importing("subscriptions", text, dry_run=True) == ["1", "3 invalid_plan"]
    assert Subscription.objects.count() == 0
    assert catalog.PlanVersion.objects.count() == versions


def test_thousands_a_second(importing: Callable[..., list[str]]) -> None:
    rows = "".join(f"S{n},A,plain,2026-03-{1 + n % 28:02d}\n" for n in range(5_000))
    began = time.perf_counter()
    assert importing("subscriptions", f"code,account,plan,start\n{rows}") == ["5000"]
    assert Phase.objects.count() == 5_000
    assert time.perf_counter() - began < 20  # far above what it takes: a row a query would not do
