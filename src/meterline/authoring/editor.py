"""Prices of a draft edited: the file as it would be, what is wrong with it, and the new draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from difflib import unified_diff
from functools import cached_property
from typing import Any

from meterline.authoring.entry import places
from meterline.authoring.shape import Shape
from meterline.catalog import drafts, resolve
from meterline.catalog.drafts import Kept
from meterline.catalog.errors import CatalogInvalid, Problem
from meterline.catalog.export import catalog_texts, needs
from meterline.catalog.files import CatalogFile, parse
from meterline.catalog.models import Draft, Entry, PlanVersion
from meterline.catalog.reading import deck_path
from meterline.catalog.rewrite import rewritten
from meterline.catalog.yaml import load_all

_ALWAYS = ("meter", "calendar", "tax")  # so that a price may name any of them
_SECTIONS = {"meter": "meters", "card": "rate_cards", "calendar": "calendars"}


@dataclass(frozen=True, kw_only=True)
class Base:
    """A catalogue file that is edited, with its decks and scenarios: of a draft, or as exported."""

    name: str
    files: Sequence[Kept]
    draft: Draft | None = None

    @cached_property
    def text(self) -> str:
        """The catalogue file."""
        (found,) = (one for one in self.files if one.path == self.name)
        return found.content.decode("utf-8-sig")

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the file says."""
        found: dict[str, Any] = load_all(self.text, self.name)[0].data
        return found

    def price(self, plan: str, code: str) -> dict[str, Any] | None:
        """A price as it is written; None where there is no such one."""
        prices = (self.data.get("plans") or {}).get(plan, {}).get("prices") or {}
        found: dict[str, Any] | None = prices.get(code)
        return found


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The file with a price changed. `errors`: by place in the price; `others`: of the rest."""

    text: str
    lines: str  # what is new in the file, as lines with + and -
    catalogue: CatalogFile | None
    errors: Mapping[str, Sequence[str]]
    others: Sequence[str]

    @property
    def sound(self) -> bool:
        """Whether it can be kept."""
        return self.catalogue is not None


def of_draft(draft: Draft) -> Base:
    """The file of a draft."""
    return Base(name=draft.name, files=drafts.kept(draft), draft=draft)


def of_plan(version: PlanVersion) -> Base:
    """A version of a plan as a file, with what it needs, and all that a price of it may name; from
    when it holds is said when the draft is approved."""
    version = copy(version)
    version.effective = date.min
    entries = list(Entry.objects.order_by("kind", "code", "-version").distinct("kind", "code"))
    needed = needs([version], entries)
    wanted = [one for one in entries if one.kind in _ALWAYS or (one.kind, one.code) in needed]
    (text,) = catalog_texts([version], wanted, whole=True)
    decks = [
        Kept(path=name, content=deck_path(digest).read_bytes())
        for name, digest in text.decks.items()
    ]
    return Base(name=text.name, files=[Kept(path=text.name, content=text.text.encode()), *decks])


def tried(base: Base, plan: str, code: str, price: Any, shapes: Sequence[Shape]) -> Tried:
    """The file with a price changed, added, or removed (rewrite.REMOVED), checked whole; `shapes`
    are those of the price's form.

    Raises CannotRewrite.
    """
    place = ("plans", plan, "prices", code)
    text = rewritten(base.text, place, price)
    lines = unified_diff(base.text.splitlines(), text.splitlines(), lineterm="", n=2)
    told = "\n".join(list(lines)[2:])
    with drafts.unpacked(_files(base, text)) as folder:
        try:
            found = replace(parse(folder / base.name), name=base.name)
        except CatalogInvalid as error:
            errors, others = _sorted(error.problems, ".".join(place), dict(places(shapes, price)))
            return Tried(text=text, lines=told, catalogue=None, errors=errors, others=others)
    return Tried(text=text, lines=told, catalogue=found, errors={}, others=())


def save(base: Base, text: str, *, note: str) -> Draft:
    """A draft of the changed file, which replaces the one that was edited.

    Raises what `drafts.create` does.
    """
    return drafts.create(base.name, _files(base, text), note=note, replaces=base.draft)


def columns(catalogue: CatalogFile, plan: str, code: str) -> dict[str, Any]:
    """A price of a file as a row of a version: what `catalog.build.price` takes."""
    data = catalogue.data["plans"][plan]
    body = resolve.plan_body(data, catalogue.plans[plan], catalogue.model.policy)
    section = catalogue.plans[plan].prices[code]
    return {"id": 0, "body": body["prices"][code], **resolve.price_columns(code, section)}


def named(data: Mapping[str, Any], plan: str) -> dict[str, list[str]]:
    """What the fields of a price may name: codes in the file by the name of the field."""
    found = {name: list(data.get(section) or ()) for name, section in _SECTIONS.items()}
    found["tax"] = [str(one.get("code")) for one in data.get("taxes") or ()]
    prices = (data.get("plans") or {}).get(plan, {}).get("prices") or {}
    found["demand"] = [code for code, one in prices.items() if one.get("model") == "demand"]
    found["of"] = list(prices)
    return found


def bands(data: Mapping[str, Any], calendar: str) -> list[str]:
    """Bands of a calendar, plain and by season: what rates are given for."""
    found = (data.get("calendars") or {}).get(calendar) or {}
    names = list(dict.fromkeys(str(one["band"]) for one in found.get("bands") or ()))
    seasons = [str(one["season"]) for one in found.get("seasons") or ()]
    return [*names, *(f"{season}.{band}" for season in seasons for band in names), *seasons]


def _files(base: Base, text: str) -> list[Kept]:
    return [
        replace(one, content=text.encode()) if one.path == base.name else one for one in base.files
    ]


def _sorted(
    problems: Sequence[Problem], at: str, known: Mapping[str, str]
) -> tuple[dict[str, list[str]], list[str]]:
    """The faults by their place in the form, and those of other places of the file."""
    errors: dict[str, list[str]] = {}
    others = []
    for one in problems:
        if one.field == at or one.field.startswith(f"{at}."):
            place = one.field.removeprefix(at).removeprefix(".")
            while place and place not in known:
                place = place.rpartition(".")[0]
            errors.setdefault(known.get(place, ""), []).append(one.message)
        else:
            others.append(f"{one.field}: {one.message}")
    return errors, others
