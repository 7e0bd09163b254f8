"""The world of one simulated run: devices that hand files over, and a server that may die.

The server is the real one (ledger, uploads, sealer, jobs, publisher, start, recovery); only disk,
store, COMMIT and time are simulated.  A run is: crash where the seed says, start again, until
every device has its receipts; then everything is checked from the bytes up.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ingest.recovery import IngestRecovery
from ingest.seal import Sealer
from ingest.staging import Staging
from ingest.tus import Append, Creation
from ingest.uploads import Uploads
from storage.access import Caller, Right
from storage.errors import StorageFullError
from storage.jobs import Runner
from storage.ledger import Draft, Ledger
from storage.log.publisher import Publisher
from storage.log.receipts import Receipts
from storage.log.signer import Signer, open_key
from storage.log.startup import Startup
from storage.objects.directory import DirectoryStore
from storage.objects.port import ObjectStore
from storage.threads import inline
from tests.simulation.disk import SimulatedDisk
from tests.simulation.faults import Crash, Faults
from tests.simulation.machine import (
    SimulatedDatabase,
    VirtualClock,
    VirtualLoop,
    empty_database,
)
from tests.simulation.store import SimulatedStore
from verify.errors import EvidenceError, UnavailableError

ORIGIN = "log.example/simulated"
SOURCES = ("5" * 32, "6" * 32)


@dataclass(frozen=True, slots=True)
class File:
    """What a device has on its card."""

    source: str
    key: str
    data: bytes

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()


@dataclass(slots=True)
class Given:
    """What devices were told; all of it must hold for ever."""

    receipts: list[tuple[File, str]] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)  # the furthest acknowledged


class CutError(ConnectionError):
    """The link broke."""


class Link:
    """A request's body: random pieces, perhaps cut on the way."""

    def __init__(self, data: bytes, chance: random.Random, *, cut: bool) -> None:
        self._data, self._chance = data, chance
        self._end = chance.randrange(len(data) + 1) if cut else len(data)
        self._cut = cut
        self._at = 0
        self._error: BaseException | None = None

    def set_exception(self, exc: BaseException) -> None:
        self._error = exc

    async def readany(self) -> bytes:
        await asyncio.sleep(self._chance.random() * 3)
        if self._error is not None:
            raise self._error
        if self._at >= self._end:
            if self._cut:
                raise CutError("the link broke")
            return b""
        size = self._chance.randrange(1, max(2, len(self._data)))
        piece = self._data[self._at : min(self._end, self._at + size)]
        self._at += len(piece)
        return piece


class Server:
    """One life of the server."""

    def __init__(self, world: "World", database: SimulatedDatabase) -> None:
        self.world, self.database = world, database
        clock = world.clock
        disk, chance = world.disk, world.chance
        salts = lambda: chance.randbytes(16).hex()  # noqa: E731
        self.ledger = Ledger(database, clock, salts)
        key = open_key(disk, origin=ORIGIN, warn=lambda _: None, seeds=lambda: bytes(range(32)))
        self.signer = Signer(key, disk)
        self.stores: list[ObjectStore] = list(world.stores)
        self.publisher = Publisher(
            database, self.ledger, self.stores, self.signer, clock, threads=inline
        )
        self.startup = Startup(database, self.ledger, self.publisher, threads=inline)
        self.receipts = Receipts(database, self.publisher)
        staging = Staging(disk, root=disk.root)
        self.uploads = Uploads(database, self.ledger, staging, clock, threads=inline, new_id=salts)
        self.recovery = IngestRecovery(self.uploads)
        self.runner = Runner(database, clock, {"seal": 2}, jitter=lambda: 0.5)
        self.runner.handler("seal", "seal", None)(
            Sealer(database, self.ledger, staging, self.stores, clock, threads=inline, new_id=salts)
        )

    async def live(self) -> None:
        """Until it is cancelled or dies."""
        await self.startup.run()
        await self.recovery.run()
        await self.enrol()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.publisher.run())
            group.create_task(self.runner.run())
            self.world.up.set()

    async def enrol(self) -> None:
        for number, source in enumerate(SOURCES):
            fields = {"source": source, "name": f"dock {number}", "kind": "device"}
            draft = Draft("source.enrolled", f"s:{source}", "sys", fields)
            while True:
                try:
                    await self.ledger.record(f"enrol:{source}", lambda _, d=draft: [d])
                    break
                except EvidenceError:
                    await asyncio.sleep(1)


class World:
    """Disk, store, devices and what was said, over all lives of the server."""

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop, *, far: bool, copies: int = 1):
        self.seed, self.loop = seed, loop
        self.chance = random.Random(seed)
        self.faults = Faults(seed)
        self.died = asyncio.Event()
        self.up = asyncio.Event()
        self.clock = VirtualClock(loop)
        self.disk = SimulatedDisk(seed, self.step)
        self.path = folder / "liuhen.db"
        self.path.write_bytes(empty_database())
        self.stores: list[SimulatedStore | DirectoryStore] = []
        for number in range(copies):
            if far:
                self.stores.append(SimulatedStore(seed + number, self.step, name=f"far{number}"))
            else:
                names = iter(range(1 << 30))
                self.stores.append(
                    DirectoryStore(
                        self.disk, f"objects{number}", name=f"near{number}", threads=inline,
                        fresh_name=lambda n=names: f"{next(n):032x}",
                    )
                )  # fmt: skip
        self.given = Given()
        self.server: Server | None = None
        self.database: SimulatedDatabase | None = None
        self.last_error: Exception | None = None
        self.steps = 0  # of the last life

    def step(self, name: str) -> None:
        try:
            self.faults(name)
        except Crash:
            self.died.set()
            raise

    # --- devices ----------------------------------------------------------------------------

    def files(self) -> list[File]:
        """A few files, mostly small; now and then the same bytes twice or from elsewhere."""
        found: list[File] = []
        for number in range(self.chance.randrange(1, 4)):
            size = self.chance.choice((0, 1, 511, 4096, 5000))
            if self.chance.random() < 0.04:
                size = (1 << 20) + self.chance.randrange(3000)
            data = self.chance.randbytes(size)
            if found and self.chance.random() < 0.25:
                data = self.chance.choice(found).data
            found.append(File(self.chance.choice(SOURCES), f"key {number}", data))
        return found

    async def hand_over(self, file: File) -> None:
        """One device: again and again, whatever breaks, until it holds a receipt."""
        caller = Caller(f"s:{file.source}", frozenset({Right.UPLOAD}), "t", "dock", file.source)
        habits = random.Random(f"{self.seed} {file.key}")  # a device says the same each time
        announced = habits.random() < 0.5
        metadata = {"filename": b"clip.mp4"} | (
            {"sha256": file.digest.encode()} if announced else {}
        )
        deferred = habits.random() < 0.3
        while True:
            await self.up.wait()
            server = self.server
            assert server is not None
            try:
                if await self._try(server, caller, file, metadata, deferred=deferred):
                    return
            except StorageFullError:
                raise
            except (EvidenceError, OSError) as exc:
                self.last_error = exc  # for whoever looks at a run that does not end
            await asyncio.sleep(self.chance.random() * 2)

    async def _try(
        self,
        server: Server,
        caller: Caller,
        file: File,
        metadata: dict[str, bytes],
        *,
        deferred: bool,
    ) -> bool:
        length = None if deferred else len(file.data)
        upload = await server.uploads.create(caller, Creation(length, "raw", metadata), file.key)
        while upload.item is None:
            upload = await server.uploads.settled(upload.id)
            told = self.given.offsets.get(upload.id, 0)
            assert upload.offset >= told, (
                f"{upload.id}: {told} was acknowledged, got {upload.offset}"
            )
            if upload.record == "open" and upload.state == "receiving":
                rest = file.data[upload.offset :]
                body = Link(rest, self.chance, cut=self.chance.random() < 0.3)
                end = len(file.data) if deferred else None
                taken = await server.uploads.append(
                    upload.id, Append(upload.offset, end, None, None), body
                )
                if taken.cut is None or self.chance.random() < 0.5:
                    self.given.offsets[upload.id] = taken.upload.offset
            else:
                await asyncio.sleep(0.5)
        index = await server.uploads.sealed_index(upload.item)
        assert index is not None
        text = await server.receipts.of(index, wait=30)
        self.given.receipts.append((file, text))
        return True

    # --- lives ------------------------------------------------------------------------------

    async def run(self, files: Sequence[File], *, lives: Sequence[int | None], rate: float) -> None:
        """Each life crashes at its step; the last (None) has no faults and must finish."""
        for crash_at in lives:
            self.faults.restart(crash_at=crash_at, rate=rate if crash_at else 0.0)
            self.died.clear()
            self.up.clear()
            if await self._life(files):
                return
            if self.chance.random() < 0.7:
                self.disk.crash()  # the power went
            else:
                self.disk.kill()  # only the process went
            if self.chance.random() < 0.5:
                for store in self.stores:
                    if isinstance(store, SimulatedStore):
                        store.settle()

    async def _life(self, files: Sequence[File]) -> bool:
        """One life; True if every device got its receipts in it."""
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(self._serve())]
        got = [file for file, _ in self.given.receipts]
        waiting = [file for file in files if file not in got]
        devices = [asyncio.create_task(self.hand_over(file)) for file in waiting]
        end = asyncio.create_task(self.died.wait())
        everybody = asyncio.gather(*devices)
        try:
            await asyncio.wait({tasks[0], end, everybody}, return_when=asyncio.FIRST_COMPLETED)
            if everybody.done() and not self.died.is_set():
                everybody.result()
                return True
            if tasks[0].done() and not self.died.is_set():
                _look_at_end(tasks[0])
            return False
        finally:
            self.died.set()  # nothing of this life writes any more
            self.faults.crashed = self.faults.crashed or "the end of a life"
            left = {*tasks, *devices, end}
            while left:  # `wait_for` may swallow a cancellation that meets its result
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=1)
            await asyncio.gather(everybody, return_exceptions=True)
            if self.database is not None:
                await self.database.close()

    async def _serve(self) -> None:
        self.database = await SimulatedDatabase.start(str(self.path), self.step)
        self.server = Server(self, self.database)
        await self.server.live()


def _look_at_end(task: "asyncio.Task[None]") -> None:
    """A server may end itself when disk or database fail under it (its supervisor starts it
    again); any other error is what the simulation is looking for."""
    error = task.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None and not isinstance(error, OSError | UnavailableError):
        raise error
