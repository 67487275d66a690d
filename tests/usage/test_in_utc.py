"""Instants in the usual form are those that Polars reads; others are left to it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.kernel.texts import texts_of
from meterline.usage.in_utc import in_utc

MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))


@given(moments=st.lists(MOMENTS, max_size=50))
def test_it_reads_what_was_written(moments: list[datetime]) -> None:
    texts = [moment.replace(tzinfo=None).isoformat() + "Z" for moment in moments]
    found = in_utc(pl.Series("start", texts, pl.String))
    assert found is not None
    assert found.to_list() == moments


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+", "2026-1-01T00:00:000Z", "0000-01-01T00:00:00Z", "",
        "2026-01-01T00:00:00.5Z", "2026-01-01T0a:00:00Z",
    ],
)  # fmt: skip
def test_anything_else_is_left_alone(text: str) -> None:
    assert in_utc(pl.Series(["2026-01-01T00:00:00Z", text])) is None


def test_texts_that_lie_in_several_places_are_found() -> None:
    long = "2026-01-01T00:00:00Z"
    parts = [pl.Series([long]), pl.Series([long.replace("01-01", "12-31"), long])]
    column = pl.concat(parts).filter(pl.Series([True, True, False]))
    texts = texts_of(column)
    assert len(texts.views) == 2
    found = in_utc(column)
    assert found is not None
    assert found.dt.month().to_list() == [1, 12]
    assert len(texts_of(pl.Series(["a", None], dtype=pl.String)).views) == 2
