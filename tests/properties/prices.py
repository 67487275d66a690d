"""Random prices: every model with valid parameters, and what any price may carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]
INTERVALS = ("month", "month", "month", "week", "quarter", "10 days")
METERS: dict[str, Body] = {
    "calls": {"aggregation": "count"},
    "data": {"aggregation": "sum", "value": "mb"},
    "voice": {"aggregation": "sum", "value": "duration", "unit": "second"},
    "kwh": {"aggregation": "sum", "value": "n"},
    "kw": {"aggregation": "max", "value": "n"},
    "seats": {"aggregation": "unique", "value": "user"},
    "level": {"aggregation": "latest", "value": "n"},
    "gauge": {"aggregation": "weighted_sum", "value": "delta", "carry": True},
    "warmth": {"aggregation": "average", "value": "n"},
    "paid": {"aggregation": "sum", "value": "amount"},
    "gas": {"aggregation": "sum", "value": "n", "factor": "11.1", "round": 0},
    "europe": {"aggregation": "sum", "value": "n", "filter": {"region": ["eu"]}},
}
_BY_UNIT = ("per_unit", "graduated", "volume", "package")
MODELS: dict[str, tuple[str, ...]] = {
    "calls": (*_BY_UNIT, "matrix", "time_of_use"),
    "data": (*_BY_UNIT, "matrix"),
    "voice": ("rate_card", "rate_card", "rate_card", "per_unit", "graduated"),
    "kwh": ("time_of_use", "demand", "graduated", "per_unit"),
    "kw": ("demand", "per_unit"),
    "paid": ("percentage", "graduated_percentage", "dynamic", "percentage"),
    **dict.fromkeys(("seats", "level", "gauge", "warmth", "gas", "europe"), _BY_UNIT),
}
BANDS = ("weekend", "peak", "rest")


def number(least: int | str, most: int | str, places: int = 2) -> st.SearchStrategy[str]:
    """A decimal as files write it."""
    return st.decimals(str(least), str(most), places=places).map(lambda one: f"{one:f}")


amounts = number(0, 40)
units = number(0, 2, 4)


def maybe(strategy: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[Body]:
    """A field that is there every other time."""
    return st.one_of(st.just({}), strategy.map(lambda value: {key: value}))


@st.composite
def tiers(draw: st.DrawFn, what: str = "unit_amount", per: str = "") -> list[Body]:
    """One to three tiers, ascending, the last one open."""
    limits = sorted(draw(st.sets(st.integers(1, 30), max_size=2)))
    found = []
    for limit in [*limits, None]:
        tier = {what: draw(units if what == "unit_amount" else number(0, 20))}
        tier |= draw(maybe(amounts, "flat_amount"))
        if what == "unit_amount":
            tier |= draw(maybe(st.integers(1, 7), "size"))
        if limit is not None:
            tier["up_to"] = f"{limit}{per}" if per else limit
        found.append(tier)
    return found


def rate() -> st.SearchStrategy[Body]:
    """A price of a unit, or tiers."""
    return st.one_of(
        units.map(lambda one: {"unit_amount": one}), tiers().map(lambda one: {"tiers": one})
    )


@st.composite
def _time_of_use(draw: st.DrawFn) -> Body:
    rates = {band: draw(rate()) for band in BANDS}
    if draw(st.booleans()):
        rates["summer.rest"] = draw(rate())
    across = draw(st.sampled_from(["pro_rata", "per_band"]))
    return {"calendar": "hours", "rates": rates, "tiers_across_bands": across}


@st.composite
def _demand(draw: st.DrawFn) -> Body:
    body: Body = draw(
        st.one_of(
            rate(),
            st.fixed_dictionaries({"summer": rate(), "winter": rate()}).map(
                lambda rates: {"rates": rates, "calendar": "hours"}
            ),
        )
    )
    if draw(st.booleans()):
        body |= {"calendar": "hours", "bands": draw(st.sampled_from([["peak"], ["peak", "rest"]]))}
    window = draw(st.sampled_from(["15 min", "30 min", "60 min"]))
    body |= draw(maybe(number(0, 20, 0), "minimum_quantity"))
    ratchet = st.fixed_dictionaries({"percent": number(0, 100, 0), "months": st.integers(1, 3)})
    return {**body, "window": window, **draw(maybe(ratchet, "ratchet"))}


@st.composite
def _percentage(draw: st.DrawFn) -> Body:
    body = {"percent": draw(number(0, 9)), **draw(maybe(units, "fixed_amount"))}
    body |= draw(maybe(st.integers(0, 3), "free_events"))
    body |= draw(maybe(number(0, 60), "free_amount"))
    body |= draw(maybe(number(0, 1), "min_per_event"))
    return {**body, **draw(maybe(number(1, 4), "max_per_event"))}


def parameters(model: str) -> st.SearchStrategy[Body]:
    """The parameters of a model."""
    fields = st.fixed_dictionaries
    free = {"free_units": number(0, 9, 0)}
    cell = fields({"when": st.just({"region": ["eu"]}), "unit_amount": units})
    known: dict[str, st.SearchStrategy[Body]] = {
        "flat": fields({"amount": amounts}),
        "per_unit": fields({"unit_amount": number(-1, 2, 4)}, optional=free),
        "graduated": fields({"tiers": st.one_of(tiers(), tiers(per="/day"))}),
        "volume": fields({"tiers": tiers()}),
        "package": fields({"size": st.integers(1, 9), "amount": number(0, 3)}, optional=free),
        "matrix": fields({"cells": cell.map(lambda one: [one])}, optional={"default": units}),
        "time_of_use": _time_of_use(),
        "demand": _demand(),
        "percentage": _percentage(),
        "graduated_percentage": fields({"tiers": tiers("percent")}),
        "dynamic": st.just({"value": "amount"}),
        "rate_card": fields({"card": st.just("calls")}, optional={"split": st.just("band")}),
    }
    return known[model]


@st.composite
def common(draw: st.DrawFn) -> Body:
    """What any price may carry."""
    body: Body = draw(maybe(st.just("vat"), "tax"))
    if draw(st.integers(0, 4)) == 0:
        body |= draw(maybe(st.one_of(amounts, st.just("0.15/day")), "minimum_amount"))
        least = Decimal(str(body.get("minimum_amount", "0")).removesuffix("/day")) + 10
        body |= draw(maybe(amounts.map(lambda one: f"{Decimal(one) + least:f}"), "maximum_amount"))
    if draw(st.integers(0, 4)) == 0:
        body["policy"] = draw(policies())
    return body


def policies() -> st.SearchStrategy[Body]:
    """Some of the choices of a policy."""
    choices = {
        "day_count": ["actual", "fixed_30", "30_360", "mean_month", "seconds"],
        "boundary_day": ["new", "old"],
        "upgrade": ["now", "end_of_period"],
        "downgrade": ["now", "end_of_period"],
        "credit": ["prorated", "none"],
        "anchor": ["keep", "reset"],
        "align": ["subscription", "calendar"],
        "rounding": ["half_up", "half_even", "up", "down"],
        "tax_rounding": ["document", "line"],
    }
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in choices.items()}
    )


@st.composite
def usage_price(draw: st.DrawFn, meter: str) -> Body:
    """A price of a meter."""
    model = draw(st.sampled_from(MODELS[meter]))
    body = {"kind": "usage", "meter": meter, "model": model, **draw(parameters(model))}
    body |= {"interval": draw(st.sampled_from(INTERVALS)), **draw(common())}
    if model == "matrix" or (model not in ("rate_card", "demand") and draw(st.integers(0, 5)) == 0):
        body["by"] = ["region"]
    if draw(st.integers(0, 5)) == 0:
        body["prorate"] = True
    return body


@st.composite
def recurring_price(draw: st.DrawFn) -> Body:
    """A recurring price."""
    model = draw(st.sampled_from(["flat", "flat", *_BY_UNIT]))
    body = {"kind": "recurring", "model": model, **draw(parameters(model)), **draw(common())}
    body["interval"] = draw(st.sampled_from([*INTERVALS, "day", "year"]))
    body["timing"] = draw(st.sampled_from(["advance", "advance", "arrears"]))
    if draw(st.integers(0, 5)) == 0:
        body["prorate"] = False
    if model != "package" and draw(st.integers(0, 4)) == 0:
        body["indexation"] = draw(indexation())
    return body


def indexation() -> st.SearchStrategy[list[Body]]:
    """Amounts raised from a day on."""
    steps = st.fixed_dictionaries(
        {"from": st.sampled_from(["2026-02-01", "2026-03-10"]), "percent": number(-5, 9)},
        optional={"round": st.just({"decimals": 2})},
    )
    return steps.map(lambda one: [one])


def one_time_price() -> st.SearchStrategy[Body]:
    """A price that is due once."""
    due = st.sampled_from(["activation", "cancellation"])
    return st.builds(
        lambda amount, due, more: {
            "kind": "one_time", "model": "flat", "amount": amount, "due": due, **more
        },
        amounts, due, common(),
    )  # fmt: skip
