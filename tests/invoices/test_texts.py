"""How documents write figures: currencies, languages, durations, lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from meterline.invoices.document import Address, Block, DocumentLine, InvoiceDocument
from meterline.invoices.texts import texts

NOBODY = Address(name="N", lines=("Street 1",), country="DE", tax_id="", email="")
LINE = DocumentLine(
    position=1, name="Use", kind="usage", details=(), start=date(2024, 3, 1),
    last=date(2024, 3, 1), quantity=Decimal("1234.5000000000"), unit="kWh",
    amount=Decimal("1234.5"), tax_percent=None,
)  # fmt: skip


def _document(currency: str = "EUR", places: int = 2, language: str = "en") -> InvoiceDocument:
    amount = Decimal("1234.5")
    return InvoiceDocument(
        number="N-1", kind="invoice", account="A", currency=currency, decimals=places,
        language=language, colour="#000000", iban="", bic="", issue_date=date(2024, 3, 2),
        due_date=date(2024, 3, 16), seller=NOBODY, customer=NOBODY,
        blocks=(Block(title="B", subtitle="", lines=(LINE,)),), taxes=(), net=amount,
        tax=Decimal(0), total=amount, credit_applied=Decimal(0), due=amount,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "places", "language", "amount", "total"),
    [
        ("EUR", 2, "en", "1,234.50", "€1,234.50"),
        ("EUR", 2, "de-AT", "1.234,50", "€\xa01.234,50"),
        ("EUR", 2, "xx-nonsense", "1,234.50", "€1,234.50"),
        ("EUR", 2, "", "1,234.50", "€1,234.50"),
        ("CHF", 2, "en", "1,234.50", "CHF\xa01,234.50"),
        ("KWD", 3, "en", "1,234.500", "KWD\xa01,234.500"),
    ],
)
def test_money(currency: str, places: int, language: str, amount: str, total: str) -> None:
    shown = texts(_document(currency, places, language))
    assert shown["blocks"][0]["lines"][0]["amount"] == amount
    assert shown["total"] == total


def test_currency_without_decimals() -> None:
    whole = replace(_document("JPY", 0), net=Decimal(1234), total=Decimal(-1234))
    assert texts(whole)["net"] == "1,234"
    assert texts(whole)["total"] == "\N{MINUS SIGN}¥1,234"


@pytest.mark.parametrize(
    ("quantity", "unit", "kind", "shown"),
    [
        ("1234.5000000000", "kWh", "usage", "1,234.5 kWh"),
        ("-2", "", "usage", "\N{MINUS SIGN}2"),
        ("1", "", "recurring", ""),
        ("2", "", "recurring", "2"),
        ("1", "", "usage", "1"),
        ("3661", "second", "usage", "1:01:01 h"),
        ("59.5", "second", "usage", "0:00:59.5 h"),
        ("-60", "second", "usage", "\N{MINUS SIGN}0:01:00 h"),
        ("360000", "second", "usage", "100:00:00 h"),
    ],
)
def test_quantities(quantity: str, unit: str, kind: str, shown: str) -> None:
    line = replace(LINE, quantity=Decimal(quantity), unit=unit, kind=kind)
    made = texts(replace(_document(), blocks=(Block(title="B", subtitle="", lines=(line,)),)))
    assert made["blocks"][0]["lines"][0]["quantity"] == shown


def test_long_lists_are_cut_short() -> None:
    numbers = [str(number) for number in range(300)]
    block = Block(title="B", subtitle=", ".join(numbers), lines=(LINE,))
    made = texts(replace(_document(), blocks=(block,)))
    assert made["blocks"][0]["subtitle"] == "0, 1, 2, 3 and 296 more"


@pytest.mark.parametrize(("country", "lines"), [("DE", []), ("FR", ["France"]), ("", [])])
def test_country_is_named_abroad(country: str, lines: list[str]) -> None:
    customer = replace(NOBODY, country=country)
    made = texts(replace(_document(), customer=customer))
    assert made["customer"]["lines"] == ["Street 1", *lines]
    assert made["seller"]["lines"] == ["Street 1"]
