"""Odd catalogues: sound ones with keys and values changed, added and taken away at random."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from properties.catalogues import catalogues
from properties.prices import METERS, MODELS, Body

Place = tuple[Any, ...]
_TIERS = [{"up_to": 3, "unit_amount": "1.5", "flat_amount": 2}, {"unit_amount": "0.333", "size": 4}]
_VALUES: dict[str, list[Any]] = {
    "aggregation": ["count", "sum", "max", "latest", "unique", "weighted_sum", "average"],
    "align": ["calendar", "subscription"],
    "amount": ["0", "0.005", "9999999999.99", "-5"],
    "anchor": ["keep", "reset"],
    "applies_to": [["fee0"], ["calls", "data"], []],
    "bands": [["peak"], ["weekend", "rest"], ["nowhere"], []],
    "boundary_day": ["new", "old"],
    "by": [["region"], ["region", "to"], []],
    "calendar": ["hours", "none"],
    "card": ["calls", "none"],
    "carry": [True, False],
    "change_day": ["old"],
    "connection_fee": ["0", "0.0000000001", "3"],
    "credit": ["none", "prorated"],
    "currency": ["EUR", "JPY", "KWD", "XXX"],
    "day_count": ["actual", "fixed_30", "30_360", "mean_month", "seconds"],
    "days": [["sat", "sun"], ["mon"], []],
    "decimals": [0, 10, 11],
    "default": ["0", "-1", "0.0000000001"],
    "demand": ["kw", "kwh", "none"],
    "due": ["activation", "cancellation"],
    "effective": ["2026-02-10", "2030-01-01"],
    "factor": ["11.1", "0.0000001", "1000000", "0"],
    "filter": [{"region": ["eu"]}, {"region": []}, {"nothing": ["x"]}],
    "fixed_amount": ["0", "-0.3", "2"],
    "flat_amount": ["0", "-1", "7.77"],
    "free_amount": ["0", "10"],
    "free_events": [0, 2, -1],
    "free_units": ["0", "2.5", "1000"],
    "from": ["00:00", "22:30", 0, 30, "2026-02-03"],
    "increment": [1, 7, 60, "0.5", 0],
    "increments_across_bands": ["first", "split"],
    "interval": ["day", "week", "month", "quarter", "year", "28 days", "5 months", "0 days"],
    "kind": ["recurring", "usage", "one_time"],
    "max_charge": ["0", "0.5", "1000"],
    "max_per_event": ["0", "1", "0.01"],
    "maximum_amount": ["0", "5", "0.15/day", "1000000"],
    "meter": [*sorted(METERS), "none"],
    "meters": [["data", "voice"], ["calls"]],
    "min_per_event": ["0", "0.5"],
    "minimum": [{"amount": "50"}, {"amount": "9", "interval": "week", "of": ["fee0"]}],
    "minimum_amount": ["0", "12.345", "0.15/day", "-1"],
    "minimum_quantity": ["0", "7.5"],
    "model": sorted({name for names in MODELS.values() for name in names} | {"flat", "percent_of"}),
    "of": [["fee0"], ["calls"], ["none"], []],
    "on": ["invoice", "prices"],
    "per": [1, 7, 60, 1024, "0.3"],
    "percent": ["0", "33.3333333333", "100", "-10", "250"],
    "periods": [1, 2, 0],
    "price": ["0", "0.0000000001", "-0.5", "123456.789"],
    "priority": [0, 1, -5],
    "prorate": [True, False],
    "ratchet": [{"percent": 80, "months": 11}, {"percent": 120, "in": [1, 2]}, {}],
    "rollover": [0, 1, 12, -1],
    "round": [0, 3, 10, {"mode": "half_even", "decimals": 2}],
    "rounding": ["half_up", "half_even", "up", "down"],
    "season": ["summer", "winter", "none"],
    "shared": ["subscription", "account", "pool"],
    "size": [1, 7, "2.5", 0],
    "split": ["band"],
    "tax": ["vat", "none"],
    "tiers": [_TIERS, [{"up_to": "1/day", "unit_amount": 1}, {"unit_amount": 0}], []],
    "tiers_across_bands": ["pro_rata", "per_band"],
    "timing": ["advance", "arrears"],
    "timezone": ["Europe/Rome", "Australia/Lord_Howe", "America/New_York", "None"],
    "to": ["23:59", "00:00", "06:00"],
    "trial": ["14 days", "1 month", "0 days"],
    "unit": ["money", "second", "kWh"],
    "unit_amount": ["0", "0.0000000001", "-2.5", "98765.4321"],
    "up_to": [1, "10.5", "2/day", "3/demand", 0],
    "upgrade": ["end_of_period"],
    "valid": ["30 days", "2 months"],
    "value": ["n", "amount", "mb", "nothing"],
    "when": [{"region": ["eu"]}, {"none": ["x"]}],
    "window": ["15 min", "60 min", "7 min", "24 h"],
}  # fmt: skip
_WORDS = sorted(_VALUES)


def _mappings(data: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all mappings."""
    if isinstance(data, dict):
        yield place
        for key, value in data.items():
            yield from _mappings(value, (*place, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _mappings(value, (*place, index))


@st.composite
def odd(draw: st.DrawFn) -> Body:
    """A sound catalogue with one to four changes."""
    catalog: Body = copy.deepcopy(draw(catalogues()))
    for _ in range(draw(st.integers(1, 4))):
        _change(draw, catalog)
    return catalog


def _change(draw: st.DrawFn, catalog: Body) -> None:
    places = sorted(_mappings(catalog), key=str)
    inside = [place for place in places if place[:1] == ("plans",) and len(place) > 1]
    place = draw(
        st.sampled_from(inside or places) if draw(st.booleans()) else st.sampled_from(places)
    )
    here: Any = catalog
    for key in place:
        here = here[key]
    there = [key for key in here if key in _VALUES]
    act = draw(st.sampled_from(["value", "value", "add", "add", "remove", "borrow"]))
    if act == "value" and there:
        key = draw(st.sampled_from(sorted(there)))
        here[key] = copy.deepcopy(draw(st.sampled_from(_VALUES[key])))
    elif act == "remove" and there:
        del here[draw(st.sampled_from(sorted(there)))]
    elif act == "borrow" and place[-2:-1] == ("prices",):
        others = [other for other in places if other[-2:-1] == ("prices",) and len(other) == 4]
        other: Any = catalog
        for key in draw(st.sampled_from(sorted(others, key=str))):
            other = other[key]
        here |= copy.deepcopy(other)
    else:
        key = draw(st.sampled_from(_WORDS))
        here[key] = copy.deepcopy(draw(st.sampled_from(_VALUES[key])))
