"""Applying, comparing and exporting catalogues; what is published never changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from meterline.catalog import services
from meterline.catalog.errors import InvalidOverride, UnknownPlan
from meterline.catalog.files import parse
from meterline.catalog.models import Entry, PlanVersion, PriceRow

pytestmark = pytest.mark.django_db
CATALOGUE = """
currency: EUR
timezone: Europe/Rome
policy: {rounding: half_even}
meters: {calls: {aggregation: count}}
taxes: [{code: vat, rates: [{region: IT, percent: 22}]}]
rate_cards:
  world: {key: {field: to, match: prefix}, file: rates.csv}
plans:
  a:
    name: Plan A
    trial: 14 days
    prices:
      base: {kind: recurring, interval: month, model: flat, amount: "9.90", tax: vat}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
"""


@pytest.fixture
def file(tmp_path: Path, home: Path) -> Path:
    (tmp_path / "rates.csv").write_text("key,step1_price\n39,0.1\n44,0.2\n")
    (tmp_path / "c.yaml").write_text(CATALOGUE)
    return tmp_path / "c.yaml"


def test_applying_again_changes_nothing(file: Path) -> None:
    first = services.apply(parse(file))
    assert first.made == {
        "meter": ["calls"], "rate_card": ["world"], "tax": ["vat"], "plan": ["a"],
    }  # fmt: skip
    again = services.apply(parse(file))
    assert (again.made, again.unchanged, again.plan_versions) == ({}, 4, first.plan_versions)


def test_a_change_is_a_new_version_from_its_date(file: Path) -> None:
    services.apply(parse(file))
    file.write_text(CATALOGUE.replace('"9.90"', '"12.00"'))
    (change,) = [one for one in services.diff(parse(file)) if not one.unchanged]
    assert [str(one) for one in change.differences()] == ["prices.base.amount: 9.90 -> 12.00"]
    assert PlanVersion.objects.count() == 1
    services.apply(parse(file), effective=date(2030, 1, 1))
    assert services.plan_version_at("a", date(2029, 12, 31)).version == 1
    assert services.plan_version_at("a", date(2030, 1, 1)).version == 2
    with pytest.raises(UnknownPlan):
        services.plan_version_at("b", date(2030, 1, 1))


def test_a_deck_that_changes_is_a_new_version(file: Path) -> None:
    services.apply(parse(file))
    (file.parent / "rates.csv").write_text("key,step1_price\n39,0.1\n44,0.3\n")
    assert services.apply(parse(file)).made == {"rate_card": ["world"]}


def test_an_old_body_applied_later_is_a_new_version(file: Path) -> None:
    services.apply(parse(file), effective=date(2030, 1, 1))
    file.write_text(CATALOGUE.replace('"9.90"', '"12.00"'))
    services.apply(parse(file), effective=date(2031, 1, 1))
    assert services.apply(parse(file), effective=date(2031, 6, 1)).made == {}
    file.write_text(CATALOGUE)
    assert services.apply(parse(file), effective=date(2030, 6, 1)).made == {}
    assert services.apply(parse(file), effective=date(2032, 1, 1)).made == {"plan": ["a"]}
    found = {year: services.plan_version_at("a", date(year, 7, 1)) for year in (2030, 2031, 2032)}
    amounts = [one.body["prices"]["base"]["amount"] for one in found.values()]
    assert (amounts, found[2032].version) == (["9.90", "12.00", "9.90"], 3)


def test_rate_cards_have_dates_and_all_else_holds_at_once(file: Path) -> None:
    services.apply(parse(file))
    file.write_text(CATALOGUE.replace("percent: 22", "percent: 23"))
    (file.parent / "rates.csv").write_text("key,step1_price\n39,0.3\n")
    future = date(2090, 1, 1)
    effective = {one.kind: one.effective for one in services.diff(parse(file), effective=future)}
    assert effective["rate_card"] == effective["plan"] == future > effective["tax"]
    services.apply(parse(file), effective=future)
    assert [rate.percent for tax in services.taxes() for rate in tax.rates] == [23]
    assert [str(card.valid_from) for card in services.rate_cards()] == ["0001-01-01", "2090-01-01"]
    assert services.apply(parse(file), effective=future).made == {}
    (file.parent / "rates.csv").write_text("key,step1_price\n39,0.1\n44,0.2\n")
    assert services.apply(parse(file)).made == {}  # the old deck is still in force today


def test_a_plan_that_moves_to_another_currency_tells_so(file: Path) -> None:
    services.apply(parse(file))
    file.write_text(CATALOGUE.replace("currency: EUR", "currency: USD"))
    (change,) = [one for one in services.diff(parse(file)) if not one.unchanged]
    assert [str(one) for one in change.differences()] == ["currency: EUR -> USD"]


@pytest.mark.parametrize("model", [PlanVersion, PriceRow, Entry])
@pytest.mark.parametrize("act", ["delete", "update"])
def test_published_versions_never_change(file: Path, model: type, act: str) -> None:
    services.apply(parse(file))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows = model.objects.all()  # type: ignore[attr-defined]
        if act == "delete":
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {rows.model._meta.db_table}")
        else:
            rows.update(code="x") if model is not PlanVersion else rows.update(name="x")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"bass": {"amount": "1"}}, "it has no price bass"),
        ({"base": {"amonut": "1"}}, "base.amonut: unknown key"),
        ({"base": {"amount": "cheap"}}, "base.amount: expected a decimal number"),
        ({"base": {"amount": 9.5}}, "base.amount: expected a decimal number"),
        ({"base": {"amount": "1e999999999"}}, "base.amount: expected a number"),
        ({"base": {"name": "a\0b"}}, r"base.name: expected text, found character U\+0000"),
        ({"base": {"interval": "fortnight"}}, "base.interval: unknown interval"),
        ({"base": {"tax": "gst"}}, "base.tax: unknown tax 'gst'"),
        ({"base": "12"}, "base: expected a mapping"),
        ({"calls": {"card": "moon"}}, "calls.card: unknown rate card 'moon'"),
        ({"base": {"policy": {"day_count": "some"}}}, "base.policy.day_count: expected 'actual'"),
    ],
)
def test_overrides_that_cannot_be(file: Path, overrides: dict, words: str) -> None:
    version = services.apply(parse(file)).plan_versions["a"]
    with pytest.raises(InvalidOverride, match=words):
        services.derive_plan_version(version, overrides)


def test_equal_overrides_share_a_version(file: Path) -> None:
    version = services.apply(parse(file)).plan_versions["a"]
    made = {services.derive_plan_version(version, {"base": {"amount": "5"}}) for _ in range(3)}
    assert len(made) == 1
    (base,) = [p for p in services.prices(made) if p.code == "base"]
    assert str(base.parameter("amount")) == "5"


def test_an_override_keeps_the_rest_of_the_policy_and_the_order_of_prices(file: Path) -> None:
    version = services.apply(parse(file)).plan_versions["a"]
    policy = {"day_count": "fixed_30", "boundary_day": "old"}
    made = services.derive_plan_version(version, {"base": {"policy": policy}})
    base, calls = services.prices([made])
    assert (base.code, calls.code) == ("base", "calls")
    assert (base.policy.day_count, base.policy.change_day) == ("fixed_30", "old")
    assert base.policy.rounding == calls.policy.rounding == "half_even"
    assert calls.policy.day_count == "actual"
