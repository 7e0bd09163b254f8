"""`heads.set`: every chain's last entry as of a published size, committed to in one root.

Guarantee: the root is a pure function of the entries below a published size, computed outside any
act, so any mirror can contradict it; whoever hides the tail of a chain is caught there.
Not covered: entries after that size, until the next `heads.set`.

The leaves are the canonical JSON `[chain, seq, leaf]` of each chain's last entry among
0..size-1, sorted by chain; the root is that of RFC 6962.
Format: docs/formats/entries.md, version 1 (`heads.set`).
"""

import asyncio
import logging
from collections.abc import Iterable

from sqlalchemy import and_, func, select

from storage.clock import Clock
from storage.database import Database
from storage.ledger import Draft, Event, Ledger
from storage.log.publisher import Publisher
from storage.tables import entry
from verify import canonical
from verify.entries import decode_entry, parse_time
from verify.errors import UnavailableError
from verify.merkle import leaf_hash, root

log = logging.getLogger("liuhen.log")

_LOOK_S = 60.0


def heads_root(ends: Iterable[tuple[str, int, bytes]]) -> bytes:
    """The root over (chain, seq, leaf) of every chain's last entry."""
    lines = (canonical.encode([chain, seq, leaf.hex()]) for chain, seq, leaf in sorted(ends))
    return root([leaf_hash(line) for line in lines])


class Heads:
    """Records `heads.set` every so often; owns one task."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        publisher: Publisher,
        clock: Clock,
        *,
        every_s: float = 24 * 3600,
        every_entries: int = 10_000,
    ) -> None:
        self._database, self._ledger, self._publisher = database, ledger, publisher
        self._clock = clock
        self._every_ms, self._every_entries = int(every_s * 1000), every_entries

    async def set(self) -> Event | None:
        """Record the heads as of the published size; None if nothing but a `heads.set` is new."""
        published = self._publisher.published
        if published is None:
            raise UnavailableError("heads: expected a published checkpoint, got none yet")
        size, before = published.size, await self._newest()
        if before is not None and size <= before[0] + 1:
            return None
        fields = {"size": size, "root": heads_root(await self.ends(size)).hex()}
        draft = Draft("heads.set", "sys", "sys", fields)
        return (await self._ledger.record(f"heads:{size}", lambda _: [draft]))[0]

    async def run(self) -> None:
        """Look once a minute whether it is time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                if await self.due():
                    await self.set()
            except UnavailableError as exc:
                log.warning("heads are not set: %s", exc)

    async def due(self) -> bool:
        published, before = self._publisher.published, await self._newest()
        if published is None:
            return False
        if before is None:
            return published.size >= self._every_entries or await self._older(0)
        index, at_ms = before
        late = self._clock.now_ms() - at_ms >= self._every_ms
        return published.size > index + 1 and (
            late or published.size - index >= self._every_entries
        )

    async def ends(self, size: int) -> list[tuple[str, int, bytes]]:
        """(chain, seq, leaf) of every chain's last entry below `size`."""
        last = (
            select(entry.c.chain, func.max(entry.c.seq).label("seq"))
            .where(entry.c.index < size)
            .group_by(entry.c.chain)
            .subquery()
        )
        statement = select(entry.c.chain, entry.c.seq, entry.c.leaf).join(
            last, and_(last.c.chain == entry.c.chain, last.c.seq == entry.c.seq)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(statement)).all()
        return [(chain, seq, bytes(leaf)) for chain, seq, leaf in found]

    async def _newest(self) -> tuple[int, int] | None:
        """(index, time) of the newest `heads.set`."""
        statement = (
            select(entry.c.index, entry.c.bytes)
            .where(entry.c.type == "heads.set")
            .order_by(entry.c.index.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else (row[0], parse_time(decode_entry(bytes(row[1])).at))

    async def _older(self, index: int) -> bool:
        """Whether that entry was recorded longer ago than the interval."""
        statement = select(entry.c.bytes).where(entry.c.index == index)
        async with self._database.read() as connection:
            raw = (await connection.execute(statement)).scalar_one_or_none()
        if raw is None:
            return False
        return self._clock.now_ms() - parse_time(decode_entry(bytes(raw)).at) >= self._every_ms
