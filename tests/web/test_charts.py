"""Charts: their pictures by a key that the page holds, and their tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.signing import BadSignature
from django.test import Client
from django.urls import reverse

from meterline.web import charts

PAIRS = [("Jan", Decimal("1200.50")), ("Feb", Decimal("-3")), ("Mar", Decimal(0))]
PARTS = [(day, series, Decimal(4)) for day in ("Mon", "Tue") for series in ("<a> & b", "c")]
MANY = [(f"{day} January", Decimal(day)) for day in range(1, 32)]


@pytest.mark.parametrize(
    "chart",
    [
        charts.bars("Bars", PAIRS, unit="EUR"), charts.area("Area", PAIRS),
        charts.waterfall("Steps", PAIRS), charts.stacked("Stacked", PARTS),
        charts.lines("Lines", PARTS), charts.heat("Heat", PARTS), charts.bars("Nothing", []),
    ],
    ids=lambda chart: chart.title,
)  # fmt: skip
@pytest.mark.parametrize("narrow", [False, True])
def test_each_kind_is_drawn_in_the_colours_of_the_page(chart: charts.Chart, narrow: bool) -> None:
    picture = charts.drawn(chart.key, narrow=narrow)
    assert picture.startswith('<svg role="img" aria-label="')
    assert not re.search(r'"#[0-9a-f]{6}"', picture)
    assert "<a>" not in picture
    for label in {row[0] for row in chart.rows}:
        assert f">{label}<" in picture


def test_labels_for_which_there_is_no_room_are_left_out() -> None:
    chart = charts.bars("Days", MANY)
    shown = [
        label for label, _value in MANY if f">{label}<" in charts.drawn(chart.key, narrow=True)
    ]
    assert shown[0] == "1 January"
    assert 2 <= len(shown) <= 5
    assert len(chart.rows) == 31


def test_the_same_chart_has_the_same_key() -> None:
    assert charts.bars("Bars", PAIRS).key == charts.bars("Bars", PAIRS).key
    assert charts.bars("Bars", PAIRS).key != charts.bars("Bars", MANY).key


def test_a_key_that_is_not_ours_draws_nothing() -> None:
    with pytest.raises(BadSignature):
        charts.drawn(charts.bars("Bars", PAIRS).key[:-1] + "!", narrow=False)


@pytest.mark.django_db
def test_the_page_has_the_table_and_asks_for_the_picture(clerk: Callable[..., Client]) -> None:
    client = clerk("admin")
    page = client.get("/gallery/").content.decode()
    urls = re.findall(r'<chart-picture data-url="([^"]+)"', page)
    assert len(urls) == 6
    assert "<noscript><div" in page
    answer = client.get(urls[0])
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "private, max-age=604800, immutable"
    assert client.get(reverse("console.chart")).status_code == 404
    assert Client().get(urls[0]).status_code == 302
