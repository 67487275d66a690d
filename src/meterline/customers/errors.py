"""What can be wrong with customers and accounts."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownAccount(MeterlineError):
    """there is no account {code!r}: `meterline account list` shows those that there are"""

    code = "unknown_account"


class UnknownCustomer(MeterlineError):
    """there is no customer {code!r}: `meterline customer list` shows those that there are"""

    code = "unknown_customer"


class UnknownSeller(MeterlineError):
    """there is no seller {code!r}: `meterline seller list` shows those that there are"""

    code = "unknown_seller"


class CodeTaken(MeterlineError):
    """{what} {code!r} exists already: choose another code"""

    code = "code_taken"


class InvalidField(MeterlineError):
    """{field} {value!r} cannot be: expected {expected}"""

    code = "invalid_field"


class InvalidImport(MeterlineError):
    """{file}: {problem}"""

    code = "invalid_import"
