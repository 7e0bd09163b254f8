"""Bytes to and from an S3 server: signed requests on aiohttp that never hold a whole part.

Guarantee: memory stays at a few pieces of 1 MiB whatever is sent; every wait ends: without an
answer or progress for `patience` seconds the call is an UnavailableError (outcome unknown).  A
multipart upload that fails is aborted.
Not covered: what the server keeps; `storage.objects.s3` reads that back.
"""

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import aiohttp
from yarl import URL

from storage.errors import StorageFullError
from storage.objects.port import Content
from storage.objects.sigv4 import Credentials, encode_query, sign
from verify.errors import (
    ConflictError,
    DeniedError,
    EvidenceError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

PIECE = 1 << 20
SMALL = 8 << 20  # up to here one request with Content-MD5; longer ones in parts
LEAST_PART = 5 << 20  # S3 refuses smaller parts, the last one apart
MOST_PARTS = 10_000
_ATTEMPTS = 3  # for one part
_ABORT_S = 10.0
_CONNECT = aiohttp.ClientTimeout(total=None, sock_connect=10.0)

_FULL = ("XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")
_GONE = ("NoSuchKey", "NoSuchVersion", "NoSuchObject", "NoSuchUpload")
# Said with a 4xx, and yet the same request may succeed: the clock was set, the line had an error.
_AGAIN = ("RequestTimeTooSkewed", "RequestExpired", "BadDigest", "IncompleteBody", "RequestTimeout")


def error_of(what: str, status: int, code: str) -> EvidenceError:
    """What an S3 error asks the caller to do."""
    kind: type[EvidenceError] = MalformedError
    if code in _FULL or status == 507:
        kind = StorageFullError
    elif code == "NoSuchBucket":
        kind = VerificationError
    elif status in (404, 405) or code in _GONE:  # 405: the version is a delete marker
        kind = NotFoundError
    elif status == 412:
        kind = ConflictError
    elif status in (408, 409, 425, 429) or status >= 500 or code in _AGAIN:
        kind = UnavailableError
    elif status in (401, 403):
        kind = DeniedError
    return kind(f"{what}: expected success, got {status} {code}".rstrip())


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One S3 endpoint.  Buckets are addressed by path, which every server understands."""

    def __init__(
        self,
        endpoint: str,
        credentials: Credentials,
        *,
        secure: bool,
        name: str,
        part_size: int,
        patience: float,
    ) -> None:
        if part_size < LEAST_PART:
            raise MalformedError(f"part size: expected {LEAST_PART} or more, got {part_size}")
        self._base = f"{'https' if secure else 'http'}://{endpoint}"
        host = URL(self._base)
        self._host = endpoint if not host.is_default_port() else str(host.host)
        self._credentials, self._secure = credentials, secure
        self._name, self._part_size, self._patience = name, part_size, patience
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def put(
        self, bucket: str, key: str, content: Content, headers: Mapping[str, str]
    ) -> str | None:
        """Send it; the version id that the server gave it, if any.  `headers` are signed."""
        if content.size > SMALL:
            return await self._put_parts(bucket, key, content, headers)
        digest, length = hashlib.md5(usedforsecurity=False), 0
        async for piece in content.read():
            digest.update(piece)
            length += len(piece)
        if length != content.size:
            raise VerificationError(f"content: expected {content.size} bytes, got {length}")
        md5 = base64.b64encode(digest.digest()).decode()
        answer = await self._call(
            "PUT",
            bucket,
            key,
            headers={**headers, "Content-MD5": md5},
            body=(content, 0, content.size),
        )
        return answer.headers.get("x-amz-version-id")

    async def locks(self, bucket: str) -> bool:
        """Does the bucket know Object Lock?"""
        try:
            answer = await self._call("GET", bucket, "", query=[("object-lock", "")])
        except NotFoundError:
            return False
        return b"<ObjectLockEnabled>Enabled<" in answer.body

    async def delete(self, bucket: str, key: str) -> None:
        await self._call("DELETE", bucket, key)

    async def get(
        self, bucket: str, key: str, *, version: str | None, start: int, end: int | None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of one version from `start` to `end`, in pieces of at most 1 MiB."""
        query = [("versionId", version)] if version is not None else []
        headers = {}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        what = f"{self._name} {bucket}/{key}"
        # No time-out around the whole: a reader that is slow is not a server that hangs.
        patience = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=self._patience)
        async with self._request(
            "GET", bucket, key, query=query, headers=headers, timeout=patience
        ) as answer:
            if answer.status == 416:  # begins behind the end of the object
                return
            if answer.status == 400 and version is not None:
                # Not even the form of a version id of this server.
                raise NotFoundError(f"{what}: expected version {version}, got none")
            if answer.status >= 300:
                raise error_of(what, answer.status, _code(await answer.read()))
            if headers and answer.status != 206:
                raise VerificationError(f"{what}: expected a range, got {answer.status}")
            async for piece in answer.content.iter_chunked(PIECE):
                yield piece

    async def _put_parts(
        self, bucket: str, key: str, content: Content, headers: Mapping[str, str]
    ) -> str | None:
        """In parts; retention is named where the upload is created, as S3 wants it."""
        lock = {k: v for k, v in headers.items() if not k.lower().startswith("if-")}
        condition = {k: v for k, v in headers.items() if k.lower().startswith("if-")}
        begun = await self._call("POST", bucket, key, query=[("uploads", "")], headers=lock)
        upload = _text(begun.body, "UploadId", f"{self._name} {bucket}/{key}")
        part_size = max(self._part_size, -(-content.size // MOST_PARTS))
        try:
            listed = ET.Element("CompleteMultipartUpload")
            for number, start in enumerate(range(0, content.size, part_size), 1):
                end = min(start + part_size, content.size)
                tag = await self._put_part(bucket, key, upload, number, (content, start, end))
                part = ET.SubElement(listed, "Part")
                ET.SubElement(part, "PartNumber").text = str(number)
                ET.SubElement(part, "ETag").text = tag
            answer = await self._call(
                "POST",
                bucket,
                key,
                query=[("uploadId", upload)],
                headers=condition,
                body=ET.tostring(listed),
            )
            # A server may begin with 200 and say in the body that it failed after all.
            if code := _code(answer.body):
                raise error_of(f"{self._name} {bucket}/{key}", 500, code)
        except BaseException:
            # Without an answer to the last request it may be complete: then there is nothing left
            # to abort, and the next attempt finds the version.
            with suppress(EvidenceError, TimeoutError):
                async with asyncio.timeout(_ABORT_S):
                    await self._call("DELETE", bucket, key, query=[("uploadId", upload)])
            raise
        return answer.headers.get("x-amz-version-id")

    async def _put_part(
        self, bucket: str, key: str, upload: str, number: int, body: tuple[Content, int, int]
    ) -> str:
        query = [("partNumber", str(number)), ("uploadId", upload)]
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._call("PUT", bucket, key, query=query, body=body)
                return answer.headers["ETag"]
            except StorageFullError:
                raise
            except UnavailableError:
                if attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(0.2 * 4 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def _call(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: "bytes | tuple[Content, int, int] | None" = None,
    ) -> Answer:
        """One request with a small answer; an error of the port if the server refuses it."""
        what = f"{self._name} {bucket}/{key}"
        headers = dict(headers or {})
        failed: list[EvidenceError] = []  # what the content raised while it was being sent
        try:
            async with asyncio.timeout(self._patience) as timer:
                data: bytes | AsyncIterator[bytes] | None = None
                if isinstance(body, tuple):
                    content, start, end = body
                    headers["Content-Length"] = str(end - start)
                    # A generator even for nothing: aiohttp repeats a request by itself as long as
                    # its body can be sent again, and a repeated write is one more version.
                    data = _sent(content, start, end, _Watch(timer, self._patience), failed)
                else:
                    data = body
                async with self._request(
                    method, bucket, key, query=query, headers=headers, data=data
                ) as answer:
                    received = await answer.read()
                    if answer.status >= 300:
                        raise error_of(what, answer.status, _code(received))
                    return Answer(answer.status, answer.headers, received)
        except TimeoutError as error:
            silence = f"nothing for {self._patience:.0f} s"
            raise UnavailableError(f"{what}: expected an answer, got {silence}") from error
        except EvidenceError as error:
            if failed and error is not failed[0]:
                raise failed[0] from error
            raise

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        data: bytes | AsyncIterator[bytes] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 - of the sockets
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A signed request; a lost connection is an UnavailableError."""
        path = f"/{bucket}/{key}"
        signed = sign(
            self._credentials,
            method,
            path,
            query=query,
            headers={**headers, "Host": self._host},
            now=datetime.now(UTC),
        )
        url = URL(self._base + path + (f"?{encode_query(query)}" if query else ""), encoded=True)
        try:
            async with self._session().request(
                method, url, headers=signed, data=data, timeout=timeout or _CONNECT
            ) as answer:
                yield answer
        except (aiohttp.ClientError, OSError) as error:  # OSError: time-outs of sockets too
            said = str(error) or type(error).__name__
            raise UnavailableError(
                f"{self._name} {bucket}/{key}: expected an answer, got {said}"
            ) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            tls = ssl.create_default_context() if self._secure else False
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=32, ssl=tls),
                auto_decompress=False,
                read_bufsize=PIECE,
                skip_auto_headers=("Content-Type", "User-Agent", "Accept-Encoding"),
            )
        return self._opened


class _Watch:
    """Ends a request that makes no progress."""

    def __init__(self, timer: asyncio.Timeout, patience: float) -> None:
        self._timer, self._patience = timer, patience

    def progress(self) -> None:
        self._timer.reschedule(asyncio.get_running_loop().time() + self._patience)


async def _sent(
    content: Content, start: int, end: int, watch: _Watch, failed: list[EvidenceError]
) -> AsyncIterator[bytes]:
    at = start
    try:
        async for piece in content.read(start, end):
            at += len(piece)
            if at > end:
                break
            watch.progress()
            yield piece
        if at != end:
            raise VerificationError(f"content: expected {end - start} bytes, got {at - start}")
    except EvidenceError as error:
        failed.append(error)
        raise


def _code(body: bytes) -> str:
    """The code of an S3 error document; empty if it is none."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - of our own store, and expat limits expansion
    except ET.ParseError:
        return ""
    return (root.findtext("Code") or "") if root.tag.rpartition("}")[2] == "Error" else ""


def _text(body: bytes, tag: str, what: str) -> str:
    try:
        for element in ET.fromstring(body).iter():  # noqa: S314 - as above
            if element.tag.rpartition("}")[2] == tag and element.text:
                return element.text
    except ET.ParseError:
        pass
    raise VerificationError(f"{what}: expected {tag} in the answer, got {body[:80]!r}")
