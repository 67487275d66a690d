"""What is exported and applied to an empty database is the same catalogue."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.catalog import services
from meterline.catalog.export import CatalogText
from meterline.catalog.files import CatalogFile, parse, parse_data
from meterline.catalog.models import Entry, PlanVersion
from meterline.catalog.reading import deck_path
from meterline.kernel.errors import NotSupported
from meterline.scenario.files import Scenario
from meterline.scenario.read import read

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
ORACLES = sorted((ROOT.parent / "shared" / "oracles").rglob("*.yaml"))
CASES = sorted((ROOT / "tests" / "scenario" / "cases").glob("*.yaml"))
CONTRACTS = ROOT / "tests" / "scenario" / "cases" / "files" / "contracts.yaml"
SHAPES = [*sorted((ROOT / "examples").glob("*/catalogue.yaml")), CONTRACTS]


@contextmanager
def passing() -> Iterator[None]:
    """A database in which nothing stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def contents() -> list[Any]:
    """Everything that is published, and the order of prices."""
    entries = Entry.objects.order_by("kind", "code").values_list(
        "kind", "code", "body", "effective"
    )
    plans = PlanVersion.objects.order_by("plan_code")
    fields = ("plan_code", "name", "currency", "timezone", "body", "effective")
    order = [[price.code for price in plan.prices.order_by("id")] for plan in plans]
    return [*entries, *plans.values_list(*fields), *order]


def written(texts: Iterable[CatalogText], folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for text in texts:
        paths.append(folder / text.name)
        paths[-1].write_text(text.text, "utf-8")
        for name, digest in text.decks.items():
            (folder / name).write_bytes(deck_path(digest).read_bytes())
    return paths


def check_round_trip(catalogue: CatalogFile, folder: Path) -> None:
    with passing():
        services.apply(catalogue)
        before = contents()
        paths = written(services.export(), folder)
        assert [services.apply(parse(path)).made for path in paths] == [{}] * len(paths)
    with passing():
        for path in paths:
            services.apply(parse(path))
        assert contents() == before


@pytest.mark.parametrize("path", [*ORACLES, *CASES, *SHAPES], ids=lambda path: path.stem)
def test_catalogues_survive_their_export(path: Path, home: Path, tmp_path: Path) -> None:
    if path in SHAPES:
        check_round_trip(parse(path), tmp_path / "out")
        return
    for number, scenario in enumerate(read(path)):
        assert isinstance(scenario, Scenario), scenario
        if not scenario.catalog.plans:  # nothing that tells a currency
            continue
        try:
            check_round_trip(scenario.catalog, tmp_path / str(number))
        except NotSupported:
            continue


def test_several_currencies_are_several_files(home: Path, tmp_path: Path) -> None:
    for currency, code in (("EUR", "a"), ("USD", "b")):
        text = f"""
currency: {currency}
meters: {{calls: {{aggregation: count}}, {code}_only: {{aggregation: count}}}}
discounts: [{{code: off, percent: 10}}, {{code: {code}_off, percent: 5, applies_to: [{code}]}}]
plans:
  {code}: {{prices: {{{code}: {{kind: usage, meter: calls, model: per_unit, unit_amount: 1}}}}}}
"""
        path = tmp_path / f"{code}.yaml"
        path.write_text(text)
        services.apply(parse(path))
    before = contents()
    texts = services.export()
    assert [text.name for text in texts] == ["EUR-UTC.yaml", "USD-UTC.yaml"]
    files = [parse(path) for path in written(texts, tmp_path / "out")]
    assert [[one.code for one in file.model.discounts] for file in files] == [
        ["a_off", "off"], ["b_off", "off"],
    ]  # fmt: skip
    assert set(files[0].model.meters) == {"calls", "a_only", "b_only"}  # what no plan needs too
    assert [services.apply(file).made for file in files] == [{}, {}]
    (only,) = services.export(["b"])
    (file,) = [parse(path) for path in written([only], tmp_path / "b")]
    assert (set(file.model.meters), set(file.plans)) == ({"calls"}, {"b"})
    assert contents() == before


CODES = st.one_of(
    st.sampled_from(["null", "true", "on", "1", "1e3", "2026-01-01", "~", "a b", "#x", "é", "- a"]),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12),
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"),
                min_size=1, max_size=30)  # fmt: skip
NUMBERS = st.decimals(0, 10**9, places=4).map(lambda number: f"{number:f}")
PERCENTAGES = st.decimals(0, 1_000, places=4).map(lambda number: f"{number:f}")
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "day_count": st.sampled_from(["actual", "fixed_30", "30_360", "mean_month", "seconds"]),
        "boundary_day": st.sampled_from(["new", "old"]),
        "change_day": st.sampled_from(["new", "old"]),
        "rounding": st.sampled_from(["half_up", "half_even", "up", "down"]),
    },
)


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    limits = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    closed = [{"up_to": limit, "unit_amount": draw(NUMBERS)} for limit in limits]
    return [*closed, {"unit_amount": draw(NUMBERS), "flat_amount": draw(NUMBERS)}]


@st.composite
def prices(draw: st.DrawFn, meters: list[str], taxes: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["recurring", "one_time", "usage"]))
    price: dict[str, Any] = {"kind": kind}
    if kind == "usage":
        price |= {"meter": draw(st.sampled_from(meters)), "model": "graduated"}
        price["tiers"] = draw(tiers())
    else:
        price |= {"model": "flat", "amount": draw(NUMBERS)}
    if draw(st.booleans()):
        price["name"] = draw(NAMES)
    if draw(st.booleans()):
        price["tax"] = draw(st.sampled_from(taxes))
    if draw(st.booleans()):
        price["policy"] = draw(POLICIES)
    if draw(st.booleans()):
        price["minimum_amount"] = draw(NUMBERS) + draw(st.sampled_from(["", "/day"]))
    return price


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, Any]:
    meters = draw(st.lists(CODES, min_size=1, max_size=3, unique=True))
    taxes = draw(st.lists(CODES, min_size=1, max_size=2, unique=True))
    plan = st.fixed_dictionaries(
        {"prices": st.dictionaries(CODES, prices(meters, taxes), min_size=1, max_size=4)},
        optional={"name": NAMES, "policy": POLICIES, "trial": st.just("14 days"),
                  "effective": st.dates().map(str)},
    )  # fmt: skip
    return {
        "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        "timezone": draw(st.sampled_from(["UTC", "Europe/Rome"])),
        "policy": draw(POLICIES),
        "meters": {code: {"aggregation": "count"} for code in meters},
        "taxes": [
            {"code": code, "rates": [{"region": draw(NAMES), "percent": draw(PERCENTAGES)}]}
            for code in taxes
        ],
        "plans": draw(st.dictionaries(CODES, plan, min_size=1, max_size=3)),
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=catalogues())
def test_random_catalogues_survive_their_export(data: dict[str, Any], home: Path) -> None:
    catalogue = parse_data(data, lines={}, file="random.yaml", at=())
    with tempfile.TemporaryDirectory() as folder:
        check_round_trip(catalogue, Path(folder))
