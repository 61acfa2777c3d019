"""Bulk statements for the hot path (accept, claim, record): many rows, one statement, no model objects."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models


def allocate_ids(model: type[models.Model], count: int) -> Sequence[int]:
    """Reserve `count` primary keys, so that rows of several tables can be written without reading back.

    Must run inside the transaction that uses them. On SQLite the write lock is already ours there.
    """
    table = model._meta.db_table
    if connection.vendor == "sqlite":
        return _allocate_sqlite(table, count=count)
    rows = select(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
    )
    return [row[0] for row in rows]


def _allocate_sqlite(table: str, *, count: int) -> Sequence[int]:
    """Move AUTOINCREMENT's own counter (sqlite.org/autoinc.html: ordinary UPDATEs of it are allowed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table]
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
            row = (count,)
    return range(row[0] - count + 1, row[0] + 1)


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of plain values; datetimes go through `moment`."""
    execute_many(_insertion(model, tuple(columns)), rows)


@lru_cache(maxsize=64)
def _insertion(model: type[models.Model], columns: tuple[str, ...]) -> str:
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) VALUES ({marks(columns)})"


def execute_many(statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run one statement for many rows of parameters."""
    if parameters := list(rows):
        # The proxy `connection` looks up the thread's connection with every use.
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.executemany(statement, parameters)


def select(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of a statement, as tuples."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return list(cursor.fetchall())


@lru_cache(maxsize=512)
def moment(value: datetime | None) -> Any:
    """A datetime as this database keeps it."""
    return connection.ops.adapt_datetimefield_value(value)


def marks(values: Collection[Any]) -> str:
    """`%s, %s, %s` for an IN list."""
    return ", ".join(["%s"] * len(values))
