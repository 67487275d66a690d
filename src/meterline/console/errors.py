"""What can be wrong with what is asked of the console."""

from __future__ import annotations

from meterline.kernel.errors import MeterlineError


class ImportMoved(MeterlineError):
    """{file} is {state} by now: open it again to see what can be done with it"""

    code = "import_moved"
