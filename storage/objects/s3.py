"""The S3 store: the object-store port over MinIO or another S3 server with Object Lock.

Guarantee: as in `storage.objects.port`.  Every object of `evidence` is written with an explicit
retention, which is read back equal from the very version that was written; a version that is
there already and holds the same bytes is taken over instead of writing another.  Everything is
read by version.
Not covered: what an owner of the server's disks does (that is what the log is for).  Two creates
of one evidence key at the same time may leave two equal versions; both are kept for their time.

Buckets: `<prefix>-evidence`, `-log`, `-private`, `-work`.
Format: docs/formats/storage.md, version 1.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace as changed
from datetime import datetime
from typing import Literal

from storage.objects import rules
from storage.objects.compare import same_bytes
from storage.objects.content import as_content
from storage.objects.port import Class, Content, Stored
from storage.objects.s3_control import Control, Locked
from storage.objects.s3_wire import Wire
from storage.objects.sigv4 import Credentials
from storage.threads import in_thread
from verify.errors import ConflictError, MalformedError, NotFoundError, VerificationError

Mode = Literal["COMPLIANCE", "GOVERNANCE"]


class S3Store:
    """Four buckets of one server."""

    def __init__(
        self,
        endpoint: str,  # host or host:port
        access_key: str,
        secret_key: str,
        *,
        bucket_prefix: str = "liuhen",
        region: str = "us-east-1",
        secure: bool = True,
        name: str = "s3",
        mode: Mode = "COMPLIANCE",  # GOVERNANCE can be shortened by whoever holds a bypass right
        part_size: int = 64 << 20,
        patience: float = 60.0,  # seconds without an answer or progress
    ) -> None:
        if "/" in endpoint:
            raise MalformedError(f"endpoint: expected host or host:port, got {endpoint!r}")
        self.name = name
        self._mode, self._prefix = mode, bucket_prefix
        credentials = Credentials(access_key, secret_key, region)
        self._control = Control(
            endpoint, credentials, secure=secure, name=name, patience=min(patience, 30.0)
        )
        self._wire = Wire(
            endpoint, credentials, secure=secure, name=name, part_size=part_size, patience=patience
        )

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        rules.check_key(key)
        until = rules.retention(class_, retain_until)
        content = as_content(content)
        if until is not None:
            return await self._create_evidence(key, content, until)
        try:
            # Asked first because not every server knows If-None-Match, and one that does not
            # would write over what is there.
            held = await self.stat(class_, key)
        except NotFoundError:
            try:
                await self._wire.put(self._bucket(class_), key, content, {"If-None-Match": "*"})
            except ConflictError:  # somebody was faster
                held = await self.stat(class_, key)
            else:
                return Stored(key, content.size)
        await self._check_same(class_, held, content)
        return held

    async def replace(self, class_: Class, key: str, data: bytes) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        await self._wire.put(self._bucket(class_), key, as_content(data), {})

    async def delete(self, class_: Class, key: str) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        try:
            await self._wire.delete(self._bucket(class_), key)
        except NotFoundError:
            return

    async def stat(self, class_: Class, key: str, *, version: str | None = None) -> Stored:
        rules.check_key(key)
        if class_ is not Class.EVIDENCE:
            _refuse_version(self.name, key, version)
        else:
            version = await self._first(key, version)
        return (await in_thread(self._control.stat, self._bucket(class_), key, version)).stored

    async def versions(self, class_: Class, key: str) -> list[Stored]:
        rules.check_key(key)
        bucket = self._bucket(class_)
        if class_ is not Class.EVIDENCE:
            try:
                return [await self.stat(class_, key)]
            except NotFoundError:
                return []
        found = await in_thread(self._control.versions, bucket, key)
        return [
            (await in_thread(self._control.stat, bucket, key, version)).stored for version in found
        ]

    async def read(
        self,
        class_: Class,
        key: str,
        *,
        version: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncGenerator[bytes, None]:
        rules.check_key(key)
        if class_ is not Class.EVIDENCE:
            _refuse_version(self.name, key, version)
        else:
            version = await self._first(key, version)
        if end is not None and end <= start:
            await self.stat(class_, key, version=version)
            return
        bucket = self._bucket(class_)
        pieces = self._wire.get(bucket, key, version=version, start=start, end=end)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def list(self, class_: Class, prefix: str = "") -> AsyncIterator[str]:
        rules.check_prefix(prefix)
        # With versions in `evidence`: a delete marker hides a key, and the bytes are still there.
        page = self._control.pages(self._bucket(class_), prefix, versions=class_ is Class.EVIDENCE)
        last = None
        while entries := await in_thread(page):
            for entry in entries:
                if entry.key != last:
                    last = entry.key
                    yield entry.key

    async def extend(self, key: str, version: str | None, retain_until: datetime) -> None:
        until = rules.whole_second(retain_until)
        held = await self.stat(Class.EVIDENCE, key, version=version)
        rules.check_longer(key, held.retain_until, until)
        await self._extend(held, until)

    async def hold(self, key: str, version: str | None, *, on: bool) -> None:
        rules.check_key(key)
        bucket, version = self._bucket(Class.EVIDENCE), await self._first(key, version)
        await in_thread(self._control.hold, bucket, key, version, on=on)
        held = await in_thread(self._control.stat, bucket, key, version)
        if held.stored.hold is not on:
            raise VerificationError(f"{self.name} {key}: expected hold {on}, got {not on}")

    async def set_up(self) -> None:
        """Make the buckets that are missing; needs the rights of an administrator."""
        for class_ in Class:
            lock = class_ is Class.EVIDENCE
            await in_thread(self._control.make_bucket, self._bucket(class_), lock=lock)

    async def check(self) -> None:
        for class_ in Class:
            bucket, locked = self._bucket(class_), class_ is Class.EVIDENCE
            # Without versions elsewhere too: a replaced checkpoint would stay for ever.
            await in_thread(self._control.check_versions, bucket, wanted=locked)
            if locked and not await self._wire.locks(bucket):
                raise VerificationError(f"{self.name} {bucket}: expected Object Lock, got none")

    async def close(self) -> None:
        await self._wire.close()
        self._control.close()

    def _bucket(self, class_: Class) -> str:
        return f"{self._prefix}-{class_.value}"

    # Evidence

    async def _create_evidence(self, key: str, content: Content, until: datetime) -> Stored:
        held = await self.versions(Class.EVIDENCE, key)
        for version in held:
            if await self._is_same(Class.EVIDENCE, version, content):
                if version.retain_until is None or version.retain_until < until:
                    await self._extend(version, until)
                    return changed(version, retain_until=until)
                return version
        if held:
            raise ConflictError(
                f"{self.name} {key}: expected the same bytes, got {len(held)} other version(s)"
            )
        made = await self._wire.put(
            self._bucket(Class.EVIDENCE),
            key,
            content,
            {
                "x-amz-object-lock-mode": self._mode,
                "x-amz-object-lock-retain-until-date": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )
        if made in (None, "null"):
            # Some servers leave it out of the answer to the last part; the listing has it.
            found = await in_thread(self._control.versions, self._bucket(Class.EVIDENCE), key)
            made = found[-1] if found else None
        if made in (None, "null"):
            raise VerificationError(f"{self.name} {key}: expected a version id, got none")
        return await self._read_back(key, made, until, size=content.size)

    async def _extend(self, held: Stored, until: datetime) -> None:
        assert held.version is not None  # noqa: S101 - `stat` and `versions` name it in evidence
        if held.retain_until != until:
            bucket = self._bucket(Class.EVIDENCE)
            await in_thread(self._control.retain, bucket, held.key, held.version, self._mode, until)
        await self._read_back(held.key, held.version, until, size=held.size)

    async def _read_back(
        self, key: str, version: str | None, until: datetime, *, size: int
    ) -> Stored:
        """What the server says it keeps must be what was asked, or it does not count."""
        bucket = self._bucket(Class.EVIDENCE)
        got: Locked = await in_thread(self._control.stat, bucket, key, version)
        expected = (size, self._mode, until)
        actual = (got.stored.size, got.mode, got.stored.retain_until)
        if actual != expected:
            raise VerificationError(
                f"{self.name} {key} version {version}: expected {_words(expected)},"
                f" got {_words(actual)}"
            )
        return got.stored

    async def _first(self, key: str, version: str | None) -> str:
        if version is not None:
            return version
        found = await in_thread(self._control.versions, self._bucket(Class.EVIDENCE), key)
        if not found:
            raise NotFoundError(f"{self.name} {key}: expected an object, got none")
        return found[0]

    async def _is_same(self, class_: Class, held: Stored, content: Content) -> bool:
        if held.size != content.size:
            return False
        pieces = self.read(class_, held.key, version=held.version)
        async with aclosing(pieces):
            return await same_bytes(pieces, content.read())

    async def _check_same(self, class_: Class, held: Stored, content: Content) -> None:
        if not await self._is_same(class_, held, content):
            raise ConflictError(
                f"{self.name} {held.key}: expected the same bytes, got others"
                f" ({held.size} where {content.size} were to be written)"
            )


def _words(facts: tuple[int, str | None, datetime | None]) -> str:
    size, mode, until = facts
    return f"{size} bytes {mode or 'unlocked'} until {until.isoformat() if until else 'now'}"


def _refuse_version(name: str, key: str, version: str | None) -> None:
    if version is not None:
        raise NotFoundError(f"{name} {key}: expected no version, got {version}")
