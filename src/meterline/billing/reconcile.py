"""One track of a recurring charge: what was billed against what is wanted, by time. Pure.

`reconcile` plays the billed lines: a charge covers its period, a credit takes its period out of
the latest charge that covers it. What is covered and not wanted comes back, as the share of the
billed amount; what is wanted and not covered is charged, as the share of the wanted amount.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from meterline.kernel.cycle import clamped
from meterline.kernel.interval import Interval
from meterline.kernel.money import round_amount, split
from meterline.kernel.prorate import counted_days, share
from meterline.pricing.price import Price

Span = tuple[datetime, datetime]
Row = dict[str, Any]


@dataclass
class _Charge:
    """A billed charge: what of its period still stands, what it was billed at in all, and what is
    left of that after credit notes by hand."""

    line: Row
    billed: Decimal
    left: Decimal
    standing: list[Span] = field(default_factory=list)


def reconcile(
    wanted: Sequence[Row],
    billed: Sequence[Row],
    price: Price,
    zone: str,
    currency: str,
    horizon_at: datetime,
    until_at: datetime,
    *,
    by_amount: bool = False,
) -> list[Row]:
    """Rows of diff.CHARGED that take the track from `billed` (oldest first) to `wanted`.

    Both reach past the horizon; what of a period lies before it is settled. What is paid in
    advance keeps its end: the rest of a period is charged when it begins. `by_amount`: lines are of
    several intervals, which are not those of the line's days, or parts of one amount, so that what
    comes back and what is charged goes by their amounts.
    """
    measure = _Measure(price, ZoneInfo(zone))
    charges = _play(billed)
    spans = [_span(row) for row in wanted]
    rows: list[Row] = []
    for charge in charges:
        unused = [piece for part in charge.standing for piece in _subtract(part, spans)]
        known = _unused_by_amount(charge, wanted, unused, measure, currency) if by_amount else None
        for piece in unused:
            if known is not None and price.policy.credit == "prorated":
                back = (piece, known[piece]) if piece in known else None
            else:
                back = _returning(charge.line, piece, measure, horizon_at)
            if back is not None and back[0][1] > horizon_at:
                rows.append(_credit(charge, *back, price, currency))
    covered = [part for charge in charges for part in charge.standing]
    for row in wanted:
        span = _span(row)
        pieces = _subtract(span, covered)
        parts = _missing_by_amount(row, charges, pieces, measure, currency) if by_amount else None
        for piece in pieces:
            if piece[1] <= horizon_at or (row["advance"] and piece[0] > until_at):
                continue
            part = measure.share(piece, span) if parts is None else parts.get(piece, Fraction(0))
            if part:
                rows.append(_charge(row, piece, part, price, currency))
    if by_amount:
        off = any(row["kind"] == "discount" for row in wanted)
        ends = horizon_at if off else horizon_at - price.interval.longest
        standing = [row for row in wanted if not _subtract(_span(row), covered)]
        recent = [row for row in standing if row["end_at"] > ends]
        rows.extend(_corrections(recent, charges, price, horizon_at))
    return rows


def _span(row: Mapping[str, Any]) -> Span:
    return row["start_at"], row["end_at"]


def _within(inner: Span, outer: Span) -> bool:
    return inner[0] >= outer[0] and inner[1] <= outer[1]


def _unused_by_amount(
    charge: _Charge, wanted: Sequence[Row], pieces: Sequence[Span], measure: _Measure, currency: str
) -> dict[Span, Fraction] | None:
    """The share of a charge that comes back for each piece: what is left of it less what is wanted
    in its days; None where that is more, or wanted of days of others too."""
    inside = [row for row in wanted if _intersect(_span(row), [_span(charge.line)])]
    if not all(_within(_span(row), _span(charge.line)) for row in inside):
        return None
    back = charge.left - sum((row["amount"] for row in inside), Decimal(0))
    if back * charge.line["amount"] < 0:
        return None
    return measure.parts(back, charge.line["amount"], pieces, currency)


def _missing_by_amount(
    row: Row, charges: Sequence[_Charge], pieces: Sequence[Span], measure: _Measure, currency: str
) -> dict[Span, Fraction] | None:
    """The share of a wanted line for each piece of its days that is not covered: what it comes to
    less what was billed of its days; None where a charge covers days of others too."""
    if pieces == [_span(row)]:
        return None
    inside = [one for one in charges if _intersect(_span(row), one.standing)]
    if not all(_within(_span(one.line), _span(row)) for one in inside):
        return None
    due = row["amount"] - sum((one.billed for one in inside), Decimal(0))
    return measure.parts(due, row["amount"], pieces, currency)


def _corrections(
    wanted: Sequence[Row], charges: Sequence[_Charge], price: Price, horizon_at: datetime
) -> list[Row]:
    """Lines that take what was billed of days to what they come to: one for each stretch of periods
    and charges that overlap. Days that are not wanted, and whose share did not come back, may be
    among them, if what was wanted of them is known: after the horizon."""
    rows, rest = [], list(wanted)
    while rest:
        some, inside = [rest.pop(0)], []
        while True:
            inside = [one for one in charges if any(_overlap(row, one) for row in some)]
            more = [row for row in rest if any(_overlap(row, one) for one in inside)]
            if not more:
                break
            some += more
            rest = [row for row in rest if row not in more]
        spans = [_span(row) for row in some]
        unwanted = [one for part in inside for piece in part.standing
                    for one in _subtract(piece, spans)]  # fmt: skip
        kept = price.policy.credit != "prorated"
        if not any(kept or piece[0] < horizon_at for piece in unwanted):
            rows += _corrected(some, inside, price)
    return rows


def _overlap(row: Row, charge: _Charge) -> bool:
    return bool(_intersect(_span(row), charge.standing))


def _corrected(wanted: Sequence[Row], charges: Sequence[_Charge], price: Price) -> list[Row]:
    """The line, on the last period wanted, that takes the charges to what is wanted."""
    last = max(wanted, key=_span)
    billed = sum((one.billed for one in charges), Decimal(0))
    amount = sum((row["amount"] for row in wanted), Decimal(0)) - billed
    returns = amount * last["amount"] < 0
    if not amount or (returns and last["kind"] != "discount" and price.policy.credit != "prorated"):
        return []
    inputs = {**json.loads(last["inputs"]), "before": str(last["amount"] - amount)}
    tax = charges[-1].line["tax_percent"]
    return [{**last, "amount": amount, "tax_percent": tax, "inputs": json.dumps(inputs)}]


def _play(billed: Sequence[Row]) -> list[_Charge]:
    charges: list[_Charge] = []
    sign = 1 if billed and billed[0]["amount"] > 0 else -1  # discounts are charged below zero
    for line in billed:
        span = _span(line)
        if line["corrects"]:
            corrected = next((one for one in charges if _intersect(span, one.standing)), None)
            if corrected is not None:
                corrected.billed += line["amount"]
                corrected.left += line["amount"] + line["adjusted"]
                continue
        if line["amount"] * sign > 0:
            left = line["amount"] + line["adjusted"]
            charges.append(_Charge(line, line["amount"], left, [span]))
            continue
        days = [span]
        for charge in reversed(charges):
            taken = [piece for part in days for piece in _intersect(part, charge.standing)]
            if not taken:
                continue
            charge.standing = [p for part in charge.standing for p in _subtract(part, taken)]
            days = [piece for part in days for piece in _subtract(part, taken)]
            charge.billed += line["amount"]
            charge.left += line["amount"]
    return charges


def _returning(
    line: Mapping[str, Any], piece: Span, measure: _Measure, horizon_at: datetime
) -> tuple[Span, Fraction] | None:
    """What of an unused piece comes back, and its share of the line: of a price that is not
    prorated only intervals that have not begun, nothing under `credit: none`; but a charge of
    which nothing was used comes back in any case. What began before the horizon was looked at by
    an earlier bill, when its use was still to be seen."""
    whole = (line["start_at"], line["end_at"])
    if piece == whole and piece[0] >= horizon_at:
        return piece, Fraction(1)
    if measure.price.policy.credit != "prorated":
        return None
    if measure.price.prorate:
        return piece, measure.unused(piece, whole)
    return measure.not_begun(piece, whole)


def _credit(charge: _Charge, piece: Span, unused: Fraction, price: Price, currency: str) -> Row:
    line = charge.line
    exact = Fraction(line["amount"]) * unused
    amount = round_amount(exact, currency, price.policy.rounding)
    amount = min(amount, charge.left) if charge.left > 0 else max(amount, charge.left)
    charge.billed -= amount
    charge.left -= amount
    charge.standing = [one for part in charge.standing for one in _subtract(part, [piece])]
    return {
        **line,
        "start_at": piece[0],
        "end_at": piece[1],
        "amount": -amount,
        "tax_percent": line["tax_percent"],
        "inputs": json.dumps(
            {"credit_of": str(line["amount"]), "share": f"{unused.numerator}/{unused.denominator}",
             "rounding": price.policy.rounding, "left": str(charge.left + amount)}
        ),
    }  # fmt: skip


def _charge(row: Row, piece: Span, part: Fraction, price: Price, currency: str) -> Row:
    if piece == _span(row):
        return {**row, "tax_percent": None}
    inputs = json.loads(row["inputs"])
    inputs["part"] = f"{part.numerator}/{part.denominator}"
    return {
        **row,
        "start_at": piece[0],
        "end_at": piece[1],
        "amount": round_amount(Fraction(row["amount"]) * part, currency, price.policy.rounding),
        "tax_percent": None,
        "inputs": json.dumps(inputs),
    }


@dataclass(frozen=True)
class _Measure:
    """Lengths of periods as the price's policy counts them."""

    price: Price
    zone: ZoneInfo

    def share(self, piece: Span, whole: Span) -> Fraction:
        if piece == whole:
            return Fraction(1)
        return Fraction(self._length(piece), self._length(whole))

    def parts(
        self, amount: Decimal, of: Decimal, pieces: Sequence[Span], currency: str
    ) -> dict[Span, Fraction]:
        """`amount` split over `pieces` by their lengths, each as a share `of` a line's amount;
        nothing where it has the other sign."""
        if not pieces or amount * of <= 0:
            return {}
        shares = split(amount, [self._length(piece) for piece in pieces], currency)
        return {
            piece: Fraction(part) / Fraction(of) for piece, part in zip(pieces, shares, strict=True)
        }

    def unused(self, piece: Span, billed: Span) -> Fraction:
        """The share of a billed period that comes back: counted as a stub of it would have been
        charged, so in thirtieths of a whole month where months have 30 days."""
        start, end = self._days(billed)
        interval = self.price.interval
        if self.price.policy.day_count == "seconds" or not _whole(start, end, interval):
            return self.share(piece, billed)
        return min(
            share(*self._days(piece), (start, end), interval, self.price.policy.day_count),
            Fraction(1),
        )

    def not_begun(self, piece: Span, billed: Span) -> tuple[Span, Fraction] | None:
        """The intervals of so many days, of a line of several, that lie in an unused piece."""
        every = self.price.interval.days
        start, end = self._days(billed)
        count, rest = divmod((end - start).days, every) if every else (0, 0)
        if count < 2 or rest:
            return None
        first, last = ((day - start).days for day in self._days(piece))
        begun = -(-first // every)
        left = last // every - begun
        if left < 1:
            return None
        local = billed[0].astimezone(self.zone) + timedelta(days=begun * every)
        return (local.astimezone(UTC), piece[1]), Fraction(left, count)

    def _length(self, span: Span) -> int:
        if self.price.policy.day_count == "seconds":
            return (span[1] - span[0]) // timedelta(microseconds=1)
        return counted_days(*self._days(span), self.price.policy.day_count)

    def _days(self, span: Span) -> tuple[date, date]:
        start, end = (moment.astimezone(self.zone).date() for moment in span)
        return start, end


def _whole(start: date, end: date, interval: Interval) -> bool:
    """Whether a period is a whole cycle of its interval; a billing day that a shorter month does
    not have is that month's last day."""
    day = max(start.day, end.day)
    months = interval.months
    return bool(months) and (
        end == clamped(start.year, start.month + months, day)
        and start == clamped(start.year, start.month, day)
    )


def _subtract(span: Span, cuts: Sequence[Span]) -> list[Span]:
    """The parts of `span` outside of all `cuts`, in order."""
    parts: list[Span] = []
    at, end = span
    for cut_start, cut_end in sorted(cuts):
        if cut_end <= at or cut_start >= end:
            continue
        if cut_start > at:
            parts.append((at, cut_start))
        at = max(at, cut_end)
    if at < end:
        parts.append((at, end))
    return parts


def _intersect(span: Span, others: Sequence[Span]) -> list[Span]:
    found = []
    for start, end in others:
        low, high = max(span[0], start), min(span[1], end)
        if low < high:
            found.append((low, high))
    return found
