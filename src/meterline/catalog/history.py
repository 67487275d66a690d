"""Who published the versions of something in the catalogue, and when: read from the audit log."""

from __future__ import annotations

from typing import Any

from meterline.platform.models import AuditEntry
from meterline.web import format as written


def published(kind: str, code: str, versions: int) -> list[dict[str, Any]]:
    """version, by, at of the versions of a code; each publication that names it made one.

    The catalogue is published some times a day at most, so its entries are few; the log's index
    by action finds them.
    """
    entries = AuditEntry.objects.filter(
        action="catalog.apply", **{f"after__{kind}__contains": [code]}
    ).order_by("id")
    found = list(entries[:versions])
    return [
        {"version": number, "by": entry.actor.removeprefix("user:"), "at": written.moment(entry.at)}
        for number, entry in enumerate(found, start=1)
    ]
