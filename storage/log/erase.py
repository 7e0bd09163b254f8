"""Erasing a field: an act, after which nothing that we can write to holds its value.

Guarantee: `field.erased` is recorded and projected (`storage.projections.erasures`); when `erase`
returns, the disclosure bundles in every store are rewritten, the checkpoint over the act is
published, and on SQLite the WAL is emptied.  Every proof stays valid, and `recover` and `rebuild`
apply the act again.
Not covered: PostgreSQL's WAL and backups, which keep the value until they expire; receipts and
exports handed out before.

Format: docs/formats/entries.md, version 1 (`field.erased`).
"""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection

from storage import acts
from storage.database import Database
from storage.ledger import Draft, Event, Ledger, random_id
from storage.log.publisher import Publisher
from verify.errors import NotFoundError, UnavailableError

_TRIES = 20  # a reader may keep the WAL from being emptied for a moment


async def erase(
    database: Database,
    ledger: Ledger,
    publisher: Publisher,
    *,
    index: int,
    names: Sequence[str],
    ground: str,
    approver: str,
    actor: str,
    operation: str | None = None,
    timeout_s: float = 60.0,
) -> Event:
    """Erase these fields of entry `index`.  UnavailableError: recorded, but not yet everywhere;
    call again with the same `operation`.
    """

    def decide(connection: Connection) -> list[Draft]:
        return [erasure(_find(connection, index), names, ground, approver, actor)]

    (event,) = await ledger.record(operation or random_id(), decide)
    await publisher.wait_for(event.index, timeout_s)
    await empty_wal(database)
    return event


def erasure(entry: Event, names: Sequence[str], ground: str, approver: str, actor: str) -> Draft:
    """The act, in the chain of the entry erased from (its projector refuses what may not go)."""
    fields = {
        "leaf": entry.leaf.hex(), "index": entry.index, "names": sorted(names),
        "ground": ground, "approver": approver,
    }  # fmt: skip
    return Draft("field.erased", entry.chain, actor, fields)


async def empty_wal(database: Database) -> None:
    """Empty SQLite's WAL, waiting a moment for readers; UnavailableError if they stay."""
    for attempt in range(_TRIES):
        try:
            await database.truncate_wal()
        except UnavailableError:
            if attempt == _TRIES - 1:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _find(connection: Connection, index: int) -> Event:
    found = acts.load(connection, index, index + 1)
    if not found:
        raise NotFoundError(f"entry {index}: expected one to erase from, got none")
    return found[0]
