"""Bases of many add-ons at once: whose they are, and their timelines, of which few are distinct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from meterline.platform.database import read_frame
from meterline.subscriptions.frames import PHASE_COLUMNS
from meterline.subscriptions.timeline import Phase

ROWS: dict[str, Any] = {
    "base": pl.String,  # its code
    "base_id": pl.Int64,  # null: it is not made yet
    "base_account_id": pl.Int64,
    "base_account": pl.String,
    "base_of": pl.Int64,  # the base that it has itself
    "stay": pl.String,  # the key of its timeline
}


@dataclass(frozen=True, kw_only=True)
class Bases:
    """`rows` (columns: ROWS), the distinct timelines by key, and plan codes by version id."""

    rows: pl.DataFrame
    timelines: Mapping[str, Sequence[Phase]]
    plans: Mapping[int, str]

    def beside(self, others: Bases) -> Bases:
        """Both together."""
        return replace(
            self,
            rows=pl.concat([self.rows, others.rows]),
            timelines={**self.timelines, **others.timelines},
            plans={**self.plans, **others.plans},
        )


def load(codes: Sequence[str]) -> Bases:
    """The subscriptions with these codes, as bases of others."""
    names = ", ".join(f"p.{name}" for name in PHASE_COLUMNS)
    found = read_frame(
        f"""
        SELECT s.code, s.id, s.account_id, a.code, s.base_id, v.plan_code, {names}
        FROM subscriptions_subscription s
        JOIN customers_account a ON a.id = s.account_id
        LEFT JOIN subscriptions_phase p ON p.subscription_id = s.id
        LEFT JOIN catalog_planversion v ON v.id = p.plan_version_id
        WHERE s.code = ANY(%s) ORDER BY s.id, p.start_at
        """,
        [list(codes)],
        schema={
            "base": pl.String, "base_id": pl.Int64, "base_account_id": pl.Int64,
            "base_account": pl.String, "base_of": pl.Int64, "plan": pl.String, **PHASE_COLUMNS,
        },
    )  # fmt: skip
    text = pl.concat_str(
        [pl.col(name).cast(pl.String).fill_null("") for name in PHASE_COLUMNS], separator="|"
    )
    stays = found.group_by("base", maintain_order=True).agg(
        pl.col("base_id", "base_account_id", "base_account", "base_of").first(),
        stay=text.str.join("\n"),
    )
    firsts = stays.unique("stay", keep="first").select("base", "stay")
    timelines: dict[str, list[Phase]] = {stay: [] for stay in firsts["stay"]}
    phases = found.filter(pl.col("start_at").is_not_null()).join(
        firsts, on="base", maintain_order="left"
    )
    for row in phases.iter_rows(named=True):
        timelines[row["stay"]].append(Phase(**{name: row[name] for name in PHASE_COLUMNS}))
    versions = found.select("plan_version_id", "plan").drop_nulls().unique()
    return Bases(
        rows=stays.select(ROWS.keys()), timelines=timelines, plans=dict(versions.iter_rows())
    )
