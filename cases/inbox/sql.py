"""Statements with lists of values, sent as they are: compiling them costs more than they do.

Guarantee: values never stand in the text; an empty list answers with no rows.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from storage import bulk

LIST = "(?*)"
Value = str | int | Collection[str] | Collection[int]


def rows(conn: Connection, text: str, *values: Value) -> Sequence[Any]:
    """All rows; `?` stands for a value, `(?*)` for a list of them, in order."""
    parts, given = [], list[Any]()
    rest = text
    for value in values:
        if isinstance(value, str | int):
            given.append(value)
            continue
        if not value:
            return []
        before, _, rest = rest.partition(LIST)
        parts += [before, "(", ",".join("?" * len(value)), ")"]
        given += value
    statement = "".join([*parts, rest])
    return bulk.select(conn, statement, tuple(given))
