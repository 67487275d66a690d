"""Charts drawn as SVG in the colours of the page: Vega-Lite specs of Altair, compiled once.

What differs between two charts of a kind is their data only, so each kind is compiled to Vega once
a process and width, and a drawing puts its rows in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import Any

import altair as alt
import vl_convert
from django.utils.safestring import SafeString, mark_safe

Points = tuple[tuple[str, str, float], ...]  # label, series, value
Rows = list[dict[str, Any]]

_TOKENS = {
    "#0a0001": "--chart-1", "#0a0002": "--chart-2", "#0a0003": "--chart-3",
    "#0a0004": "--chart-4", "#0a0005": "--chart-5", "#0b0001": "--muted", "#0b0002": "--line",
    "#0b0003": "--good", "#0b0004": "--bad",
}  # fmt: skip
_WIDTHS = {False: 640, True: 300}
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
        "labelLimit": 0,  # each text is measured once less; to measure is half of a drawing
    },
    "axisX": {"grid": False, "labelAngle": 0, "labelOverlap": True, "domain": True},
    "axisY": {"domain": False, "tickCount": 4},
    "legend": {
        "labelColor": _MUTED, "title": None, "orient": "top", "labelFontSize": 11,
        "symbolType": "circle", "symbolSize": 60, "offset": 4,
    },
    "range": {"category": _SERIES},
}  # fmt: skip


@lru_cache(maxsize=512)
def svg(
    kind: str, points: Points, title: str, description: str, language: str, *, narrow: bool
) -> SafeString:
    """A drawing; `narrow`: for a phone."""
    spec = json.loads(_compiled(kind, narrow))
    spec["description"] = description
    (data,) = (one for one in spec["data"] if one["name"] == _DATA)
    data["values"] = _ROWS.get(kind, _rows)(points)
    (across,) = (one for one in spec["axes"] if one["orient"] == "bottom")
    across["values"] = _told(points, _WIDTHS[narrow])
    drawn = vl_convert.vega_to_svg(json.dumps(spec), format_locale=_NUMBERS[language])
    return _in_colours(drawn, title)


def warm() -> None:
    """Start the engine, which takes a second or two, and compile each kind."""
    for kind in _DRAWINGS:
        for narrow in _WIDTHS:
            svg(kind, (("", "", 1.0),), "", "", "en", narrow=narrow)


@lru_cache(maxsize=32)
def _compiled(kind: str, narrow: bool) -> str:
    """The Vega spec of a kind as JSON, without data."""
    drawing = _DRAWINGS[kind](_base()).properties(
        width=_WIDTHS[narrow], height=_HEIGHTS.get(kind, 220)
    )
    spec: dict[str, Any] = drawing.to_dict(validate=False)
    spec["config"] = _CONFIG
    return json.dumps(vl_convert.vegalite_to_vega(json.dumps(spec)))


def _told(points: Points, width: int) -> list[str]:
    """The labels for which there is room: the engine drops what overlaps, but measures it first."""
    labels = list(dict.fromkeys(label for label, _series, _value in points))
    longest = max((len(label) + 1 for label in labels), default=0)
    return labels[:: max(ceil(len(labels) * longest * _LETTER / width), 1)]


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


def _rows(points: Points) -> Rows:
    return [
        {"i": index, "label": label, "series": series, "value": value}
        for index, (label, series, value) in enumerate(points)
    ]


def _parts(points: Points) -> Rows:
    """With `part`, the share of the largest value."""
    most = max((value for _label, _series, value in points), default=0) or 1
    return [{**row, "part": row["value"] / most} for row in _rows(points)]


def _steps(points: Points) -> Rows:
    """With the `start` and `end` of each step, from the first value to the last one."""
    total, steps = 0.0, []
    for index, row in enumerate(_rows(points)):
        whole = index in (0, len(points) - 1)
        start = 0.0 if whole else total
        total = row["value"] if whole else total + row["value"]
        kind = "whole" if whole else ("less" if row["value"] < 0 else "more")
        steps.append({**row, "start": start, "end": total, "kind": kind})
    return steps


def _base() -> alt.Chart:
    return alt.Chart(alt.InlineData(values=[], name=_DATA))


def _x() -> alt.X:
    return alt.X("label:N", sort=None)


def _y() -> alt.Y:
    return alt.Y("value:Q", axis=alt.Axis(format="~s"))


def _bar(base: alt.Chart) -> alt.Chart:
    mark = base.mark_bar(color=_SERIES[0], cornerRadiusEnd=3, width={"band": 0.62})
    return mark.encode(x=_x(), y=_y())


def _stacked(base: alt.Chart) -> alt.Chart:
    mark = base.mark_bar(width={"band": 0.62})
    return mark.encode(x=_x(), y=_y(), color=alt.Color("series:N", sort=None))


def _line(base: alt.Chart) -> alt.Chart:
    mark = base.mark_line(strokeWidth=2, interpolate="monotone")
    return mark.encode(x=_x(), y=_y(), color=alt.Color("series:N", sort=None))


def _area(base: alt.Chart) -> alt.Chart:
    line = {"color": _SERIES[0], "strokeWidth": 2}
    mark = base.mark_area(color=_SERIES[0], opacity=0.14, line=line, interpolate="monotone")
    return mark.encode(x=_x(), y=_y())


def _heat(base: alt.Chart) -> alt.Chart:
    mark = base.mark_rect(color=_SERIES[0], cornerRadius=2, stroke=None)
    opacity = alt.Opacity("part:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 1]), legend=None)
    return mark.encode(x=_x(), y=alt.Y("series:N", sort=None), opacity=opacity)


def _waterfall(base: alt.Chart) -> alt.Chart:
    colours = alt.Scale(domain=["whole", "more", "less"], range=[_SERIES[0], _BAD, _GOOD])
    mark = base.mark_bar(cornerRadius=2, width={"band": 0.62})
    return mark.encode(
        x=_x(),
        y=alt.Y("start:Q", axis=alt.Axis(format="~s")),
        y2="end:Q",
        color=alt.Color("kind:N", scale=colours, legend=None),
    )


_DATA = "rows"
_LETTER = 6  # how wide one is, about
_HEIGHTS = {"heat": 180}
_ROWS: dict[str, Callable[[Points], Rows]] = {"heat": _parts, "waterfall": _steps}
_DRAWINGS: dict[str, Callable[[alt.Chart], alt.Chart]] = {
    "bar": _bar, "stacked": _stacked, "line": _line, "area": _area, "heat": _heat,
    "waterfall": _waterfall,
}  # fmt: skip
