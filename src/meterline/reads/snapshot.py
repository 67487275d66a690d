"""What decisions on reads look at, read from the database: for the places of supply given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from meterline.catalog import services as catalog
from meterline.platform.database import read_frame
from meterline.reads.frames import CHANNELS, CUTS, FACTORS, INSTANT, PIECES, PROFILES, READS
from meterline.reads.pieces import TERMS, VIRTUALS
from meterline.reads.splits import HOLDERS, splits
from meterline.reads.validate import LIMITS, OCCUPIED
from meterline.reads.weigh import WEIGHT_SCALE

_CHANNELS = """
    SELECT i.id, r.id, i.identifier, r.code, m.serial, i.start_at, i.end_at, r.decimals, r.dials,
        r.multiplier, r.unit, nullif(r.usage_meter, ''), nullif(r.zone, ''), nullif(r.band, ''),
        nullif(r.profile, ''), (r.annual * 10 ^ r.decimals / r.multiplier)::bigint,
        coalesce(u.estimate_by, d.estimate_by, 'average'), coalesce(u.split, d.split, 'month'),
        coalesce(u.spike_percent, d.spike_percent, 300),
        (coalesce(u.spike_least, d.spike_least, 50) * 10 ^ r.decimals / r.multiplier)::bigint,
        coalesce(u.stuck_reads, d.stuck_reads, 3), coalesce(u.zero_days, d.zero_days, 20),
        r.direction = 'import'
    FROM reads_installation i
    JOIN reads_meter m ON m.id = i.meter_id
    JOIN reads_register r ON r.meter_id = i.meter_id
    LEFT JOIN reads_rule u ON u.usage_meter = r.usage_meter AND r.usage_meter <> ''
    LEFT JOIN reads_rule d ON d.usage_meter = ''
    WHERE i.identifier = ANY(%s)
    ORDER BY i.id, r.id
"""
_CHANNEL_ROWS = {
    "installation_id": pl.Int64, "register_id": pl.Int64, "identifier": pl.String,
    "code": pl.String, "serial": pl.String, "since_at": INSTANT, "until_at": INSTANT,
    "decimals": pl.Int64, "dials": pl.Int64, "multiplier": pl.Decimal(18, 6), "unit": pl.String,
    "usage_meter": pl.String, "zone": pl.String, "band": pl.String, "profile": pl.String,
    "annual": pl.Int64, "method": pl.String, "split": pl.String, "spike_percent": pl.Int64,
    "spike_least": pl.Int64, "stuck_reads": pl.Int64, "zero_days": pl.Int64, "imports": pl.Boolean,
}  # fmt: skip
_POWERS = [10**digits for digits in range(19)]


@dataclass(frozen=True, kw_only=True)
class Places:
    """The registers at some places of supply: CHANNELS, with the rules of their reads."""

    channels: pl.DataFrame
    rules: pl.DataFrame  # channel, split, and those of LIMITS

    @property
    def limits(self) -> pl.DataFrame:
        """LIMITS of the channels."""
        return self.rules.select(LIMITS.keys())


def places(identifiers: Sequence[str]) -> Places:
    """The registers at places of supply, a channel for each installation of each."""
    rows = read_frame(_CHANNELS, [list(identifiers)], schema=_CHANNEL_ROWS)
    units = {code: meter.unit for code, meter in catalog.meters().items()}
    numbered = rows.with_row_index("channel").with_columns(
        pl.col("channel").cast(pl.Int64),
        modulus=_power(pl.col("dials") + pl.col("decimals")),
        usage_unit=pl.col("usage_meter").replace_strict(
            list(units), list(units.values()), default=None, return_dtype=pl.String
        ),
    )
    return Places(
        channels=numbered.select(CHANNELS.keys()),
        rules=numbered.select("split", *LIMITS),
    )


def reads(channels: pl.DataFrame) -> pl.DataFrame:
    """The accepted READS of channels. One at the instant at which a device moves counts for both
    of its places."""
    rows = read_frame(
        """
        SELECT id, register_id, at, value, quality, reviewed FROM reads_read
        WHERE register_id = ANY(%s) AND state = 'accepted' ORDER BY register_id, at, id
        """,
        [_registers(channels)],
        schema={"read_id": pl.Int64, "register_id": pl.Int64, "at": INSTANT,
                "value": pl.Decimal(24, 6), "quality": pl.String, "reviewed": pl.Boolean},
    )  # fmt: skip
    return with_units(at_channels(rows, channels), channels).select(READS.keys())


def at_channels(rows: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """Rows (register_id, at, ...) with the channel of the time; both of two that meet then."""
    spans = channels.select("channel", "register_id", "since_at", "until_at")
    there = (pl.col("at") >= pl.col("since_at")) & (
        pl.col("until_at").is_null() | (pl.col("at") <= pl.col("until_at"))
    )
    return rows.join(spans, on="register_id", maintain_order="left").filter(there)


def with_units(rows: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """Rows (channel, value) with `units`: the value as a whole number of its last decimal."""
    places = channels.select("channel", "decimals")
    scaled = (pl.col("value") * _power(pl.col("decimals"))).cast(pl.Int64)
    return rows.join(places, on="channel", maintain_order="left").with_columns(units=scaled)


def cuts(places: Places, found: pl.DataFrame) -> pl.DataFrame:
    """The CUTS of channels with READS: estimates that were asked for; and where billing needs to
    know what was used before and after."""
    asked = read_frame(
        "SELECT register_id, at FROM reads_cut WHERE register_id = ANY(%s)",
        [_registers(places.channels)],
        schema={"register_id": pl.Int64, "at": INSTANT},
    )
    mine = at_channels(asked, places.channels).select("channel", "at")
    ends = pl.concat([found.select("channel", "at"), mine]).group_by("channel")
    spans = ends.agg(first=pl.col("at").min(), last=pl.col("at").max())
    about = places.channels.select("channel", "identifier").join(
        places.rules.select("channel", "split"), on="channel"
    )
    between = splits(about.join(spans, on="channel"), holders(about["identifier"]))
    parts = [mine.with_columns(asked=pl.lit(True)), between.with_columns(asked=pl.lit(False))]
    return pl.concat([part.select(CUTS.keys()) for part in parts])


def holders(identifiers: pl.Series) -> pl.DataFrame:
    """HOLDERS: who has contracts at places of supply, when, and on which days they are billed; a
    row for each stretch under one plan."""
    return read_frame(
        """
        SELECT i.value, greatest(i.start_at, p.start_at), least(i.end_at, p.end_at), a.timezone,
            coalesce(b.day, extract(day FROM s.started_at AT TIME ZONE a.timezone))
        FROM subscriptions_identifier i
        JOIN subscriptions_subscription s ON s.id = i.subscription_id
        JOIN subscriptions_phase p ON p.subscription_id = i.subscription_id
        JOIN customers_account a ON a.id = s.account_id
        JOIN LATERAL (
            SELECT day FROM customers_billingday WHERE account_id = a.id
            ORDER BY since DESC, id DESC LIMIT 1) b ON true
        WHERE i.value = ANY(%s) AND i.start_at IS DISTINCT FROM i.end_at
            AND (i.end_at IS NULL OR i.end_at > p.start_at)
            AND (p.end_at IS NULL OR p.end_at > i.start_at)
        """,
        [identifiers.unique().to_list()],
        schema=HOLDERS,
    )


def occupied(channels: pl.DataFrame) -> pl.DataFrame:
    """OCCUPIED: when somebody had a contract at the place of each channel."""
    held = read_frame(
        """
        SELECT value, start_at, end_at FROM subscriptions_identifier
        WHERE value = ANY(%s) AND start_at IS DISTINCT FROM end_at
        """,
        [channels["identifier"].unique().to_list()],
        schema={"identifier": pl.String, "since_at": INSTANT, "until_at": INSTANT},
    )
    return channels.select("channel", "identifier").join(held, on="identifier").select(
        OCCUPIED.keys()
    )  # fmt: skip


def factors() -> pl.DataFrame:
    """All FACTORS of gas."""
    return read_frame(
        "SELECT zone, since_at, calorific_value, correction_factor, decimals FROM reads_factor",
        schema=FACTORS,
    )


def profiles() -> pl.DataFrame:
    """All PROFILES."""
    return read_frame(
        f"SELECT code, month, (weight * {WEIGHT_SCALE})::bigint FROM reads_profile", schema=PROFILES
    )


def virtuals(identifiers: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The virtual registers (VIRTUALS) that belong to places or have parts there; their TERMS."""
    found = read_frame(
        """
        SELECT v.id, v.identifier, v.code, v.usage_meter, nullif(v.surplus_meter, '')
        FROM reads_virtual v WHERE v.identifier = ANY(%s)
            OR EXISTS (SELECT 1 FROM reads_term t
                       WHERE t.virtual_id = v.id AND t.identifier = ANY(%s))
        """,
        [list(identifiers), list(identifiers)],
        schema=VIRTUALS,
    )
    terms = read_frame(
        "SELECT virtual_id, identifier, code, sign FROM reads_term WHERE virtual_id = ANY(%s)",
        [found["virtual_id"].to_list()],
        schema=TERMS,
    )
    return found, terms


def standing_pieces(identifiers: Sequence[str]) -> pl.DataFrame:
    """piece_id and PIECES that stand, of places of supply."""
    return read_frame(
        f"""
        SELECT id, {", ".join(PIECES)} FROM reads_piece
        WHERE identifier = ANY(%s) AND gone_at IS NULL
        """,
        [list(identifiers)],
        schema={"piece_id": pl.Int64, **PIECES},
    )


def _registers(channels: pl.DataFrame) -> list[int]:
    return channels["register_id"].unique().to_list()


def _power(digits: pl.Expr) -> pl.Expr:
    return digits.replace_strict(range(19), _POWERS, return_dtype=pl.Int64)
