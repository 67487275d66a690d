"""Charts: their data as a table, and a picture that follows the page.

Each takes rows of (label, value) or (label, series, value). Values are only drawn here; what the
table shows is exact. A page holds the key of the picture, which says all that is drawn, signed; the
browser asks for the picture by it (`drawn`), in the width that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.signing import Signer
from django.utils.safestring import SafeString

from meterline.web import format as written

Value = Decimal | int
Point = tuple[str, str, Value]  # label, series, value

_SIGNER = "meterline.chart"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart: its table, and the key of its picture."""

    title: str
    description: str
    key: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def drawn(key: str, *, narrow: bool) -> SafeString:
    """The picture, as SVG. Raises BadSignature where the key is not one of ours."""
    from meterline.web import drawings  # takes half a second to load; most programs draw nothing

    kind, points, title, description, language = Signer(salt=_SIGNER).unsign_object(key)
    return drawings.svg(
        kind, tuple(map(tuple, points)), title, description, language, narrow=narrow
    )


def bars(
    title: str, rows: Sequence[tuple[str, Value]], *, unit: str = "", description: str = ""
) -> Chart:
    """A bar a label."""
    points = tuple((label, "", value) for label, value in rows)
    return _made("bar", title, points, unit, description)


def stacked(title: str, rows: Sequence[Point], *, unit: str = "", description: str = "") -> Chart:
    """A bar a label, of one piece a series."""
    return _made("stacked", title, tuple(rows), unit, description)


def lines(title: str, rows: Sequence[Point], *, unit: str = "", description: str = "") -> Chart:
    """A line a series."""
    return _made("line", title, tuple(rows), unit, description)


def area(
    title: str, rows: Sequence[tuple[str, Value]], *, unit: str = "", description: str = ""
) -> Chart:
    """One line, filled below."""
    points = tuple((label, "", value) for label, value in rows)
    return _made("area", title, points, unit, description)


def heat(title: str, rows: Sequence[Point], *, unit: str = "", description: str = "") -> Chart:
    """A field a label (across) and series (down), such as hours by days; the darker, the more."""
    return _made("heat", title, tuple(rows), unit, description)


def waterfall(
    title: str, rows: Sequence[tuple[str, Value]], *, unit: str = "", description: str = ""
) -> Chart:
    """From the first value by steps to the last one, which is their sum."""
    points = tuple((label, "", value) for label, value in rows)
    return _made("waterfall", title, points, unit, description)


def _made(kind: str, title: str, points: tuple[Point, ...], unit: str, description: str) -> Chart:
    many = any(series for _label, series, _value in points)
    shown = tuple(
        (str(label), *((series,) if many else ()), f"{written.number(value)} {unit}".strip())
        for label, series, value in points
    )
    drawn = [(str(label), series, float(f"{value:.7g}")) for label, series, value in points]
    spec = (kind, drawn, str(title), str(description or title), written.locale().language)
    heads = ("", "", unit) if many else ("", unit)
    return Chart(
        title=title, description=description, heads=heads, rows=shown,
        key=Signer(salt=_SIGNER).sign_object(spec, compress=True),
    )  # fmt: skip
