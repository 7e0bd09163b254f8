"""Aligned buffers go past the page cache, and nobody can tell from what is then in the file."""

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
