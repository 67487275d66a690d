"""Rejects as a CSV file: the records as they came, with why each was refused before them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import IO

from meterline.usage.models import Reject


def write(file: IO[str], found: Sequence[Reject]) -> None:
    """Number, file, line, reason and detail of each reject, then the fields of its record."""
    writer = csv.writer(file)
    fields = sorted({name for row in found for name in row.record})
    writer.writerow(["reject", "file", "line", "reason", "detail", *fields])
    for row in found:
        values = (row.record.get(name) for name in fields)
        writer.writerow(
            [row.pk, row.file_name, row.line, row.reason, row.detail]
            + ["" if value is None else value for value in values]
        )
