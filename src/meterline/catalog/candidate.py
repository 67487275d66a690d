"""A catalogue file as if it were in force: what the engines take, made in memory.

Nothing is written: the plan versions and prices that a file would make get ids below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from pydantic import ValidationError

from meterline.catalog import build, reading, resolve
from meterline.catalog.deck import read_deck
from meterline.catalog.files import CatalogFile
from meterline.catalog.indexation import indexed
from meterline.catalog.models import Entry, PlanVersion
from meterline.catalog.plan_sections import PriceSection
from meterline.catalog.services import Change, diff
from meterline.kernel.calendar import CalendarSpec
from meterline.pricing.price import Meter, Price
from meterline.rating.allowance import Allowance
from meterline.rating.card import RateCard
from meterline.rating.tariff import Tariff, assemble, compile_cards

Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Affected:
    """The plans whose bills a file can change, and why: its own text, or an entry it needs."""

    changes: Sequence[Change]
    reasons: Mapping[str, tuple[str, ...]]  # plan code -> e.g. ("plan", "rate_card world")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What billing takes of a catalogue in which a file is in force."""

    versions: Mapping[int, int]  # plan version of today -> its counterpart under the file
    currencies: Mapping[int, str]  # of the counterparts
    prices: tuple[Price, ...]  # of the counterparts
    minimums: tuple[dict[str, Any], ...]  # build.minimum
    commitments: tuple[dict[str, Any], ...]  # build.commitments
    early_fees: tuple[dict[str, Any], ...]  # build.early_fee
    allowances: Mapping[int, tuple[Allowance, ...]]  # counterpart -> what it grants
    meters: Mapping[str, Meter]
    calendars: Mapping[str, CalendarSpec]
    taxes: tuple[build.Tax, ...]
    discounts: Mapping[str, build.Discount]
    unfit: Mapping[int, tuple[str, ...]]  # plan version of today -> its overrides that do not fit

    def part(self, version_ids: Iterable[int]) -> Candidate:
        """What concerns some plan versions of today."""
        versions = {one: self.versions[one] for one in version_ids}
        kept = set(versions.values())
        return replace(
            self,
            versions=versions,
            prices=tuple(one for one in self.prices if one.plan_version_id in kept),
            minimums=_of_versions(self.minimums, kept),
            commitments=_of_versions(self.commitments, kept),
            early_fees=_of_versions(self.early_fees, kept),
        )


def _of_versions(rows: Sequence[dict[str, Any]], kept: set[int]) -> tuple[dict[str, Any], ...]:
    return tuple(one for one in rows if one["plan_version_id"] in kept)


@dataclass(kw_only=True)
class _Found:
    versions: dict[int, int] = field(default_factory=dict)
    currencies: dict[int, str] = field(default_factory=dict)
    prices: list[Price] = field(default_factory=list)
    minimums: list[dict[str, Any]] = field(default_factory=list)
    commitments: list[dict[str, Any]] = field(default_factory=list)
    early_fees: list[dict[str, Any]] = field(default_factory=list)
    allowances: dict[int, tuple[Allowance, ...]] = field(default_factory=dict)
    unfit: dict[int, tuple[str, ...]] = field(default_factory=dict)


def affected(catalogue: CatalogFile, changes: list[Change] | None = None) -> Affected:
    """The plans that have versions already and would be billed otherwise under the file.

    What the file says the same as the version in force says affects nobody. `changes`: its `diff`
    as of today, if it is known.
    """
    changes = diff(catalogue) if changes is None else changes
    changed = {(one.kind, one.code) for one in changes if not one.unchanged}
    calendars = [code for kind, code in changed if kind == "calendar"]
    cards = Entry.objects.filter(kind="rate_card", body__calendar__in=calendars)
    changed |= {("rate_card", code) for code in cards.values_list("code", flat=True)}
    in_file = {one.code: one.body for one in changes if one.kind == "plan" and not one.unchanged}
    reasons: dict[str, tuple[str, ...]] = {}
    for version in PlanVersion.objects.filter(base=None).order_by("plan_code", "version"):
        body = in_file.get(version.plan_code, version.body)
        found = ["plan"] if version.plan_code in in_file else []
        found += sorted(f"{kind} {code}" for kind, code in changed & _named(body))
        if found:
            before = reasons.get(version.plan_code, ())
            reasons[version.plan_code] = tuple(dict.fromkeys([*before, *found]))
    discounts = sorted(code for kind, code in changed if kind == "discount")
    if discounts:  # any subscription may have one
        for code in PlanVersion.objects.filter(base=None).values_list("plan_code", flat=True):
            words = (f"discount {one}" for one in discounts)
            reasons[code] = tuple(dict.fromkeys([*reasons.get(code, ()), *words]))
    for code, allowance in _sharing(in_file, reasons):
        reasons[code] = tuple(dict.fromkeys([*reasons.get(code, ()), f"allowance {allowance}"]))
    return Affected(changes=changes, reasons=reasons)


def _sharing(
    in_file: Mapping[str, Mapping[str, Any]], reasons: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """(plan, allowance): plans that share an allowance with an affected one; what the one uses the
    other has not."""
    carried: set[tuple[str, str]] = set()
    rows = PlanVersion.objects.filter(base=None, body__has_key="allowances")
    bodies = [*((row.plan_code, row.body) for row in rows), *in_file.items()]
    for code, body in bodies:
        for one in body.get("allowances") or ():
            if one.get("shared", "subscription") != "subscription":
                carried.add((code, one["code"]))
    touched = {allowance for code, allowance in carried if code in reasons}
    known = {code for code, _ in bodies if PlanVersion.objects.filter(plan_code=code).exists()}
    return sorted(
        (code, allowance)
        for code, allowance in carried
        if allowance in touched and code in known and code not in reasons
    )


def candidate(found: Affected, version_ids: Iterable[int]) -> Candidate:
    """What billing takes where the file is in force for these plan versions (bases and derived)."""
    rows = PlanVersion.objects.filter(pk__in=set(version_ids)).select_related("base")
    return of_versions(rows, found.changes)


def of_versions(versions: Iterable[PlanVersion], changes: Sequence[Change]) -> Candidate:
    """The same of plan versions, which need not be kept, and of the changes of a file."""
    changed = {(one.kind, one.code): one.body for one in changes if not one.unchanged}
    currencies = {one.code: one.terms for one in changes if one.kind == "plan"}
    meters = {**reading.meters(), **_of_kind(changed, "meter", build.meter)}
    made = _Found()
    ids = count(-1, -1)
    for version in versions:
        base = version.base or version
        body = changed.get(("plan", version.plan_code), base.body)
        terms = currencies.get(version.plan_code, {}) if body is not base.body else {}
        _add(made, version, body, {**_terms(version), **terms}, meters, ids)
    return Candidate(
        versions=made.versions, currencies=made.currencies, prices=tuple(made.prices),
        minimums=tuple(made.minimums), commitments=tuple(made.commitments),
        early_fees=tuple(made.early_fees), allowances=made.allowances,
        unfit=made.unfit, meters=meters,
        calendars={**reading.calendars(), **_of_kind(changed, "calendar", build.calendar)},
        taxes=tuple({**{tax.code: tax for tax in reading.taxes()},
                     **_of_kind(changed, "tax", build.tax)}.values()),
        discounts={**reading.discounts(),
                   **_of_kind(changed, "discount", build.discount)},
    )  # fmt: skip


def compiled(catalogue: CatalogFile, found: Affected, made: Candidate) -> Tariff:
    """The tariff by which usage is rated where the file is in force: its rate cards hold always,
    in place of all their versions."""
    wanted = {str(price.parameter("card")) for price in made.prices if price.model == "rate_card"}
    own = {
        one.code: _own_card(catalogue, one)
        for one in found.changes
        if one.kind == "rate_card" and one.code in wanted and not one.unchanged
    }
    cards = [*own.values(), *reading.rate_cards(wanted - own.keys())]
    compiled_cards = compile_cards(cards, made.calendars)
    return assemble(made.prices, made.meters, made.calendars, compiled_cards)


def _own_card(catalogue: CatalogFile, change: Change) -> RateCard:
    section = catalogue.model.rate_cards[change.code]
    path = catalogue.folder / str(section.file)
    return build.rate_card(
        change.code, change.body, reading.ALWAYS, change.body["timezone"],
        lambda _, key_fields: read_deck(path, key_fields),
    )  # fmt: skip


def _terms(version: PlanVersion) -> dict[str, str]:
    return {"currency": version.currency, "timezone": version.timezone}


def _of_kind(changed: Mapping[tuple[str, str], Any], kind: str, make: Any) -> dict[str, Any]:
    return {code: make(code, body) for (k, code), body in changed.items() if k == kind}


def _add(
    made: _Found,
    version: PlanVersion,
    body: dict[str, Any],
    terms: Mapping[str, str],
    meters: Mapping[str, Meter],
    ids: Iterator[int],
) -> None:
    """The counterpart of a plan version under a plan's body."""
    plan = {"id": -version.pk, "plan_code": version.plan_code, **terms}
    unfit: list[str] = []
    if version.base is not None:
        carried = rebased(version.overrides or {}, version.base.body, body)
        body, unfit = _overridden(body, carried)
    made.versions[version.pk] = plan["id"]
    made.currencies[plan["id"]] = plan["currency"]
    for code, price in body["prices"].items():
        columns = resolve.price_columns(code, PriceSection.model_validate(price))
        row = {"id": next(ids), "body": price, **columns}
        made.prices.append(build.price(row, plan, meters))
    minimum, fee = build.minimum(plan, body), build.early_fee(plan, body)
    made.minimums += [minimum] if minimum else []
    made.early_fees += [fee] if fee else []
    made.commitments += build.commitments(plan, body)
    granted = tuple(build.allowances(version.plan_code, body))
    if granted:
        made.allowances[-version.pk] = granted
    if unfit:
        made.unfit[version.pk] = tuple(unfit)


def _overridden(body: dict[str, Any], overrides: Overrides) -> tuple[dict[str, Any], list[str]]:
    """The body with the overrides that fit it, and the codes of those that do not."""
    unfit = []
    for code, changes in overrides.items():
        if code not in body["prices"]:
            unfit.append(code)
            continue
        price = resolve.overridden_price(body["prices"][code], changes)
        try:
            PriceSection.model_validate(price)
        except ValidationError:
            unfit.append(code)
            continue
        body = {**body, "prices": {**body["prices"], code: price}}
    return body, unfit


def rebased(
    overrides: Overrides, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What a version derived from a plan `before` overrides of the plan `after`.

    Overrides that repeat a phase of the plan, or a step of its indexation, are that: the same
    phase or step of `after` takes their place. The others are the subscription's own, and stay.
    """
    for old, new in _stages(before, after):
        repeats = all(
            overrides.get(code, {}).get(name) == value
            for code, changes in old.items()
            for name, value in changes.items()
        )
        if old and repeats:
            own = {
                code: {k: v for k, v in changes.items() if k not in old.get(code, {})}
                for code, changes in overrides.items()
            }
            both = {code: {**new.get(code, {}), **own.get(code, {})} for code in {**new, **own}}
            return {code: changes for code, changes in both.items() if changes}
    return {code: dict(changes) for code, changes in overrides.items()}


def _stages(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[Overrides, Overrides]]:
    """What the phases of a plan, plain and indexed, override; and those of the other plan."""
    old, new = before.get("phases") or (), after.get("phases") or ()
    for number in range(len(old), -1, -1):
        one = _phase(old, number)
        other = _phase(new, number)
        raised, raised_new = indexed(before, one), indexed(after, other)
        for since in sorted(raised, reverse=True):
            reached = max((day for day in raised_new if day <= since), default=None)
            yield raised[since], other if reached is None else raised_new[reached]
        yield one, other


def _phase(phases: Sequence[Mapping[str, Any]], number: int) -> Overrides:
    """What a phase overrides; nothing where the plan has none of that number."""
    return (phases[number].get("prices") or {}) if number < len(phases) else {}


def _named(body: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(kind, code) of the entries that the prices of a plan's body name."""
    phases = body.get("phases") or ()
    lists = (body["prices"], *(phase.get("prices") or {} for phase in phases))
    return {
        (kind, price[key])
        for prices in lists
        for price in prices.values()
        for kind, key in (
            ("meter", "meter"), ("tax", "tax"), ("rate_card", "card"), ("calendar", "calendar"),
        )
        if isinstance(price.get(key), str)
    }  # fmt: skip
