"""The record, put together: database, stores, ledger and log of one data folder.

Guarantee: nothing is recorded before database, files, signer and published checkpoint were
compared.  A command that runs beside a server compares and records, and leaves publishing to the
server; with no server there it takes the folder's lock and publishes itself.
Not covered: receiving, jobs and people (`liuhen.compose`).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import click
from sqlalchemy import select

from liuhen import lock
from liuhen.settings import Settings, StoreSettings, store_folder, store_name
from storage import tables
from storage.clock import Clock, SystemClock
from storage.database import Database
from storage.disk_real import FolderDisk
from storage.ledger import Ledger
from storage.log.publisher import Publisher
from storage.log.signer import Signer, open_key
from storage.log.startup import Startup
from storage.objects.directory import DirectoryStore
from storage.objects.port import ObjectStore
from verify.errors import EvidenceError, MalformedError, UnavailableError

if TYPE_CHECKING:
    from storage.objects.s3 import S3Store

_LOOKS = 5  # a server publishes beside us: what we read one after another may be of two moments


def warn(text: str) -> None:
    """Something the person at the terminal must know now."""
    click.echo(f"warning: {text}", err=True)


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that every command about the record needs."""

    settings: Settings
    disk: FolderDisk
    database: Database
    stores: Sequence[ObjectStore]
    clock: Clock
    ledger: Ledger
    signer: Signer
    publisher: Publisher
    startup: Startup

    @property
    def origin(self) -> str:
        return self.signer.origin

    @property
    def vkey(self) -> str:
        return self.signer.key.vkey


def make_store(settings: Settings, part: str) -> ObjectStore:
    """The store of the part `store` or `second`."""
    store: StoreSettings = getattr(settings, part)
    name = store_name(settings, part)
    if store.kind == "directory":
        return DirectoryStore(FolderDisk(store_folder(settings, part)), "", name=name)
    return _s3(store, name)


def _s3(store: StoreSettings, name: str) -> "S3Store":
    from storage.objects.s3 import S3Store  # noqa: PLC0415  # slow to load, and seldom meant

    url = urlsplit(store.endpoint)
    if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/"):
        raise MalformedError(f"S3 endpoint: expected https://host:port, got {store.endpoint}")
    return S3Store(
        url.netloc,
        store.access_key,
        store.secret_key,
        bucket_prefix=store.prefix,
        region=store.region,
        secure=url.scheme == "https",
        name=name,
        mode="GOVERNANCE" if store.mode == "GOVERNANCE" else "COMPLIANCE",
    )


async def prepare(parts: Core) -> None:
    """What only the one process that owns the folder may do, before anything else."""
    for part, store in zip(("store", "second"), parts.stores, strict=False):
        if isinstance(store, DirectoryStore):
            await store.sweep()
        elif getattr(parts.settings, part).create_buckets:
            await cast("S3Store", store).set_up()


@asynccontextmanager
async def core(
    settings: Settings,
    *,
    clock: Clock | None = None,
    say: Callable[[str], None] = warn,
    migrate: bool = True,
) -> AsyncIterator[Core]:
    """Open everything and close it in the end.  Nothing is compared yet, so nothing records."""
    async with AsyncExitStack() as stack:
        yield await _open(stack, settings, clock or SystemClock(), say, migrate=migrate)


async def _open(
    stack: AsyncExitStack,
    settings: Settings,
    clock: Clock,
    say: Callable[[str], None],
    *,
    migrate: bool,
) -> Core:
    disk = FolderDisk(settings.paths.data)
    database = await Database.open(settings.database_url())
    stack.push_async_callback(database.close)
    if migrate:
        await database.migrate()
    stores: list[ObjectStore] = []
    for part in ("store", "second")[: settings.stores.copies]:
        stores.append(make_store(settings, part))
        stack.push_async_callback(stores[-1].close)
    key = await asyncio.to_thread(open_key, disk, origin=settings.log.origin or None, warn=say)
    signer = await asyncio.to_thread(Signer, key, disk)
    ledger = Ledger(database, clock)
    publisher = Publisher(
        database, ledger, stores, signer, clock, interval_s=settings.log.publish_seconds
    )
    startup = Startup(database, ledger, publisher)
    return Core(settings, disk, database, stores, clock, ledger, signer, publisher, startup)


@asynccontextmanager
async def recording(settings: Settings) -> AsyncIterator[tuple[Core, bool]]:
    """A compared core that records, and whether a server runs beside it.

    With no server there, what was recorded is published before this ends.
    """
    fd = await asyncio.to_thread(lock.try_lock, settings.paths.data)
    async with AsyncExitStack() as stack:
        if fd is None:
            yield await _beside(stack, settings), True
            return
        stack.callback(os.close, fd)
        parts = await _open(stack, settings, SystemClock(), warn, migrate=True)
        await prepare(parts)
        await parts.startup.once()
        yield parts, False
        await parts.publisher.publish()


async def _beside(stack: AsyncExitStack, settings: Settings) -> Core:
    """Compare although a server records and publishes meanwhile: what it moves between two of our
    looks is no contradiction, so a finding must repeat before it counts."""
    for look in range(_LOOKS):
        async with AsyncExitStack() as trial:
            parts = await _open(trial, settings, SystemClock(), warn, migrate=False)
            try:
                await parts.startup.beside()
            except EvidenceError:
                if look == _LOOKS - 1:
                    raise
                await asyncio.sleep(0.2)
                continue
            stack.push_async_callback(trial.pop_all().aclose)
            return parts
    raise AssertionError  # the last look returns or raises


async def until_published(parts: Core, index: int, seconds: float = 30.0) -> None:
    """Wait until the server beside us has published entry `index`; UnavailableError."""
    size = select(tables.published.c.size)
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        async with parts.database.read() as conn:
            if ((await conn.execute(size)).scalar() or 0) > index:
                return
        await asyncio.sleep(0.2)
    raise UnavailableError(
        f"publication of entry {index}: expected within {seconds:.0f} s, got none yet; the server "
        "that runs here publishes it as soon as it can"
    )
