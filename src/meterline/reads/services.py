"""Meters, reads, and the usage that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from meterline.reads.billed import measured
from meterline.reads.estimates import estimate, set_factor, set_profile, set_rule
from meterline.reads.follow import Followed, everywhere, follow
from meterline.reads.load import NAME, places_of
from meterline.reads.meters import (
    NewMeter,
    RegisterSpec,
    exchange,
    install,
    meter_of,
    remove,
    specs_of,
    take,
    zone_of,
    zone_of_gas,
)
from meterline.reads.models import Read
from meterline.reads.review import accept, dismiss, replace
from meterline.reads.stale import catch_up
from meterline.reads.virtuals import set_virtual
from meterline.usage import services as usage
from meterline.usage.load import lock_loading
from meterline.usage.models import Batch

__all__ = [
    "NewMeter",
    "RegisterSpec",
    "accept",
    "add",
    "catch_up",
    "dismiss",
    "estimate",
    "exchange",
    "held_of",
    "install",
    "load_file",
    "measured",
    "meter_of",
    "places_of",
    "refresh",
    "remove",
    "replace",
    "set_factor",
    "set_profile",
    "set_rule",
    "set_virtual",
    "specs_of",
    "zone_of",
    "zone_of_gas",
]


def load_file(
    path: Path | str, *, source: str = usage.FILES, progress: Callable[[int], None] | None = None
) -> Batch:
    """Load a file of reads as `usage load` does: its batch, which may have been there already.
    Raises UsageFileError."""
    return usage.load_file(path, format=NAME, source=source, progress=progress)


@transaction.atomic
def add(
    serial: str,
    value: Decimal,
    at: datetime,
    *,
    register: str | None = None,
    quality: str = "actual",
    source: str = "by hand",
) -> Read | None:
    """Keep one read; None if it says nothing new. Its state tells whether it is held for review.
    Raises UnknownMeter, InvalidRead."""
    lock_loading()
    meter_of(serial)
    row = {"serial": serial, "at": at.isoformat(), "value": f"{value:f}", "quality": quality}
    kept = take([row | ({"register": register} if register else {})], source=source)
    if kept.is_empty():
        return None
    follow(places_of(kept["register_id"].to_list()))
    return Read.objects.get(pk=kept["read_id"][0])


def refresh(identifiers: list[str] | None = None) -> Followed:
    """Bring usage up to reads and contracts as they are now, at some places of supply or all. After
    changes of contracts that happens by itself (`catch_up`)."""
    return follow(everywhere() if identifiers is None else identifiers)


def held_of(batch: Batch) -> int:
    """How many reads of a batch are held for review."""
    return Read.objects.filter(batch=batch, state="held").count()
