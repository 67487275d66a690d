"""What can be wrong with what users ask of the ledger."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class UnknownExport(MeterlineError):
    """there is no export format {format!r}: choose one of {known}"""

    code = "unknown_export"
