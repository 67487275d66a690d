"""Records that say nothing of what their price looks at are rejects, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from meterline.catalog.build import card_rows
from meterline.catalog.sections import RateCardSection
from meterline.pricing.price import Meter, Price
from meterline.pricing.registry import model
from meterline.rating.card import KeyField, RateCard
from meterline.rating.rate import USAGE, rate
from meterline.rating.tariff import compile_tariff

SECTION = RateCardSection.model_validate(
    {"key": {"field": "to"}, "rows": [{"key": ["39"], "steps": [{"price": "0.1"}]}]}
)
METER = Meter(code="voice", aggregation="sum", value="duration", unit="second")
PRICE = Price(
    id=1, plan_version_id=1, code="calls", name="Calls", kind="usage", model="rate_card",
    parameters=model("rate_card").parameters.model_validate({"card": "world"}), meter="voice",
)  # fmt: skip


def test_a_file_without_the_column_of_the_key() -> None:
    rows, steps = card_rows(SECTION)
    card = RateCard(
        code="world", keys=(KeyField(field="to", match="prefix"),), rows=rows, steps=steps
    )
    tariff = compile_tariff([PRICE], {"voice": METER}, {}, [card])
    row = {"plan_version_id": 1, "meter": "voice", "start": datetime(2026, 1, 1, tzinfo=UTC),
           "duration_us": 60_000_000, "quantity": None}  # fmt: skip
    usage = pl.DataFrame([{"row": n, **row} for n in range(7)], schema=USAGE)
    found = rate(usage, tariff)
    assert found.rated.height == 0
    assert found.rejects["reason"].to_list() == ["unknown_destination"] * 7
