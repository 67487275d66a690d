"""Applying catalogue files, and reading the catalogue for the engines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from meterline.catalog import build, resolve
from meterline.catalog.deck import read_deck
from meterline.catalog.errors import UnknownPlan
from meterline.catalog.files import CatalogFile
from meterline.catalog.models import Entry, PlanVersion, PriceRow
from meterline.catalog.plan_sections import PlanSection, PriceSection
from meterline.catalog.support import refuse_unsupported
from meterline.kernel.calendar import CalendarSpec
from meterline.platform import audit, clock, events, files
from meterline.pricing.price import Meter, Price
from meterline.rating.card import RateCard
from meterline.rating.compiled import CompiledCard
from meterline.rating.tariff import Tariff, assemble, compile_cards

ALWAYS = date(1, 1, 1)
_LOCK = 7206256
_SECTIONS = {"meters": "meter", "calendars": "calendar", "rate_cards": "rate_card"}
_LISTS = {"taxes": "tax", "discounts": "discount"}


@dataclass(kw_only=True)
class Applied:
    """What applying a file made: codes of new versions by kind; unchanged ones are counted."""

    made: dict[str, list[str]] = field(default_factory=dict)
    unchanged: int = 0
    plan_versions: dict[str, int] = field(default_factory=dict)  # plan code -> id in force


def apply(catalogue: CatalogFile, *, effective: date | None = None) -> Applied:
    """Publish what a checked file changes: new versions, in force from `effective` (a plan's own
    date goes first; default: at once for what is new, from today for what changes).

    Raises NotSupported where the file uses something that cannot be billed yet.
    """
    refuse_unsupported(dict(catalogue.plans), dict(catalogue.model.meters))
    applied = Applied()
    today = clock.now().astimezone(catalogue.timezone).date()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for kind, code, body in entry_bodies(catalogue):
            _publish_entry(kind, code, body, effective, today, applied)
        for code, plan in catalogue.plans.items():
            _publish_plan(catalogue, code, plan, effective, today, applied)
        if applied.made:
            events.emit("catalog.published", catalogue.name, applied.made)
            audit.record("catalog.apply", catalogue.name, after=applied.made)
    return applied


def entry_bodies(catalogue: CatalogFile) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, code, body) of everything in a file but plans."""
    data, model = catalogue.data, catalogue.model
    for section, kind in _SECTIONS.items():
        for code, written in (data.get(section) or {}).items():
            body = resolve.plain(written)
            if kind == "rate_card":
                body["timezone"] = _card_zone(catalogue, code)
                if model.rate_cards[code].file is not None:
                    body["deck"] = _keep_deck(catalogue, code)
            yield kind, code, body
    for section, kind in _LISTS.items():
        for written in data.get(section) or ():
            body = resolve.plain(written)
            yield kind, str(body.pop("code")), body


def _card_zone(catalogue: CatalogFile, code: str) -> str:
    calendar = catalogue.model.calendars.get(catalogue.model.rate_cards[code].calendar or "")
    return calendar.timezone if calendar else catalogue.model.timezone


def _keep_deck(catalogue: CatalogFile, code: str) -> str:
    """Check a deck and keep it under its content's digest; returns the digest."""
    card = catalogue.model.rate_cards[code]
    path = catalogue.folder / str(card.file)
    read_deck(path, len(card.keys))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    kept = files.folder("catalog") / f"{digest}.csv"
    if not kept.exists():
        files.write_whole(kept, lambda temporary: temporary.write_bytes(content))
    return digest


def _publish_entry(
    kind: str,
    code: str,
    body: dict[str, Any],
    effective: date | None,
    today: date,
    applied: Applied,
) -> None:
    latest = Entry.objects.filter(kind=kind, code=code).order_by("-version").first()
    digest = resolve.digest(body)
    if latest is not None and latest.digest == digest:
        applied.unchanged += 1
        return
    Entry.objects.create(
        kind=kind,
        code=code,
        version=1 if latest is None else latest.version + 1,
        effective=effective or (ALWAYS if latest is None else today),
        body=body,
        digest=digest,
    )
    applied.made.setdefault(kind, []).append(code)


def _publish_plan(
    catalogue: CatalogFile,
    code: str,
    plan: PlanSection,
    effective: date | None,
    today: date,
    applied: Applied,
) -> None:
    body = resolve.plan_body(catalogue.data["plans"][code], plan, catalogue.model.policy)
    digest = resolve.digest([body, catalogue.model.currency, catalogue.model.timezone])
    latest = PlanVersion.objects.filter(plan_code=code, base=None).order_by("-version").first()
    if latest is not None and latest.digest == digest:
        applied.unchanged += 1
        applied.plan_versions[code] = latest.pk
        return
    version = PlanVersion.objects.create(
        plan_code=code,
        name=plan.name,
        version=1 if latest is None else latest.version + 1,
        effective=plan.effective or effective or (ALWAYS if latest is None else today),
        existing=plan.existing,
        currency=catalogue.model.currency,
        timezone=catalogue.model.timezone,
        body=body,
        digest=digest,
    )
    _write_prices(version)
    applied.made.setdefault("plan", []).append(code)
    applied.plan_versions[code] = version.pk


def _write_prices(version: PlanVersion) -> None:
    rows = []
    for code, body in version.body["prices"].items():
        section = PriceSection.model_validate(_written(body))
        columns = resolve.price_columns(code, section)
        rows.append(PriceRow(plan_version=version, body=body, **columns))
    PriceRow.objects.bulk_create(rows)


def _written(body: Mapping[str, Any]) -> dict[str, Any]:
    return dict(body)


def plan_version_at(plan: str, on: date) -> PlanVersion:
    """The version of a plan in force on a day. Raises UnknownPlan."""
    found = (
        PlanVersion.objects.filter(plan_code=plan, base=None, effective__lte=on)
        .order_by("-effective", "-version")
        .first()
    )
    if found is None:
        raise UnknownPlan(plan=plan, on=on)
    return found


def derive_plan_version(plan_version_id: int, overrides: Mapping[str, Mapping[str, Any]]) -> int:
    """The version of a plan with some prices' fields replaced, for single subscriptions; equal
    overrides share one version."""
    base = PlanVersion.objects.get(pk=plan_version_id)
    body = resolve.overridden(base.body, overrides)
    for code in overrides:
        section = PriceSection.model_validate(_written(body["prices"][code]))
        section.model_parameters()
    digest = resolve.digest(body)
    with transaction.atomic():
        version, made = PlanVersion.objects.get_or_create(
            base=base,
            digest=digest,
            defaults={
                "plan_code": base.plan_code, "name": base.name, "version": base.version,
                "effective": base.effective, "existing": base.existing,
                "currency": base.currency, "timezone": base.timezone, "body": body,
                "overrides": resolve.plain(overrides),
            },
        )  # fmt: skip
        if made:
            _write_prices(version)
    return version.pk


def prices(plan_version_ids: Iterable[int] | None = None) -> list[Price]:
    """The prices of plan versions (all of them by default), as the engines take them."""
    known = meters()
    rows = PriceRow.objects.select_related("plan_version")
    if plan_version_ids is not None:
        wanted = sorted(set(plan_version_ids))
        return [price for one in wanted for price in _prices_of(one, _newest_entry())]
    return [_price(row, known) for row in rows.order_by("id")]


@lru_cache(maxsize=20_000)
def _prices_of(plan_version_id: int, newest_entry: int) -> tuple[Price, ...]:
    """Versions are immutable, so they are read once; meters may change with `newest_entry`."""
    rows = PriceRow.objects.select_related("plan_version").filter(plan_version=plan_version_id)
    known = meters()
    return tuple(_price(row, known) for row in rows.order_by("id"))


def _price(row: PriceRow, known: Mapping[str, Meter]) -> Price:
    plan = row.plan_version
    return build.price(vars(row), vars(plan), known)


def _newest_entry() -> int:
    return Entry.objects.aggregate(newest=Max("id"))["newest"] or 0


def _latest(kind: str) -> dict[str, dict[str, Any]]:
    """The newest body of each code of a kind."""
    rows = Entry.objects.filter(kind=kind).order_by("code", "version")
    return {row.code: row.body for row in rows}


def meters() -> dict[str, Meter]:
    """The meters by code."""
    return _meters(_newest_entry())


@lru_cache(maxsize=8)
def _meters(newest_entry: int) -> dict[str, Meter]:
    return {code: build.meter(code, body) for code, body in _latest("meter").items()}


def calendars() -> dict[str, CalendarSpec]:
    """The calendars by code."""
    return _calendars(_newest_entry())


@lru_cache(maxsize=8)
def _calendars(newest_entry: int) -> dict[str, CalendarSpec]:
    return {code: build.calendar(code, body) for code, body in _latest("calendar").items()}


def rate_cards() -> list[RateCard]:
    """All versions of all rate cards."""
    found = []
    for row in Entry.objects.filter(kind="rate_card").order_by("code", "version"):
        valid_from = ALWAYS if row.version == 1 else row.effective
        found.append(build.rate_card(row.code, row.body, valid_from, row.body["timezone"], _deck))
    return found


def _deck(digest: str, key_fields: int) -> Any:
    return read_deck(files.folder("catalog") / f"{digest}.csv", key_fields)


def taxes() -> list[build.Tax]:
    """The taxes."""
    return [build.tax(code, body) for code, body in _latest("tax").items()]


def discounts() -> dict[str, dict[str, Any]]:
    """Discounts by code: percent, amount (one of them None), applies_to, periods."""
    return {
        code: {
            "percent": _decimal(body.get("percent")),
            "amount": _decimal(body.get("amount")),
            "applies_to": tuple(body.get("applies_to") or ()),
            "periods": body.get("periods"),
        }
        for code, body in _latest("discount").items()
    }


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def minimums(plan_version_ids: Iterable[int]) -> list[dict[str, Any]]:
    """The minimum spends of plan versions: plan_version_id, amount, interval, price_codes,
    tax_code (that of the first price that it counts)."""
    rows = PlanVersion.objects.filter(pk__in=set(plan_version_ids), body__has_key="minimum")
    found = []
    for row in rows.order_by("id"):
        minimum = row.body["minimum"]
        if minimum is None:
            continue
        codes = tuple(minimum.get("of") or ())
        counted = [
            price for code, price in row.body["prices"].items()
            if code in codes or (not codes and price["kind"] == "usage")
        ]  # fmt: skip
        found.append(
            {
                "plan_version_id": row.pk,
                "amount": Decimal(minimum["amount"]),
                "interval": minimum.get("interval", "month"),
                "price_codes": codes,
                "tax_code": next((p["tax"] for p in counted if p.get("tax")), None),
            }
        )
    return found


def tariff(plan_version_ids: Iterable[int] | None = None) -> Tariff:
    """The compiled tariff of plan versions (all of them by default)."""
    ids = None if plan_version_ids is None else sorted(set(plan_version_ids))
    newest = _newest_entry()
    return assemble(prices(ids), meters(), calendars(), _compiled_cards(newest))


@lru_cache(maxsize=4)
def _compiled_cards(newest_entry: int) -> dict[str, CompiledCard]:
    return compile_cards(rate_cards(), calendars())
