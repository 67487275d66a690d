"""Estimates where nothing was read at a period's end, and what they go by: rules, profiles, gas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.platform import audit, clock
from meterline.platform.database import read_frame
from meterline.reads.errors import InvalidRule
from meterline.reads.follow import Followed, everywhere, follow
from meterline.reads.models import Factor, Profile, Register, Rule
from meterline.usage.load import lock_loading

METHODS = ("average", "last_year")
SPLITS = ("month", "day", "none")


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """What was estimated: so many registers, and how usage changed."""

    registers: int
    followed: Followed


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """A rule that was changed, and how usage changed."""

    rule: Rule
    followed: Followed


@transaction.atomic
def estimate(
    at: datetime, *, identifiers: Sequence[str] | None = None, usage_meter: str | None = None
) -> Estimated:
    """Estimate all registers that are installed at an instant and were not read then or later;
    of some places of supply, or of a meter of the catalogue. Reads that come later replace it."""
    lock_loading()
    wanted = _unread(at, identifiers, usage_meter)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reads_cut (register_id, at, asked_at)"
            " SELECT unnest(%s::bigint[]), %s, %s ON CONFLICT DO NOTHING",
            [wanted["register_id"].to_list(), at, clock.now()],
        )
    followed = follow(wanted["identifier"])
    audit.record("reads.estimate", "reads", after={
        "at": at.isoformat(), "registers": wanted.height,
        "without_estimate": followed.without_estimate,
    })  # fmt: skip
    return Estimated(registers=wanted.height, followed=followed)


def _unread(
    at: datetime, identifiers: Sequence[str] | None, usage_meter: str | None
) -> pl.DataFrame:
    return read_frame(
        """
        SELECT r.id, i.identifier
        FROM reads_installation i JOIN reads_register r ON r.meter_id = i.meter_id
        WHERE i.start_at < %s AND (i.end_at IS NULL OR i.end_at >= %s)
            AND (%s::text[] IS NULL OR i.identifier = ANY(%s::text[]))
            AND (%s::text IS NULL OR r.usage_meter = %s)
            AND NOT EXISTS (
                SELECT 1 FROM reads_read d WHERE d.register_id = r.id AND d.at >= %s
                    AND d.state = 'accepted' AND d.quality <> 'estimated'
                    AND (i.end_at IS NULL OR d.at <= i.end_at))
        ORDER BY r.id
        """,
        [at, at, *[None if identifiers is None else list(identifiers)] * 2,
         usage_meter, usage_meter, at],
        schema={"register_id": pl.Int64, "identifier": pl.String},
    )  # fmt: skip


@transaction.atomic
def set_factor(
    zone: str,
    since: datetime,
    *,
    calorific_value: Decimal,
    correction_factor: Decimal,
    decimals: int = 0,
) -> Followed:
    """A gas zone's calorific value (MJ/m3) and correction factor from an instant on, instead of
    what was said before of the same instant; usage follows. Raises InvalidRule."""
    lock_loading()
    if not 0 < calorific_value < 1000:
        _refuse("calorific_value", calorific_value, "MJ a cubic metre, above 0")
    if not 0 < correction_factor < 100:
        _refuse("correction_factor", correction_factor, "a number above 0")
    if not 0 <= decimals <= 6:
        _refuse("decimals", decimals, "0 to 6")
    values = {"calorific_value": calorific_value, "correction_factor": correction_factor,
              "decimals": decimals}  # fmt: skip
    Factor.objects.update_or_create(zone=zone, since_at=since, defaults=values)
    told = {name: str(value) for name, value in values.items()}
    audit.record("reads.factor", f"zone:{zone}", after={"since": since.isoformat(), **told})
    return follow(_of_registers(zone=zone))


@transaction.atomic
def set_profile(code: str, weights: Sequence[Decimal]) -> Followed:
    """How the consumption of a year is spread over its twelve months; usage follows.
    Raises InvalidRule."""
    lock_loading()
    if len(weights) != 12 or min(weights) <= 0 or max(weights) >= 10**6:
        _refuse("profile", " ".join(map(str, weights)), "twelve weights above 0")
    for month, weight in enumerate(weights, start=1):
        Profile.objects.update_or_create(code=code, month=month, defaults={"weight": weight})
    audit.record("reads.profile", f"profile:{code}", after={"weights": [str(w) for w in weights]})
    return follow(_of_registers(profile=code))


@transaction.atomic
def set_rule(usage_meter: str, **changes: Any) -> Ruled:
    """Change how reads of a meter of the catalogue (or "": of all others) are checked, estimated
    and split. What was checked stays so; usage follows. Raises InvalidRule."""
    lock_loading()
    choices = {"estimate_by": METHODS, "split": SPLITS}
    for name, allowed in choices.items():
        if name in changes and changes[name] not in allowed:
            _refuse(name, changes[name], " or ".join(allowed))
    for name, least in (("spike_percent", 101), ("spike_least", 0), ("stuck_reads", 2),
                        ("zero_days", 1)):  # fmt: skip
        if name in changes and changes[name] < least:
            _refuse(name, changes[name], f"at least {least}")
    rule, _made = Rule.objects.update_or_create(usage_meter=usage_meter, defaults=changes)
    told = {name: str(value) for name, value in changes.items()}
    audit.record("reads.rule", f"rule:{usage_meter}", after=told)
    followed = Followed()
    if {"estimate_by", "split"} & set(changes):
        places = _of_registers(usage_meter=usage_meter) if usage_meter else everywhere()
        followed = follow(places)
    return Ruled(rule=rule, followed=followed)


def _of_registers(**wanted: str) -> list[str]:
    """The places of supply with registers of these fields."""
    rows = Register.objects.filter(**wanted).values_list(
        "meter__installation__identifier", flat=True
    )
    return [found for found in rows.distinct() if found is not None]


def _refuse(field: str, value: object, expected: str) -> None:
    raise InvalidRule(field=field, value=value, expected=expected)
