"""The directory store: what a power cut at every step leaves, and what only files can do."""

import asyncio
import errno
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from storage.disk_real import FolderDisk
from storage.objects.content import DiskContent
from storage.objects.directory import DirectoryStore
from storage.objects.port import Class, Content, read_all
from storage.threads import inline
from tests.simulation.disk import SimulatedDisk
from tests.simulation.faults import Crash, Faults
from tests.simulation.store import in_a_year
from verify.errors import (
    EvidenceError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

EVIDENCE, LOG, PRIVATE, WORK = Class.EVIDENCE, Class.LOG, Class.PRIVATE, Class.WORK
YEAR = in_a_year()
KEY = "o/" + "0" * 32
DATA = bytes(range(256)) * 9


def a_store(disk: SimulatedDisk) -> DirectoryStore:
    names = iter(range(10_000))
    life = disk.life
    return DirectoryStore(disk, threads=inline, fresh_name=lambda: f"{life}-{next(names)}")


def staged(disk: SimulatedDisk, *, linked: bool) -> Content:
    """A received file as staging leaves it: durable, or else it would be no evidence."""
    if not disk.exists("staging/u.part"):
        file = disk.create("staging/u.part")
        file.write_at(0, [DATA])
        file.sync()
        disk.sync_folder("staging")
    path = disk.root / "staging/u.part" if linked else None
    return DiskContent(disk, "staging/u.part", len(DATA), path=path, threads=inline)


async def _create(disk: SimulatedDisk, *, linked: bool) -> None:
    content = staged(disk, linked=linked)
    await a_store(disk).create(EVIDENCE, KEY, content, retain_until=YEAR)


async def _whole(disk: SimulatedDisk) -> None:
    store = a_store(disk)
    held = await store.stat(EVIDENCE, KEY)
    assert (held.size, held.retain_until, held.hold) == (len(DATA), YEAR, False)
    assert await read_all(store, EVIDENCE, KEY) == DATA


@pytest.mark.parametrize("linked", [True, False])
async def test_a_power_cut_at_every_step_of_a_create(linked: bool) -> None:
    """After the cut there is the whole object with its lock, or none; the repeat succeeds, and
    what it answered survives the next cut."""
    seen, at = set(), 0
    while True:
        at += 1
        for seed in range(6):
            faults = Faults(seed)
            disk = SimulatedDisk(seed, faults)
            staged(disk, linked=linked)
            faults.restart(crash_at=at)
            try:
                await _create(disk, linked=linked)
            except Crash:
                disk.crash()
                faults.restart()
                found = await a_store(disk).versions(EVIDENCE, KEY)
                seen.add(bool(found))
                if found:
                    await _whole(disk)
                await _create(disk, linked=linked)
            else:
                faults.restart()
                assert faults.crashed is None
                assert at > 20
                assert seen == {True, False}
                return
            disk.crash()
            await _whole(disk)
            await a_store(disk).sweep()
            assert [path for path in disk.list("objects") if "/.new/" in path] == []
            assert disk.open("staging/u.part").read_at(0, len(DATA)) == DATA


@pytest.mark.parametrize("linked", [True, False])
async def test_every_step_failing_once_before_or_after_its_effect(linked: bool) -> None:
    """«Failed, but persisted»: the repeat succeeds whatever the first attempt left."""
    at, failed = 0, 0
    while True:
        at += 1
        disk = SimulatedDisk(at)
        content = staged(disk, linked=linked)
        count = 0

        def fail(step: str, bad: int = at) -> None:
            nonlocal count
            count += 1
            if count == bad:
                raise OSError(errno.EIO, step)

        disk.step = fail
        store = a_store(disk)
        try:
            await store.create(EVIDENCE, KEY, content, retain_until=YEAR)
        except UnavailableError:
            failed += 1
            await store.create(EVIDENCE, KEY, content, retain_until=YEAR)
        if count < at:
            assert failed > 20
            return
        disk.crash()
        await _whole(disk)


async def test_a_power_cut_at_every_step_of_extend_and_hold() -> None:
    """The lock is the old or the new one, and never goes back after the answer."""
    later = YEAR + timedelta(days=9)
    for act in ("extend", "hold"):
        at, done = 0, False
        while not done:
            at += 1
            for seed in range(4):
                faults = Faults(seed)
                disk = SimulatedDisk(seed, faults)
                await _create(disk, linked=True)
                store = a_store(disk)
                faults.restart(crash_at=at)
                try:
                    if act == "extend":
                        await store.extend(KEY, None, later)
                    else:
                        await store.hold(KEY, None, on=True)
                    answered = True
                except Crash:
                    answered = False
                disk.crash()
                faults.restart()
                held = await a_store(disk).stat(EVIDENCE, KEY)
                fact = held.retain_until == later if act == "extend" else held.hold
                assert fact or not answered
                assert held.retain_until in (YEAR, later)
                done = answered


async def test_a_power_cut_at_every_step_of_a_replacement() -> None:
    at, done = 0, False
    while not done:
        at += 1
        for seed in range(6):
            faults = Faults(seed)
            disk = SimulatedDisk(seed, faults)
            await a_store(disk).replace(PRIVATE, "checkpoint", b"old" * 400)
            faults.restart(crash_at=at)
            try:
                await a_store(disk).replace(PRIVATE, "checkpoint", b"new" * 500)
                done = True
            except Crash:
                done = False
            disk.crash()
            faults.restart()
            held = await read_all(a_store(disk), PRIVATE, "checkpoint")
            assert held in ((b"new" * 500,) if done else (b"old" * 400, b"new" * 500))


async def test_a_deletion_is_durable_when_it_is_answered() -> None:
    for seed in range(20):
        disk = SimulatedDisk(seed)
        store = a_store(disk)
        await store.replace(PRIVATE, "disclosures/000", b"secret")
        await store.delete(PRIVATE, "disclosures/000")
        disk.crash()
        assert await a_store(disk).versions(PRIVATE, "disclosures/000") == []


async def test_the_disk_that_syncs_nothing_is_found_out() -> None:
    """The tests above can fail: without syncing, evidence is lost after its answer."""
    lost = unlocked = 0
    for seed in range(20):
        disk = SimulatedDisk(seed)
        disk.sync_folder = lambda path: None  # type: ignore[method-assign]
        await _create(disk, linked=True)
        disk.crash()
        names = disk.list("objects/evidence/o")
        lost += f"objects/evidence/{KEY}" not in names
        unlocked += names == [f"objects/evidence/{KEY}"]
    assert lost > 0
    assert unlocked > 0


# Real files


@pytest.fixture
def disk(tmp_path: Path) -> FolderDisk:
    return FolderDisk(tmp_path / "data")


def _file(disk: FolderDisk, name: str, data: bytes) -> DiskContent:
    file = disk.create(name)
    file.write_at(0, [data])
    file.sync()
    file.close()
    return DiskContent(disk, name, len(data), path=disk.root / name)


async def test_a_staged_file_is_linked_not_copied(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    await store.create(EVIDENCE, KEY, _file(disk, "staging/u.part", DATA), retain_until=YEAR)
    stored = disk.root / "objects/evidence" / KEY
    assert stored.samefile(disk.root / "staging/u.part")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444
    disk.remove("staging/u.part")
    assert await read_all(store, EVIDENCE, KEY) == DATA
    assert disk.list("objects/evidence/.new") == []


async def test_a_file_of_another_file_system_is_copied(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def other(source: Path, target: Path, **more: bool) -> None:
        if "staging" in str(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target, **more)

    monkeypatch.setattr(os, "link", other)
    store = DirectoryStore(disk)
    content = _file(disk, "staging/u.part", DATA)
    await store.create(EVIDENCE, KEY, content, retain_until=YEAR)
    stored = disk.root / "objects/evidence" / KEY
    assert not stored.samefile(disk.root / "staging/u.part")
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444
    assert await read_all(store, EVIDENCE, KEY) == DATA
    assert disk.list("objects/evidence/.new") == []


async def test_two_stores_never_share_one_copy(disk: FolderDisk, tmp_path: Path) -> None:
    """Even on one file system: a broken byte in one must leave the other whole."""
    stores = [
        DirectoryStore(disk, name="first"),
        DirectoryStore(FolderDisk(tmp_path / "second"), "", name="second"),
    ]
    content = _file(disk, "staging/u.part", DATA)
    await asyncio.gather(
        *(store.create(EVIDENCE, KEY, content, retain_until=YEAR) for store in stores)
    )
    files = disk.root / "objects/evidence" / KEY, tmp_path / "second/evidence" / KEY
    assert [file.read_bytes() for file in files] == [DATA, DATA]
    assert not files[0].samefile(files[1])


async def test_what_stands_in_private_and_work_stays_writable(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    await store.create(LOG, "tile/0/000", b"x")
    await store.create(WORK, "d/x", b"x")
    assert stat.S_IMODE((disk.root / "objects/log/tile/0/000").stat().st_mode) == 0o444
    assert stat.S_IMODE((disk.root / "objects/work/d/x").stat().st_mode) == 0o600


async def test_a_missing_or_broken_lock_is_never_no_retention(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    await store.create(EVIDENCE, KEY, DATA, retain_until=YEAR)
    lock = disk.root / "objects/evidence/o" / f".{'0' * 32}.lock"
    lock.chmod(0o600)
    for broken in (b"", b"{}", b"null", b'{"hold":false,"retain_until":"soon","v":1}', b"\xff"):
        lock.write_bytes(broken)
        with pytest.raises(MalformedError, match="expected a lock file"):
            await store.stat(EVIDENCE, KEY)
    lock.unlink()
    with pytest.raises(VerificationError, match="expected its lock file, got none"):
        await store.stat(EVIDENCE, KEY)


async def test_staging_that_is_gone_is_not_taken_for_a_missing_object(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    content = _file(disk, "staging/u.part", DATA)
    disk.remove("staging/u.part")
    with pytest.raises(NotFoundError, match=r"staging/u\.part: expected a file"):
        await store.create(EVIDENCE, KEY, content, retain_until=YEAR)
    assert await store.versions(EVIDENCE, KEY) == []


async def test_a_staged_file_of_another_size_is_refused(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    _file(disk, "staging/u.part", DATA)
    content = DiskContent(disk, "staging/u.part", 7, path=disk.root / "staging/u.part")
    with pytest.raises(VerificationError, match="content: expected 7 bytes"):
        await store.create(EVIDENCE, KEY, content, retain_until=YEAR)
    assert await store.versions(EVIDENCE, KEY) == []


async def test_a_key_below_another_key_is_an_error_of_the_port(disk: FolderDisk) -> None:
    store = DirectoryStore(disk)
    await store.create(WORK, "a", b"x")
    with pytest.raises(EvidenceError):
        await store.create(WORK, "a/b", b"x")
    assert await read_all(store, WORK, "a") == b"x"


async def test_a_full_disk_leaves_nothing_half(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(disk)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(UnavailableError, match="expected room on the disk"):
        await store.create(EVIDENCE, KEY, DATA, retain_until=YEAR)
    monkeypatch.undo()
    assert disk.list("objects") == []
    await store.create(EVIDENCE, KEY, DATA, retain_until=YEAR)
