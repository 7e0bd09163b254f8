"""`FolderDisk`: what the port promises, on the real file system of this machine."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from storage import disk_real
from storage.disk import Disk
from storage.disk_real import FolderDisk
from storage.errors import StorageFullError


@pytest.fixture
def disk(tmp_path: Path) -> FolderDisk:
    return FolderDisk(tmp_path / "root")


def test_is_the_port(disk: FolderDisk) -> None:
    port: Disk = disk
    assert port.list("") == []


def test_writes_many_buffers_in_order(disk: FolderDisk) -> None:
    file = disk.create("a/b/file")
    pieces = [bytes([i % 251]) * (i % 7) for i in range(3000)]
    file.write_at(5, pieces)
    file.sync()
    assert file.read_at(5, 1 << 20) == b"".join(pieces)
    assert file.read_at(0, 5) == bytes(5)
    assert file.size() == disk.size("a/b/file") == 5 + len(b"".join(pieces))
    file.close()
    file.close()


def test_goes_on_after_a_short_write(disk: FolderDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwritev

    def short(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        return real(descriptor, [buffers[0][:3]], offset)

    monkeypatch.setattr(os, "pwritev", short)
    file = disk.create("file")
    file.write_at(0, [b"0123456789", bytearray(b"abc"), b"", memoryview(b"defgh")])
    assert file.read_at(0, 100) == b"0123456789abcdefgh"


def test_create_and_link_never_replace(disk: FolderDisk) -> None:
    disk.create("x").close()
    with pytest.raises(FileExistsError):
        disk.create("x")
    disk.link("x", "deep/er/y")
    with pytest.raises(FileExistsError):
        disk.link("x", "deep/er/y")
    assert disk.list("") == ["deep/er/y", "x"]
    assert disk.list("deep") == ["deep/er/y"]
    assert disk.list("none") == []


def test_replace_remove_exists(disk: FolderDisk) -> None:
    file = disk.create("new")
    file.write_at(0, [b"new"])
    disk.create("old").close()
    disk.replace("new", "old")
    assert not disk.exists("new")
    assert disk.size("old") == 3
    disk.remove("old")
    disk.remove("old")
    assert not disk.exists("old")
    with pytest.raises(FileNotFoundError):
        disk.open("old")
    with pytest.raises(FileNotFoundError):
        disk.size("old")


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a/./b", "a\0b", ".."]
)
def test_refuses_paths_that_leave_the_root(disk: FolderDisk, path: str) -> None:
    for attempt in (disk.create, disk.open, disk.remove, disk.exists, disk.size, disk.protect):
        with pytest.raises(ValueError, match="expected one below"):
            attempt(path)


def test_refuses_links_that_leave_the_root(disk: FolderDisk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (disk.root / "door").symlink_to(outside)
    (disk.root / "window").symlink_to(outside / "secret")
    with pytest.raises(ValueError, match="through a link"):
        disk.open("door/secret")
    with pytest.raises(ValueError, match="through a link"):
        disk.create("door/new")
    with pytest.raises(OSError, match="symbolic links"):
        disk.open("window")
    with pytest.raises(FileExistsError):
        disk.create("window")
    assert (outside / "secret").read_bytes() == b"secret"


def test_reserve_keeps_the_size_and_takes_room(disk: FolderDisk) -> None:
    file = disk.create("file")
    file.write_at(0, [b"abc"])
    file.reserve(8 << 20)
    assert file.size() == 3
    assert (disk.root / "file").stat().st_blocks * 512 >= 8 << 20


def test_reserve_says_when_the_disk_is_full(disk: FolderDisk) -> None:
    file = disk.create("file")
    before = disk.free()
    with pytest.raises(StorageFullError, match=r"file: expected room for \d+ bytes, got"):
        file.reserve(before + (1 << 40))
    assert file.size() == 0
    assert (disk.root / "file").stat().st_blocks == 0  # nobody else meets a full disk


def test_reserve_gives_back_what_it_took_in_vain(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = disk.create("file")
    file.write_at(0, [bytes(8192)])
    real = disk_real._fallocate

    def too_little(descriptor: int, mode: int, offset: int, length: int) -> int:
        code = real(descriptor, mode, offset, length)
        return errno.ENOSPC if mode == disk_real._KEEP_SIZE else code

    monkeypatch.setattr(disk_real, "_fallocate", too_little)
    with pytest.raises(StorageFullError):
        file.reserve(4 << 20)
    assert file.size() == 8192
    assert (disk.root / "file").stat().st_blocks * 512 <= 8192


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_one_error(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    file = disk.create("file")

    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pwritev", full)
    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StorageFullError, match="file: expected room on the disk"):
        file.write_at(0, [b"x"])


def test_a_failed_sync_is_never_made_good(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = disk.create("file")
    file.write_at(0, [b"x"])

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "lost")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="lost"):
            file.sync()
    with pytest.raises(OSError, match="an earlier sync failed"):
        file.sync()


def test_new_folders_are_durable_before_names_in_them(
    disk: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    real = disk_real._sync_folder

    def watched(folder: Path) -> None:
        synced.append(folder)
        real(folder)

    monkeypatch.setattr(disk_real, "_sync_folder", watched)
    disk.create("a/b/c").close()
    assert synced == [disk.root, disk.root / "a"]
    disk.create("a/b/d").close()
    assert synced == [disk.root, disk.root / "a"]
    FolderDisk(disk.root).create("a/e").close()  # another process knows nothing yet
    assert synced[2:] == [disk.root]


def test_two_threads_may_make_the_same_folder(disk: FolderDisk) -> None:
    failed: list[BaseException] = []

    def make(name: str) -> None:
        try:
            disk.create(f"same/folder/{name}").close()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            failed.append(error)

    threads = [threading.Thread(target=make, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(disk.list("same")) == 8


def test_files_belong_to_the_server_alone_and_can_be_protected(disk: FolderDisk) -> None:
    disk.create("a/file").close()
    assert stat.S_IMODE((disk.root / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((disk.root / "a/file").stat().st_mode) == 0o600
    disk.protect("a/file")
    assert stat.S_IMODE((disk.root / "a/file").stat().st_mode) == 0o444


def test_adopts_a_file_from_outside(disk: FolderDisk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"bytes")
    disk.adopt(outside, "in/side")
    assert (disk.root / "in/side").samefile(outside)
    with pytest.raises(FileExistsError):
        disk.adopt(outside, "in/side")
    with pytest.raises(OSError, match="has a second name already"):
        disk.adopt(outside, "in/another")
    assert disk.list("") == ["in/side"]


def test_syncs_a_file_opened_for_reading(disk: FolderDisk) -> None:
    disk.create("file").close()
    file = disk.open("file")
    file.sync()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.write_at(0, [b"x"])
    disk.sync_folder("")
