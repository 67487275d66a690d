"""Lines cut into columns are what the csv module reads; what is odd is left to others."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.usage.cut import cut

LONGEST = 200
FIELD = st.text(st.characters(codec="utf-8", exclude_characters='\0",\r\n'), max_size=40)
NAMES = ["id", "meter", "to"]


@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=20),
    end=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
)
def test_it_reads_what_the_csv_module_reads(
    rows: list[tuple[str, ...]], end: str, closed: bool
) -> None:
    text = end.join(",".join(row) for row in rows) + (end if closed else "")
    expected = [[field or None for field in row] for row in csv.reader(io.StringIO(text))]
    found = cut(text.encode(), NAMES, ",", LONGEST * 10)
    assert found is not None
    assert [list(row) for row in found.rows()] == expected
    assert found.filter(pl.int_range(pl.len()) % 2 == 0).rows() == found.rows()[::2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'a,"b",c\n',
        b"a,\0,c\n",
        b"a,\xff,c\n",
        b"a,b\n",
        b"a,b,c,d\n",
        b"a,b\nc,d,e,f\n",
        b"a,b,c\n\nd,e,f\n",
        b"a,b," + b"c" * LONGEST + b"\n",
    ],
)
def test_what_is_odd_is_not_cut(data: bytes) -> None:
    assert cut(data, NAMES, ",", LONGEST) is None


def test_a_blank_line_is_no_empty_field() -> None:
    assert cut(b"a\n\nb\n", ["id"], ",", LONGEST) is None
    assert cut(b"a\r\n\r\n", ["id"], ",", LONGEST) is None
