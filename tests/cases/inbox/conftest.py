"""A ledger with people, devices and recordings, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from cases.inbox import attribute, touched
from storage import tables
from storage.database import Database
from storage.jobs import Runner
from storage.ledger import Draft, Event, Ledger
from tests.storage.samples import ManualClock
from verify.entries import format_time

ZONE = "Asia/Shanghai"
ACTOR = "u:" + "5" * 32
HOUR, DAY = 3_600_000, 86_400_000
ORGAN, UNIT = "a" * 32, "b" * 32


@dataclass
class Room:
    """Shortcuts for what happens elsewhere."""

    database: Database
    ledger: Ledger
    clock: ManualClock
    runner: Runner
    made: int = 0
    people: dict[str, str] = field(default_factory=dict)

    def id(self) -> str:
        self.made += 1
        return f"{self.made:032x}"

    async def record(self, type_: str, chain: str, **fields: Any) -> Event:
        self.made += 1
        actor = f"s:{chain[2:]}" if type_.startswith(("upload", "item.sealed")) else ACTOR
        draft = Draft(type_, chain, actor, fields)

        def also(conn: Any, events: Any) -> None:
            if type_ == "item.sealed":
                attribute.after_sealed(conn, events[0])

        return (await self.ledger.record(f"test:{self.made}", lambda _: [draft], also))[0]

    async def person(self, name: str = "执法人员甲", **more: Any) -> str:
        id_ = self.id()
        fields = {
            "person": id_, "account": f"p{self.made}", "name": name, "organ": ORGAN, "unit": UNIT,
            "roles": ["officer"], "reason": "入职", **more,
        }  # fmt: skip
        await self.record("user.changed", "sys", **fields)
        return id_

    async def item(self, source: str, *, sealed_ms: int | None = None, **more: Any) -> str:
        """A sealed recording of this source."""
        if sealed_ms is not None:
            self.clock.go_on(sealed_ms - self.clock.now)
        upload, item = self.id(), self.id()
        wish = {"case_number": more.pop("wish")} if "wish" in more else {}
        probed = more.pop("duration_ms", None)
        name = more.pop("name", "现场.mp4")
        await self.record("upload.opened", f"s:{source}", upload=upload, name=name, **wish)
        fields = {
            "item": item, "upload": upload, "size": 1, "sha256": f"{self.made:064x}",
            "chunk": 1 << 20, "root": "b" * 64, "mime": "video/mp4", "name": name,
            "device_times": [], "retain_until": "2037-01-01T00:00:00.000Z",
            "objects": [{"store": "directory", "what": "original", "key": f"o/{item}"}], **more,
        }  # fmt: skip
        await self.record("item.sealed", f"s:{source}", **fields)
        if probed is not None:
            await self.probe(item, probed)
        return item

    async def probe(self, item: str, duration_ms: int | None, facts: str = "{}") -> None:
        """What the probe found."""

        def work(conn: Any) -> None:
            conn.execute(
                tables.media.insert().values(
                    item=item, verdict="native", probe=facts, duration_ms=duration_ms
                )
            )
            attribute.after_probed(conn, item, self.clock.now)

        await self.database.write(work)

    async def run(self) -> None:
        """Every job that waits, to its end."""
        for _ in range(2000):
            async with self.database.read() as conn:
                j = tables.job.c
                rows = (await conn.execute(select(j.state, j.error).where(j.state != "done"))).all()
            if not rows:
                return
            assert all(row.state != "failed" for row in rows), rows
            await asyncio.sleep(0.01)
        raise AssertionError(rows)

    async def attributed(self, item: str) -> Any:
        async with self.database.read() as conn:
            a = tables.attribution
            return (await conn.execute(select(a).where(a.c.item == item))).first()

    async def types(self) -> list[str]:
        """The types of all entries, in order."""
        async with self.database.read() as conn:
            e = tables.entry.c
            rows = await conn.execute(select(e.type).order_by(e.index))
            return [row.type for row in rows]

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.read() as conn:
            return list((await conn.execute(select(table))).all())


def at(ms: int) -> str:
    return format_time(ms)


@pytest.fixture
async def room(migrated_url: str) -> AsyncIterator[Room]:
    database = await Database.open(migrated_url)
    clock = ManualClock()
    ledger = Ledger(database, clock)
    await ledger.begin("log.example/inbox", "log.example/inbox+00000000+AAAA")
    ledger.open()
    runner = Runner(database, clock, {"quick": 1}, poll_s=0.01)

    async def attributing(attempt: Any) -> None:
        await attribute.run(database, ledger, attempt, ZONE)

    async def again(attempt: Any) -> None:
        await touched.run(database, ledger, attempt, ZONE)

    runner.handler(attribute.KIND, attribute.LANE)(attributing)
    runner.handler(touched.KIND, touched.LANE)(again)
    running = asyncio.create_task(runner.run())
    room = Room(database, ledger, clock, runner)
    await room.record("organ.set", "sys", organ=ORGAN, name="某市司法局")
    await room.record("unit.set", "sys", unit=UNIT, organ=ORGAN, name="执法一科", ended=False)
    try:
        yield room
    finally:
        runner.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()
