"""Prices of plan versions, and versions that are derived for single subscriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from meterline.catalog import resolve
from meterline.catalog.check_allowances import override_faults
from meterline.catalog.check_prices import Faults, Known, price_faults, rider_cycles
from meterline.catalog.errors import InvalidOverride
from meterline.catalog.faults import faults
from meterline.catalog.models import Entry, PlanVersion, PriceRow
from meterline.catalog.plan_sections import AllowanceSection, PriceSection
from meterline.catalog.sections import CalendarSection, MeterSection
from meterline.catalog.sound import unfit_values
from meterline.catalog.yaml import field_name

Overrides = Mapping[str, Mapping[str, Any]]


def write_prices(version: PlanVersion) -> None:
    """Write the rows of a version's prices, in the order of its body."""
    rows = []
    for code, body in version.body["prices"].items():
        section = PriceSection.model_validate(body)
        columns = resolve.price_columns(code, section)
        rows.append(PriceRow(plan_version=version, body=body, **columns))
    PriceRow.objects.bulk_create(rows)


def derive_plan_version(plan_version_id: int, overrides: Overrides) -> int:
    """The version of a plan with some prices' fields replaced, for single subscriptions; equal
    overrides share one version. Raises InvalidOverride."""
    base = PlanVersion.objects.get(pk=plan_version_id)
    _refuse(base, _shape_faults(base, overrides))
    body = resolve.overridden(base.body, overrides)
    digest = resolve.digest(body)
    found = PlanVersion.objects.filter(base=base, digest=digest).values_list("pk", flat=True)
    if found:
        return int(found[0])
    allowances = [AllowanceSection.model_validate(a) for a in body.get("allowances") or ()]
    _refuse(base, _price_faults(body["prices"], overrides, allowances))
    order = base.prices.order_by("id").values_list("code", flat=True)  # JSON has none of its own
    body["prices"] = {code: body["prices"][code] for code in order}
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
            write_prices(version)
    return int(version.pk)


def _refuse(base: PlanVersion, found: Faults) -> None:
    texts = [f"{field_name(place)}: {message}" for place, message in found]
    if texts:
        raise InvalidOverride(plan=base.plan_code, problem="; ".join(texts))


def _shape_faults(base: PlanVersion, overrides: Overrides) -> Faults:
    known = base.body["prices"]
    for code, changes in overrides.items():
        if code not in known:
            yield (code,), f"it has no price {code} (expected one of {', '.join(known)})"
        elif not isinstance(changes, Mapping):
            yield (code,), "expected a mapping of the price's fields"
    yield from unfit_values(overrides)


def _price_faults(
    prices: Mapping[str, Any], overrides: Overrides, allowances: Sequence[AllowanceSection]
) -> Faults:
    known = _published()
    for code in overrides:
        try:
            section = PriceSection.model_validate(prices[code])
        except ValidationError as error:
            yield from _below(code, faults(prices[code], error))
            continue
        yield from price_faults((code,), section, prices=prices, known=known)
        yield from override_faults((code,), allowances, code, section, known)
    yield from rider_cycles((), prices)


def _below(code: str, found: Faults) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for place, message in found:
        yield (code, *place), message


def _published() -> Known:
    """What there is to name in the catalogue."""
    codes: dict[str, set[str]] = {}
    for kind, code in Entry.objects.values_list("kind", "code").distinct():
        codes.setdefault(kind, set()).add(code)
    newest = {(row.kind, row.code): row.body for row in Entry.objects.order_by("version")}
    cards = {code: body for (kind, code), body in newest.items() if kind == "rate_card"}
    return Known(
        meters=frozenset(codes.get("meter", ())),
        calendar_codes=frozenset(codes.get("calendar", ())),
        rate_cards=frozenset(codes.get("rate_card", ())),
        taxes=frozenset(codes.get("tax", ())),
        calendars={
            code: CalendarSection.model_validate(body)
            for (kind, code), body in newest.items()
            if kind == "calendar"
        },
        meter_sections={
            code: MeterSection.model_validate(body)
            for (kind, code), body in newest.items()
            if kind == "meter"
        },
        card_calendars={code: body.get("calendar") for code, body in cards.items()},
    )
