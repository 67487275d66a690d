"""What is kept of a catalogue is that of the database at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meterline.catalog import files, services
from meterline.scenario.scratch import scratch

PLAN = """
currency: EUR
timezone: UTC
meters: {{calls: {{aggregation: count}}}}
rate_cards:
  {card}: {{quantity: {{field: units, unit: unit}}, key: {{field: to, match: prefix}},
    rows: [{{key: ["4"], steps: [{{from: 0, price: {price}, per: 1, increment: 1}}]}}]}}
plans:
  pro:
    name: Pro
    prices: {{calls: {{kind: usage, meter: calls, model: rate_card, card: {card}}}}}
"""


def applied(folder: Path, card: str, price: str) -> list[str]:
    """The rate cards of the tariff of a new database to which a catalogue is applied."""
    file = folder / f"{card}.yaml"
    file.write_text(PLAN.format(card=card, price=price))
    with scratch():
        services.apply(files.parse(file))
        return list(services.tariff().cards)


def test_databases_with_equal_ids_do_not_share_what_was_read(
    tmp_path: Path, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        assert applied(tmp_path, "near", "1.00") == ["near"]
        assert applied(tmp_path, "far", "2.00") == ["far"]
