"""What only a look at whole tables tells: originals kept once, and how fast the recordings grow.

Guarantee: every number is a count or a sum over rows as they were at most `ASKED_MS` ago.
Not covered: bytes that no row knows (the database itself, files of others on the same disk).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.database import Database

ASKED_MS = 5 * 60_000  # the page asks every ten seconds, and these questions read every row
GROWTH_MS = 14 * 86_400_000  # two weeks: both kinds of days, and no memory of an old rush
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Census:
    """Numbers of all recordings."""

    at_ms: int
    items: int
    oldest_ms: int | None  # when the first recording was sealed
    once: int  # originals of which only one copy is recorded
    once_since_ms: int | None
    originals_per_day: float  # bytes
    derived_per_day: float  # bytes of what was made of them


class Counted:
    """The census, taken again when the last one is old."""

    def __init__(self) -> None:
        self._last: Census | None = None
        self._taking = asyncio.Lock()

    async def now(self, database: Database, now_ms: int) -> Census:
        async with self._taking:  # who asks meanwhile waits for the same one
            last = self._last
            if last is None or not 0 <= now_ms - last.at_ms < ASKED_MS:
                async with database.read() as conn:
                    last = self._last = await taken(conn, now_ms)
            return last


async def taken(conn: AsyncConnection, now_ms: int) -> Census:
    """Count now."""
    i, c, d = tables.item.c, tables.copy.c, tables.derived.c
    items, oldest = (await conn.execute(select(func.count(), func.min(i.sealed_ms)))).one()
    lone = (
        select(c.item)
        .where(c.what == "original")
        .group_by(c.item)
        .having(func.count(func.distinct(c.store)) < 2)
        .subquery()
    )
    once, since = (
        await conn.execute(
            select(func.count(), func.min(i.sealed_ms)).select_from(
                tables.item.join(lone, lone.c.item == i.id)
            )
        )
    ).one()
    young = i.sealed_ms > now_ms - GROWTH_MS
    originals = (await conn.execute(select(func.sum(i.size)).where(young))).scalar() or 0
    made = select(func.sum(d.size)).select_from(tables.derived.join(tables.item, i.id == d.item))
    derived = (await conn.execute(made.where(young))).scalar() or 0
    # Of a server younger than two weeks its own age; of one younger than a day nothing is said.
    days = 0.0 if oldest is None else min(now_ms - oldest, GROWTH_MS) / DAY_MS
    per_day = (originals / days, derived / days) if days >= 1 else (0.0, 0.0)
    return Census(now_ms, items, oldest, once, since, *per_day)


def growth(census: Census, devices: Mapping[str, int]) -> dict[str, float]:
    """Bytes a day that come to the disk of each part: of all parts that lie on the same one."""
    of = {
        "store": census.originals_per_day + census.derived_per_day,
        "second": census.originals_per_day,
    }
    return {
        name: sum(of.get(other, 0.0) for other, on in devices.items() if on == device)
        for name, device in devices.items()
    }
