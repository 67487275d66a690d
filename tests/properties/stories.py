"""Random stories: contracts, usage and money of a few accounts over a third of a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from properties.catalogues import catalogues, publications
from properties.prices import METERS, Body, number

FIRST = datetime(2026, 1, 3, tzinfo=UTC)
LENGTH = timedelta(days=115)
NAMES = ("s0", "s1", "s2", "s3")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """A step of a scenario: when it is true, and the bill before which it is told."""

    at: datetime
    told: int
    step: Body

    @property
    def written(self) -> Body:
        return {"at": self.at.isoformat(), **self.step}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happens; how and when it is told and billed is for the property to say."""

    catalog: Body
    accounts: Body
    begun: tuple[Happening, ...]  # subscriptions
    contracts: tuple[Happening, ...]  # by when they are told
    usage: tuple[Happening, ...]
    bills: tuple[datetime, ...]

    def document(
        self, name: str, parts: list[list[Happening]] | None = None, *,
        money: list[Body] | None = None, bills: bool = True,
        progressive: tuple[datetime, ...] = (),
    ) -> Body:  # fmt: skip
        """A scenario; `parts`: the usage as it arrives before each bill, else in its time."""
        steps: list[Body] = []
        parts = parts or self.in_time()
        for index, end in enumerate(self.bills):
            told = [one for one in (*self.begun, *self.contracts) if one.told == index]
            here = [one.written for one in told]
            here += [{"at": at.isoformat(), "do": "bill", "progressive": True}
                     for at in progressive if self.window(at) == index]  # fmt: skip
            here += [one.written for one in parts[index]]
            if progressive:  # whatever comes late comes at once
                here.sort(key=lambda step: datetime.fromisoformat(step["at"]))
            steps += here
            if bills or end == self.bills[-1]:
                steps.append({"at": end.isoformat(), "do": "bill"})
            steps += [dict(one) for one in money or []]
        return {"scenario": name, "catalog": self.catalog, "accounts": self.accounts,
                "steps": steps}  # fmt: skip

    def in_time(self) -> list[list[Happening]]:
        """The usage as it arrives in its time."""
        parts: list[list[Happening]] = [[] for _ in self.bills]
        for one in sorted(self.usage, key=lambda one: one.at):
            parts[self.window(one.at)].append(one)
        return parts

    def window(self, at: datetime) -> int:
        """The first bill after an instant."""
        return next(i for i, end in enumerate(self.bills) if at < end)


def instants(least: datetime = FIRST, most: datetime = FIRST + LENGTH) -> Any:
    """Instants, more often than not a midnight in Rome."""
    hours = int((most - least) / timedelta(hours=1))
    return st.one_of(
        st.integers(0, hours).map(lambda hour: least + timedelta(hours=hour)),
        st.integers(1, hours // 24 - 1).map(
            lambda day: (least + timedelta(days=day)).replace(hour=23) - timedelta(days=1)
        ),
    )


@st.composite
def stories(
    draw: st.DrawFn, *, back_dated: bool = True, moved_days: bool = True,
    catalog: Body | None = None,
) -> Story:  # fmt: skip
    """A story of two accounts and up to four subscriptions."""
    catalog = catalog or draw(catalogues())
    day = st.one_of(st.integers(1, 31), st.just("anniversary"))
    accounts = {
        code: {"billing_day": draw(day), "region": draw(st.sampled_from(["IT", "DE", "XX"])),
               "timezone": draw(st.sampled_from(["Europe/Rome", "UTC", "America/New_York"]))}
        for code in ("A", "B")
    }  # fmt: skip
    gaps = draw(st.lists(st.integers(5, 45), min_size=2, max_size=4))
    ends = [FIRST + timedelta(days=sum(gaps[: i + 1]), hours=1) for i in range(len(gaps))]
    bills = (*(end for end in ends if end < FIRST + LENGTH), FIRST + LENGTH + timedelta(days=1))
    begun = draw(_begun(len(bills) if back_dated else 1))
    known = {one.step["as"]: one.told for one in begun}
    names = list(known)
    told = draw(st.lists(_contract(names, moved_days), max_size=5))
    if draw(st.integers(0, 2)) == 0:
        at = draw(instants(FIRST + timedelta(days=20)))
        told.append((at, {"do": "publish", "catalog": draw(publications(catalog))}))
    contracts = []
    for at, step in sorted(told, key=lambda one: one[0]):
        own = next(i for i, end in enumerate(bills) if at < end)
        own = max(own, known.get(step.get("subscription", ""), 0))
        late = back_dated and step["do"] != "publish" and draw(st.integers(0, 3)) == 0
        last = len(bills) - 1
        contracts.append(Happening(at=at, told=draw(st.integers(own, last)) if late else own,
                                   step=step))  # fmt: skip
    usage = draw(st.lists(_record([*names, "nobody"]), max_size=25))
    records = [
        Happening(at=at, told=0, step={**step, "id": f"u{number}"})
        for number, (at, step) in enumerate(usage)
    ]
    return Story(
        catalog=catalog, accounts=accounts, begun=begun, bills=bills, usage=tuple(records),
        contracts=tuple(sorted(contracts, key=lambda one: (one.told, one.at))),
    )  # fmt: skip


@st.composite
def _begun(draw: st.DrawFn, bills: int) -> tuple[Happening, ...]:
    """The subscriptions; all but the first may be told after some of the bills."""
    found: list[Happening] = []
    count = draw(st.integers(1, len(NAMES)))
    at = FIRST
    for name in NAMES[:count]:
        step: Body = {"do": "subscribe", "account": draw(st.sampled_from("AAB")), "as": name}
        step |= {"plan": draw(st.sampled_from(["basic", "pro"]))}
        step |= {"quantity": draw(st.integers(1, 3)), "identifiers": {"key": f"key-{name}"}}
        if found and draw(st.integers(0, 3)) == 0:
            step |= {"plan": "extra", "base": "s0", "account": found[0].step["account"]}
        step["discounts"] = sorted(draw(st.sets(st.sampled_from(["tenth", "off"]), max_size=1)))
        if draw(st.integers(0, 4)) == 0:
            step["promotion"] = "HELLO"
        late = bool(found) and draw(st.integers(0, 4)) == 0
        told = draw(st.integers(0, bills - 1)) if late else 0
        found.append(Happening(at=at, told=told, step=step))
        at += timedelta(hours=draw(st.integers(0, 100)))
    return tuple(found)


@st.composite
def _contract(draw: st.DrawFn, names: list[str], moved_days: bool) -> tuple[datetime, Body]:
    at = draw(instants(FIRST + timedelta(days=5)))
    words = ["change", "set_quantity", "pause", "resume", "cancel", "uncancel", "give_discount"]
    words += ["redeem", "end_discount"]
    do = draw(st.sampled_from([*words, "set_billing_day"] if moved_days else words))
    if do == "set_billing_day":
        step: Body = {"account": draw(st.sampled_from("AB")), "day": draw(st.integers(1, 31))}
        return at, {"do": do, **step}
    step = {"subscription": draw(st.sampled_from(names))}
    match do:
        case "change":
            step["plan"] = draw(st.sampled_from(["basic", "pro"]))
            step["when"] = draw(st.sampled_from(["policy", "now", "end_of_period"]))
        case "set_quantity":
            step["quantity"] = draw(st.integers(1, 5))
        case "cancel":
            step["when"] = draw(st.sampled_from(["now", "end_of_period"]))
        case "give_discount" | "end_discount":
            step["discount"] = draw(st.sampled_from(["tenth", "off"]))
            if draw(st.integers(0, 3)) == 0:
                del step["subscription"]
                step["account"] = draw(st.sampled_from("AB"))
        case "redeem":
            step["promotion"] = "HELLO"
    return at, {"do": do, **step}


@st.composite
def _record(draw: st.DrawFn, names: list[str]) -> tuple[datetime, Body]:
    at = draw(instants(FIRST + timedelta(days=17))) + timedelta(minutes=draw(st.integers(0, 59)))
    meter = draw(st.sampled_from(sorted(METERS)))
    properties = {
        "region": draw(st.sampled_from(["eu", "us", "as"])),
        "to": draw(st.sampled_from(["4420123", "441", "49", "33"])),
    }
    value = {
        "data": ("mb", number(0, 40)),
        "voice": ("duration", st.integers(0, 400).map(str)),
        "seats": ("user", st.sampled_from("abcde")),
        "gauge": ("delta", number(-5, 9, 0)),
        "paid": ("amount", number(0, 90)),
    }.get(meter, ("n", number(0, 30)))
    if meter != "calls":
        properties[value[0]] = draw(value[1])
    step: Body = {"do": "usage", "meter": meter, "properties": properties}
    if meter in ("kwh", "kw"):
        at = at.replace(minute=at.minute // 15 * 15)
        step["end"] = (at + timedelta(minutes=15)).isoformat()
    name = draw(st.sampled_from(names))
    return at, {**step, "identifier": f"key-{name}"}


@st.composite
def deliveries(draw: st.DrawFn, story: Story) -> list[list[Happening]]:
    """How the usage arrives: none before its time, some late, some several times, in any order."""
    parts: list[list[Happening]] = [[] for _ in story.bills]
    for one in story.usage:
        earliest = story.window(one.at)
        places = st.lists(st.integers(earliest, len(parts) - 1), min_size=1, max_size=3)
        for index in draw(places):
            parts[index].append(one)
    return [draw(st.permutations(part)) for part in parts]
