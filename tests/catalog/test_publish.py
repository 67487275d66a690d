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
from meterline.kernel.errors import NotSupported
from meterline.scenario.read import read

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
ORACLES = sorted((ROOT.parent / "shared" / "oracles").rglob("*.yaml"))
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


def test_what_is_exported_applies_to_the_same(file: Path, tmp_path: Path) -> None:
    services.apply(parse(file))
    (text,) = services.export()
    assert services.apply(parse(written(text, tmp_path / "out"))).made == {}


def written(text: services.CatalogText, folder: Path) -> Path:
    from meterline.catalog.reading import deck_path

    folder.mkdir()
    (folder / text.name).write_text(text.text)
    for name, digest in text.decks.items():
        (folder / name).write_bytes(deck_path(digest).read_bytes())
    return folder / text.name


@pytest.mark.parametrize("path", ORACLES, ids=lambda path: path.stem)
def test_catalogues_of_scenarios_survive_their_export(
    path: Path, home: Path, tmp_path: Path
) -> None:
    for number, scenario in enumerate(read(path)):
        with transaction.atomic():
            try:
                services.apply(scenario.catalog)  # type: ignore[union-attr]
            except NotSupported:
                continue
            for text in services.export():
                folder = tmp_path / f"{number}"
                assert services.apply(parse(written(text, folder))).made == {}
            transaction.set_rollback(True)


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
        ({"bass": {"amount": "1"}}, "no price bass"),
        ({"base": {"amonut": "1"}}, "amonut"),
        ({"base": {"amount": "cheap"}}, "amount"),
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


def test_schemas_are_printed() -> None:
    from meterline.catalog.schema import catalog_schema

    schema = catalog_schema()
    assert set(schema["properties"]) >= {"currency", "plans", "meters"}
    assert "graduated" in schema["$defs"]["models"]
