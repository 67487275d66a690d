"""Forms made from what models declare: what is shown reads back as it was, for every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from meterline.authoring.entry import Around, Shown, added, places, removed, shown, typed
from meterline.authoring.shape import Shape, shapes
from meterline.catalog.plan_sections import PriceSection
from meterline.catalog.yaml import load_all
from meterline.pricing.registry import all_models

ROOT = Path(__file__).resolve().parents[2]


def posted(parts: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """What a browser sends of a form that nobody touched."""
    for one in parts:
        if one.shape.kind in ("rows", "entries") and one.label != one.name.rpartition(".")[2]:
            yield f"count:{one.name}", str(len(one.parts))
            for row in one.parts:
                yield f"key:{row.name}", row.key
                yield from posted(row.parts)
        elif one.shape.kind == "group":
            yield from posted(one.parts)
        else:
            yield one.name, one.value


def form(name: str) -> list[Shape]:
    common = [one for one in shapes(PriceSection, "price") if one.name != "parameters"]
    return [*common, *shapes(all_models()[name].parameters)]


def prices() -> Iterator[Any]:
    """Every price of the examples and of the reference scenarios that ship with the tests."""
    files = [*(ROOT / "examples").glob("*/catalogue.yaml"),
             *(ROOT / "tests/scenario/cases").glob("*.yaml")]  # fmt: skip
    for file in sorted(files):
        for document in load_all(file.read_text("utf-8"), file.name):
            data = document.data.get("catalog", document.data)
            for plan in (data.get("plans") or {}).values() if isinstance(data, dict) else ():
                yield from (plan.get("prices") or {}).values()


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    seen = set()
    for price in prices():
        if price["model"] not in all_models():
            continue
        fields = form(price["model"])
        sent = dict(posted(shown(fields, price, Around())))
        assert typed(fields, sent, price) == price
        seen.add(price["model"])
    assert len(seen) >= 10


@pytest.mark.parametrize("name", sorted(all_models()))
def test_every_parameter_of_every_model_is_asked_for(name: str) -> None:
    model = all_models()[name].parameters
    found = shapes(model)
    assert {one.name for one in found} == {
        field.alias or key for key, field in model.model_fields.items()
    }
    assert [one.name for one in found if one.kind == "yaml"] == []
    assert [one.name for one in found if not one.hint] == []


TIERS = shapes(all_models()["graduated"].parameters)
RATES = shapes(all_models()["time_of_use"].parameters)


def test_a_new_tier_stands_before_the_open_one() -> None:
    data = {"tiers": [{"up_to": 10, "unit_amount": 2}, {"unit_amount": 1}]}
    made, where = added(data, ["tiers"], TIERS)
    assert made["tiers"] == [{"up_to": 10, "unit_amount": 2}, {}, {"unit_amount": 1}]
    assert where == "tiers.1.up_to"
    assert removed(made, ["tiers", "1"], TIERS) == data
    assert removed({"tiers": [{}]}, ["tiers", "0"], TIERS) == {}


def test_rows_within_entries() -> None:
    data = {"rates": {"peak": {"unit_amount": 1}, "off": {}}}
    made, where = added(data, ["rates", "1", "tiers"], RATES)
    assert (made["rates"]["off"], where) == ({"tiers": [{}]}, "rates.1.tiers.0.up_to")
    made, where = added(made, ["rates"], RATES)
    assert (list(made["rates"]), where) == (["peak", "off", ""], "rates.2")
    assert removed(made, ["rates", "1", "tiers", "0"], RATES)["rates"]["off"] == {}
    with pytest.raises(LookupError):
        added(data, ["nothing"], RATES)


def test_places_of_entries_go_by_their_number() -> None:
    data = {"rates": {"summer.peak": {"tiers": [{}]}}}
    known = dict(places(RATES, data))
    assert known["rates.summer.peak.tiers.0.up_to"] == "rates.0.tiers.0.up_to"


def test_what_was_typed_is_kept_however_wrong() -> None:
    sent = {
        "count:tiers": "2", "tiers.0.up_to": "ten", "tiers.0.unit_amount": "0,5",
        "tiers.1.unit_amount": "007", "tiers.1.flat_amount": "3",
    }  # fmt: skip
    data = typed(TIERS, sent, {})
    assert data == {"tiers": [{"up_to": "ten", "unit_amount": "0,5"},
                              {"unit_amount": "007", "flat_amount": 3}]}  # fmt: skip
    (tiers,) = (one for one in shown(TIERS, data, Around()) if one.name == "tiers")
    assert [part.value for part in tiers.parts[0].parts][:2] == ["ten", "0,5"]


def test_two_entries_of_one_code_lose_nothing() -> None:
    sent = {"count:rates": "2", "key:rates.0": "peak", "rates.0.unit_amount": "1",
            "key:rates.1": "peak", "rates.1.unit_amount": "2"}  # fmt: skip
    assert list(typed(RATES, sent, {})["rates"]) == ["peak", "peak (2)"]
