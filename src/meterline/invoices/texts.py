"""A document in words: its texts, numbers, dates and quantities as the reader's language writes
them. Pure."""

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
    DocumentTax,
    InvoiceDocument,
    UsageRecord,
)
from meterline.kernel.words import Say, Told
from meterline.kernel.words import gettext_noop as _

LABELS = {
    "invoice": _("Invoice"), "credit_note": _("Credit note"), "tax_id": _("Tax id"),
    "number": _("Number"), "account": _("Account"), "date": _("Date"), "due": _("Due"),
    "summary": _("Summary"), "net": _("Net"), "total": _("Total"), "credit_used": _("Credit used"),
    "to_pay": _("To pay"), "credit": _("Credit"), "nothing": _("Nothing to pay"),
    "please_pay": _("Please pay"), "until": _("Until"), "reference": _("Reference"),
    "to_iban": _("To IBAN"), "details": _("Charges in detail"), "charge": _("Charge"),
    "period": _("Period"), "quantity": _("Quantity"), "amount": _("Amount"),
    "before_tax": _("Before tax"), "usage": _("Usage in detail"), "when": _("When"),
    "identifier": _("Used by"), "band": _("Band"),
    "credited": _("This amount is credited to your account and reduces your next invoices."),
    "nothing_to_do": _("There is nothing to pay."),
}  # fmt: skip
"""What stands on documents, by key."""

PAY = _("Please pay %(amount)s until %(day)s, reference %(number)s.")
PAY_TO = _("Please pay %(amount)s until %(day)s to IBAN %(iban)s, reference %(number)s.")
PAGE = _("Page %(page)s of %(pages)s")

_LETTER_BEFORE_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)")


def texts(document: InvoiceDocument, say: Say = _) -> dict[str, Any]:
    """Everything that HTML and PDF print, as text; `say` gives it in the document's language."""
    writer = _Writer(document, say)
    labels = {key: say(text) for key, text in LABELS.items()}
    return {
        "labels": labels,
        "pay": say(PAY_TO if document.iban else PAY),
        "page": say(PAGE),
        "title": labels[document.kind],
        "credit_note": document.kind == "credit_note",
        "number": document.number,
        "account": document.account,
        "colour": document.colour,
        "language": writer.locale.language,
        "issue_date": writer.day(document.issue_date),
        "issued": document.issue_date.isoformat(),
        "due_date": writer.day(document.due_date),
        "seller": writer.address(document.seller),
        "customer": writer.address(document.customer, abroad_of=document.seller.country),
        "blocks": [writer.block(block) for block in document.blocks],
        "taxes": [
            {
                "label": f"{tax.code.replace('_', ' ')} {writer.number(tax.percent)} %",
                "base": writer.money(tax.base),
                "told": writer.tax(tax),
                "amount": writer.money(tax.amount),
            }
            for tax in document.taxes
        ],
        "net": writer.money(document.net),
        "tax": writer.money(document.tax),
        "total": writer.currency(document.total),
        "credit": "" if not document.credit_applied else writer.money(-document.credit_applied),
        "credits": [
            {
                "reason": one.reason,
                "amount": writer.money(-one.amount),
                "told": say(_("of it %(reason)s")) % {"reason": one.reason},
            }
            for one in document.credits
        ],
        "due": writer.currency(document.due),
        "payable": document.due > 0,
        "iban": " ".join(document.iban[i : i + 4] for i in range(0, len(document.iban), 4)),
        "bic": document.bic,
        "usage": [writer.record(record) for record in document.usage],
    }


def amount_of(document: InvoiceDocument, amount: Decimal) -> str:
    """An amount in the document's currency, as its language writes it."""
    return _Writer(document, _).currency(amount)


class _Writer:
    def __init__(self, document: InvoiceDocument, say: Say) -> None:
        self.document = document
        self.say = say
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

    def tax(self, tax: DocumentTax) -> str:
        label = f"{tax.code.replace('_', ' ')} {self.number(tax.percent)} %"
        return self.say(_("Tax, %(label)s on %(base)s")) % {
            "label": label, "base": self.money(tax.base)
        }  # fmt: skip

    def address(self, address: Address, abroad_of: str = "") -> dict[str, Any]:
        """With its country as the last line where that is another than `abroad_of`."""
        lines = list(address.lines)
        if abroad_of and address.country and address.country != abroad_of:
            lines.append(self.locale.territories.get(address.country, address.country))
        website = address.website.removeprefix("https://").removeprefix("http://")
        return asdict(address) | {"lines": lines, "website": website}

    def block(self, block: Block) -> dict[str, Any]:
        title = block.title or self.say(LABELS["account"])
        return {
            "title": title,
            "before_tax": self.say(_("%(title)s, before tax")) % {"title": title},
            "subtitle": self.few(block.subtitle),
            "total": self.money(block.total),
            "lines": [self.line(line) for line in block.lines],
        }

    def line(self, line: DocumentLine) -> dict[str, str]:
        details = [one.said(self.say) if isinstance(one, Told) else one for one in line.details]
        told = [line.name, *details, *(self.covered(one, line.unit) for one in line.covered)]
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
        return self.say(_("%(size)s by %(allowance)s")) % {
            "size": size, "allowance": one.allowance
        }  # fmt: skip

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
                    self.free(record) if record.covered else "",
                )
                if text
            ),
            "band": record.band.replace("_", " "),
            "amount": "" if record.amount is None else self.number(record.amount, "0.0000##"),
        }

    def free(self, record: UsageRecord) -> str:
        """What of a record allowances covered."""
        size = self.quantity(record.covered, record.unit, "usage")
        return self.say(_("%(size)s free")) % {"size": size}

    def few(self, identifiers: str, most: int = 4) -> str:
        """The first ones of a list, and how many more there are."""
        listed = identifiers.split(", ")
        if len(listed) <= most:
            return identifiers
        told = {"listed": ", ".join(listed[:most]), "count": len(listed) - most}
        return self.say(_("%(listed)s and %(count)s more")) % told


def _clock(seconds: Decimal) -> str:
    """Seconds as hours, minutes and seconds."""
    sign, rest = ("\N{MINUS SIGN}", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    exact = f"{rest.normalize():f}"
    padded = f"0{exact}" if rest < 10 else exact
    return f"{sign}{int(hours)}:{int(minutes):02d}:{padded} h"
