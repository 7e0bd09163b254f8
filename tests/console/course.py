"""A case under way, for tests: calls of the API held against the specification, entries counted."""

from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import func, select

from storage import tables
from tests.console.conftest import House
from tests.console.test_api import call
from verify.entries import format_time

NUMBER = "沪司检〔2026〕1号"
DAY_MS = 86_400_000
READY = (("identity_shown", 0), ("notice_given", 60_000))


async def size(house: House) -> int:
    """How many entries the log has."""
    async with house.database.read() as conn:
        return int(
            (await conn.execute(select(func.count()).select_from(tables.entry))).scalar_one()
        )


async def last_types(house: House, since: int) -> list[str]:
    """The types of the entries after the first `since`."""
    async with house.database.read() as conn:
        e = tables.entry.c
        query = select(e.type).where(e.index >= since).order_by(e.index)
        return list((await conn.execute(query)).scalars())


@dataclass
class Course:
    """One case and the client that works on it."""

    house: House
    client: ClientSession
    case: str
    start_ms: int  # of the inspection on scene

    def at(self, seconds: float = 0) -> str:
        """A time after the beginning of the inspection."""
        return format_time(self.start_ms + int(seconds * 1000))

    async def call(self, method: str, path: str, expected: int, body: Any = None) -> Any:
        return await call(
            self.house, self.client, method, f"/api/cases/{self.case}{path}", expected, body
        )

    async def point(self, code: str, seconds: float, **more: Any) -> Any:
        body = {"point": code, "at": self.at(seconds), **more}
        return await self.call("POST", "/points", 201, body)

    async def act(self, transition: str, expected: int = 201, **more: Any) -> Any:
        body = {"how": "act", "transition": transition, **more}
        return await self.call("POST", "/stages", expected, body)

    async def issue(self, kind: str, expected: int = 201, **more: Any) -> Any:
        return await self.call("POST", "/documents", expected, {"how": "act", "kind": kind, **more})

    async def fact(self, kind: str, **more: Any) -> Any:
        return await self.call("POST", "/documents", 201, {"how": "fact", "kind": kind, **more})

    async def recording(
        self,
        start: float,
        end: float,
        *,
        kind: str = "video",
        carrier: str = "body_camera",
        link: bool = True,
        **more: Any,
    ) -> str:
        """A sealed recording from so many to so many seconds, linked to the case."""
        item = await self.house.item(publish=False, name=f"{start}-{end}-{self.house.made}.mp4")
        fields: dict[str, Any] = {
            "item": item, "start": self.at(start), "end": self.at(end), "kind": kind,
            "carrier": carrier, "sound": True, "uncertainty_ms": 500, "marks": [],
            "policy": "shipped-1", "why": "probed",
        } | more  # fmt: skip
        await self.house.record("item.attributed", f"i:{item}", **fields)
        if link:
            await self.call("POST", "/links", 201, {"item": item, "reason": "现场"})
        return item

    async def coverage(self) -> dict[str, Any]:
        """The verdicts by rule."""
        found = await self.call("GET", "/coverage", 200)
        return {v["rule"]: v for v in found["verdicts"]}

    async def shown(self) -> Any:
        return await self.call("GET", "", 200)

    async def to_the_end(self, *, upto: str = "file") -> None:
        """Everything the inspection needs, but its recordings."""
        await self.issue("inspection_approval")
        await self.act("approved")
        for code, ms in READY:
            await self.point(code, ms / 1000)
        await self.issue("inspection_record")
        await self.act("inspected", stated=["not party_absent"])
        await self.issue("result_sheet")
        await self.act("concluded", stated=["not rectification_ordered"])
        await self.point("told_at", 300)
        await self.issue("result_receipt")
        if upto == "inform":
            return
        await self.act("nothing_to_rectify", stated=["not rectification_ordered"])
        await self.issue("volume_catalogue")


async def begun(
    house: House,
    client: ClientSession,
    *,
    number: str = NUMBER,
    procedure: str = "inspection",
    **more: Any,
) -> Course:
    """A case opened with a procedure, its inspection an hour ago."""
    body = {"number": number, "title": "律所检查", "procedure": procedure, **more}
    opened = await call(house, client, "POST", "/api/cases", 201, body)
    start_ms = (house.clock.now_ms() - 3_600_000) // 1000 * 1000
    return Course(house, client, opened["id"], start_ms)
