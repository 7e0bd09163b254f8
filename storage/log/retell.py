"""The projected tables, held against a replay of the log.

Guarantee: every row that the projectors write from the recorded entries, and no other, is there;
a difference is told with table, key, expected and got.
Not covered: whether the entries are true (`storage.log.examine` comes first).

The replay goes into a SQLite file of its own that is thrown away.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.log import rows
from storage.log.findings import Finding, Report
from storage.replay import Record, replay
from storage.tables import PROJECTED, metadata
from verify import canonical
from verify.errors import EvidenceError
from verify.tiles import WIDTH

Key = tuple[Any, ...]


async def examine_tables(database: Database, report: Report) -> None:
    """Replay what is recorded now; tell each row that is missing, changed or extra."""
    with tempfile.TemporaryDirectory(prefix="liuhen-") as folder:
        other = await Database.open(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            await other.write(metadata.create_all)
            async with database.read() as connection:  # one snapshot of entries and tables
                try:
                    await _replay(connection, other)
                except EvidenceError as exc:
                    report.add(Finding.of("changed", "replay", "database, entries", exc))
                    return
                async with other.read() as told:
                    for table in PROJECTED:
                        _tell(
                            report, table, await _load(told, table), await _load(connection, table)
                        )
        finally:
            await other.close()


async def _replay(connection: AsyncConnection, other: Database) -> None:
    head = await rows.read_head(connection)
    size = head.size if head else 0
    for start in range(0, size, WIDTH):
        found = await rows.read_rows(connection, start, min(size, start + WIDTH))
        records = [
            Record(
                row.index, row.raw, canonical.decode(row.body.encode()),
                [(s, n, v) for s, n, v in canonical.decode(row.disclosed.encode())],
            )
            for row in found
        ]  # fmt: skip
        await other.write(lambda c, batch=records: replay(c, batch))  # type: ignore[misc]


async def _load(connection: AsyncConnection, table: Table) -> Mapping[Key, Sequence[Any]]:
    """The rows by primary key."""
    names = [column.name for column in table.columns]
    keys = [names.index(column.name) for column in table.primary_key.columns]
    found = (await connection.execute(select(table))).all()
    return {tuple(row[i] for i in keys): tuple(row) for row in found}


def _tell(
    report: Report, table: Table, expected: Mapping[Key, Any], got: Mapping[Key, Any]
) -> None:
    names = [column.name for column in table.columns]
    for key in sorted({*expected, *got}, key=repr):
        where = f"{table.name} {', '.join(map(str, key))}"
        if key not in got:
            report.add(
                Finding("missing", "projected row", where, repr(expected[key])[:400], "none")
            )
        elif key not in expected:
            report.add(Finding("extra", "projected row", where, "none", repr(got[key])[:400]))
        elif expected[key] != got[key]:
            differ = [
                i for i, (a, b) in enumerate(zip(expected[key], got[key], strict=True)) if a != b
            ]
            columns = ", ".join(names[i] for i in differ)
            report.add(
                Finding(
                    "changed", "projected row", f"{where}, {columns}",
                    ", ".join(repr(expected[key][i])[:200] for i in differ),
                    ", ".join(repr(got[key][i])[:200] for i in differ),
                )
            )  # fmt: skip
