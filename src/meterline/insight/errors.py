"""What can be wrong with a request for insight."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownSegment(MeterlineError):
    """{text!r} is no segment: expected KEY=VALUE with one of the keys {known}"""

    code = "unknown_segment"


class UnknownPeriod(MeterlineError):
    """{text!r} is no period: expected last-month, or up to 24 months as in 3-months"""

    code = "unknown_period"


class TooManyEvents(MeterlineError):
    """more than {most:,} events are priced one by one here: ask about fewer, or about the real use
    of a subscription"""

    code = "too_many_events"
