"""A machine to crash: virtual time, a database whose COMMIT can fail, disk and store that lose.

Everything runs in one thread in one order, so a seed repeats a run exactly.
"""

import asyncio
import asyncio.base_events
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from storage.database import Database
from tests.simulation.faults import Crash

START_MS = 1_800_000_000_000
LONGEST_S = 6 * 3600


class StuckError(AssertionError):
    """Nothing is ready and no timer runs: the simulated program waits for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer whenever nothing else is to do."""

    def __init__(self) -> None:
        super().__init__()
        self.virtual = 0.0
        self.set_exception_handler(_unless_crash)

    def time(self) -> float:
        return getattr(self, "virtual", 0.0)

    def _run_once(self) -> None:
        timers = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            # As the base class does it, before it looks how long to sleep.
            handle = asyncio.base_events.heapq.heappop(timers)  # type: ignore[attr-defined]
            handle._scheduled = False
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not self._ready:  # type: ignore[attr-defined]
            if not timers:
                raise StuckError("the simulation waits for ever")
            self.virtual = max(self.virtual, timers[0]._when)
            if self.virtual > LONGEST_S:
                raise StuckError(f"the simulation waits for ever: {LONGEST_S} s went by")
        super()._run_once()  # type: ignore[misc]


def _unless_crash(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Crash):
        loop.default_exception_handler(context)


class VirtualClock:
    """The server's clock, on virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def boot_ms(self) -> int:
        return 1_000_000 + round(self._loop.time() * 1000)

    def boot_id(self) -> str:
        return "boot"


class InlineExecutor(Executor):
    """Runs what is submitted here and now."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001  # a Crash travels like every result
            future.set_exception(exc)
        return future


class SimulatedDatabase(Database):
    """A real SQLite file; reads run in this thread too, and COMMIT passes the hook of faults.

    SQLite's own durability is trusted here (it is tested by its makers); what is simulated is a
    COMMIT that never happened, one that happened without an answer, and death around it.
    """

    def __init__(self, url: URL, executor: Executor | None) -> None:
        super().__init__(url, executor)
        self._reads = _reads(url)

    @classmethod
    async def start(cls, path: str, step: Callable[[str], None]) -> "SimulatedDatabase":
        database = await cls.open(f"sqlite:///{path}", executor=InlineExecutor())
        assert isinstance(database, SimulatedDatabase)

        def commit(connection: Connection) -> None:
            _at(step, "database commit (before)")
            Connection.commit(connection)
            _at(step, "database commit (after)")

        database.commit = commit
        return database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._reads.begin() as connection:
            yield connection

    async def close(self) -> None:
        self._discard()
        await self._reads.dispose()
        await self._reader.dispose()


@cache
def empty_database() -> bytes:
    """A database file with all tables and nothing in them; migrated once, not once a run."""

    async def make(path: Path) -> None:
        database = await Database.open(f"sqlite:///{path}")
        await database.migrate()
        await database.truncate_wal()
        await database.close()

    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        with ThreadPoolExecutor(1) as pool:  # a loop may be running here
            pool.submit(asyncio.run, make(path)).result()
        return path.read_bytes()


def _at(step: Callable[[str], None], name: str) -> None:
    """A COMMIT without an answer is an OSError to the database layer, as a lost link is."""
    from verify.errors import UnavailableError  # noqa: PLC0415

    try:
        step(name)
    except UnavailableError as exc:
        raise OSError(str(exc)) from exc


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """What SQLAlchemy's async results call; the rows are still to be read here."""


class _Link(sqlite3.Connection):
    def cursor(self, *_: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return super().cursor(_Cursor)


def _reads(url: URL) -> AsyncEngine:
    """SQLAlchemy's async engine over the synchronous driver: no thread, hence one order."""
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"check_same_thread": False, "factory": _Link}
    )
    engine.dialect.is_async = True
    event.listen(engine, "connect", _readonly)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _breathe)
    return AsyncEngine(engine)


def _readonly(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _breathe(*_: object) -> None:
    """The async engine insists that something is awaited."""
    await_only(asyncio.sleep(0))
