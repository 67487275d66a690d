"""Every format's sample through the whole of loading: each record ends as rated, reject or
duplicate, and the same records in another file count once."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from billing.world import set_up
from usage.formats.samples import FILES, decoded, mapping_of, path_of

from meterline.platform import clock
from meterline.usage import services
from meterline.usage.models import Batch, Reject

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def operator(home: Path) -> None:
    set_up()
    clock.move_to(datetime(2026, 2, 1, 12, tzinfo=UTC))


def counts(batch: Batch) -> tuple[int, int, int, int]:
    return batch.records, batch.rated, batch.rejected, batch.duplicates


@pytest.mark.parametrize("name", sorted(FILES))
def test_counts_of_a_sample_add_up(name: str) -> None:
    made = decoded(path_of(name), name, mapping_of(name))
    mapping = mapping_of(name)
    if mapping is not None:  # its sample's trailer agrees: it is not refused
        assert made.control is not None
        assert all(claim.holds for claim in made.control.claims)
    batch = services.load_file(path_of(name), mapping=mapping)
    records, rated, rejected, duplicates = counts(batch)
    assert batch.format == name
    assert records == made.records.height + made.rejects.height == rated + rejected + duplicates
    assert rejected == Reject.objects.filter(batch=batch).count()
    assert services.delivered(batch)["left_out"] == made.left_out
    recycled = services.recycle([row.pk for row in services.rejects()])
    assert recycled is not None
    assert recycled.records == rejected


@pytest.mark.parametrize(
    ("name", "mapping", "rated"),
    [
        ("gprs_cdr", "constants: {meter: data, subscription: s1, mb: '2'}", 3),
        ("tap3", "columns: {id: id, start: start, to: to}\n"
                 "constants: {meter: calls, subscription: s1}", 5),
        ("jsonl", "filters: [{column: id, is: [a1, a2]}]\n"
                  "constants: {meter: data, subscription: s1, mb: '1'}", 2),
    ],
)  # fmt: skip
def test_records_count_once_whatever_file_brings_them(
    name: str, mapping: str, rated: int, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(mapping)
    first = services.load_file(path_of(name), mapping=tmp_path / "m.yaml")
    assert first.rated == rated
    again = tmp_path / "again.gz"
    again.write_bytes(gzip.compress(path_of(name).read_bytes()))
    second = services.load_file(again, mapping=tmp_path / "m.yaml")
    assert (second.rated, second.duplicates) == (0, rated)
