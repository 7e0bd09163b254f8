"""A store with buckets of its own on the real MinIO, the same over a bad line, and the owner."""

from collections.abc import AsyncIterator

import pytest
from minio import Minio

from storage.objects.s3 import S3Store
from tests.services import S3Server
from tests.storage.s3.link import Link, bad_line
from tests.storage.s3.rig import a_store, fresh_prefix


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


@pytest.fixture
async def store(minio: S3Server, prefix: str) -> AsyncIterator[S3Store]:
    made = a_store(minio, prefix)
    await made.set_up()
    yield made
    await made.close()


@pytest.fixture
async def line(minio: S3Server) -> AsyncIterator[Link]:
    async with bad_line(minio.endpoint) as link:
        yield link


@pytest.fixture
async def far(minio: S3Server, prefix: str, line: Link, store: S3Store) -> AsyncIterator[S3Store]:
    """The same buckets, over the bad line."""
    made = a_store(minio, prefix, line.endpoint, patience=2.0)
    yield made
    await made.close()


@pytest.fixture
def owner(minio: S3Server) -> Minio:
    return Minio(
        endpoint=minio.endpoint,
        access_key=minio.access_key,
        secret_key=minio.secret_key,
        secure=False,
    )
