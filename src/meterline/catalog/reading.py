"""Reading the catalogue as the engines take it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import connection

from meterline.catalog import build
from meterline.catalog.deck import read_deck
from meterline.catalog.errors import UnknownPlan
from meterline.catalog.models import Entry, PlanVersion, PriceRow
from meterline.catalog.sections import PromotionSection
from meterline.kernel.calendar import CalendarSpec
from meterline.platform import files
from meterline.platform.remembered import remembered
from meterline.pricing.price import Meter, Price
from meterline.rating.allowance import Allowance
from meterline.rating.card import RateCard
from meterline.rating.compiled import CompiledCard, compile_card
from meterline.rating.patch import changed_keys, patched
from meterline.rating.tariff import Tariff, assemble

ALWAYS = date(1, 1, 1)


def plan_version_at(plan: str, on: date) -> PlanVersion:
    """The version of a plan in force on a day. Raises UnknownPlan."""
    for version in _versions_of(plan, _newest_version()):
        if version.effective <= on:
            return version
    raise UnknownPlan(plan=plan, on=on)


def _newest_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM catalog_planversion WHERE base_id IS NULL")
        return int(cursor.fetchone()[0])


@remembered(5_000)
def _versions_of(plan: str, newest: int) -> tuple[PlanVersion, ...]:
    """The published versions of a plan, the last to hold first; there are more with `newest`."""
    rows = PlanVersion.objects.filter(plan_code=plan, base=None)
    return tuple(rows.order_by("-effective", "-version"))


def plans_in_force(on: date) -> list[PlanVersion]:
    """The version of each plan in force on a day; of plans that begin later, their first."""
    rows = PlanVersion.objects.filter(base=None).order_by("plan_code", "effective", "version")
    found: dict[str, PlanVersion] = {}
    for row in rows:
        known = found.get(row.plan_code)
        if row.effective <= on or known is None or known.effective == row.effective:
            found[row.plan_code] = row
    return list(found.values())


def prices(plan_version_ids: Iterable[int] | None = None) -> list[Price]:
    """The prices of plan versions (all of them by default), as the engines take them."""
    if plan_version_ids is not None:
        wanted, newest = sorted(set(plan_version_ids)), newest_entry()
        return [price for one in wanted for price in _prices_of(one, newest)]
    known = meters()
    rows = PriceRow.objects.select_related("plan_version")
    return [_price(row, known) for row in rows.order_by("id")]


@remembered(20_000)
def _prices_of(plan_version_id: int, newest_entry: int) -> tuple[Price, ...]:
    """Versions are immutable, so they are read once; meters may change with `newest_entry`."""
    rows = PriceRow.objects.select_related("plan_version").filter(plan_version=plan_version_id)
    known = _meters(newest_entry)
    return tuple(_price(row, known) for row in rows.order_by("id"))


def _price(row: PriceRow, known: Mapping[str, Meter]) -> Price:
    plan = row.plan_version
    return build.price(vars(row), vars(plan), known)


def newest_entry() -> int:
    """The newest entry: what is read of entries holds until there is a newer one."""
    held = _held.get()
    if held is None:
        return _newest_entry()
    if not held:
        held.append(_newest_entry())
    return held[0]


@contextmanager
def as_one() -> Iterator[None]:
    """Whatever is read of entries inside is read as of one moment, which is asked for once."""
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


_held: ContextVar[list[int] | None] = ContextVar("newest_entry", default=None)


def _newest_entry() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM catalog_entry")
        return int(cursor.fetchone()[0])


def _latest(kind: str) -> dict[str, dict[str, Any]]:
    """The newest body of each code of a kind."""
    rows = Entry.objects.filter(kind=kind).order_by("code", "version")
    return {row.code: row.body for row in rows}


def meters() -> dict[str, Meter]:
    """The meters by code."""
    return _meters(newest_entry())


@remembered(8)
def _meters(newest_entry: int) -> dict[str, Meter]:
    return {code: build.meter(code, body) for code, body in _latest("meter").items()}


def calendars() -> dict[str, CalendarSpec]:
    """The calendars by code."""
    return _calendars(newest_entry())


@remembered(8)
def _calendars(newest_entry: int) -> dict[str, CalendarSpec]:
    return {code: build.calendar(code, body) for code, body in _latest("calendar").items()}


def rate_cards(codes: Iterable[str] | None = None) -> list[RateCard]:
    """All versions of rate cards (of all by default)."""
    rows = Entry.objects.filter(kind="rate_card").order_by("code", "version")
    if codes is not None:
        rows = rows.filter(code__in=set(codes))
    return [_rate_card(row) for row in rows]


def _rate_card(row: Entry) -> RateCard:
    valid_from = ALWAYS if row.version == 1 else row.effective
    return build.rate_card(row.code, row.body, valid_from, row.body["timezone"], _deck)


def deck_path(digest: str) -> Path:
    """Where a deck of this content is kept."""
    return files.folder("catalog") / f"{digest}.csv"


def _deck(digest: str, key_fields: int) -> Any:
    return read_deck(deck_path(digest), key_fields)


def taxes() -> list[build.Tax]:
    """The taxes."""
    return list(_taxes(newest_entry()))


@remembered(8)
def _taxes(newest_entry: int) -> tuple[build.Tax, ...]:
    return tuple(build.tax(code, body) for code, body in _latest("tax").items())


def discounts() -> dict[str, build.Discount]:
    """Discounts by code."""
    return _discounts(newest_entry())


@remembered(8)
def _discounts(newest_entry: int) -> dict[str, build.Discount]:
    return {code: build.discount(code, body) for code, body in _latest("discount").items()}


def promotions() -> dict[str, PromotionSection]:
    """Promotion codes."""
    return {
        code: PromotionSection.model_validate({"code": code, **body})
        for code, body in _latest("promotion").items()
    }


def minimums(plan_version_ids: Iterable[int]) -> list[dict[str, Any]]:
    """The minimum spends of plan versions (build.minimum)."""
    found = _terms(plan_version_ids)
    return [one.minimum for one in found if one.minimum is not None]


def allowances() -> dict[int, tuple[Allowance, ...]]:
    """The allowances of all plan versions that have some."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM catalog_planversion")
        return _allowances(int(cursor.fetchone()[0]))


@remembered(8)
def _allowances(newest_version: int) -> dict[int, tuple[Allowance, ...]]:
    """Versions are immutable, so they are read once."""
    rows = PlanVersion.objects.filter(pk__lte=newest_version, body__has_key="allowances")
    found = {row.pk: tuple(build.allowances(row.plan_code, row.body)) for row in rows}
    return {version: granted for version, granted in found.items() if granted}


def early_fees(plan_version_ids: Iterable[int]) -> list[dict[str, Any]]:
    """The early fees of those plan versions that have one (build.early_fee)."""
    found = _terms(plan_version_ids)
    return [one.early_fee for one in found if one.early_fee is not None]


def commitments(plan_version_ids: Iterable[int]) -> list[dict[str, Any]]:
    """The volume commitments of plan versions (build.commitments)."""
    return [one for found in _terms(plan_version_ids) for one in found.commitments]


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What a plan version asks for beside its prices."""

    minimum: dict[str, Any] | None
    commitments: list[dict[str, Any]]
    early_fee: dict[str, Any] | None


def _terms(plan_version_ids: Iterable[int]) -> list[_Terms]:
    wanted = sorted(set(plan_version_ids))
    newest = newest_entry() if wanted else 0
    return [_terms_of(one, newest) for one in wanted]


@remembered(20_000)
def _terms_of(plan_version_id: int, newest_entry: int) -> _Terms:
    """Versions are immutable, so they are read once."""
    row = PlanVersion.objects.get(pk=plan_version_id)
    plan = vars(row)
    return _Terms(
        minimum=build.minimum(plan, row.body), commitments=build.commitments(plan, row.body),
        early_fee=build.early_fee(plan, row.body),
    )  # fmt: skip


def tariff(plan_version_ids: Iterable[int] | None = None) -> Tariff:
    """The compiled tariff of plan versions (all of them by default)."""
    ids = None if plan_version_ids is None else sorted(set(plan_version_ids))
    newest = newest_entry()
    return assemble(prices(ids), meters(), calendars(), _compiled_cards(newest))


def compiled_cards() -> dict[str, CompiledCard]:
    """All rate cards, compiled."""
    return _compiled_cards(newest_entry())


@remembered(4)
def _compiled_cards(newest_entry: int) -> dict[str, CompiledCard]:
    versions: dict[str, list[int]] = {}
    rows = Entry.objects.filter(kind="rate_card").order_by("code", "version")
    for code, entry in rows.values_list("code", "id"):
        versions.setdefault(code, []).append(entry)
    calendar = tuple(sorted(calendars().items()))
    return {code: _compiled(tuple(ids), calendar) for code, ids in versions.items()}


@remembered(64)
def _compiled(ids: tuple[int, ...], known: tuple[tuple[str, CalendarSpec], ...]) -> CompiledCard:
    """A card's versions compiled: what is new in the last one, laid over those before."""
    newest = _rate_card(Entry.objects.get(pk=ids[-1]))
    if len(ids) > 1:
        before = _compiled(ids[:-1], known)
        if changed := _patched(before, newest):
            return changed
    rows = Entry.objects.filter(pk__in=ids[:-1])
    return compile_card([*map(_rate_card, rows), newest], dict(known))


def _patched(before: CompiledCard, newest: RateCard) -> CompiledCard | None:
    if before.card.keys != newest.keys:
        return None
    return patched(before, newest, changed_keys(before.card, newest))
