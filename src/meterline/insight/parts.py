"""What a simulation and a quote have in common: what a catalogue covers, needs and tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from meterline.billing.charges.measured import wanted_detail
from meterline.billing.document import Documents
from meterline.catalog.candidate import Candidate
from meterline.insight.rerate import Rerated
from meterline.invoices.explain import explain_line
from meterline.kernel.explain import Explanation
from meterline.kernel.money import decimals
from meterline.pricing.price import Price
from meterline.rating.tariff import Tariff
from meterline.usage import services as usage
from meterline.usage.allowances import distinct
from meterline.usage.settle import Cover, covered_prices


@dataclass(frozen=True, kw_only=True)
class Side:
    """Bills under one catalogue, and the prices that made them."""

    documents: Documents
    prices: Sequence[Price]


def cover_of(made: Candidate, phases: pl.DataFrame, tariff: Tariff) -> Cover:
    """What the candidate's allowances cover."""
    allowances, carriers = distinct(made.allowances)
    shared = [n for n, one in enumerate(allowances) if one.shared != "subscription"]
    sharing = carriers.filter(pl.col("definition").is_in(shared))["plan_version_id"]
    on = phases.filter(pl.col("plan_version_id").is_in(sharing.implode()))
    return Cover(
        allowances=allowances,
        carriers=carriers,
        prices=covered_prices(allowances, tariff),
        accounts=on["account_id"].unique(),
    )


def detailed(made: Candidate) -> list[int]:
    """The prices that look at each record of a period."""
    wanted = wanted_detail(made.prices, made.meters)
    return [price.id for price in (*wanted.recent, *wanted.whole)]


def detail_of(again: Rerated, made: Candidate) -> pl.DataFrame:
    """usage.services.detail of the records that were rated anew."""
    wanted = wanted_detail(made.prices, made.meters)
    schema = usage.detail_schema(ids=wanted.ids, fields=wanted.properties)
    none = pl.DataFrame(schema=schema)
    found = (usage.with_about(rated, records, schema) for rated, records in again.detail)
    return pl.concat([none, *found])


def explained(
    side: Side, currencies: Mapping[int, str]
) -> Iterator[tuple[dict[str, Any], Price | None, Explanation]]:
    """The lines of documents with their prices, and how each came about."""
    prices = {price.id: price for price in side.prices}
    for row in side.documents.lines.sort("account_id", "position").iter_rows(named=True):
        line = {**row, "inputs": json.loads(row["inputs"])}
        price = prices.get(row["price_id"])
        yield line, price, explain_line(line, price, decimals(currencies[row["account_id"]]))
