"""What only an S3 server can do wrong, against a real MinIO."""

import asyncio
import json
import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from minio import Minio, MinioAdmin
from minio.commonconfig import GOVERNANCE
from minio.credentials.providers import StaticProvider
from minio.error import S3Error
from minio.retention import Retention

from storage.errors import StorageFullError
from storage.objects.content import BytesContent
from storage.objects.port import Class, Content, read_all
from storage.objects.s3 import S3Store
from storage.objects.s3_wire import error_of
from tests.services import S3Server, free_port
from tests.storage.s3.rig import KEY, PART, YEAR, Zeros, a_store
from verify.errors import (
    ConflictError,
    DeniedError,
    EvidenceError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

EVIDENCE, LOG, PRIVATE, WORK = Class.EVIDENCE, Class.LOG, Class.PRIVATE, Class.WORK
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations" / "storage.md"


# Retention


async def test_retention_is_real(store: S3Store, owner: Minio, prefix: str) -> None:
    for key, size in ((KEY, 10), ("o/big", 2 * PART)):
        stored = await store.create(EVIDENCE, key, Zeros(size), retain_until=YEAR)
        with pytest.raises(S3Error, match="WORM protected"):
            owner.remove_object(
                bucket_name=f"{prefix}-evidence", object_name=key, version_id=stored.version
            )
        with pytest.raises(S3Error):
            owner.set_object_retention(
                bucket_name=f"{prefix}-evidence",
                object_name=key,
                config=Retention(GOVERNANCE, YEAR - timedelta(days=300)),
                version_id=stored.version,
            )


async def test_governance_where_it_is_asked_for(
    store: S3Store, minio: S3Server, prefix: str, owner: Minio
) -> None:
    weak = a_store(minio, prefix, mode="GOVERNANCE")
    stored = await weak.create(EVIDENCE, KEY, b"x", retain_until=YEAR)
    found = owner.get_object_retention(
        bucket_name=f"{prefix}-evidence", object_name=KEY, version_id=stored.version
    )
    assert found is not None
    assert (found.mode, found.retain_until_date) == (GOVERNANCE, YEAR)
    await weak.extend(KEY, stored.version, YEAR + timedelta(days=1))
    await weak.close()


async def test_a_delete_marker_hides_nothing(store: S3Store, owner: Minio, prefix: str) -> None:
    stored = await store.create(EVIDENCE, KEY, b"x", retain_until=YEAR)
    owner.remove_object(bucket_name=f"{prefix}-evidence", object_name=KEY)  # a marker, no more
    assert await store.stat(EVIDENCE, KEY) == stored
    assert await store.versions(EVIDENCE, KEY) == [stored]
    assert await read_all(store, EVIDENCE, KEY) == b"x"
    assert [key async for key in store.list(EVIDENCE)] == [KEY]
    assert await store.create(EVIDENCE, KEY, b"x", retain_until=YEAR) == stored
    markers = [
        entry.version_id
        for entry in owner.list_objects(
            bucket_name=f"{prefix}-evidence", prefix=KEY, include_version=True
        )
        if entry.is_delete_marker
    ]
    with pytest.raises(NotFoundError):
        await store.stat(EVIDENCE, KEY, version=markers[0])
    with pytest.raises(NotFoundError):
        await read_all(store, EVIDENCE, KEY, version=markers[0])


async def test_a_later_version_by_somebody_else_changes_nothing(
    store: S3Store, owner: Minio, prefix: str
) -> None:
    first = await store.create(EVIDENCE, KEY, b"true", retain_until=YEAR)
    owner._put_object(f"{prefix}-evidence", KEY, b"false", {})
    assert await store.stat(EVIDENCE, KEY) == first
    assert await read_all(store, EVIDENCE, KEY) == b"true"
    assert await store.create(EVIDENCE, KEY, b"true", retain_until=YEAR) == first
    assert [found.size for found in await store.versions(EVIDENCE, KEY)] == [4, 5]


async def test_a_version_without_a_lock_is_locked_when_taken_over(
    store: S3Store, owner: Minio, prefix: str
) -> None:
    owner._put_object(f"{prefix}-evidence", KEY, b"same", {})
    stored = await store.create(EVIDENCE, KEY, b"same", retain_until=YEAR)
    assert await store.versions(EVIDENCE, KEY) == [stored]
    assert stored.retain_until == YEAR


async def test_a_server_that_ignores_retention_is_found_out() -> None:
    """A stand-in that takes every object and forgets what it was asked to promise."""

    async def answer(request: web.Request) -> web.Response:
        if request.method == "PUT":
            await request.read()
            return web.Response(headers={"x-amz-version-id": "v1", "ETag": '"e"'})
        if request.method == "HEAD":
            return web.Response(headers={"Content-Length": "1", "x-amz-version-id": "v1"})
        return web.Response(
            text="<ListVersionsResult><Name>b</Name><IsTruncated>false</IsTruncated></ListVersionsResult>"
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    store = S3Store(f"127.0.0.1:{port}", "k", "s" * 8, secure=False)
    with pytest.raises(
        VerificationError, match=r"expected 1 bytes COMPLIANCE until .* got 1 bytes unlocked"
    ):
        await store.create(EVIDENCE, KEY, b"x", retain_until=YEAR)
    await store.close()
    await runner.cleanup()


# Set-up


async def test_buckets_that_are_not_as_promised(minio: S3Server, prefix: str, owner: Minio) -> None:
    store = a_store(minio, prefix)
    with pytest.raises(VerificationError, match="evidence: expected a bucket, got none"):
        await store.check()
    owner.make_bucket(bucket_name=f"{prefix}-evidence")
    await store.set_up()
    with pytest.raises(VerificationError, match="evidence: expected versions"):
        await store.check()
    owner.remove_bucket(bucket_name=f"{prefix}-evidence")
    await store.set_up()
    await store.check()
    owner.remove_bucket(bucket_name=f"{prefix}-private")
    owner.make_bucket(bucket_name=f"{prefix}-private", object_lock=True)
    with pytest.raises(VerificationError, match="private: expected no versions"):
        await store.check()
    with pytest.raises(VerificationError, match="NoSuchBucket"):
        await a_store(minio, "none").replace(PRIVATE, KEY, b"x")
    await store.close()


async def test_wrong_keys_are_a_denial(minio: S3Server, prefix: str, store: S3Store) -> None:
    stranger = a_store(minio, prefix, secret_key="wrong-secret")
    with pytest.raises(DeniedError):
        await stranger.replace(WORK, KEY, b"x")
    with pytest.raises(DeniedError):
        await stranger.versions(EVIDENCE, KEY)
    with pytest.raises(DeniedError):
        await read_all(stranger, WORK, KEY)
    await stranger.close()


async def test_the_write_credential_of_the_handbook_suffices_and_no_more(
    minio: S3Server, prefix: str, store: S3Store, owner: Minio
) -> None:
    """docs/operations/storage.md shows a policy: it is enough to work, and not to destroy."""
    text = OPERATIONS.read_text().split("```json")[1].split("```")[0]
    policy = json.loads(text.replace("arn:aws:s3:::liuhen-", f"arn:aws:s3:::{prefix}-"))
    admin = MinioAdmin(
        endpoint=minio.endpoint,
        credentials=StaticProvider(minio.access_key, minio.secret_key),
        secure=False,
    )
    user, secret = f"writer-{prefix}", secrets.token_hex(16)
    await asyncio.to_thread(_make_user, admin, user, secret, prefix, policy)
    writer = a_store(minio, prefix, access_key=user, secret_key=secret)
    await writer.check()
    for key, content in ((KEY, BytesContent(b"x")), ("o/big", Zeros(2 * PART))):
        await _live(writer, key, content)
    found = await writer.stat(EVIDENCE, KEY)
    own = Minio(endpoint=minio.endpoint, access_key=user, secret_key=secret, secure=False)
    evidence, log = f"{prefix}-evidence", f"{prefix}-log"
    for attempt in (
        lambda: own.remove_object(bucket_name=evidence, object_name=KEY),
        lambda: own.remove_object(bucket_name=evidence, object_name=KEY, version_id=found.version),
        lambda: own.remove_object(bucket_name=log, object_name=KEY),
        lambda: own.make_bucket(bucket_name=f"{prefix}-more"),
        lambda: own.remove_bucket(bucket_name=log),
        lambda: own.disable_object_legal_hold(
            bucket_name=evidence, object_name=KEY, version_id=found.version
        ),
        lambda: own.delete_bucket_lifecycle(bucket_name=evidence),
    ):
        with pytest.raises(S3Error, match="AccessDenied"):
            await asyncio.to_thread(attempt)
    with pytest.raises(DeniedError):
        await writer.hold(KEY, found.version, on=False)
    await store.hold(KEY, found.version, on=True)  # another credential's right
    assert (await writer.stat(EVIDENCE, KEY)).hold
    await writer.close()


async def _live(store: S3Store, key: str, content: Content) -> None:
    stored = await store.create(EVIDENCE, key, content, retain_until=YEAR)
    await store.extend(key, stored.version, YEAR + timedelta(days=1))
    await store.create(LOG, key, content)
    await store.create(WORK, key, content)
    await store.replace(PRIVATE, "checkpoint", b"x")
    await store.delete(PRIVATE, "checkpoint")
    await store.delete(WORK, key)
    assert key in [listed async for listed in store.list(EVIDENCE)]
    async for _ in store.read(EVIDENCE, key, version=stored.version):
        pass


def _make_user(
    admin: MinioAdmin, user: str, secret: str, name: str, policy: dict[str, object]
) -> None:
    admin.user_add(access_key=user, secret_key=secret)
    admin.policy_add(policy_name=name, policy=policy)
    admin.attach_policy(policies=[name], user=user)


# Without a server


def test_parts_below_what_s3_takes_are_refused() -> None:
    with pytest.raises(MalformedError, match="part size: expected 5242880 or more"):
        S3Store("127.0.0.1:9", "k", "s", part_size=1 << 20)
    with pytest.raises(MalformedError, match="endpoint: expected host"):
        S3Store("http://127.0.0.1:9", "k", "s")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", NotFoundError),
        (404, "NoSuchBucket", VerificationError),
        (412, "PreconditionFailed", ConflictError),
        (403, "AccessDenied", DeniedError),
        (403, "RequestTimeTooSkewed", UnavailableError),
        (400, "BadDigest", UnavailableError),
        (503, "SlowDown", UnavailableError),
        (500, "", UnavailableError),
        (507, "XMinioStorageFull", StorageFullError),
        (400, "InvalidRequest", MalformedError),
    ],
)
def test_what_an_answer_asks_the_caller_to_do(
    status: int, code: str, kind: type[EvidenceError]
) -> None:
    error = error_of("minio b/k", status, code)
    assert type(error) is kind
    assert str(error) == f"minio b/k: expected success, got {status} {code}".rstrip()
