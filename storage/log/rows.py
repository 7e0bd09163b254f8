"""Committed rows of the log, as the publisher, the start and the proofs read them.

Guarantee: rows come without a hole and each entry's leaf hash fits its bytes, or a
VerificationError names the row.
Not covered: whether another transaction has changed the head since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.log.files import Row
from storage.tables import disclosure, entry, erasure, head, published
from verify.entries import leaf
from verify.errors import VerificationError
from verify.merkle import Edge
from verify.tiles import WIDTH

LEAVES = 16_384  # leaf hashes read at once: half a MiB


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The unsigned head."""

    origin: str
    size: int
    root: bytes


async def read_head(connection: AsyncConnection) -> HeadRow | None:
    """None before the log has begun; VerificationError if the row contradicts itself."""
    row = (await connection.execute(select(head))).one_or_none()
    if row is None:
        return None
    edge = Edge.decode(bytes(row.edge))
    if (edge.size, edge.root()) != (row.size, bytes(row.root)):
        raise VerificationError(
            f"database head: expected size {edge.size} and root {edge.root().hex()} "
            f"of its right edge, got {row.size} and {bytes(row.root).hex()}"
        )
    return HeadRow(row.origin, row.size, bytes(row.root))


async def read_published(connection: AsyncConnection) -> str | None:
    """The note of the published row."""
    note: str | None = (await connection.execute(select(published.c.note))).scalar_one_or_none()
    return note


async def read_rows(connection: AsyncConnection, start: int, stop: int) -> list[Row]:
    """Entries [start, stop) with their disclosures, each checked against its leaf hash."""
    statement = (
        select(
            entry.c.index, entry.c.leaf, entry.c.bytes, disclosure.c.body, disclosure.c.disclosed
        )
        .outerjoin(disclosure, disclosure.c.index == entry.c.index)
        .where(and_(entry.c.index >= start, entry.c.index < stop))
        .order_by(entry.c.index)
    )
    found = (await connection.execute(statement)).all()
    _check_dense(start, stop, [row[0] for row in found])
    rows = []
    for index, stored, raw, body, disclosed in found:
        data = bytes(raw)
        if leaf(data) != bytes(stored):
            raise VerificationError(
                f"database entry {index}: expected leaf {bytes(stored).hex()}, "
                f"got {leaf(data).hex()} of its bytes"
            )
        if body is None or disclosed is None:
            raise VerificationError(f"database disclosure {index}: expected a row, got none")
        rows.append(Row(index, data, body, disclosed))
    return rows


async def read_erased(
    connection: AsyncConnection, start: int, stop: int
) -> frozenset[tuple[int, str]]:
    """(index, name) of the erased fields of entries [start, stop)."""
    statement = select(erasure.c.index, erasure.c.name).where(
        and_(erasure.c.index >= start, erasure.c.index < stop)
    )
    return frozenset((row[0], row[1]) for row in (await connection.execute(statement)).all())


async def read_leaves(database: Database, start: int, stop: int) -> list[bytes]:
    """The stored leaf hashes of [start, stop), at most `LEAVES` of them."""
    stop = min(stop, start + LEAVES)
    statement = (
        select(entry.c.index, entry.c.leaf)
        .where(and_(entry.c.index >= start, entry.c.index < stop))
        .order_by(entry.c.index)
    )
    async with database.read() as connection:
        found = (await connection.execute(statement)).all()
    _check_dense(start, stop, [row[0] for row in found])
    return [bytes(row[1]) for row in found]


async def extend(database: Database, edge: Edge, stop: int) -> Edge:
    """The edge over the database's leaves up to `stop`, going on from `edge`."""
    while edge.size < stop:
        edge = edge.extend(await read_leaves(database, edge.size, stop))
    return edge


async def touched_bundles(database: Database, since: int, below: int) -> Sequence[int]:
    """The full bundles below size `below` that erasures from entry `since` on change."""
    statement = select(erasure.c.index).distinct().where(erasure.c.by_index >= since)
    async with database.read() as connection:
        indices = (await connection.execute(statement)).scalars().all()
    return sorted({index // WIDTH for index in indices if index // WIDTH < below // WIDTH})


def _check_dense(start: int, stop: int, indices: Sequence[Any]) -> None:
    for expected, got in zip(range(start, stop), indices, strict=False):
        if got != expected:
            raise VerificationError(f"database entry {expected}: expected a row, got entry {got}")
    if len(indices) != stop - start:
        missing = start + len(indices)
        raise VerificationError(f"database entry {missing}: expected a row, got none")
