"""Cost and usage reports of a cloud, in the layout of AWS: CSV of a hundred columns and more, with
`lineItem/UsageAmount` (or, in reports of the second kind, `line_item_usage_amount`).

A record a line item: meter = product code (a mapping may name meters), identifier = the account
that used it, start and end of the use, quantity = the amount of use. Properties: what kind of line
it is (line_item_type: Usage, Tax, Credit ...), usage_type, operation, resource_id, region, rate,
cost, currency, unit, and `tag:NAME` for each tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from meterline.usage.errors import UsageFileError
from meterline.usage.formats import Decoded
from meterline.usage.formats.csv import BOM, decode_blocks, fields_of, numbered
from meterline.usage.remap import remapped_all

NAME = "aws_cur"

_REQUIRED = ("line_item_usage_account_id", "line_item_usage_start_date", "line_item_usage_amount")
_FIELDS = {  # field: column of a report of the second kind
    "meter": "line_item_product_code",
    "identifier": "line_item_usage_account_id",
    "start": "line_item_usage_start_date",
    "end": "line_item_usage_end_date",
    "quantity": "line_item_usage_amount",
    "line_item_type": "line_item_line_item_type",
    "usage_type": "line_item_usage_type",
    "operation": "line_item_operation",
    "resource_id": "line_item_resource_id",
    "rate": "line_item_unblended_rate",
    "cost": "line_item_unblended_cost",
    "currency": "line_item_currency_code",
    "description": "line_item_line_item_description",
    "payer": "bill_payer_account_id",
    "region": "product_region",
    "unit": "pricing_unit",
}
_ID = ("identity_line_item_id", "identity_time_interval")
_TAGS = ("resource_tags_", "resourcetags_")


def sniff(head: bytes) -> bool:
    """A first line that names the columns a line item has."""
    names = fields_of(head.removeprefix(BOM).split(b"\n", 1)[0])
    return not isinstance(names, str) and {_snake(name) for name in names}.issuperset(_REQUIRED)


def decode(path: Path, mapping: Path | None = None) -> Iterator[Decoded]:
    """Its line items in chunks. Raises UsageFileError for a header that will not do."""

    def check(names: list[str], file: Path) -> None:
        missing = sorted(set(_REQUIRED) - {_snake(name) for name in names})
        if missing:
            raise UsageFileError(file=file.name, why=f"has no column {', '.join(missing)}")

    chunks = decode_blocks(numbered(path), path, check)
    yield from remapped_all((_as_records(chunk) for chunk in chunks), mapping)


def _snake(name: str) -> str:
    """lineItem/UsageAccountId and line_item_usage_account_id alike."""
    words = [
        f"_{letter.lower()}" if letter.isupper() and at and name[at - 1].islower() else letter
        for at, letter in enumerate(name.strip())
    ]
    return "".join(words).replace("/", "_").lower()


def _as_records(chunk: Decoded) -> Decoded:
    rows = chunk.records
    source = {_snake(name): name for name in rows.columns if name != "line"}
    made = {field: pl.col(source[column]) for field, column in _FIELDS.items() if column in source}
    if "region" not in made and "product_region_code" in source:
        made["region"] = pl.col(source["product_region_code"])
    for column, name in source.items():
        for prefix in _TAGS:
            if column.startswith(prefix):
                made[f"tag:{name[len(prefix) :].partition(':')[2] or column[len(prefix) :]}"] = (
                    pl.col(name)
                )
    parts = [pl.col(source[column]) for column in _ID if column in source]
    if parts:
        made["id"] = pl.concat_str(parts, separator="/")
    records = rows.select("line", **made)
    return Decoded(records=records, rejects=chunk.rejects)
