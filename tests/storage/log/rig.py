"""A server's part that keeps the record: database, stores, signer, publisher, start."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from storage.database import Database
from storage.disk_real import FolderDisk
from storage.ledger import Draft, Event, Ledger, random_id
from storage.log.publisher import Published, Publisher
from storage.log.receipts import Receipts
from storage.log.signer import Signer, open_key
from storage.log.startup import Startup
from storage.objects.directory import DirectoryStore
from storage.objects.port import ObjectStore
from tests.storage.samples import ManualClock, enrolled, opened_case
from verify.receipt import check_receipt

ORIGIN = "log.example/evidence"


@dataclass
class Rig:
    folder: Path
    database: Database
    ledger: Ledger
    stores: Sequence[ObjectStore]
    signer: Signer
    publisher: Publisher
    startup: Startup
    receipts: Receipts
    clock: ManualClock

    async def act(self, *drafts: Draft) -> Event:
        return (await self.ledger.record(random_id(), lambda _: drafts))[0]

    async def cases(self, count: int) -> list[Event]:
        """So many new cases, recorded in batches."""
        found: list[Any] = []
        for start in range(0, count, 256):
            ids = [random_id() for _ in range(min(256, count - start))]
            drafts = [opened_case(id_, f"no {id_}") for id_ in ids]
            found += await self.ledger.record_many(ids, lambda _, d=drafts: d)
        assert all(isinstance(event, Event) for event in found)
        return found

    async def publish(self) -> Published:
        published = await self.publisher.publish()
        assert published is not None
        return published

    async def check(self, index: int) -> str:
        """The receipt of an entry, which verifies."""
        text = await self.receipts.of(index)
        check_receipt(text, [self.signer.key.vkey])
        return text


def store_at(folder: Path, name: str = "objects", disk: Any = None) -> DirectoryStore:
    return DirectoryStore(disk or FolderDisk(folder), name, name=name)


@asynccontextmanager
async def server(
    folder: Path,
    url: str,
    *,
    start: bool = True,
    stores: Sequence[ObjectStore] | None = None,
    clock: ManualClock | None = None,
) -> AsyncIterator[Rig]:
    """Everything below `folder`, the database at `url`; compared and open unless told otherwise."""
    database = await Database.open(url)
    try:
        clock = clock or ManualClock()
        ledger = Ledger(database, clock)
        disk = FolderDisk(folder)
        key = open_key(disk, origin=ORIGIN, warn=lambda _: None)
        signer = Signer(key, disk)
        stores = stores or [store_at(folder)]
        publisher = Publisher(database, ledger, stores, signer, clock)
        startup = Startup(database, ledger, publisher)
        rig = Rig(
            folder, database, ledger, stores, signer, publisher, startup,
            Receipts(database, publisher), clock,
        )  # fmt: skip
        if start:
            await startup.once()
        yield rig
    finally:
        await database.close()


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'liuhen.db'}"


class Fresh(Protocol):
    """A server over a new SQLite database with tables in this folder."""

    def __call__(
        self, folder: Path, stores: Sequence[ObjectStore] | None = None
    ) -> AbstractAsyncContextManager[Rig]: ...


async def with_source(rig: Rig, source: str) -> Event:
    return await rig.act(enrolled(source))


def keep(folder: Path, into: Path) -> None:
    """A backup of the database file."""
    shutil.copy(folder / "liuhen.db", into)


def put_back(folder: Path, backup: Path) -> None:
    for name in ("liuhen.db-wal", "liuhen.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup, folder / "liuhen.db")
