"""The writer and the readers: durable settings, one transaction, lost connections."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from storage.database import Database, announce
from storage.tables import denial
from tests.services import PostgresServer
from verify.errors import MalformedError, UnavailableError


def put(person: str) -> object:
    return insert(denial).values(person=person, object="x", minute=1)


async def people(database: Database) -> list[str]:
    async with database.read() as c:
        return sorted((await c.execute(select(denial.c.person))).scalars())


async def test_work_that_raises_leaves_nothing(migrated_url: str) -> None:
    database = await Database.open(migrated_url)

    def fail(connection: Connection) -> None:
        connection.execute(put("a"))  # type: ignore[call-overload]
        raise KeyError("x")

    try:
        with pytest.raises(KeyError):
            await database.write(fail)
        await database.write(lambda c: c.execute(put("b")))  # type: ignore[call-overload]
        assert await people(database) == ["b"]
    finally:
        await database.close()


async def test_readers_read_only_and_see_one_state(migrated_url: str) -> None:
    database = await Database.open(migrated_url)
    try:
        async with database.read() as c:
            assert (await c.execute(select(denial))).all() == []
            await database.write(lambda w: w.execute(put("a")))  # type: ignore[call-overload]
            assert (await c.execute(select(denial))).all() == []
        assert await people(database) == ["a"]
        with pytest.raises((DBAPIError, UnavailableError)):
            async with database.read() as c:
                await c.execute(update(denial).values(person="b"))
        assert await people(database) == ["a"]
    finally:
        await database.close()


async def test_who_asks_in_a_thread_reads_one_state_only(migrated_url: str) -> None:
    database = await Database.open(migrated_url)
    begun, go = threading.Event(), threading.Event()

    def twice(connection: Connection) -> tuple[int, int]:
        found = [len(connection.execute(select(denial)).all())]
        begun.set()
        go.wait(10)
        found.append(len(connection.execute(select(denial)).all()))
        return found[0], found[1]

    try:
        reading = asyncio.create_task(database.ask(twice))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        await database.write(lambda w: w.execute(put("a")))  # type: ignore[call-overload]
        go.set()
        assert await reading == (0, 0)
        assert await database.ask(twice) == (1, 1)
        with pytest.raises((DBAPIError, UnavailableError)):
            await database.ask(lambda c: c.execute(update(denial).values(person="b")))
        with pytest.raises(DBAPIError):
            await database.ask(lambda c: c.exec_driver_sql("SELECT nothing FROM nowhere"))
        assert await people(database) == ["a"]
    finally:
        await database.close()


async def test_an_announcement_is_heard_after_the_commit_only(migrated_url: str) -> None:
    database = await Database.open(migrated_url)
    heard: list[str] = []
    try:
        end = database.subscribe("jobs", lambda: heard.append("jobs"))

        def fail(connection: Connection) -> None:
            announce(connection, "jobs")
            raise KeyError("x")

        with pytest.raises(KeyError):
            await database.write(fail)
        await database.write(lambda c: None)
        await asyncio.sleep(0)
        assert heard == []
        await database.write(lambda c: announce(c, "jobs"))
        await asyncio.sleep(0)
        assert heard == ["jobs"]
        end()
        await database.write(lambda c: announce(c, "jobs"))
        await asyncio.sleep(0)
        assert heard == ["jobs"]
    finally:
        await database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
async def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(MalformedError, match="database: expected"):
        await Database.open(url)


async def test_sqlite_is_durable_and_waits_for_others(tmp_path: Path) -> None:
    path = tmp_path / "made" / "liuhen.db"
    database = await Database.open(f"sqlite:///{path}")
    try:

        def settings(connection: Connection) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

        assert await database.write(settings) == ["wal", 2, 0, 20_000, 1]
        await database.migrate()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(database.write(lambda c: c.execute(put("a"))))  # type: ignore[call-overload]
        await asyncio.sleep(0.2)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        await waiting
    finally:
        await database.close()


async def test_the_wal_is_emptied(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'liuhen.db'}")
    try:
        await database.migrate()
        assert (tmp_path / "liuhen.db-wal").stat().st_size > 0
        await database.truncate_wal()
        assert (tmp_path / "liuhen.db-wal").stat().st_size == 0
    finally:
        await database.close()


@pytest.fixture
def postgres_url(migrated_postgres: PostgresServer) -> str:
    return migrated_postgres.fresh("liuhen_migrated")


@pytest.mark.parametrize(
    ("setting", "value"), [("synchronous_commit", "off"), ("synchronous_commit", "local")]
)
async def test_postgresql_that_would_lose_a_commit_is_refused(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setattr("storage.database._PG_OPTIONS", f"-c {setting}={value}")
    with pytest.raises(
        MalformedError, match=f"{setting}: expected on or remote_apply, got {value}"
    ):
        await Database.open(postgres_url)


async def test_postgresql_settings_of_the_writer(postgres_url: str) -> None:
    database = await Database.open(postgres_url)

    def settings(connection: Connection) -> list[object]:
        names = (
            "transaction_isolation",
            "idle_in_transaction_session_timeout",
            "synchronous_commit",
        )
        return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

    try:
        assert await database.write(settings) == ["read committed", "10s", "on"]
    finally:
        await database.close()


async def test_a_lost_connection_is_unavailable_and_then_made_again(postgres_url: str) -> None:
    database = await Database.open(postgres_url)
    killer = await Database.open(postgres_url)

    async def kill() -> None:
        name = make_url(postgres_url).database
        await killer.write(
            lambda c: c.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = :name AND pid <> pg_backend_pid()"
                ),
                {"name": name},
            )
        )

    try:
        await kill()
        with pytest.raises(UnavailableError, match="expected an answer"):
            await database.write(lambda c: c.execute(put("a")))  # type: ignore[call-overload]
        await database.write(lambda c: c.execute(put("b")))  # type: ignore[call-overload]
        assert await people(database) == ["b"]
        await kill()
        assert await people(database) == ["b"]  # readers ask for a sign of life first
        await kill()
        assert await database.ask(lambda c: len(c.execute(select(denial)).all())) == 1
        database._used = 0.0  # so does a writer that was idle for a while
        await database.write(lambda c: c.execute(put("c")))  # type: ignore[call-overload]
        assert await people(database) == ["b", "c"]
    finally:
        await database.close()
        await killer.close()


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="expected an answer"):
        await Database.open("postgresql://nobody@127.0.0.1:1/none")
