"""What can go wrong with the portal's users."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class NotACustomersAddress(MeterlineError):
    """{email} belongs to somebody else who signs in here: invite another address"""

    code = "not_a_customers_address"


class InvalidAddress(MeterlineError):
    """{email} is no e-mail address: give one such as name@example.com"""

    code = "invalid_address"
