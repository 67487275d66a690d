"""Reads that are held for review, or turn out to be wrong: accepted, replaced or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
from django.db import transaction

from meterline.platform import audit, clock
from meterline.reads import snapshot
from meterline.reads.errors import InvalidRead, ReadContradicted, UnknownRead
from meterline.reads.follow import follow
from meterline.reads.frames import CERTAINTY
from meterline.reads.load import places_of
from meterline.reads.models import Read
from meterline.reads.standing import backward, standing
from meterline.usage.load import lock_loading

REVIEW = "review"


@transaction.atomic
def accept(read_ids: Sequence[int], *, note: str = "") -> None:
    """Held reads are right after all. What of the same or a lesser quality contradicts them is set
    aside. Raises UnknownRead, ReadContradicted."""
    lock_loading()
    reads = [_read(read_id, "held") for read_id in read_ids]
    for read in reads:
        equal = [name for name, rank in CERTAINTY.items() if rank == CERTAINTY[read.quality]]
        Read.objects.filter(
            register=read.register, at=read.at, quality__in=equal, state="accepted"
        ).update(state="replaced", replaced_by=read)
        read.state, read.reviewed = "accepted", True
        read.save(update_fields=["state", "reviewed"])
        _told("accept", read, note)
    _follow(reads)
    for read in reads:
        _check(read)


@transaction.atomic
def replace(read_id: int, value: Decimal, *, quality: str = "substituted", note: str = "") -> Read:
    """Another value counts in the place of a held or accepted read. Raises UnknownRead,
    InvalidRead, ReadContradicted."""
    lock_loading()
    read = _read(read_id, "held", "accepted")
    register = read.register
    scaled = value.scaleb(register.decimals)
    if quality not in CERTAINTY or quality == "interpolated":
        raise InvalidRead(why=f"there is no quality {quality}")
    if value < 0 or scaled != int(scaled) or value >= 10**register.dials:
        why = f"the register has {register.dials} dials and {register.decimals} decimals"
        raise InvalidRead(why=why)
    made = Read.objects.create(
        register=register, at=read.at, value=value, quality=quality, source=REVIEW,
        state="accepted", reviewed=True, received_at=clock.now(),
    )  # fmt: skip
    read.state, read.replaced_by = "replaced", made
    read.save(update_fields=["state", "replaced_by"])
    _told("replace", read, note, by=f"{value:f}", quality=quality)
    _follow([read])
    _check(made)
    return made


@transaction.atomic
def dismiss(read_ids: Sequence[int], *, note: str = "") -> None:
    """Reads that never count. Raises UnknownRead."""
    lock_loading()
    reads = [_read(read_id, "held", "accepted") for read_id in read_ids]
    for read in reads:
        read.state = "dismissed"
        read.save(update_fields=["state"])
        _told("dismiss", read, note)
    _follow(reads)


def _read(read_id: int, *states: str) -> Read:
    wanted = Read.objects.select_for_update(of=("self",)).select_related("register__meter")
    found = wanted.filter(pk=read_id, state__in=states).first()
    if found is None:
        raise UnknownRead(read_id=read_id)
    return found


def _told(verb: str, read: Read, note: str, **more: str) -> None:
    audit.record(
        f"reads.{verb}", f"read:{read.pk}",
        before={"register": f"{read.register.meter.serial}/{read.register.code}",
                "at": read.at.isoformat(), "value": f"{read.value:f}", "quality": read.quality,
                "reason": read.reason},
        after={"note": note, **more},
    )  # fmt: skip


def _follow(reads: Sequence[Read]) -> None:
    follow(places_of([read.register_id for read in reads]))


def _check(read: Read) -> None:
    """Raises ReadContradicted where a better read, or one that was reviewed too, contradicts it."""
    channels = snapshot.places(places_of([read.register_id])).channels
    mine = channels.filter(pl.col("register_id") == read.register_id)
    kept = standing(snapshot.reads(mine), mine)
    if kept.filter(pl.col("read_id") == read.pk).is_empty():
        better = kept.filter(pl.col("at") == kept.select(_nearest(read)).item())
        raise ReadContradicted(read_id=read.pk, at=f"{better['at'][0]:%Y-%m-%d}")
    back = backward(pl.col("units").shift(1), pl.col("units"), pl.col("modulus")).over("channel")
    against = kept.with_columns(back=back, earlier=pl.col("at").shift(1).over("channel"))
    beside = (pl.col("read_id") == read.pk) | (pl.col("earlier") == read.at)
    wrong = against.filter(pl.col("back").fill_null(False) & beside)
    if wrong.height:
        other = "earlier" if wrong["read_id"][0] == read.pk else "at"
        raise ReadContradicted(read_id=read.pk, at=f"{wrong[other][0]:%Y-%m-%d}")


def _nearest(read: Read) -> pl.Expr:
    return pl.col("at").sort_by((pl.col("at") - pl.lit(read.at)).abs()).first()
