"""From reads to usage: what should have been handed to usage, less what was. The only writer of
pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl
from django.db import connection, transaction

from meterline.customers.imports import new_ids
from meterline.platform import clock
from meterline.platform.database import read_frame, write_frame
from meterline.reads import snapshot
from meterline.reads.frames import CHANGED, PIECES, QUANTITY
from meterline.reads.pieces import changes, combined, consumption
from meterline.reads.points import points
from meterline.usage import services as usage
from meterline.usage.load import lock_loading

SOURCE = "reads"
_CHUNK = 20_000  # places of supply at once


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What following reads came to."""

    made: int = 0  # pieces of consumption
    gone: int = 0
    without_factor: int = 0  # pieces of gas whose energy is not known: not handed to usage
    without_estimate: int = 0  # estimates that were asked for and that nothing tells
    changed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHANGED))

    def __add__(self, other: Followed) -> Followed:
        return Followed(
            made=self.made + other.made, gone=self.gone + other.gone,
            without_factor=self.without_factor + other.without_factor,
            without_estimate=self.without_estimate + other.without_estimate,
            changed=pl.concat([self.changed, other.changed]),
        )  # fmt: skip


def follow(identifiers: Iterable[str]) -> Followed:
    """Bring usage up to what the reads at places of supply say now, and at those whose virtual
    registers have parts there."""
    wanted = sorted(set(identifiers))
    parts = [_follow(wanted[at : at + _CHUNK]) for at in range(0, len(wanted), _CHUNK)]
    return sum(parts, Followed())


@transaction.atomic
def _follow(identifiers: Sequence[str]) -> Followed:
    lock_loading()
    virtuals, terms = snapshot.virtuals(identifiers)
    together = sorted({*identifiers, *virtuals["identifier"], *terms["identifier"]})
    made, unestimated = _consumed(together)
    mine = pl.col("identifier").is_in(pl.Series(identifiers).implode()) | pl.col(
        "virtual_id"
    ).is_in(virtuals["virtual_id"].implode())
    billed = pl.concat(
        [made.filter(pl.col("usage_meter").is_not_null()), combined(made, virtuals, terms)]
    ).filter(mine)
    known = billed.filter(pl.col("quantity").is_not_null())
    standing = snapshot.standing_pieces(together).filter(mine)
    new, gone = changes(known, standing)
    _save(new, gone)
    return Followed(
        made=new.height, gone=gone.height, without_factor=billed.height - known.height,
        without_estimate=unestimated, changed=_changed(new, gone),
    )  # fmt: skip


def _changed(new: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """CHANGED: by how much the usage of places differs; those whose usage stays are left out."""
    keys = ["identifier", "usage_meter"]
    moved = pl.concat(
        [new.select(*keys, by="quantity"), gone.select(*keys, by=-pl.col("quantity"))]
    )
    sums = moved.group_by(keys).agg(pl.col("by").sum().cast(QUANTITY))
    return sums.filter(pl.col("by") != 0).sort(keys)


def _consumed(identifiers: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """PIECES of all real registers at places, and how many estimates could not be made."""
    places = snapshot.places(identifiers)
    found = snapshot.reads(places.channels)
    cuts = snapshot.cuts(places, found)
    known = points(found, cuts, places.channels, snapshot.profiles())
    asked = cuts.filter("asked").join(known, on=["channel", "at"], how="anti")
    return consumption(known, places.channels, snapshot.factors()), asked.height


def _save(new: pl.DataFrame, gone: pl.DataFrame) -> None:
    if new.is_empty() and gone.is_empty():
        return
    ids = new_ids("reads_piece", new.height)
    now = clock.now()
    made = new.with_columns(ids)
    write_frame("reads_piece", made.select("id", *PIECES, made_at=pl.lit(now)))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reads_piece SET gone_at = %s WHERE id = ANY(%s)",
            [now, gone["piece_id"].to_list()],
        )
    usage.replace([record_id(piece) for piece in gone["piece_id"]], _records(made), source=SOURCE)


def record_id(piece: int) -> str:
    """The id of a piece's usage record."""
    return f"{SOURCE}/{piece}"


def _records(pieces: pl.DataFrame) -> pl.DataFrame:
    """Pieces as usage records: texts, as the canonical CSV has them."""
    texts = {
        "meter": "usage_meter", "identifier": "identifier", "quality": "quality",
        "register": "code", "serial": "serial", "band": "band",
    }  # fmt: skip
    exact = ("quantity", "calorific_value", "correction_factor")
    instants = {"start": "start_at", "end": "end_at"}
    return pieces.select(
        pl.concat_str(pl.lit(f"{SOURCE}/"), pl.col("id")).alias("id"),
        *(pl.col(column).alias(name) for name, column in texts.items()),
        *(pl.col(name).cast(pl.String) for name in exact),
        *(pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias(name)
          for name, column in instants.items()),
    )  # fmt: skip


def everywhere() -> list[str]:
    """All places of supply at which a meter is or was."""
    rows = read_frame(
        "SELECT DISTINCT identifier FROM reads_installation ORDER BY identifier",
        schema={"identifier": pl.String},
    )
    return rows["identifier"].to_list()
