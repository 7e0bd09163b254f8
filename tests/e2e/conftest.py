"""Both shapes of the system: everything in one folder, and PostgreSQL with MinIO."""

import secrets
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.nursery import Nursery, raised
from tests.services import PostgresServer, S3Server


@pytest.fixture(params=["embedded", "grown-up"])
def shape(request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """The environment of a server: SQLite and a directory, or PostgreSQL and MinIO."""
    if request.param == "embedded":
        yield {}
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    minio: S3Server = request.getfixturevalue("minio")
    url = postgres.fresh()
    yield {
        "LIUHEN_DATABASE_URL": url,
        "LIUHEN_STORE_KIND": "s3",
        "LIUHEN_STORE_NAME": "minio",
        "LIUHEN_STORE_ENDPOINT": f"http://{minio.endpoint}",
        "LIUHEN_STORE_ACCESS_KEY": minio.access_key,
        "LIUHEN_STORE_SECRET_KEY": minio.secret_key,
        "LIUHEN_STORE_PREFIX": f"e2e-{secrets.token_hex(4)}",
        "LIUHEN_STORE_CREATE_BUCKETS": "true",
    }
    postgres.drop(url)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where a test's many short processes come from."""
    with raised() as parent:
        yield parent
