"""Receipts: usage that came over HTTP or a stream, kept durably until it is loaded, and what became
of each event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import zstandard
from django.conf import settings

from meterline.platform import audit, clock
from meterline.usage.bodies import Lines
from meterline.usage.errors import UnknownReceipt
from meterline.usage.models import Receipt, Reject

_LEVEL = 1


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of an event: rated, duplicate, or rejected and why; waiting before that."""

    event: int  # its number in the delivery, from 1
    fate: str
    reason: str = ""
    detail: str = ""
    reject: int | None = None  # the number of its reject


def made(lines: Lines, *, format: str, source: str, size: int) -> Receipt:
    """A receipt of whoever acts, to be saved: once that is committed, no event of it is lost.
    `size`: bytes, as they came."""
    return Receipt(
        code=uuid4().hex, source=source, format=format, events=lines.count, size=size,
        body=zstandard.ZstdCompressor(_LEVEL).compress(lines.text),
        received_at=clock.now(), received_by=audit.actor(),
    )  # fmt: skip


def keep(lines: Lines, *, format: str, source: str, size: int) -> Receipt:
    """Keep events until they are loaded."""
    kept = made(lines, format=format, source=source, size=size)
    kept.save(force_insert=True)
    return kept


def text_of(receipt: Receipt) -> bytes:
    """The lines of a receipt that waits."""
    assert receipt.body is not None
    return zstandard.ZstdDecompressor().decompress(bytes(receipt.body))


def find(code: str) -> Receipt | None:
    """A receipt by its code, where there is one."""
    found: Receipt | None = Receipt.objects.defer("body").filter(code=code).first()
    return found


def receipt(code: str) -> Receipt:
    """A receipt by its code. Raises UnknownReceipt."""
    found = find(code)
    if found is None:
        raise UnknownReceipt(receipt=code)
    return found


def fates(one: Receipt) -> Iterator[Fate]:
    """What became of each event of a receipt, in their order."""
    if one.state == "waiting":
        for number in range(1, one.events + 1):
            yield Fate(event=number, fate="waiting")
        return
    rejected = {row.line: row for row in rejects_of(one)}
    repeated = set(one.repeated)
    for number in range(1, one.events + 1):
        row = rejected.get(number)
        if row is not None:
            yield Fate(
                event=number, fate="rejected", reason=row.reason, detail=row.detail, reject=row.pk
            )
        else:
            yield Fate(event=number, fate="duplicate" if number in repeated else "rated")


def rejects_of(one: Receipt) -> Any:
    """The rejects of a receipt, in the order of its events."""
    return Reject.objects.filter(batch_id=one.batch_id, file_name=one.code).order_by("line")


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Increasing numbers as runs: the first and the last of each."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def told(one: Receipt) -> dict[str, Any]:
    """A receipt as the API and the command line tell it."""
    return {
        "receipt": one.code, "state": one.state, "source": one.source, "format": one.format,
        "events": one.events, "rated": one.rated, "rejected": one.rejected,
        "duplicates": one.duplicates, "batch": one.batch_id,
        "received_at": one.received_at.isoformat(),
        "done_at": one.done_at and one.done_at.isoformat(),
    }  # fmt: skip


def forget() -> int:
    """Give up receipts that were loaded USAGE_RECEIPT_DAYS ago; their batches and rejects stay."""
    old = clock.now() - timedelta(days=settings.USAGE_RECEIPT_DAYS)
    return Receipt.objects.filter(state="done", received_at__lt=old).delete()[0]
