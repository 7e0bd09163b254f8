"""Clock, ledger and drafts for the tests of the record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select

from storage.database import Database
from storage.ledger import Draft, Ledger, random_id
from storage.tables import PROJECTED, disclosure, entry, head

START_MS = 1_800_000_000_000
ORIGIN = "log.example/evidence"


class ManualClock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now, self.boot, self.id = START_MS, 1_000_000, "boot-1"

    def now_ms(self) -> int:
        return self.now

    def boot_ms(self) -> int:
        return self.boot

    def boot_id(self) -> str:
        return self.id

    def go_on(self, ms: int) -> None:
        """Time passes."""
        self.now += ms
        self.boot += ms


@asynccontextmanager
async def opened(url: str, clock: ManualClock | None = None) -> AsyncIterator[Ledger]:
    """An open ledger over a database with tables; the log is begun if there is none."""
    database = await Database.open(url)
    try:
        ledger = Ledger(database, clock or ManualClock())
        async with database.read() as connection:
            begun = (await connection.execute(select(head.c.id))).first()
        if begun is None:
            await ledger.begin(ORIGIN, "vkey")
        ledger.open()
        yield ledger
    finally:
        await database.close()


def database_of(ledger: Ledger) -> Database:
    return ledger._database


async def act(ledger: Ledger, *drafts: Draft, operation: str | None = None) -> Any:
    """Record these drafts whatever the state is; the first event."""
    return (await ledger.record(operation or random_id(), lambda _: drafts))[0]


def enrolled(source: str, name: str = "camera") -> Draft:
    return Draft(
        "source.enrolled", f"s:{source}", "sys", {"source": source, "name": name, "kind": "device"}
    )


def opened_upload(source: str, upload: str, **more: Any) -> Draft:
    fields = {"upload": upload, "name": "现场.mp4", **more}
    return Draft("upload.opened", f"s:{source}", f"s:{source}", fields)


def sealed(source: str, upload: str, item: str, **more: Any) -> Draft:
    fields = {
        "item": item, "upload": upload, "size": 3, "sha256": "a" * 64, "chunk": 1048576,
        "root": "b" * 64, "mime": "video/mp4", "name": "现场.mp4",
        "device_times": [{"source": "manifest", "time": "2026-11-23T06:00:00"}],
        "objects": [
            {"store": "directory", "what": "original", "key": f"o/{item}"},
            {"store": "directory", "what": "tree", "key": f"o/{item}.tree", "version": "7"},
        ],
        "retain_until": "2036-01-01T00:00:00.000Z",
        **more,
    }  # fmt: skip
    return Draft("item.sealed", f"s:{source}", f"s:{source}", fields)


def opened_case(case: str, number: str, **more: Any) -> Draft:
    fields = {
        "case": case,
        "number": number,
        "kind": "general",
        "title": "占道经营",
        "officers": ["甲"],
        **more,
    }
    return Draft("case.opened", f"c:{case}", "u:" + "1" * 32, fields)


def linked(case: str, item: str, leaf: bytes) -> Draft:
    fields = {"item": item, "sealed": leaf.hex(), "case": case, "reason": "本案", "stage": "scene"}
    return Draft("item.linked", f"c:{case}", "u:" + "1" * 32, fields)


def unlinked(case: str, item: str, leaf: bytes) -> Draft:
    fields = {"item": item, "link": leaf.hex(), "case": case, "reason": "错误"}
    return Draft("item.unlinked", f"c:{case}", "u:" + "1" * 32, fields)


def erased(event: Any, *names: str) -> Draft:
    fields = {
        "leaf": event.leaf.hex(),
        "index": event.index,
        "names": list(names),
        "ground": "判决",
        "approver": "乙",
    }
    return Draft("field.erased", event.chain, "u:" + "2" * 32, fields)


async def dump(database: Database, *, log: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """Every projected row (and the log's), sorted."""
    tables = (*PROJECTED, entry, disclosure) if log else PROJECTED
    async with database.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in await connection.execute(select(table))), key=repr
            )
            for table in tables
        }
