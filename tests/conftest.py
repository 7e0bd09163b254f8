"""Fixtures that more than one package's tests use: real servers and fresh databases.

`database_url` runs a test twice, on SQLite and on PostgreSQL, each time with an empty database;
`migrated_url` does the same with the newest tables already in it.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests import services
from tests.services import PostgresServer, S3Server

_TEMPLATE = "liuhen_migrated"


@pytest.fixture(scope="session")
def minio() -> Iterator[S3Server]:
    with services.minio() as server:
        yield server


@pytest.fixture(scope="session")
def versitygw() -> Iterator[S3Server]:
    with services.versitygw() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with services.postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def database_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, empty."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'liuhen.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.fresh()
    yield url
    server.drop(url)


@pytest.fixture
def migrated_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own with the newest tables, copied from one made once."""
    if dialect == "sqlite":
        made: Path = request.getfixturevalue("migrated_file")
        shutil.copy(made, tmp_path / "liuhen.db")
        yield f"sqlite:///{tmp_path / 'liuhen.db'}"
        return
    server: PostgresServer = request.getfixturevalue("migrated_postgres")
    url = server.fresh(_TEMPLATE)
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "liuhen.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> PostgresServer:
    made = postgres.fresh()
    _migrate(made)
    postgres.rename(made, _TEMPLATE)
    return postgres


def _migrate(url: str) -> None:
    async def run() -> None:
        database = await Database.open(url)
        try:
            await database.migrate()
            await database.truncate_wal()
        finally:
            await database.close()

    asyncio.run(run())
