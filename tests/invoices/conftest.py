"""A story in documents: what story.yaml tells, billed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterline.customers.models import Account, Party, Seller
from meterline.customers.services import default_seller
from meterline.invoices.models import Invoice
from meterline.scenario import run
from meterline.scenario.files import Scenario
from meterline.scenario.read import read
from meterline.scenario.scratch import folder
from meterline.scenario.world import World

SELLER = {
    "name": "Aria & Söhne S.p.A.", "address": "Via della Torre 12\n20127 Milano", "country": "IT",
    "tax_id": "IT01234567897", "email": "billing@aria.example", "phone": "+39 02 5550 100",
    "website": "https://aria.example", "iban": "IT60X0542811101000000123456", "bic": "BLOPIT22",
    "colour": "#0f766e", "invoice_prefix": "2024/A",
}  # fmt: skip
CUSTOMER = {
    "name": "Zoë <Müller>", "address": "Lindenstraße 7\n\n10969 Berlin", "country": "DE",
    "language": "de", "tax_id": "DE136695976",
}  # fmt: skip


@pytest.fixture
def story(db: None) -> Iterator[list[str]]:
    """The numbers of the story's documents, oldest first."""
    default_seller()
    Seller.objects.update(**SELLER)
    (scenario,) = read(Path(__file__).parent / "story.yaml")
    assert isinstance(scenario, Scenario), scenario.problems
    world = World(scenario=scenario)
    with folder():
        run._set_up(world)
        Party.objects.filter(customer__account__code="A").update(**CUSTOMER)
        run._play_all(world)
        assert world.differences == []
        yield list(Invoice.objects.order_by("id").values_list("number", flat=True))


@pytest.fixture
def account(story: list[str]) -> Account:
    """The account of the story."""
    return Account.objects.get(code="A")
