"""A list as CSV, Excel or JSON: the same rows, columns and order as on the page, all of them.

Rows are read from the database in batches and written as they come, so that the size of a list
does not matter to the memory.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse

from meterline.platform import audit
from meterline.web.rows import Column, exported

if TYPE_CHECKING:
    from meterline.web.table import Table

FORMATS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON"}
_BATCH = 2000


def export(
    table: Table, request: HttpRequest, queryset: QuerySet[Any], kind: str
) -> HttpResponse | StreamingHttpResponse | FileResponse:
    """The file, as a download. It is on record who took which list."""
    bound = table.bind(request, queryset)
    columns = bound.columns
    audit.record("list.exported", f"list:{table.name}", after={"query": bound.query_kept})
    rows = _rows(table, queryset, str(bound.order))
    name = f"{table.name}.{kind}"
    if kind == "xlsx":
        return FileResponse(_excel(columns, rows), as_attachment=True, filename=name)
    written = _csv(columns, rows) if kind == "csv" else _json(columns, rows)
    response = StreamingHttpResponse(written, content_type=_KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


_KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def _rows(table: Table, queryset: QuerySet[Any], order: str) -> Iterator[list[dict[str, Any]]]:
    keys = dict.fromkeys([order, "-pk" if order.startswith("-") else "pk"])
    ordered = queryset.order_by(*keys).values(*table.names(), pk=F("pk"))
    source = iter(ordered.iterator(chunk_size=_BATCH))
    while rows := list(islice(source, _BATCH)):
        if table.enrich is not None:
            table.enrich(rows)
        yield rows


def _csv(columns: list[Column], batches: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([column.name for column in columns])
    for rows in batches:
        writer.writerows([_harmless(exported(one.plain(row))) for one in columns] for row in rows)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is marked as text."""
    formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if formula else value


def _json(columns: list[Column], batches: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    opening = "["
    for rows in batches:
        for row in rows:
            line = {column.name: exported(column.plain(row)) for column in columns}
            yield opening + json.dumps(line, default=str, ensure_ascii=False)
            opening = ",\n"
    yield "]\n" if opening != "[" else "[]\n"


def _excel(columns: list[Column], batches: Iterator[list[dict[str, Any]]]) -> Any:
    import xlsxwriter

    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        sheet.write_row(0, 0, [str(column.label) for column in columns], bold)
        line = 1
        for rows in batches:
            for row in rows:
                sheet.write_row(line, 0, [exported(column.plain(row)) for column in columns])
                line += 1
        sheet.freeze_panes(1, 0)
    file.seek(0)
    return file
