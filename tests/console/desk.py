"""A house with the stage that says whose a recording is, for the tests of registers and inbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import insert, select

from cases.inbox import attribute, touched
from storage import tables
from storage.jobs import Attempt, Runner
from tests.console.conftest import RETAIN, House
from tests.console.course import last_types, size
from tests.console.staff import Staff, settled
from tests.console.test_api import call
from verify.entries import format_time

HOUR, DAY = 3_600_000, 86_400_000
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class Desk:
    """Shortcuts for calls, recordings and jobs."""

    house: House
    staff: Staff
    client: ClientSession
    made: int = 0

    @property
    def zone(self) -> str:
        return str(self.house.parts.settings.zone)

    @property
    def now(self) -> int:
        return self.house.clock.now_ms()

    async def call(
        self, method: str, path: str, expected: int, body: Any = None, **headers: str
    ) -> Any:
        return await call(self.house, self.client, method, path, expected, body, **headers)

    async def left(self, *expected: str, since: int) -> None:
        """Exactly these entries were recorded since."""
        assert await last_types(self.house, since) == list(expected)

    async def size(self) -> int:
        return await size(self.house)

    async def post_file(
        self, path: str, data: bytes, expected: int, kind: str = CSV, language: str = "en"
    ) -> Any:
        headers = {"Content-Type": kind, "Accept-Language": language}
        async with self.client.post(path, data=data, headers=headers) as answer:
            body = await answer.json()
            assert answer.status == expected, body
            return body

    async def device(self, name: str = "记录仪 A", **more: Any) -> str:
        body = {"name": name, "carrier": "body_camera", "unit": self.staff.unit(), **more}
        body.setdefault("organ", self.staff.organ())
        return str((await self.call("POST", "/api/devices", 201, body))["id"])

    async def custody(self, device: str, what: str, ms: int, person: str | None = None) -> None:
        body = {"what": what, "at": format_time(ms)} | ({"person": person} if person else {})
        await self.call("POST", f"/api/devices/{device}/custody", 201, body)

    async def recording(
        self,
        source: str,
        start_ms: int,
        duration_ms: int | None = HOUR,
        *,
        name: str = "现场.mp4",
        wish: str | None = None,
        **more: Any,
    ) -> str:
        """A sealed and probed recording of a device, sealed now."""
        self.made += 1
        item, upload = f"{self.made:08x}" * 4, f"{self.made:08x}"[::-1] * 4
        times = [{"source": "device", "time": format_time(start_ms)}]
        wished: dict[str, Any] = {} if wish is None else {"case_number": wish}
        await self.house.record("upload.opened", f"s:{source}", upload=upload, name=name, **wished)

        def also(conn: Any) -> None:
            if duration_ms is not None:
                conn.execute(
                    insert(tables.media).values(
                        item=item, verdict="native", probe="{}", duration_ms=duration_ms
                    )
                )

        fields = {
            "item": item, "upload": upload, "size": 3, "sha256": f"{self.made:064x}",
            "chunk": 1 << 20, "root": "b" * 64, "mime": "video/mp4", "name": name,
            "device_times": times, "retain_until": RETAIN,
            "objects": [{"store": "directory", "what": "original", "key": f"o/{item}"}], **more,
        }  # fmt: skip
        await self.house.record("item.sealed", f"s:{source}", also, **fields)
        await self.house.database.write(lambda c: attribute.enqueue_missing(c, self.now))
        return item

    async def run(self) -> None:
        """Every job that waits, to its end."""
        runner = Runner(self.house.database, self.house.clock, {"quick": 1}, poll_s=0.01)

        async def attributed(attempt: Attempt) -> None:
            await attribute.run(self.house.database, self.house.ledger, attempt, self.zone)

        async def again(attempt: Attempt) -> None:
            await touched.run(self.house.database, self.house.ledger, attempt, self.zone)

        runner.handler(attribute.KIND, attribute.LANE)(attributed)
        runner.handler(touched.KIND, touched.LANE)(again)
        running = asyncio.create_task(runner.run())
        try:
            for _ in range(2000):
                states = await self._states()
                if not states:
                    return
                assert "failed" not in states
                await asyncio.sleep(0.01)
            raise AssertionError(states)
        finally:
            runner.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _states(self) -> set[str]:
        j = tables.job.c
        wanted = j.kind.in_((attribute.KIND, touched.KIND))
        async with self.house.database.read() as conn:
            rows = await conn.execute(select(j.state).where(j.state != "done", wanted))
            return set(rows.scalars())

    async def inbox(self, query: str = "") -> list[Any]:
        return list((await self.call("GET", f"/api/inbox{query}", 200))["items"])

    async def row(self, item: str) -> Any:
        return next(row for row in await self.inbox() if row["id"] == item)

    async def case(self, number: str, people: list[str], **more: Any) -> str:
        body = {
            "number": number, "kind": "inspection", "title": "检查", "people": people,
            "organ": self.staff.organ(), "unit": self.staff.unit(), **more,
        }  # fmt: skip
        return str((await self.call("POST", "/api/cases", 201, body))["id"])

    async def visit(self, case: str, start_ms: int, end_ms: int) -> None:
        """The officers were there from then to then."""
        for point, ms in (("arrived", start_ms), ("left", end_ms)):
            await self.call(
                "POST", f"/api/cases/{case}/points", 201, {"point": point, "at": format_time(ms)}
            )

    async def table(self, table: Any) -> list[Any]:
        async with self.house.database.read() as conn:
            return list((await conn.execute(select(table))).all())


@asynccontextmanager
async def opened(house: House, language: str = "en") -> AsyncIterator[Desk]:
    yield Desk(house, await settled(house), await house.client(language=language))
