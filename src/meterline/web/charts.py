"""Charts: drawn on the server as SVG in the colours of the page, with their data as a table.

Each drawing takes rows of (label, value) or (label, series, value). Values are only drawn here;
what the table beside it shows is exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import altair as alt
import vl_convert
from django.utils.safestring import SafeString, mark_safe

from meterline.web import format as written

Value = Decimal | int
Point = tuple[str, str, Value]  # label, series, value

_TOKENS = {
    "#0a0001": "--chart-1", "#0a0002": "--chart-2", "#0a0003": "--chart-3",
    "#0a0004": "--chart-4", "#0a0005": "--chart-5", "#0b0001": "--muted", "#0b0002": "--line",
    "#0b0003": "--good", "#0b0004": "--bad",
}  # fmt: skip
_WIDTHS = (640, 300)
_SHORT = "abs(datum.value) < 1000 ? format(datum.value, '~') : format(datum.value, '~s')"
"""Labels of an axis: thousands in short, but no thousandths (80m is no 0.08 of money)."""
_NUMBERS: dict[str, Any] = {
    "en": "en-US",
    "de": "de-DE",
    "fr": "fr-FR",
    "it": "it-IT",
    "es": "es-ES",
}  # of axes
_SERIES = list(_TOKENS)[:5]
_MUTED, _LINE, _GOOD, _BAD = list(_TOKENS)[5:]
_CONFIG = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _MUTED, "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE,
        "labelFontSize": 11, "title": None, "labelPadding": 6, "tickSize": 0,
    },
    "axisX": {"grid": False, "labelAngle": 0, "labelOverlap": True, "domain": True},
    "axisY": {"domain": False, "tickCount": 4},
    "legend": {
        "labelColor": _MUTED, "title": None, "orient": "top", "labelFontSize": 11,
        "symbolType": "circle", "symbolSize": 60, "offset": 4,
    },
    "range": {"category": _SERIES},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawn chart and its data."""

    title: str
    description: str
    svg: SafeString
    narrow: SafeString  # the same for a phone
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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
        (label, *((series,) if many else ()), f"{written.number(value)} {unit}".strip())
        for label, series, value in points
    )
    drawn = tuple((label, series, float(value)) for label, series, value in points)
    heads = ("", "", unit) if many else ("", unit)
    wide, narrow = (
        _svg(kind, drawn, title, description or title, width, written.locale().language)
        for width in _WIDTHS
    )
    return Chart(
        title=title, description=description, svg=wide, narrow=narrow, heads=heads, rows=shown
    )


@lru_cache(maxsize=512)
def _svg(
    kind: str, points: tuple[tuple[str, str, float], ...], title: str, description: str,
    width: int, language: str,
) -> SafeString:  # fmt: skip
    data = [
        {"i": index, "label": label, "series": series, "value": value}
        for index, (label, series, value) in enumerate(points)
    ]
    drawing = _DRAWINGS[kind](data).properties(width=width, height=_HEIGHTS.get(kind, 220))
    spec: dict[str, Any] = drawing.to_dict(validate=False)
    spec["config"], spec["description"] = _CONFIG, description
    return _in_colours(
        vl_convert.vegalite_to_svg(json.dumps(spec), format_locale=_NUMBERS[language]), title
    )


def _in_colours(svg: str, title: str) -> SafeString:
    """Placeholders become tokens; the size becomes that of the card."""
    for colour, token in _TOKENS.items():
        svg = svg.replace(f'"{colour}"', f'"var({token})"')
    svg = re.sub(r' (width|height)="\d+(\.\d+)?"(?=[^<>]*viewBox)', "", svg, count=2)
    svg = re.sub(r' font-family="[^"]*"', "", svg)  # that of the page
    svg = re.sub(r' (role|aria-roledescription|aria-label)="[^"]*"', "", svg)
    escaped = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escaped}" ', 1)
    return mark_safe(svg)  # made by the engine from data that it escapes


def _base(data: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=data))


def _x() -> alt.X:
    return alt.X("label:N", sort=None)


def _y() -> alt.Y:
    return alt.Y("value:Q", axis=alt.Axis(labelExpr=_SHORT))


def _bar(data: list[dict[str, Any]]) -> alt.Chart:
    mark = _base(data).mark_bar(color=_SERIES[0], cornerRadiusEnd=3, width={"band": 0.62})
    return mark.encode(x=_x(), y=_y())


def _stacked(data: list[dict[str, Any]]) -> alt.Chart:
    mark = _base(data).mark_bar(width={"band": 0.62})
    return mark.encode(x=_x(), y=_y(), color=alt.Color("series:N", sort=None))


def _line(data: list[dict[str, Any]]) -> alt.Chart:
    mark = _base(data).mark_line(strokeWidth=2, interpolate="monotone")
    return mark.encode(x=_x(), y=_y(), color=alt.Color("series:N", sort=None))


def _area(data: list[dict[str, Any]]) -> alt.Chart:
    line = {"color": _SERIES[0], "strokeWidth": 2}
    mark = _base(data).mark_area(color=_SERIES[0], opacity=0.14, line=line, interpolate="monotone")
    return mark.encode(x=_x(), y=_y())


def _heat(data: list[dict[str, Any]]) -> alt.Chart:
    most = max((row["value"] for row in data), default=0) or 1
    mark = _base(data).mark_rect(color=_SERIES[0], cornerRadius=2, stroke=None)
    opacity = alt.Opacity(
        "value:Q", scale=alt.Scale(domain=[0, most], range=[0.06, 1]), legend=None
    )
    return mark.encode(x=_x(), y=alt.Y("series:N", sort=None), opacity=opacity)


def _waterfall(data: list[dict[str, Any]]) -> alt.Chart:
    total, steps = 0.0, []
    for index, row in enumerate(data):
        whole = index in (0, len(data) - 1)
        start = 0.0 if whole else total
        total = row["value"] if whole else total + row["value"]
        kind = "whole" if whole else ("less" if row["value"] < 0 else "more")
        steps.append({**row, "start": start, "end": total, "kind": kind})
    colours = alt.Scale(domain=["whole", "more", "less"], range=[_SERIES[0], _BAD, _GOOD])
    mark = _base(steps).mark_bar(cornerRadius=2, width={"band": 0.62})
    return mark.encode(
        x=_x(),
        y=alt.Y("start:Q", axis=alt.Axis(labelExpr=_SHORT)),
        y2="end:Q",
        color=alt.Color("kind:N", scale=colours, legend=None),
    )


_HEIGHTS = {"heat": 180}
_DRAWINGS: dict[str, Callable[[list[dict[str, Any]]], alt.Chart]] = {
    "bar": _bar, "stacked": _stacked, "line": _line, "area": _area, "heat": _heat,
    "waterfall": _waterfall,
}  # fmt: skip
