"""Large aligned pieces go past the page cache, and nobody can tell from what is then in the file."""

import mmap
import os
import random
from pathlib import Path

import pytest

from storage.disk_real import FolderDisk


def aligned(data: bytes) -> memoryview:
    memory = memoryview(mmap.mmap(-1, len(data)))
    memory[:] = data
    return memory


def test_direct_and_cached_writes_meet_in_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    pwrite = os.pwrite

    def counted(descriptor: int, buffer: memoryview, offset: int) -> int:
        written.append(len(buffer))
        return pwrite(descriptor, buffer, offset)

    monkeypatch.setattr(os, "pwrite", counted)
    data = random.Random(4).randbytes(1_000_003)
    file = FolderDisk(tmp_path).create("a")
    at = 0
    for size in (4095, 1, 65536 * 3, 4096, 65536, 100_000, 1_000_003):
        piece = data[at : at + size]
        file.write_at(at, [aligned(piece)])
        at += len(piece)
    file.sync()
    file.close()
    assert (tmp_path / "a").read_bytes() == data
    assert written[:2] == [65536 * 3, 65536]


def test_a_file_system_that_refuses_gets_ordinary_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "pwrite", refuse)
    data = random.Random(5).randbytes(1 << 20)
    file = FolderDisk(tmp_path).create("a")
    file.write_at(0, [aligned(data)])
    file.write_at(1 << 20, [aligned(data)])
    file.close()
    assert (tmp_path / "a").read_bytes() == data * 2


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (5 << 20) + 4096, (9 << 20) + 4097])
def test_direct_and_cached_reads_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    read: list[int] = []
    preadv = os.preadv

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        read.append(offset)
        return preadv(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    data = random.Random(6).randbytes(size)
    file = FolderDisk(tmp_path).create("a")
    file.write_at(0, [data])  # not synced: direct reading must see what the cache holds
    assert file.read_at(0, size + 1) == data
    for start, length in ((0, 1 << 20), (1 << 20, 3 << 20), (4096, 1 << 20), (7, 2 << 20)):
        assert file.read_at(start, length) == data[start : start + length]
    file.close()
    assert 0 in read
    assert 7 not in read


def test_a_file_system_that_refuses_gets_ordinary_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "preadv", refuse)
    data = random.Random(7).randbytes(3 << 20)
    (tmp_path / "a").write_bytes(data)
    file = FolderDisk(tmp_path).open("a")
    assert file.read_at(0, 3 << 20) == data
    assert file.read_at(0, 3 << 20) == data
    file.close()
