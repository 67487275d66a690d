"""What can be wrong with payments."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class WrongCurrency(MeterlineError):
    """account {account} is kept in {expected}, not in {currency}: convert the amount, or pay to an
    account in {currency}"""

    code = "wrong_currency"


class InvalidAmount(MeterlineError):
    """{amount} is no amount to pay: expected a number above 0 with at most {places} decimals"""

    code = "invalid_amount"


class UnknownInvoice(MeterlineError):
    """account {account} has no invoice {invoice}: `meterline invoice list --account {account}`
    shows those that it has"""

    code = "unknown_invoice"


class NotEnoughCredit(MeterlineError):
    """account {account} has {credit} {currency} of credit that can be paid out, {amount} were to be
    refunded; credit that expires or is for some charges only is not paid out"""

    code = "not_enough_credit"


class NotEnoughPaid(MeterlineError):
    """account {account} has paid {paid} {currency} that could be charged back, not {amount}"""

    code = "not_enough_paid"


class PaymentCodeTaken(MeterlineError):
    """there is another payment {payment} already: of {amount} {currency} to account {account}"""

    code = "payment_code_taken"


class ReservedCode(MeterlineError):
    """{payment} is a code that we give ourselves: choose one that is not P- and digits"""

    code = "reserved_code"


class UnknownPayment(MeterlineError):
    """there is no payment {payment}: `meterline payment list` shows those that there are"""

    code = "unknown_payment"


class UnknownGrant(MeterlineError):
    """there is no grant {grant}: `meterline credit list ACCOUNT` shows those that an account has"""

    code = "unknown_grant"


class NothingLeft(MeterlineError):
    """nothing is left of grant {grant}: it was used, taken back, or has expired"""

    code = "nothing_left_of_grant"


class ExpiresInPast(MeterlineError):
    """a grant cannot expire at {expires}, when it begins at {at}: give a later date"""

    code = "grant_expires_in_past"
