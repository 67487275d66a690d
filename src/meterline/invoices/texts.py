"""A document in words: numbers, dates and quantities as the reader's language writes them. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from meterline.invoices.document import (
    Address,
    Block,
    Covered,
    DocumentLine,
    InvoiceDocument,
    UsageRecord,
)

_LETTER_BEFORE_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)")


def texts(document: InvoiceDocument) -> dict[str, Any]:
    """Everything that HTML and PDF print, as text."""
    writer = _Writer(document)
    return {
        "title": "Credit note" if document.kind == "credit_note" else "Invoice",
        "number": document.number,
        "account": document.account,
        "colour": document.colour,
        "language": writer.locale.language,
        "issue_date": writer.day(document.issue_date),
        "due_date": writer.day(document.due_date),
        "seller": writer.address(document.seller),
        "customer": writer.address(document.customer, abroad_of=document.seller.country),
        "blocks": [writer.block(block) for block in document.blocks],
        "taxes": [
            {
                "label": f"{tax.code.replace('_', ' ')} {writer.number(tax.percent)} %",
                "base": writer.money(tax.base),
                "amount": writer.money(tax.amount),
            }
            for tax in document.taxes
        ],
        "net": writer.money(document.net),
        "tax": writer.money(document.tax),
        "total": writer.currency(document.total),
        "credit": "" if not document.credit_applied else writer.money(-document.credit_applied),
        "credits": [
            {"reason": one.reason, "amount": writer.money(-one.amount)} for one in document.credits
        ],
        "due": writer.currency(document.due),
        "payable": document.due > 0,
        "iban": " ".join(document.iban[i : i + 4] for i in range(0, len(document.iban), 4)),
        "bic": document.bic,
        "usage": [writer.record(record) for record in document.usage],
    }


class _Writer:
    def __init__(self, document: InvoiceDocument) -> None:
        self.document = document
        try:
            self.locale = Locale.parse(document.language.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            self.locale = Locale("en")
        self.places = document.decimals

    def money(self, amount: Decimal) -> str:
        pattern = "#,##0" + ("." + "0" * self.places if self.places else "")
        return format_decimal(amount, pattern, locale=self.locale).replace("-", "\N{MINUS SIGN}")

    def currency(self, amount: Decimal) -> str:
        shown = format_currency(amount, self.document.currency, locale=self.locale)
        spaced = _LETTER_BEFORE_FIGURE.sub("\N{NO-BREAK SPACE}", shown)  # KWD 1.000, not KWD1.000
        return spaced.replace("-", "\N{MINUS SIGN}")

    def number(self, value: Decimal, pattern: str = "0.##########") -> str:
        shown = format_decimal(value.normalize(), f"#,##{pattern}", locale=self.locale)
        return shown.replace("-", "\N{MINUS SIGN}")

    def day(self, day: date) -> str:
        return format_date(day, "medium", locale=self.locale)

    def address(self, address: Address, abroad_of: str = "") -> dict[str, Any]:
        """With its country as the last line where that is another than `abroad_of`."""
        lines = list(address.lines)
        if abroad_of and address.country and address.country != abroad_of:
            lines.append(self.locale.territories.get(address.country, address.country))
        website = address.website.removeprefix("https://").removeprefix("http://")
        return asdict(address) | {"lines": lines, "website": website}

    def block(self, block: Block) -> dict[str, Any]:
        return {
            "title": block.title,
            "subtitle": _few(block.subtitle),
            "total": self.money(block.total),
            "lines": [self.line(line) for line in block.lines],
        }

    def line(self, line: DocumentLine) -> dict[str, str]:
        told = [line.name, line.detail, *(self.covered(one, line.unit) for one in line.covered)]
        name = ", ".join(text for text in told if text)
        return {
            "name": name,
            "period": self.period(line),
            "quantity": self.quantity(line.quantity, line.unit, line.kind),
            "tax": "" if line.tax_percent is None else f"{self.number(line.tax_percent)} %",
            "amount": self.money(line.amount),
        }

    def covered(self, one: Covered, unit: str) -> str:
        """What an allowance took off, to four decimals where it has no end."""
        amount = Decimal(one.amount.numerator) / Decimal(one.amount.denominator)
        shown = amount if amount == one.amount else round(amount, 4)
        size = self.currency(shown) if one.money else self.quantity(shown, unit, "usage")
        return f"{size} by {one.allowance}"

    def period(self, line: DocumentLine) -> str:
        if line.start is None or line.last is None:
            return ""
        if line.start == line.last:
            return self.day(line.start)
        return f"{self.day(line.start)} \N{EN DASH} {self.day(line.last)}"

    def quantity(self, quantity: Decimal | None, unit: str, kind: str) -> str:
        if quantity is None or (kind in ("recurring", "one_time") and quantity == 1):
            return ""
        if unit == "second":
            return _clock(quantity)
        return f"{self.number(quantity)} {unit}".strip()

    def record(self, record: UsageRecord) -> dict[str, str]:
        return {
            "price": record.price,
            "identifier": record.identifier,
            "start": f"{self.day(record.start.date())}, {record.start:%H:%M:%S}",
            "quantity": ", ".join(
                text
                for text in (
                    self.quantity(record.quantity, record.unit, "usage"),
                    f"{self.quantity(record.covered, record.unit, 'usage')} free"
                    if record.covered
                    else "",
                )
                if text
            ),
            "band": record.band.replace("_", " "),
            "amount": "" if record.amount is None else self.number(record.amount, "0.0000##"),
        }


def _few(identifiers: str, most: int = 4) -> str:
    """The first ones of a list, and how many more there are."""
    listed = identifiers.split(", ")
    if len(listed) <= most:
        return identifiers
    return f"{', '.join(listed[:most])} and {len(listed) - most} more"


def _clock(seconds: Decimal) -> str:
    """Seconds as hours, minutes and seconds."""
    sign, rest = ("\N{MINUS SIGN}", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    exact = f"{rest.normalize():f}"
    padded = f"0{exact}" if rest < 10 else exact
    return f"{sign}{int(hours)}:{int(minutes):02d}:{padded} h"
