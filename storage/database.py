"""The database behind the record: one writer, many readers, SQLite or PostgreSQL.

Guarantee: `write` runs its work in one transaction on the only writing connection of this
process, and returns after a COMMIT that the database acknowledged as durable; work that raises
leaves nothing.  `open` refuses a server whose settings would make an acknowledged COMMIT lose.
Not covered: what is written.  Tables of the record are changed through `storage.ledger` only.

Other processes may write to the same database; every transaction of the record takes the head
row first (SQLite: BEGIN IMMEDIATE takes the whole file).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from storage import migrations
from storage.errors import OutcomeUnknownError
from verify.errors import MalformedError, UnavailableError

T = TypeVar("T")

BUSY_S = 20  # how long a writer waits for another process
READERS = 4  # threads of `ask`
IDLE_CHECK_S = 1.0  # a writer connection idle for longer is asked for a sign of life first
_TOPICS = "announced"
_PG_OPTIONS = (
    "-c idle_in_transaction_session_timeout=10s -c lock_timeout=30s -c synchronous_commit=on"
)


class Database:
    """Open it with `Database.open`; close it with `close`."""

    def __init__(self, url: URL, executor: Executor | None) -> None:
        self.url = url
        self.dialect = "sqlite" if url.drivername == "sqlite" else "postgresql"
        self._owned = executor is None
        self._executor: Executor = executor or ThreadPoolExecutor(1, thread_name_prefix="records")
        self._writer: Engine = _writer_engine(url, self.dialect)
        self._reader: AsyncEngine = _reader_engine(url, self.dialect)
        self._asked: Engine = _asked_engine(url, self.dialect)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="readers")
        self._connection: Connection | None = None
        self._used = 0.0
        self._subscribers: dict[str, list[Callable[[], None]]] = {}
        # For fault injection in tests and the simulation: called instead of COMMIT.
        self.commit: Callable[[Connection], None] = Connection.commit

    @classmethod
    async def open(cls, url: str, *, executor: Executor | None = None) -> "Database":
        """`sqlite:///absolute/path` or `postgresql://user:password@host/database`.

        `executor` runs the writer, one call at a time; by default a thread of its own.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as exc:
            raise MalformedError("database: expected sqlite:///… or postgresql://…") from exc
        if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
            raise MalformedError(
                f"database: expected sqlite:///… or postgresql://…, got {parsed.drivername}"
            )
        if parsed.drivername == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise MalformedError("database: expected a file, since memory forgets, got none")
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = cls(parsed, executor)
        try:
            await database._in_writer(database._check_durability)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writer; what it returns is returned after COMMIT.

        UnavailableError: the database gave no answer and nothing was changed.
        OutcomeUnknownError: it gave no answer to COMMIT itself.
        """
        loop = asyncio.get_running_loop()
        return await self._in_writer(lambda: self._transaction(work, loop))

    def subscribe(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back in the loop after every COMMIT of work that said `announce(…, topic)`.

        Returns what ends the subscription.  Other processes' commits are not heard.
        """
        self._subscribers.setdefault(topic, []).append(callback)
        return lambda: self._subscribers[topic].remove(callback)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read-only connection whose statements all see the same state on SQLite."""
        try:
            async with self._reader.begin() as connection:
                yield connection
        except DBAPIError as exc:
            if not _no_answer(exc):
                raise
            raise UnavailableError(f"database: expected an answer, got {_cause(exc)}") from exc

    async def ask(self, work: Callable[[Connection], T]) -> T:
        """What `work` reads on a connection like that of `read`, in a thread from end to end.

        For answers of many statements: with `read` each goes to a thread and back through the
        loop four times on SQLite, which costs more than the statement.
        """

        def run() -> T:
            try:
                with self._asked.begin() as connection:
                    return work(connection)
            except DBAPIError as exc:
                if not _no_answer(exc):
                    raise
                raise UnavailableError(f"database: expected an answer, got {_cause(exc)}") from exc

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def migrate(self) -> None:
        """Bring the tables to the newest version; safe when several processes do it at once."""
        await self.write(migrations.upgrade)

    async def truncate_wal(self) -> None:
        """SQLite: copy the WAL into the file and empty it, so that erased values are gone."""
        if self.dialect == "sqlite":
            await self._in_writer(self._truncate_wal)

    async def close(self) -> None:
        """Finish what runs, then let go of the database."""
        await self._in_writer(self._discard)
        await self._reader.dispose()
        self._threads.shutdown(wait=True)
        self._asked.dispose()
        if self._owned:
            self._executor.shutdown(wait=True)

    # --- in the writer's thread -------------------------------------------------------------

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _transaction(
        self, work: Callable[[Connection], T], loop: asyncio.AbstractEventLoop | None = None
    ) -> T:
        connection = self._connect()
        connection.info.pop(_TOPICS, None)
        try:
            if not connection.in_transaction():
                connection.begin()
            result = work(connection)
        except BaseException as exc:
            self._rollback(connection)
            if _no_answer(exc):
                raise UnavailableError(f"database: expected an answer, got {_cause(exc)}") from exc
            raise
        try:
            self.commit(connection)
        except (DBAPIError, OSError) as exc:
            self._discard()
            raise OutcomeUnknownError(f"COMMIT: expected an answer, got {_cause(exc)}") from exc
        self._used = time.monotonic()
        if loop is not None:
            for topic in connection.info.pop(_TOPICS, ()):
                for callback in self._subscribers.get(topic, ()):
                    loop.call_soon_threadsafe(callback)
        return result

    def _connect(self) -> Connection:
        """The writer's connection with no work in it, opened again if it was lost."""
        idle = self.dialect == "postgresql" and time.monotonic() - self._used > IDLE_CHECK_S
        if self._connection is not None and idle:
            try:
                self._connection.exec_driver_sql("SELECT 1")
                self._connection.rollback()
            except DBAPIError:
                self._discard()
        if self._connection is None:
            try:
                self._connection = self._writer.connect()
            except (OperationalError, InterfaceError) as exc:
                raise UnavailableError(f"database: expected an answer, got {_cause(exc)}") from exc
        return self._connection

    def _rollback(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except DBAPIError:
            self._discard()
        else:
            if connection.invalidated:
                self._discard()

    def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except DBAPIError:
                connection.invalidate()

    def _truncate_wal(self) -> None:
        raw = self._connect().connection.driver_connection
        assert raw is not None  # noqa: S101  # an open connection has one
        busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # waits BUSY_S
        if busy:
            raise UnavailableError("database: expected to empty the WAL, got a reader still in it")

    def _check_durability(self) -> None:
        def ask(connection: Connection) -> dict[str, str]:
            return {n: str(connection.exec_driver_sql(q).scalar()) for n, q in questions.items()}

        wanted: dict[str, tuple[str, ...]]
        if self.dialect == "sqlite":
            questions = {"journal_mode": "PRAGMA journal_mode", "synchronous": "PRAGMA synchronous"}
            wanted = {"journal_mode": ("wal",), "synchronous": ("2",)}
        else:
            names = ("fsync", "full_page_writes", "synchronous_commit", "transaction_isolation")
            questions = {name: f"SHOW {name}" for name in names}
            wanted = dict.fromkeys(names, ("on",))
            wanted["synchronous_commit"] = ("on", "remote_apply")
            wanted["transaction_isolation"] = ("read committed",)
        for name, got in self._transaction(ask).items():
            if got not in wanted[name]:
                raise MalformedError(
                    f"database setting {name}: expected {' or '.join(wanted[name])}, got {got}"
                )


def announce(connection: Connection, topic: str) -> None:
    """Wake the subscribers of `topic` in this process once this transaction is committed."""
    connection.info.setdefault(_TOPICS, set()).add(topic)


def _no_answer(exc: BaseException) -> bool:
    """Whether the database is away, locked or full, as against refusing a wrong statement."""
    if isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return True
    if getattr(getattr(exc, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # SQLite's OperationalError is also its «no such table»
    return isinstance(exc, OperationalError | InterfaceError)


def _cause(exc: BaseException) -> str:
    """The driver's own words on one line, without statement or values (they may be personal)."""
    original = getattr(exc, "orig", None) or exc
    return f"{type(original).__name__}: {' '.join(str(original).split())[:200]}"


def _writer_engine(url: URL, dialect: str) -> Engine:
    if dialect == "postgresql":
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"options": _PG_OPTIONS, "connect_timeout": 5, "keepalives_idle": 30},
        )
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _sqlite_durable)
    # Reading before the lock doubled acts; a transaction that writes takes the file at once.
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _reader_engine(url: URL, dialect: str) -> AsyncEngine:
    if dialect == "postgresql":
        return create_async_engine(url.set(drivername="postgresql+psycopg"), **_PG_READS)
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), **_LITE_READS)
    _reads_only(engine.sync_engine)
    return engine


def _asked_engine(url: URL, dialect: str) -> Engine:
    if dialect == "postgresql":
        return create_engine(url.set(drivername="postgresql+psycopg"), **_PG_READS)
    threads = {"check_same_thread": False, **_LITE_READS["connect_args"]}
    engine = create_engine(url, **{**_LITE_READS, "connect_args": threads})
    _reads_only(engine)
    return engine


_PG_READS: dict[str, Any] = {
    "pool_pre_ping": True, "pool_size": 8, "hide_parameters": True,
    "connect_args": {
        "options": "-c default_transaction_read_only=on "
        "-c default_transaction_isolation=repeatable\\ read",
        "connect_timeout": 5,
    },
}  # fmt: skip
_LITE_READS: dict[str, Any] = {
    "pool_size": 8, "hide_parameters": True, "connect_args": {"timeout": BUSY_S},
}  # fmt: skip


def _reads_only(engine: Engine) -> None:
    event.listen(engine, "connect", _sqlite_readonly)
    # Without an own BEGIN each statement would see another state.
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))


def _sqlite_durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA secure_delete=ON")  # an erased value leaves no trace in free pages


def _sqlite_readonly(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()
