"""What files tell of themselves: held against what is found, and noted with the batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from meterline.platform import clock, events
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Claim, Control, Decoded
from meterline.usage.mapping import read_mapping
from meterline.usage.models import Batch, Delivery, Gap, Source, Stream
from meterline.usage.sequence import arrived


class Checked:
    """The chunks of a file, and, once they are read, what the file told of itself.

    Iterating raises UsageFileError at the end of a file that does not hold what it says, unless
    the mapping says that it is flagged only.
    """

    def __init__(self, chunks: Iterable[Decoded], *, path: Path, mapping: Path | None) -> None:
        rule = None if mapping is None else read_mapping(mapping)
        self._chunks, self._path = chunks, path
        self._refuses = rule is None or rule.mismatch == "refuse"
        self._rule = rule.sequence if rule is not None else None
        self.left_out = 0
        self.control = Control()

    def __iter__(self) -> Iterator[Decoded]:
        for chunk in self._chunks:
            self.left_out += chunk.left_out
            self.control = chunk.control or self.control
            yield chunk
        wrong = self.mismatches()
        if wrong and self._refuses:
            raise UsageFileError(
                file=self._path.name, why=f"{'; '.join(wrong)}: fetch it again, or let its mapping"
                " say `mismatch: flag`",
            )  # fmt: skip

    def mismatches(self) -> list[str]:
        """The figures that do not agree, as sentences."""
        return [_sentence(claim) for claim in self.control.claims if not claim.holds]

    def sequence(self) -> tuple[int | None, int | None]:
        """The file's number, of its name if the mapping says so; and the last of all numbers."""
        number, last = self.control.sequence, self.control.last
        if self._rule is not None:
            last = self._rule.last or last
            if self._rule.name is not None:
                found = re.search(self._rule.name, self._path.name)
                number = int(found.group(1)) if found and found.group(1).isdecimal() else None
        return number, last


def _sentence(claim: Claim) -> str:
    if claim.told is None:
        return f"it does not tell its {claim.what}"
    return f"it tells {claim.told:f} {claim.what}, and has {claim.found:f}"


def note(batch: Batch, checked: Checked) -> None:
    """Keep what a batch's file told; missing numbers and figures that differ are events."""
    wrong = checked.mismatches()
    remarks = [*wrong, *checked.control.remarks]
    number, last = checked.sequence()
    source, _ = Source.objects.get_or_create(code=batch.source)
    stream = None
    if number is not None:
        stream = _arrived(source, checked.control.stream, number, last, batch)
    Delivery.objects.create(
        batch=batch, stream=stream, sequence=number, left_out=checked.left_out, remarks=remarks
    )
    if remarks:
        told = {"file": batch.file_name, "batch": batch.pk, "remarks": remarks}
        events.emit("usage.file_flagged", f"usage_source:{source.code}", told)


def _arrived(source: Source, name: str, number: int, last: int | None, batch: Batch) -> Stream:
    stream = Stream.objects.filter(source=source, name=name).first()
    gaps = [] if stream is None else list(Gap.objects.filter(stream=stream))
    outcome = arrived(
        number, expected=None if stream is None else stream.expected,
        gaps=[(gap.first, gap.last) for gap in gaps], last=last,
    )  # fmt: skip
    if stream is None:
        stream = Stream.objects.create(source=source, name=name, expected=outcome.expected)
    else:
        Stream.objects.filter(pk=stream.pk).update(expected=outcome.expected)
    subject = f"usage_source:{source.code}"
    about = {"stream": name, "file": batch.file_name, "number": number}
    if outcome.filled is not None:
        first, end = outcome.filled
        now = clock.now()
        noticed = next(gap.noticed_at for gap in gaps if gap.first == first)
        Gap.objects.filter(stream=stream, first=first, last=end).delete()
        for part in outcome.left:
            Gap.objects.create(stream=stream, first=part[0], last=part[1], noticed_at=noticed)
        told = {**about, "after_seconds": int((now - noticed).total_seconds())}
        events.emit("usage.sequence_filled", subject, told)
    if outcome.opened is not None:
        first, end = outcome.opened
        Gap.objects.create(stream=stream, first=first, last=end, noticed_at=clock.now())
        events.emit("usage.sequence_gap", subject, {**about, "first": first, "last": end})
    if outcome.repeated and _came_before(stream, number):
        events.emit("usage.sequence_repeated", subject, about)
    return stream


def _came_before(stream: Stream, number: int) -> bool:
    """Whether a file of that number stands; one whose batch was backed out may come again."""
    came = Delivery.objects.filter(stream=stream, sequence=number)
    return bool(came.filter(batch__state="committed").exists())


def refused(source: str, error: UsageFileError) -> None:
    """Tell that a file was refused."""
    events.emit("usage.file_refused", f"usage_source:{source}", {"why": error.message})
