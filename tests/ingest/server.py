"""A bare ingest server on loopback: the receiving half with a real database, disk, store and log.

`python -m tests.ingest.server FOLDER PORT` runs one until it is killed, for tests that kill it.
"""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import Connection

from ingest import app, log_routes
from ingest.limits import Limits
from ingest.recovery import IngestRecovery
from ingest.seal import AfterSealed, Sealer
from ingest.staging import Staging
from ingest.uploads import Uploads
from storage.access import Caller, Right
from storage.clock import Clock, SystemClock
from storage.database import Database
from storage.disk import Disk
from storage.disk_real import FolderDisk
from storage.errors import UnauthenticatedError
from storage.jobs import Runner
from storage.ledger import Draft, Ledger
from storage.log.publisher import Publisher
from storage.log.receipts import Receipts
from storage.log.signer import Signer, open_key
from storage.log.startup import Startup
from storage.objects.directory import DirectoryStore
from storage.objects.port import ObjectStore

SOURCES = {"cam-1": "1" * 32, "cam-2": "2" * 32}


def metadata(**values: str | bytes) -> str:
    """`Upload-Metadata` of these values."""
    pairs = []
    for key, value in values.items():
        raw = value.encode() if isinstance(value, str) else value
        pairs.append(f"{key} {base64.b64encode(raw).decode()}")
    return ",".join(pairs)


async def create(
    server: "Remote", size: int | None, who: str = "cam-1", **meta: str | bytes
) -> str:
    """Open an upload; its address."""
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    headers = server.headers(who, **length, **{"Upload-Metadata": metadata(**meta)})
    async with server.session.post("/api/uploads/", headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"]


async def append(
    server: "Remote", location: str, offset: int, data: bytes, **headers: str
) -> tuple[int, str]:
    """One PATCH; its status and Upload-Offset."""
    more = server.headers(
        **{"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"},
    )
    async with server.session.patch(location, data=data, headers=more | headers) as answer:
        return answer.status, answer.headers.get("Upload-Offset", "")


async def head(
    server: "Remote", location: str, who: str = "cam-1"
) -> "tuple[int, Mapping[str, str]]":
    async with server.session.head(location, headers=server.headers(who)) as answer:
        return answer.status, answer.headers


async def look(server: "Remote", location: str, who: str = "cam-1") -> dict[str, Any]:
    """The upload as JSON."""
    async with server.session.get(location, headers=server.headers(who)) as answer:
        assert answer.status == 200, await answer.text()
        shown: dict[str, Any] = await answer.json()
        return shown


async def receipt(server: "Remote", location: str, who: str = "cam-1") -> str:
    """The receipt, waited for."""
    address = f"{location}/receipt?wait=20"
    async with server.session.get(address, headers=server.headers(who)) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text


async def staged(server: "Server", *sizes: int) -> None:
    """Wait until staging holds uploads of just these sizes: freeing follows the act."""
    async with asyncio.timeout(15):
        while sorted(server.uploads.staging.uploads().values()) != sorted(sizes):
            await asyncio.sleep(0.02)


def caller(name: str) -> Caller:
    """`cam-1` and `cam-2` speak for their sources, `hand` for any; `officer` decides; `log` reads."""
    rights = {"officer": {Right.CASE, Right.READ}, "log": {Right.LOG}, "nobody": set()}
    return Caller(
        actor=f"s:{SOURCES[name]}"
        if name in SOURCES
        else "u:" + name.encode().hex().ljust(32, "0"),
        rights=frozenset(rights.get(name, {Right.UPLOAD})),
        token=name,
        name=name,
        source=SOURCES.get(name),
    )


class Tokens:
    """`Authorization: Bearer <name>`."""

    async def caller(self, request: web.Request) -> Caller:
        scheme, _, name = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or name not in (*SOURCES, "hand", "officer", "log", "nobody"):
            raise UnauthenticatedError("token: expected a known one, got another")
        return caller(name)


@dataclass
class Remote:
    """A server as its clients see it."""

    url: str
    session: aiohttp.ClientSession
    vkey: str

    @classmethod
    def connect(cls, said: bytes) -> "Remote":
        """By the line that `python -m tests.ingest.server` prints when it is ready."""
        facts = json.loads(said)
        return cls(facts["url"], aiohttp.ClientSession(facts["url"]), facts["vkey"])

    def headers(self, who: str = "cam-1", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {who}", "Tus-Resumable": "1.0.0", **more}


@dataclass
class Server(Remote):
    """The parts of a running server."""

    database: Database
    ledger: Ledger
    uploads: Uploads
    sealer: Sealer
    publisher: Publisher
    runner: Runner
    stores: list[ObjectStore]


async def _enrol(ledger: Ledger) -> None:
    for name, source in SOURCES.items():
        draft = Draft(
            "source.enrolled", f"s:{source}", "sys",
            {"source": source, "name": name, "kind": "device"},
        )  # fmt: skip

        def decide(_: Connection, draft: Draft = draft) -> list[Draft]:
            return [draft]

        await ledger.record(f"enrol:{name}", decide)


class Later(SystemClock):
    """The machine's clock, moved by the test."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def boot_ms(self) -> int:
        return super().boot_ms() + self.ahead_ms


@asynccontextmanager
async def running(
    folder: Path,
    *,
    url: str | None = None,
    limits: Limits | None = None,
    port: int = 0,
    disk: Disk | None = None,
    stores: Sequence[ObjectStore] | None = None,
    clock: Clock | None = None,
    after_sealed: Sequence[AfterSealed] = (),
    compare: bool = True,
    recover: bool = True,
    jobs: bool = True,
    base: Callable[[web.Request], str] = app.as_asked,
) -> AsyncIterator[Server]:
    """Start everything, stop it again at the end.  `compare=False` leaves the ledger closed."""
    clock = clock or SystemClock()
    files = FolderDisk(folder)
    keys = FolderDisk(folder / "keys")
    database = await Database.open(url or f"sqlite:///{folder / 'liuhen.db'}")
    await database.migrate()
    ledger = Ledger(database, clock)
    held = list(stores or [DirectoryStore(files, "objects")])
    signer = Signer(open_key(keys, warn=lambda _: None), keys)
    publisher = Publisher(database, ledger, held[:1], signer, clock, interval_s=0.2)
    runner = Runner(database, clock, {"seal": 2}, poll_s=0.05, first_wait_s=0.1)
    uploads = Uploads(
        database, ledger, Staging(disk or files, root=None if disk else files.root), clock,
        limits or Limits(margin=0),
    )  # fmt: skip
    sealer = Sealer(database, ledger, uploads.staging, held, clock, after_sealed=after_sealed)
    runner.handler("seal", "seal", None)(sealer)
    web_app = web.Application()
    web_app.add_routes(app.routes(app.Deps(uploads, Tokens(), Receipts(database, publisher), base)))
    web_app.add_routes(
        log_routes.routes(log_routes.LogDeps(database, tuple(held), Tokens(), signer.key.vkey))
    )
    tasks: list[asyncio.Task[Any]] = []
    if compare:
        await Startup(database, ledger, publisher).run()
        await _enrol(ledger)
        tasks.append(asyncio.create_task(publisher.run()))
    if recover:
        await IngestRecovery(uploads).run()
    if jobs:
        tasks.append(asyncio.create_task(runner.run()))
    web_runner = web.AppRunner(web_app, shutdown_timeout=1, max_field_size=64 << 10)
    await web_runner.setup()
    site = web.TCPSite(web_runner, "127.0.0.1", port)
    await site.start()
    bound = web_runner.addresses[0][1]
    session = aiohttp.ClientSession(f"http://127.0.0.1:{bound}")
    try:
        yield Server(
            f"http://127.0.0.1:{bound}", session, signer.key.vkey,
            database, ledger, uploads, sealer, publisher, runner, held,
        )  # fmt: skip
    finally:
        await session.close()
        uploads.slots.let_all_go()
        await web_runner.cleanup()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await database.close()


async def _serve(folder: Path, port: int) -> None:
    async with running(folder, port=port) as server:
        print(json.dumps({"url": server.url, "vkey": server.vkey}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
