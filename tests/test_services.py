"""The servers of the tests are what the product asks for, and leave nothing behind."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest

from storage.database import Database
from tests import services
from tests.services import PostgresServer, S3Server


def test_postgres_keeps_what_it_acknowledges(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        assert connection.info.server_version >= 150000


def test_each_test_has_a_database_of_its_own(postgres: PostgresServer) -> None:
    first, second = postgres.fresh(), postgres.fresh()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE seen ()")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('seen')").fetchone() == (None,)
    for url in (first, second):
        postgres.drop(url)


async def test_database_opens(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.close()


async def test_migrated_database_has_its_tables(migrated_url: str) -> None:
    database = await Database.open(migrated_url)
    async with database.read() as connection:
        result = await connection.exec_driver_sql("SELECT count(*) FROM head")
        assert result.scalar_one() in (0, 1)
    await database.close()


def test_minio_belongs_to_this_process(minio: S3Server) -> None:
    assert Path(f"/proc/{minio.pid}").exists()
    assert minio.endpoint.startswith("127.0.0.1:")


def test_a_server_ends_with_its_fixture() -> None:
    with services.minio() as server:
        pid, folder = server.pid, server.folder
        os.kill(pid, 0)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_server_is_an_error_not_a_skip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LIUHEN_MINIO", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(services.MissingError, match="minio: expected it in"):
        services.minio_binary()
