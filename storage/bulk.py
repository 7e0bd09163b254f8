"""Many rows of one table in one driver call, on both databases.

SQLAlchemy's compiled statements cost more than the insert itself at 256 acts in a transaction
(measured), so projectors write through these functions.  Values are plain Python values in
the order of `columns`; NULL is None.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]
_MANY = 16  # from here on COPY costs PostgreSQL less than one INSERT per row


@lru_cache(maxsize=256)
def _insert(dialect: str, table: Table, columns: tuple[str, ...], *, ignore: bool) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    names = ", ".join(f'"{name}"' for name in columns)
    tail = " ON CONFLICT DO NOTHING" if ignore else ""
    marks = ", ".join([mark] * len(columns))
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks}){tail}'  # noqa: S608  # names of ours


@lru_cache(maxsize=256)
def _update(dialect: str, table: Table, columns: tuple[str, ...], where: tuple[str, ...]) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    changes = ", ".join(f'"{name}" = {mark}' for name in columns)
    tests = " AND ".join(f'"{name}" = {mark}' for name in where)
    return f'UPDATE "{table.name}" SET {changes} WHERE {tests}'  # noqa: S608


def insert(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    ignore: bool = False,
) -> None:
    """Insert all rows; with `ignore` those whose key is taken are left as they are."""
    if len(rows) >= _MANY and not ignore and connection.dialect.name == "postgresql":
        _copy(connection, table, columns, rows)
    elif rows:
        statement = _insert(connection.dialect.name, table, columns, ignore=ignore)
        connection.exec_driver_sql(statement, list(rows))


def _copy(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """PostgreSQL's COPY: what it refuses is the same error that an INSERT would be."""
    import psycopg  # noqa: PLC0415  # slow to load, and SQLite never needs it

    names = ", ".join(f'"{name}"' for name in columns)
    text = f'COPY "{table.name}" ({names}) FROM STDIN'
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(text) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as exc:
        raise DBAPIError.instance(
            text, None, exc, psycopg.Error,
            hide_parameters=True, connection_invalidated=bool(driver.broken),
        ) from exc  # fmt: skip


def update(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    rows: Sequence[Row],
) -> None:
    """Per row: first the new values of `columns`, then the values of `where`."""
    if rows:
        statement = _update(connection.dialect.name, table, columns, where)
        connection.exec_driver_sql(statement, list(rows))


def statement(connection: Connection, text: str) -> str:
    """A statement written with `?` for values, as the driver wants it."""
    return text if connection.dialect.name == "sqlite" else text.replace("?", "%s")


def select(connection: Connection, text: str, values: Row = ()) -> Sequence[Any]:
    """All rows of a statement written with `?` for values."""
    return connection.exec_driver_sql(statement(connection, text), values).all()


def delete(
    connection: Connection, table: Table, where: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Delete the row of each tuple of values of `where`."""
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        tests = " AND ".join(f'"{name}" = {mark}' for name in where)
        connection.exec_driver_sql(f'DELETE FROM "{table.name}" WHERE {tests}', list(rows))  # noqa: S608
