"""What is read under the log's lock is found by an index: its cost does not grow with the record."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from ingest import rows
from storage.database import Database

SOURCE, DIGEST = "5" * 32, "a" * 64
LOOKS = {
    "find": lambda c: rows.find_by_key(c, SOURCE, "key"),
    "find_sealed": lambda c: rows.find_sealed(c, SOURCE, DIGEST, 3),
    "find_twin": lambda c: rows.find_twin(c, SOURCE, DIGEST, 3),
    "find_source": lambda c: rows.find_source(c, id_=None, name="DOCK-01"),
    "sealed_index": lambda c: rows.sealed_index(c, "1" * 32),
}
# SQLite's words for an index used with all the columns that the question names.
NARROW = re.compile(r"\((id|upload|name|source=\? AND (client_key|root|sha256))=\?\)")


def plan(connection: Connection, look: Any) -> list[str]:
    """How SQLite would answer each statement of `look`."""
    asked: list[tuple[str, Any]] = []
    event.listen(
        connection, "before_cursor_execute", lambda _c, _cur, text, values, *_: asked.append((text, values))
    )  # fmt: skip
    look(connection)
    return [
        str(row[3])
        for text, values in list(asked)
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
    ]


@pytest.mark.parametrize("name", LOOKS)
async def test_no_table_is_walked_under_the_lock(tmp_path: Path, name: str) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    try:
        await database.migrate()
        steps = await database.write(lambda c: plan(c, LOOKS[name]))
    finally:
        await database.close()
    touching = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    assert touching
    assert [step for step in touching if not NARROW.search(step)] == []
