"""What a load guides and rates by, read from the database: everything, or what few records need."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from django.db import connection

from meterline.catalog import services as catalog
from meterline.rating.tariff import Tariff
from meterline.subscriptions.frames import identifiers_frame, phases_frame
from meterline.usage.accounts import billing_days
from meterline.usage.allowances import cover_of
from meterline.usage.guide import Holders
from meterline.usage.place import Timelines
from meterline.usage.process import Reference

FEW_RECORDS = 20_000


def newest_change() -> int:
    """The newest contract change that can be seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM subscriptions_change")
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, kw_only=True)
class Everybody:
    """The reference of everybody, and the newest contract change that is in it for certain."""

    newest_change: int
    reference: Reference


def everybody() -> Everybody:
    """What there is now."""
    return Everybody(newest_change=newest_change(), reference=reference_of_all())


def reference_of_all() -> Reference:
    """Identifiers, timelines, billing days and tariff of everybody."""
    return _reference(identifiers_frame(), phases_frame(), everybody=True)


def reference_for(records: pl.DataFrame) -> Reference:
    """Those of whom `records` (identifier, subscription) name."""
    identifiers = identifiers_frame(_texts(records, "identifier"))
    codes = _texts(records, "subscription")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM subscriptions_subscription WHERE code = ANY(%s)", [codes])
        named = [row[0] for row in cursor.fetchall()]
    ids = sorted({*named, *identifiers["subscription_id"].to_list()})
    return _reference(identifiers, phases_frame(subscription_ids=ids))


def _texts(records: pl.DataFrame, column: str) -> list[str]:
    if column not in records.columns:
        return []
    # a NUL cannot be part of anything that the database knows
    known = records[column].drop_nulls().unique()
    return known.filter(~known.str.contains("\0", literal=True)).to_list()


def _reference(
    identifiers: pl.DataFrame, phases: pl.DataFrame, *, everybody: bool = False
) -> Reference:
    accounts = None if everybody else phases["account_id"].unique().to_list()
    tariff = tariff_of(phases)
    return Reference(
        holders=Holders(identifiers, phases),
        timelines=Timelines(phases=phases, billing_days=billing_days(accounts)),
        tariff=tariff,
        cover=cover_of(tariff, accounts),
    )


def tariff_of(phases: pl.DataFrame) -> Tariff:
    """The compiled tariff of the phases' plan versions."""
    return catalog.tariff(phases["plan_version_id"].unique().to_list())
