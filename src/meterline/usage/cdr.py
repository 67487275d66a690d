"""Files of charging records of mobile networks, a record at a time, and how they write numbers and
times (3GPP TS 32.297 for the file, TS 32.298 for the records)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from meterline.usage.ber import BadRecord, CutOff, Key, element, opening
from meterline.usage.blocks import content
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import REJECTS, Claim, Control, Decoded

RECORD_MOST = 1 << 20
HEADER_LEAST = 52
HEADER_MOST = 200_000

_CHUNK = 20_000
_UNKNOWN = 0xFFFFFFFF
_BER = 1
_SHOWN = 500
_FILL = (0x00, 0xFF)
_OPENING = 12  # octets of a tag and a length, at the most

Row = dict[str, str | None]


class Reader:
    """The content of a file, as far as it is needed; never more than a record of it is kept."""

    def __init__(self, path: Path) -> None:
        self.path, self.read = path, 0
        self._parts = content(path)
        self._data, self._at = b"", 0

    def peek(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        while len(self._data) - self._at < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._data, self._at = self._data[self._at :] + part, 0
        return self._data[self._at : self._at + size]

    def take(self, size: int) -> bytes:
        """The next bytes, all of them. Raises UsageFileError at the end."""
        found = self.peek(size)
        if len(found) < size:
            raise UsageFileError(file=self.path.name, why="is cut off: fetch it again")
        self._at += size
        self.read += size
        return found

    def opened(self) -> tuple[Key, int | None]:
        """Go into the next element: its key, and where it ends (None: where it says so)."""
        data = self.peek(_OPENING)
        try:
            key, constructed, at, size = opening(data)
        except BadRecord as error:
            raise self._damaged(error) from error
        if not constructed:
            raise self._damaged("a value where a group is expected")
        self.take(at)
        return key, None if size is None else self.read + size

    def ended(self, end: int | None) -> bool:
        """Whether an element that was opened ends here; its end mark is taken."""
        if end is None:
            marked = self.peek(2) == b"\0\0"
            if marked:
                self.take(2)
            return marked
        if self.read > end:
            raise self._damaged("an element is longer than what holds it")
        return self.read == end

    def record(self) -> bytes:
        """The next element, whole. Raises UsageFileError where its length cannot be."""
        size = 512
        while True:
            data = self.peek(size)
            try:
                return self.take(element(data, 0, len(data))[4])
            except CutOff as error:
                if len(data) < size or size >= RECORD_MOST:
                    raise self._damaged(error) from error
                size *= 4
            except BadRecord as error:
                raise self._damaged(error) from error

    def _damaged(self, why: object) -> UsageFileError:
        return UsageFileError(
            file=self.path.name,
            why=f"is cut off or damaged at byte {self.read + 1:,} ({why}): fetch it again",
        )


def first_record(head: bytes) -> bytes:
    """The beginning of the first record of a file, with a header (TS 32.297) or without; empty if
    there is none."""
    length = int.from_bytes(head[4:8])
    if HEADER_LEAST <= length <= HEADER_MOST and int.from_bytes(head[:4]) >= length:
        record = head[length:]
        return record[5 if record[2:3] and record[2] >> 5 == 7 else 4 :]
    return head.lstrip(bytes(_FILL))


def decode_records(
    path: Path, fields: Sequence[str], rows_of: Callable[[bytes, int], list[Row]]
) -> Iterator[Decoded]:
    """The file's records in chunks: `rows_of` makes the usage of one, or raises BadRecord. `line`
    is the record's place in the file. Raises UsageFileError."""
    schema: dict[str, Any] = {"line": pl.UInt32, **dict.fromkeys(fields, pl.String)}
    rows: list[tuple[Any, ...]] = []
    rejects: list[tuple[int, str, str, str]] = []
    left_out = number = 0
    reader = Reader(path)
    control = _header(reader) if _has_header(reader) else None
    for record in _plain(reader) if control is None else _framed(reader):
        number += 1
        try:
            made = rows_of(record, number)
        except BadRecord as error:
            rejects.append((number, "malformed", str(error), record[:_SHOWN].hex()))
            continue
        left_out += not made
        rows += [(number, *(row.get(name) for name in fields)) for row in made]
        if len(rows) + len(rejects) >= _CHUNK:
            yield _chunk(rows, rejects, schema, left_out)
            rows, rejects, left_out = [], [], 0
    yield _chunk(rows, rejects, schema, left_out, control and control(number, reader.read))


def _chunk(
    rows: list[Any], rejects: list[Any], schema: dict[str, Any], left_out: int,
    control: Control | None = None,
) -> Decoded:  # fmt: skip
    return Decoded(
        records=pl.DataFrame(rows, schema=schema, orient="row"),
        rejects=pl.DataFrame(rejects, schema=REJECTS, orient="row"),
        left_out=left_out,
        control=control,
    )


def _plain(reader: Reader) -> Iterator[bytes]:
    """Records one after the other, perhaps with filling between them."""
    while first := reader.peek(1):
        if first[0] in _FILL:
            reader.take(1)
        else:
            yield reader.record()


def _has_header(reader: Reader) -> bool:
    head = reader.peek(8)
    length = int.from_bytes(head[4:8])
    return HEADER_LEAST <= length <= HEADER_MOST and int.from_bytes(head[:4]) >= length


def _header(reader: Reader) -> Callable[[int, int], Control]:
    """Take the header of a file (TS 32.297, 6.1.1): a function from what is found to control."""
    start = reader.peek(8)
    header = reader.take(int.from_bytes(start[4:8]))
    length, count, sequence = (int.from_bytes(header[at : at + 4]) for at in (0, 18, 22))
    lost = header[47]

    def control(records: int, octets: int) -> Control:
        claims = []
        if count != _UNKNOWN:
            claims.append(Claim(what="records", told=Decimal(count), found=Decimal(records)))
        if length != _UNKNOWN:
            claims.append(Claim(what="octets", told=Decimal(length), found=Decimal(octets)))
        remark = f"the network lost {lost & 0x7F or 'some'} records before" if lost else ""
        return Control(
            claims=tuple(claims), sequence=sequence, last=_UNKNOWN,
            remarks=(remark,) if remark else (),
        )  # fmt: skip

    return control


def _framed(reader: Reader) -> Iterator[bytes]:
    """Records, each after its header (TS 32.297, 6.1.2)."""
    while reader.peek(1):
        start = reader.take(4)
        length = int.from_bytes(start[:2])
        if start[2] >> 5 == 7:  # a release that the first octet has no room for
            reader.take(1)
        if start[3] >> 5 != _BER:
            why = f"has a record in encoding {start[3] >> 5}: only BER (1) can be read"
            raise UsageFileError(file=reader.path.name, why=why)
        yield reader.take(length)


def digits(octets: bytes) -> str | None:
    """Digits packed two an octet, the first in the low half, filled up with F (TBCD)."""
    text = "".join(f"{octet & 0xF:x}{octet >> 4:x}" for octet in octets).rstrip("f")
    return text or None


def number_of(octets: bytes) -> str | None:
    """A telephone number: an octet with its kind, then digits."""
    return digits(octets[1:])


def network(octets: bytes) -> str | None:
    """A network's code (MCC and MNC), whose third digit of the MNC stands before the others."""
    text = "".join(f"{octet & 0xF:x}{octet >> 4:x}" for octet in octets[:3])
    return (text[:3] + text[4:6] + text[3:4].replace("f", "")) or None


def instant(octets: bytes) -> datetime:
    """A TimeStamp (YYMMDDhhmmss packed in order, + or -, hhmm of the offset) in UTC, without zone.
    Raises BadRecord."""
    text, sign = octets.hex(), octets[6:7]
    if len(octets) != 9 or sign not in (b"+", b"-"):
        raise BadRecord(f"{text[:40]} is no time")
    try:
        year, month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(0, 12, 2))
        wall = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001
        offset = timedelta(hours=int(text[14:16]), minutes=int(text[16:18]))
    except ValueError as error:
        raise BadRecord(f"{text} is no time") from error
    return wall + offset if sign == b"-" else wall - offset


def told(moment: datetime) -> str:
    """An instant in UTC as usage records have it."""
    return f"{moment.isoformat(timespec='seconds')}Z"
