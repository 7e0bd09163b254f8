"""A crash at any step: stores, the signer's disk and the database's COMMIT count their writes."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from storage.disk_real import FolderDisk
from storage.objects.port import Class, Content, ObjectStore, Stored
from tests.storage.log.rig import Rig
from verify.errors import UnavailableError


class CrashError(Exception):
    """The process is gone."""


class Steps:
    """Crashes once, right before the `at`-th write, which is right after the one before it."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.count = at, 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise CrashError(f"at step {self.count}")


class CrashingStore:
    def __init__(self, inner: ObjectStore, steps: Steps) -> None:
        self._inner, self._steps, self.name = inner, steps, inner.name
        self.away = False

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        self._check()
        self._steps.step()
        return await self._inner.create(class_, key, content, retain_until=retain_until)

    async def replace(self, class_: Class, key: str, data: bytes) -> None:
        self._check()
        self._steps.step()
        await self._inner.replace(class_, key, data)

    async def delete(self, class_: Class, key: str) -> None:
        self._check()
        self._steps.step()
        await self._inner.delete(class_, key)

    async def stat(self, class_: Class, key: str, *, version: str | None = None) -> Stored:
        self._check()
        return await self._inner.stat(class_, key, version=version)

    def read(self, class_: Class, key: str, **more: Any) -> AsyncIterator[bytes]:
        self._check()
        return self._inner.read(class_, key, **more)

    def list(self, class_: Class, prefix: str = "") -> AsyncIterator[str]:
        self._check()
        return self._inner.list(class_, prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _check(self) -> None:
        if self.away:
            raise UnavailableError(f"{self.name}: expected an answer, got none")


class CrashingDisk(FolderDisk):
    steps = Steps()

    def replace(self, source: str, target: str) -> None:
        self.steps.step()
        super().replace(source, target)


def crash_commits(rig: Rig, steps: Steps) -> None:
    def commit(connection: Connection) -> None:
        steps.step()
        connection.commit()

    rig.database.commit = commit


def crash_signer(rig: Rig, steps: Steps) -> None:
    disk = CrashingDisk(rig.folder)
    disk.steps = steps
    rig.signer._disk = disk
