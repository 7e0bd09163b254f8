"""A small server: a real ledger, log, signer and directory store, the console in front of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer
from sqlalchemy import Connection, insert

from console.access import TokenAccess
from console.app import create_app
from console.media import VIEWS
from console.metrics import Metrics
from console.parts import Parts
from console.settings import ConsoleSettings
from console.tokens import issue_token
from console.views import Views
from ingest import log_routes
from ingest.answers import name_version
from storage import tables
from storage.access import Right
from storage.clock import SystemClock
from storage.database import Database
from storage.disk_real import FolderDisk
from storage.jobs import enqueue
from storage.ledger import Draft, Event, Ledger
from storage.log.publisher import Publisher
from storage.log.receipts import Receipts
from storage.log.signer import Signer, open_key
from storage.log.startup import Startup
from storage.objects.directory import DirectoryStore
from storage.objects.port import Class
from tests.console.receiving import receiving
from verify.entries import parse_time
from verify.fingerprint import ChunkTree

RETAIN = "2030-01-01T00:00:00.000Z"
SOURCE = "5" * 32
ALL = tuple(Right)


class ShiftedClock(SystemClock):
    """The machine's clock, moved by the test: the log sees it, and so do views."""

    shift_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.shift_ms

    def boot_ms(self) -> int:
        return super().boot_ms() + self.shift_ms


@dataclass
class House:
    """Everything a test may touch."""

    database: Database
    ledger: Ledger
    publisher: Publisher
    store: DirectoryStore
    clock: ShiftedClock
    parts: Parts
    server: TestServer
    retried: list[str]
    made: int = 0
    clients: list[ClientSession] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    @property
    def views(self) -> Views:
        return self.server.app[VIEWS]

    async def token(
        self, *rights: Right, name: str = "李敏", source: str | None = None
    ) -> tuple[str, str]:
        """Id and secret."""
        return await issue_token(self.ledger, name, rights or ALL, source)

    async def client(
        self, *rights: Right, name: str = "李敏", language: str = "en"
    ) -> ClientSession:
        """A program with a token that has these rights (all by default)."""
        _, secret = await self.token(*rights, name=name)
        return self.session({"Authorization": f"Bearer {secret}", "Accept-Language": language})

    async def client_of(self, organ: str, *rights: Right) -> ClientSession:
        """A program whose token names one organ."""
        _, secret = await issue_token(self.ledger, "program", rights or ALL, organ=organ)
        return self.session({"Authorization": f"Bearer {secret}", "Accept-Language": "en"})

    def session(self, headers: dict[str, str] | None = None) -> ClientSession:
        """A client with a cookie jar of its own."""
        session = ClientSession(
            self.url, headers=headers, cookie_jar=CookieJar(unsafe=True), auto_decompress=False
        )
        self.clients.append(session)
        return session

    async def browser(self, *rights: Right, language: str = "en") -> ClientSession:
        """A signed-in browser; its CSRF token is in `csrf`."""
        _, secret = await self.token(*rights)
        session = self.session({"Accept-Language": language, "Accept": "text/html"})
        async with session.post("/login", data={"token": secret, "next": "/verify"}) as answer:
            assert answer.status == 200, await answer.text()
        return session

    async def record(
        self,
        type_: str,
        chain: str,
        also: Callable[[Connection], None] | None = None,
        **fields: Any,
    ) -> Event:
        self.made += 1
        draft = Draft(type_, chain, f"s:{SOURCE}" if chain[0] == "s" else "sys", fields)
        events = await self.ledger.record(
            f"test:{self.made}",
            lambda _conn: [draft],
            None if also is None else lambda conn, _events: also(conn),
        )
        return events[0]

    async def upload(self, id_: str, name: str = "现场.mp4", **more: Any) -> None:
        """An announced upload that is being received."""
        offset = more.pop("offset", 0)
        touched = more.pop("touched_ms", self.clock.now_ms())
        row = {
            "upload": id_, "state": more.pop("moving", "receiving"), "length": more.get("size"),
            "offset": offset, "metadata": "", "object_key": "o/x", "expires_ms": 1 << 50,
            "touched_ms": touched, "marks": "[]",
        }  # fmt: skip
        await self.record(
            "upload.opened", f"s:{SOURCE}", lambda c: c.execute(insert(tables.transfer).values(row)),
            upload=id_, name=name, **more,
        )  # fmt: skip

    async def item(
        self,
        content: bytes = b"recording" * 1000,
        *,
        name: str = "现场.mp4",
        mime: str = "video/mp4",
        verdict: str | None = "native",
        publish: bool = True,
        wish: str | None = None,
        sidecar: bool = False,
    ) -> str:
        """A sealed recording whose bytes really lie in the store."""
        id_ = hashlib.sha256(f"{self.made}{name}".encode()).hexdigest()[:32]
        upload = id_[::-1]
        more = {} if wish is None else {"case_number": wish}
        await self.record("upload.opened", f"s:{SOURCE}", upload=upload, name=name, **more)
        key = f"o/{id_}"
        until = datetime.fromtimestamp(parse_time(RETAIN) / 1000, UTC)
        await self.store.create(Class.EVIDENCE, key, content, retain_until=until)
        tree = ChunkTree()
        tree.update(content)
        objects = [{"store": self.store.name, "what": "original", "key": key}]
        if sidecar:
            await self.store.create(Class.EVIDENCE, f"{key}.tree", tree.tree(), retain_until=until)
            objects.append({"store": self.store.name, "what": "tree", "key": f"{key}.tree"})

        def probed(conn: Connection) -> None:
            if verdict is not None:
                conn.execute(
                    insert(tables.media).values(
                        item=id_, verdict=verdict, reason="broken" if verdict == "none" else None,
                        probe='{"mime":"video/mp4"}', duration_ms=2000,
                    )
                )  # fmt: skip

        await self.record(
            "item.sealed", f"s:{SOURCE}", probed, item=id_, upload=upload, size=len(content),
            sha256=hashlib.sha256(content).hexdigest(), chunk=1 << 20, root=tree.root().hex(),
            mime=mime, name=name, device_times=[{"source": "device", "time": RETAIN}],
            objects=objects, retain_until=RETAIN,
        )  # fmt: skip
        if publish:
            await self.publisher.publish()
        return id_

    async def derive(self, item: str, what: str, body: bytes, mime: str) -> None:
        """A derivative whose bytes really lie in the work class."""
        key = f"d/{item}-{what}"
        await self.store.replace(Class.WORK, key, body)
        digest = hashlib.sha256(body).hexdigest()
        await self.record(
            "item.derived", f"i:{item}", item=item, what=what, key=key, sha256=digest,
            size=len(body), mime=mime, tool="ffmpeg version 5.1 Copyright", arguments=["-i"],
            input="0" * 64,
        )  # fmt: skip

    async def trail(self, client: ClientSession, item: str) -> list[dict[str, Any]]:
        async with client.get(f"/api/items/{item}/trail") as answer:
            return list((await answer.json())["entries"])


def _log_routes(
    database: Database, clock: ShiftedClock, store: DirectoryStore, vkey: str
) -> list[web.RouteDef]:
    """The log's public files, as the composition serves them."""
    access = TokenAccess(database, clock)
    return log_routes.routes(log_routes.LogDeps(database, (store,), access, vkey))


@asynccontextmanager
async def opened(
    url: str, folder: Path, settings: ConsoleSettings, more: Sequence[DirectoryStore] | None = None
) -> AsyncIterator[House]:
    """A house; with `more`, even none, it takes uploads in, and these stores hold copies, too."""
    clock = ShiftedClock()
    database = await Database.open(url)
    disk = FolderDisk(folder)
    store = DirectoryStore(disk)
    ledger = Ledger(database, clock)
    key = await asyncio.to_thread(open_key, disk, origin="log.example/console", warn=lambda _: None)
    signer = await asyncio.to_thread(Signer, key, disk)
    publisher = Publisher(database, ledger, [store], signer, clock)
    await Startup(database, ledger, publisher).once()
    metrics = Metrics()
    retried: list[str] = []

    async def retry(key_: str) -> None:
        retried.append(key_)

    def want(conn: Connection, item: str, now_ms: int) -> None:
        enqueue(
            conn, "playable", {"item": item}, key=f"playable:{item}", lane="heavy", now_ms=now_ms
        )

    access = TokenAccess(
        database, clock, stranger=metrics.stranger, lasting=settings.lasting,
        second_factor=settings.second_factor,
    )  # fmt: skip
    stores = [store, *(more or ())]
    taking = None
    if more is not None:
        taking = await receiving(folder, database, ledger, clock, publisher, access, stores)
    parts = Parts(
        database=database, ledger=ledger, clock=clock, access=access,
        receipts=Receipts(database, publisher), stores=stores, work=store,
        origin=signer.origin, vkey=str(key.verifier), want_playable=want, retry_job=retry,
        settings=settings, metrics=metrics,
        routes=[
            *_log_routes(database, clock, store, str(key.verifier)),
            *(taking.routes if taking else ()),
        ],
    )  # fmt: skip
    app = create_app(parts)
    app.on_response_prepare.append(name_version)
    server = TestServer(app)
    await server.start_server()
    house = House(database, ledger, publisher, store, clock, parts, server, retried)
    await house.record(
        "source.enrolled", f"s:{SOURCE}", source=SOURCE, name="执法记录仪 7", kind="device"
    )
    try:
        async with taking.working() if taking else nullcontext():
            yield house
    finally:
        for client in house.clients:
            await client.close()
        await server.close()
        await database.close()


@pytest.fixture
async def house(migrated_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(migrated_url, tmp_path / "data", ConsoleSettings()) as made:
        yield made


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[House]:
    """SQLite only: for what does not depend on the database."""
    database = await Database.open(f"sqlite:///{tmp_path / 'liuhen.db'}")
    await database.migrate()
    await database.close()
    url = f"sqlite:///{tmp_path / 'liuhen.db'}"
    async with opened(url, tmp_path / "data", ConsoleSettings()) as made:
        yield made
