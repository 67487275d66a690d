"""What waits for the end of its batch comes back whole, account by account, also from files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.usage import staging
from meterline.usage.staging import Staging


@given(
    chunks=st.lists(st.lists(st.integers(1, 200), min_size=1, max_size=20), max_size=6),
    held=st.integers(0, 60),
    shard=st.integers(1, 60),
)
@settings(max_examples=40, deadline=None)
def test_all_of_an_account_comes_together(
    chunks: list[list[int]], held: int, shard: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("batch")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staging, "_HELD_MOST", held)
        patched.setattr(staging, "_SHARD_ROWS", shard)
        waiting, line = Staging(folder), 0
        for accounts in chunks:
            lines = range(line, line + len(accounts))
            line += len(accounts)
            records = pl.DataFrame(
                {"line": lines, "account_id": accounts, f"property{line}": "x"},
                schema_overrides={"line": pl.UInt32, "account_id": pl.Int64},
            )
            waiting.add(records, records.select("line", "account_id"))
        found = list(waiting.shards())
    assert list(folder.iterdir()) == []
    lines_back = sorted(one for _, rated in found for one in rated["line"])
    assert lines_back == list(range(line))
    assert sorted(one for records, _ in found for one in records["line"]) == lines_back
    seen = [set(rated["account_id"]) for _, rated in found]
    assert sum(map(len, seen)) == len(set().union(*seen)) if seen else line == 0
