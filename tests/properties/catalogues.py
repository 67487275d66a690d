"""Random catalogues: plans of random prices with allowances, minimums, terms, trials, phases."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from properties.prices import (
    INTERVALS,
    METERS,
    Body,
    amounts,
    indexation,
    maybe,
    number,
    one_time_price,
    policies,
    recurring_price,
    units,
    usage_price,
)

from meterline.rating.allowance import AGGREGATIONS, BY_AMOUNT, BY_QUANTITY

PLANS = ("basic", "pro", "extra")
DAYS_OF = {"week": 7, "10 days": 10, "month": 30, "quarter": 91}


@st.composite
def catalogues(draw: st.DrawFn) -> Body:
    """A whole catalogue; plan `extra` is an add-on."""
    meters = {code: dict(body) for code, body in METERS.items()}
    for code in ("seats", "level", "warmth"):
        meters[code]["carry"] = draw(st.booleans())
    plans = {code: draw(_plan(addon=code == "extra")) for code in PLANS}
    if draw(st.integers(0, 3)) == 0:
        plans["basic"]["includes"] = [{"plan": "extra", "quantity": draw(st.integers(1, 2))}]
    return {
        "promotions": [draw(_promotion())],
        "currency": draw(st.sampled_from(["EUR", "EUR", "JPY", "KWD"])),
        "timezone": draw(st.sampled_from(["Europe/Rome", "America/New_York"])),
        "policy": draw(policies()),
        "meters": meters,
        "calendars": {"hours": _HOURS},
        "rate_cards": {"calls": draw(_card())},
        "taxes": [
            {"code": "vat", "rates": [{"region": "IT", "percent": 22},
                                      {"region": "DE", "percent": 19}]}
        ],
        "discounts": draw(_discounts(plans)),
        "plans": plans,
    }  # fmt: skip


@st.composite
def publications(draw: st.DrawFn, catalog: Body) -> Body:
    """A new version of one plan of a catalogue, and what becomes of those who have it."""
    code = draw(st.sampled_from(PLANS))
    plan = draw(_plan(addon=code == "extra"))
    plan["existing"] = draw(st.sampled_from(["keep", "move", "move", "move_at_renewal"]))
    plan |= draw(maybe(st.sampled_from(["2026-03-01", "2026-04-11"]), "effective"))
    kept = {key: body for key, body in catalog.items() if key not in ("discounts", "promotions")}
    return kept | {"plans": catalog["plans"] | {code: plan}}


_HOURS: Body = {
    "timezone": "Europe/Rome",
    "seasons": [{"season": "summer", "from": "03-10", "to": "10-01"}, {"season": "winter"}],
    "bands": [
        {"band": "weekend", "days": ["sat", "sun"]},
        {"band": "peak", "from": "08:00", "to": "20:00"},
        {"band": "rest"},
    ],
}


@st.composite
def _card(draw: st.DrawFn) -> Body:
    rows = []
    for keys, bands in ((["44", "4420"], ("peak", None)), (["*", "49"], (None,))):
        for band in bands:
            row: Body = {"key": keys, "connection_fee": draw(number(0, 1)), "steps": []}
            for start in [0, *draw(st.sampled_from([[], [60], [30, 90]]))]:
                increment = draw(st.sampled_from([1, 6, 60]))
                step = {"from": start, "price": draw(units), "per": 60, "increment": increment}
                row["steps"].append(step)
            row |= {} if band is None else {"band": band}
            rows.append(row | draw(maybe(number(0, 5), "max_charge")))
    card: Body = {"key": {"field": "to"}, "calendar": "hours", "rows": rows}
    card["increments_across_bands"] = draw(st.sampled_from(["first", "split"]))
    return card | draw(maybe(st.just({"mode": "half_up", "decimals": 3}), "round"))


@st.composite
def _plan(draw: st.DrawFn, addon: bool) -> Body:
    used = draw(st.sets(st.sampled_from(sorted(METERS)), min_size=0 if addon else 1, max_size=4))
    prices = {f"{meter}": draw(usage_price(meter)) for meter in sorted(used)}
    if draw(st.booleans()):
        _per_demand(draw, prices)
    for number_ in range(draw(st.integers(0 if prices else 1, 2))):
        prices[f"fee{number_}"] = draw(recurring_price())
    if draw(st.integers(0, 3)) == 0:
        prices["once"] = draw(one_time_price())
    if draw(st.integers(0, 4)) == 0:
        prices["rider"] = draw(_rider(sorted(prices)))
    plan: Body = {"prices": prices}
    if draw(st.integers(0, 2)) == 0:
        plan |= {"policy": draw(policies())}
    allowances = draw(_allowances(prices))
    if allowances:
        plan["allowances"] = allowances
    if draw(st.integers(0, 3)) == 0:
        plan["minimum"] = draw(_minimum(sorted(prices)))
    plan |= draw(_commitments(prices))
    plan |= draw(_beginning(prices))
    if addon:
        plan |= {"addon_to": ["basic", "pro"]} | draw(maybe(st.just("base"), "addon_quantity"))
    elif draw(st.integers(0, 4)) == 0:
        plan["term"] = draw(_terms())
    if draw(st.integers(0, 5)) == 0:
        plan["indexation"] = draw(indexation())
    return plan


def _per_demand(draw: st.DrawFn, prices: Body) -> None:
    """Tiers per unit of the plan's billed demand, where it has one demand price."""
    demands = [body for body in prices.values() if body["model"] == "demand"]
    if len(demands) != 1:
        return
    for body in prices.values():
        if body["model"] in ("graduated", "volume", "time_of_use"):
            body["interval"] = demands[0]["interval"]
            rates = body.get("rates", {}).values()
            for tiers in (body.get("tiers", []), *(rate.get("tiers", []) for rate in rates)):
                limits = sorted(draw(st.sets(number("0.1", 9), min_size=2, max_size=2)), key=float)
                for tier, limit in zip(tiers[:-1], limits, strict=False):
                    tier["up_to"] = f"{limit}/demand"


@st.composite
def _rider(draw: st.DrawFn, codes: list[str]) -> Body:
    counted = sorted(draw(st.sets(st.sampled_from(codes), min_size=1, max_size=2)))
    kind = draw(st.sampled_from(["usage", "recurring"]))
    body = {"kind": kind, "model": "percent_of", "percent": draw(number(-20, 20)), "of": counted}
    return body | ({"timing": "arrears"} if kind == "recurring" else {})


@st.composite
def _minimum(draw: st.DrawFn, codes: list[str]) -> Body:
    body = {"amount": draw(amounts), "interval": draw(st.sampled_from(["month", "quarter"]))}
    if draw(st.booleans()):
        body["of"] = [draw(st.sampled_from(codes))]
    return body | draw(maybe(st.just("account"), "shared"))


@st.composite
def _commitments(draw: st.DrawFn, prices: Body) -> Body:
    fit = [code for code, body in prices.items()
           if body.get("meter") in ("calls", "data", "voice") and body["interval"] in DAYS_OF
           and DAYS_OF[body["interval"]] <= 30]  # fmt: skip
    if not fit or draw(st.integers(0, 3)):
        return {}
    body = {"code": "promised", "prices": [draw(st.sampled_from(fit))],
            "quantity": draw(number(1, 60, 0)), "interval": "month",
            "shortfall": {"unit_amount": draw(units)}}  # fmt: skip
    return {"commitments": [body]}


@st.composite
def _beginning(draw: st.DrawFn, prices: Body) -> Body:
    """Trial and phases."""
    plan: Body = {}
    if draw(st.integers(0, 3)) == 0:
        plan["trial"] = draw(st.sampled_from(["14 days", "month", "week"]))
    flat = [code for code, body in prices.items()
            if body["kind"] == "recurring" and body["model"] == "flat"]  # fmt: skip
    if flat and draw(st.integers(0, 2)) == 0:
        changes = {draw(st.sampled_from(flat)): {"amount": draw(amounts)}}
        length = draw(st.sampled_from(["month", "20 days", "2 months"]))
        plan["phases"] = [{"for": length, "prices": changes}]
    return plan


@st.composite
def _terms(draw: st.DrawFn) -> Body:
    body: Body = {"for": draw(st.sampled_from(["month", "2 months", "year"]))}
    body["renewal"] = draw(st.sampled_from(["automatic", "open", "none"]))
    if body["renewal"] == "automatic":
        body |= draw(maybe(st.just("10 days"), "notice"))
    fee = draw(st.sampled_from([None, {"amount": "9"}, {"per_month": "3"}, {"percent": "30"}]))
    return body if fee is None else body | {"early_fee": fee}


@st.composite
def _allowances(draw: st.DrawFn, prices: Body) -> list[Body]:
    found = []
    for code in ("included", "bonus")[: draw(st.integers(0, 2))]:
        money = draw(st.integers(0, 4)) == 0
        fit = [name for name, body in prices.items() if _fits(body, money)]
        if not fit:
            break
        covered = sorted(draw(st.sets(st.sampled_from(fit), min_size=1, max_size=2)))
        body: Body = {"code": code, "prices": covered, "amount": draw(number(1, 50, 0))}
        body["interval"] = draw(st.sampled_from(INTERVALS))
        body["shared"] = draw(st.sampled_from(["subscription", "account", "pool"]))
        body["priority"] = draw(st.integers(1, 3))
        if money:
            body["unit"] = "money"
        elif draw(st.integers(0, 3)) == 0:
            body["increment"] = draw(st.sampled_from([1, 5, 60]))
        if draw(st.integers(0, 4)) == 0:
            body["valid"] = draw(st.sampled_from(["30 days", "month"]))
        else:
            body |= {"prorate": draw(st.booleans()), "rollover": draw(st.integers(0, 2))}
        if all(prices[name].get("calendar") or "card" in prices[name] for name in covered):
            body |= draw(maybe(st.just(["peak"]), "bands"))
        found.append(body)
    return found


def _fits(price: Body, money: bool) -> bool:
    meter: Any = METERS.get(price.get("meter", ""))
    return (
        meter is not None
        and price["model"] in (BY_AMOUNT if money else BY_QUANTITY)
        and meter["aggregation"] in AGGREGATIONS
        and "factor" not in meter
        and not (money and "free_units" in price)
    )


@st.composite
def _discounts(draw: st.DrawFn, plans: Body) -> list[Body]:
    codes = sorted({code for plan in plans.values() for code in plan["prices"]})
    found = []
    for code, body in (("tenth", {"percent": draw(number(0, 30))}),
                       ("off", {"amount": draw(number(0, 15))})):  # fmt: skip
        one = {"code": code} | body | draw(maybe(st.integers(1, 3), "periods"))
        if draw(st.integers(0, 2)) == 0:
            one["on"] = "invoice"
        elif draw(st.integers(0, 3)) == 0:
            one |= draw(maybe(st.just(["pro", "extra"]), "plans"))
            one |= draw(maybe(st.sampled_from(codes).map(lambda one: [one]), "applies_to"))
        one |= draw(maybe(st.integers(99, 101), "order"))
        one |= draw(maybe(st.just("gross"), "of"))
        if draw(st.integers(0, 5)) == 0:
            one["exclusive"] = True
        if draw(st.integers(0, 5)) == 0:
            one |= {"from": "2026-02-05", "to": "2026-04-01"}
        found.append(one)
    return found


@st.composite
def _promotion(draw: st.DrawFn) -> Body:
    body: Body = {"code": "HELLO", "discount": draw(st.sampled_from(["tenth", "off"]))}
    body |= draw(maybe(st.integers(1, 2), "limit"))
    return body | draw(maybe(st.just(["pro"]), "plans"))
