"""The frame of a text file: its encoding, the lines before its rows, and what its first and last
line tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from meterline.usage.blocks import blocks
from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Claim, Control
from meterline.usage.formats.csv import BLOCK, BOM, fields_of
from meterline.usage.mapping import ControlLine, Mapping


class Frame:
    """The rows of a file without its frame; what the frame tells is known once they are read."""

    def __init__(self, path: Path, rule: Mapping) -> None:
        self._path, self._rule = path, rule
        self._told: list[tuple[ControlLine, list[str]]] = []

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """Blocks of whole lines, each with the number of its first line."""
        line, held = 1, None
        for block in blocks(self._path, BLOCK):
            if held is not None:
                yield held
            data = self._utf8(block.removeprefix(BOM) if line == 1 else block)
            kept = self._begun(data) if line == 1 else data
            held = (line + data.count(b"\n") - kept.count(b"\n"), kept)
            line += data.count(b"\n")
        if held is not None:
            yield held[0], self._ended(held[1])

    def control(self, records: int, totals: dict[str, Decimal]) -> Control:
        """What the file told of itself, with what was found: lines of data, and sums of columns."""
        claims: list[Claim] = []
        sequence = None
        for about in (self._rule.leader, self._rule.trailer):
            if about is None:
                continue
            told = next((fields for one, fields in self._told if one is about), [])
            if about.records is not None:
                figure = self._number(told, about.records)
                claims.append(Claim(what="records", told=figure, found=Decimal(records)))
            if about.total is not None and about.of is not None:
                figure = self._number(told, about.total)
                claims.append(Claim(what=about.of, told=figure, found=totals[about.of]))
            if about.sequence is not None:
                number = self._number(told, about.sequence)
                sequence = sequence if number is None else int(number)
        return Control(claims=tuple(claims), sequence=sequence)

    def _number(self, fields: list[str], place: int) -> Decimal | None:
        text = fields[place - 1].strip() if place <= len(fields) else ""
        if self._rule.decimal == ",":
            text = text.replace(".", "").replace(",", ".")
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number) < Decimal(10) ** 28 else None

    def _utf8(self, block: bytes) -> bytes:
        encoding = self._rule.encoding
        if encoding == "utf-8":
            return block
        try:
            return block.decode(encoding).encode()
        except UnicodeDecodeError:
            return b"\n".join(_line_in_utf8(line, encoding) for line in block.split(b"\n"))

    def _begun(self, data: bytes) -> bytes:
        """The first block without the lines before the rows."""
        if self._rule.leader is not None:
            first, _, data = data.partition(b"\n")
            self._take(self._rule.leader, first, "begin")
        for _ in range(self._rule.skip):
            data = data.partition(b"\n")[2]
        return data

    def _ended(self, data: bytes) -> bytes:
        """The last block without the line after the rows."""
        if self._rule.trailer is None:
            return data
        rows, _, last = data.rstrip(b"\r\n").rpartition(b"\n")
        self._take(self._rule.trailer, last, "end")
        return rows + b"\n" if rows else b""

    def _take(self, about: ControlLine, line: bytes, what: str) -> None:
        fields = fields_of(line, self._rule.separator)
        if not line.startswith(about.begins.encode()) or isinstance(fields, str):
            raise UsageFileError(
                file=self._path.name,
                why=f"does not {what} with a line {about.begins}: it is cut off, or another file",
            )
        self._told.append((about, fields))


def _line_in_utf8(line: bytes, encoding: str) -> bytes:
    """A line that its encoding does not know stays what UTF-8 does not know, to be a reject."""
    try:
        return line.decode(encoding).encode()
    except UnicodeDecodeError:
        return line + b"\xff"
