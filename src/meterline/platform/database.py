"""Frames in and out of PostgreSQL, inside the current transaction, by COPY.

`write_frame` and `read_frame` use Django's own connection, so that bulk rows and everything
else of a service stand or fall together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import polars as pl
from django.db import connection, transaction
from psycopg import ClientCursor, Connection, Error, OperationalError, sql
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from meterline.kernel.frames import empty

__all__ = ["apart", "export_snapshot", "read_frame", "reading", "write_frame"]


_NULL = "\\N"
_FEW = 8_000  # bytes


@contextmanager
def reading(snapshot: str | None = None) -> Iterator[None]:
    """Everything inside reads the database as it was at one moment, and can write nothing: at that
    of an exported `snapshot`, or now. Inside a transaction, as that transaction sees it."""
    with transaction.atomic():
        if not connection.savepoint_ids:  # the outermost transaction: no earlier statement in it
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                if snapshot is not None:
                    cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
        yield


def export_snapshot() -> str:
    """The name of the moment that the current transaction sees, for others to read the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        return str(cursor.fetchone()[0])


@contextmanager
def apart() -> Iterator[Any]:
    """A connection beside Django's own: what is done on it stands at once, and others see it,
    whatever transaction goes on."""
    beside = connection.copy()
    try:
        yield beside
    finally:
        beside.close()


def write_frame(table: str, frame: pl.DataFrame) -> int:
    """Append the rows of `frame` to `table` (columns by name); returns the number of rows.

    Columns must be scalars: numbers, Decimal, String (JSON as text), Boolean, Date, and
    Datetime in UTC. null is NULL; an empty string stays an empty string.
    """
    if frame.is_empty():
        return 0
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '')").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    body = frame.write_csv(
        include_header=False, quote_style="necessary", null_value="",
        datetime_format="%Y-%m-%dT%H:%M:%S%.6f%z", date_format="%Y-%m-%d",
    )  # fmt: skip
    connection.ensure_connection()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(body)
    return frame.height


def read_frame(
    query: str, parameters: Sequence[Any] = (), *, schema: Mapping[str, Any]
) -> pl.DataFrame:
    """Rows of a SELECT as a frame with `schema` (column -> Polars type), in the query's order.

    Columns go by position: the schema names them. Parameters are bound client-side (`%s`).
    Decimals are read from their text, exactly.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        told = [_array(one) for one in parameters]
        select = ClientCursor(connection.connection).mogrify(query, told)
    buffer = _copied(f"COPY ({select}) TO STDOUT (FORMAT csv, NULL '{_NULL}')")
    size = buffer.getbuffer().nbytes
    if not size:  # as often of one account
        return empty(schema)
    texts = dict.fromkeys(schema, pl.String)
    if size <= _FEW:
        raw = pl.DataFrame(_few(buffer), schema=texts, orient="row")
    else:
        raw = pl.read_csv(
            buffer, has_header=False, schema=texts, null_values=[_NULL],
            empty_string_is_null=False,
        )  # fmt: skip
    return raw.select(_casts(tuple(schema.items())))


def _few(buffer: io.BytesIO) -> list[list[str | None]]:
    """Rows of a few kB: to start the threads that read much of it would take longer."""
    lines = csv.reader(io.TextIOWrapper(buffer, "utf-8", newline=""))
    return [[None if value == _NULL else value for value in row] for row in lines]


def _array(parameter: Any) -> Any:
    """Many whole numbers as the text of an array: psycopg would look at each of them."""
    if isinstance(parameter, list) and parameter and type(parameter[0]) is int:
        return f"{{{','.join(map(str, parameter))}}}"
    return parameter


def _copied(statement: str) -> io.BytesIO:
    """What COPY TO STDOUT sends. libpq hands it over row by row; psycopg's Copy would wait for each
    of them by itself, which takes three times as long."""
    link = connection.connection
    if not link.autocommit and link.info.transaction_status == TransactionStatus.IDLE:
        with connection.cursor() as cursor:
            cursor.execute("SELECT")  # begins the transaction
    buffer = io.BytesIO()
    with connection.wrap_database_errors:
        started = link.pgconn.exec_(statement.encode())
        if started.status != ExecStatus.COPY_OUT:
            raise _failure(link, started)
        while True:
            size, row = link.pgconn.get_copy_data(0)
            if size < 0:
                break
            buffer.write(row)
        while ended := link.pgconn.get_result():
            if ended.status != ExecStatus.COMMAND_OK:
                raise _failure(link, ended)
    buffer.seek(0)
    return buffer


def _failure(link: Connection[Any], result: PGresult) -> Error:
    """Why a statement failed. A server that is gone gives no SQLSTATE to tell it by."""
    if link.pgconn.status != ConnStatus.OK:
        return OperationalError(result.get_error_message())
    return error_from_result(result)


@lru_cache(maxsize=256)
def _casts(schema: tuple[tuple[str, Any], ...]) -> list[pl.Expr]:
    return [_cast(name, kind) for name, kind in schema]


def _cast(name: str, kind: Any) -> pl.Expr:
    column = pl.col(name)
    if kind == pl.Boolean:
        return (column == "t").alias(name)
    if isinstance(kind, pl.Datetime):
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", time_zone="UTC")
    if kind == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    if kind == pl.Time:
        return column.str.to_time("%H:%M:%S%.f")
    return column.cast(kind)
