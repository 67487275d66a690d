"""What can be wrong with what users ask of invoices."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownDocument(MeterlineError):
    """there is no invoice {number}: `meterline invoice list` shows those that there are"""

    code = "unknown_invoice_number"


class UnknownLine(MeterlineError):
    """invoice {number} has no line {line}: `meterline invoice show {number}` shows its lines"""

    code = "unknown_line"


class UnknownFormat(MeterlineError):
    """there is no document format {format!r}: choose one of {known}"""

    code = "unknown_document_format"


class NothingToAdjust(MeterlineError):
    """account {account} was billed no line of price {price!r} that begins then"""

    code = "nothing_to_adjust"


class AdjustedTooMuch(MeterlineError):
    """of that line {left} {currency} are left to credit, not {amount}"""

    code = "adjusted_too_much"


class NoAmountToCredit(MeterlineError):
    """{amount} {currency} cannot be credited: name an amount above 0, to {places} decimals"""

    code = "no_amount_to_credit"
