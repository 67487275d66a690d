"""Which records the stored batches hold. Kept between loads of a process, since batches only come
in addition; worked out anew where a back-out or a re-rating has taken records out."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Sum

from meterline.usage.deduplicate import Seen
from meterline.usage.models import Batch
from meterline.usage.store import Live, live

_KEPT_MOST = 20_000_000


@dataclass(kw_only=True)
class _Known:
    batches: tuple[tuple[int, str], ...] = ()
    gone: tuple[int, int] = (0, 0)  # backed-out batches, records that re-rating has refused
    seen: Seen = field(default_factory=Seen)


_kept = _Known()


def forget() -> None:
    """Read everything anew the next time, as a new process does."""
    global _kept
    _kept = _Known()


def known_records() -> Seen:
    """The keys of all live records; not to be changed."""
    global _kept
    standing = live()
    batches = tuple((number, str(path)) for number, path in standing.batches)
    refused = Batch.objects.filter(format="re-rate").aggregate(count=Sum("rejected"))["count"]
    gone = (len(standing.backed_out), refused or 0)
    length = len(_kept.batches)
    if batches[:length] != _kept.batches or gone != _kept.gone or _kept.seen.count > _KEPT_MOST:
        _kept, length = _Known(gone=gone), 0
    newer = Live(
        batches=standing.batches[length:],
        backed_out=standing.backed_out,
        superseded=standing.superseded,
    )
    _kept.seen.add(newer.keys())
    _kept.batches = batches
    return _kept.seen
