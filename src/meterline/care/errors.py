"""What can go wrong with questions of customers."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class NoSuchLine(MeterlineError):
    """document {number} has no such line: open the bill and ask from there"""

    code = "no_such_line"


class AnsweredBefore(MeterlineError):
    """{by} answered this question before: write a note, or call the customer"""

    code = "answered_before"
