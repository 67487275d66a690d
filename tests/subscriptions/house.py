"""A small house for tests of contracts: the catalogue of the scenarios, and an account."""

from __future__ import annotations

from pathlib import Path

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.customers.models import Account

CONTRACTS = Path(__file__).parents[1] / "scenario" / "cases" / "files" / "contracts.yaml"


def publish(path: Path = CONTRACTS) -> None:
    """Publish a catalogue file."""
    catalog.apply(files.parse(path))


def account(code: str = "house") -> int:
    """The id of an account; it is made the first time."""
    found = Account.objects.filter(code=code).first()
    if found is None:
        found = customers.create_account(code=code, currency="EUR", timezone="UTC", billing_day=1)
    return int(found.pk)
