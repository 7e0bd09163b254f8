"""Frontier and proofs over tiles, against the plain reference."""

from pathlib import Path

import pytest

from storage.log.tree import Frontier, Tiles
from storage.objects.port import Class
from tests.storage.log.rig import store_at
from verify import merkle, tiles
from verify.errors import NotFoundError, VerificationError

GOLDEN = "a3920fba7f239a071a9bd10721f1341addefbaededb41c7e24437a9d16bdf00a"


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(f"entry {i}".encode()) for i in range(count)]


async def write(folder: Path, size: int, *, partials: bool = True) -> Tiles:
    store = store_at(folder)
    frontier = Frontier()
    for leaf in leaves(size):
        for level, number, data in frontier.append(leaf):
            await store.create(Class.LOG, tiles.tile_path(level, number), data)
    if partials:
        for level, number, data in frontier.partials():
            path = tiles.tile_path(level, number, len(data) // 32)
            await store.create(Class.PRIVATE, path, data)
    return Tiles(store)


def test_the_golden_log_of_70000_entries() -> None:
    frontier = Frontier()
    full: dict[int, int] = {}
    for leaf in leaves(70_000):
        for level, _, _ in frontier.append(leaf):
            full[level] = full.get(level, 0) + 1
    assert frontier.root().hex() == GOLDEN
    assert full == {0: 273, 1: 1}
    assert [(lvl, n, len(d) // 32) for lvl, n, d in frontier.partials()] == [
        (0, 273, 112), (1, 1, 17), (2, 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 1000])
async def test_roots_proofs_and_the_right_edge_come_from_tiles_alone(
    tmp_path: Path, size: int
) -> None:
    all_leaves = leaves(size)
    read = await write(tmp_path, size)
    assert await read.root(size) == merkle.root(all_leaves)
    for old in {0, 1, size // 3, size - 1, size} - {-1}:
        if old <= size:
            proof = await read.consistency(old, size)
            assert proof == merkle.consistency(all_leaves, old)
            assert await read.root(old) == merkle.root(all_leaves[:old])
    for index in {0, size // 2, size - 1} - {-1}:
        if index < size:
            assert await read.inclusion(index, size) == merkle.inclusion(all_leaves, index)
    again = await read.frontier(size)
    more = [merkle.leaf_hash(bytes([i])) for i in range(5)]
    for leaf in more:
        again.append(leaf)
    assert again.root() == merkle.root([*all_leaves, *more])


async def test_a_missing_or_short_tile_is_named(tmp_path: Path) -> None:
    read = await write(tmp_path, 300)
    (tmp_path / "objects/private/tile/0/001.p/44").unlink()
    with pytest.raises(NotFoundError, match=r"tile/0/001: expected a tile of 44 hashes"):
        await read.root(300)
    path = tmp_path / "objects/log/tile/0/000"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    read.forget()
    with pytest.raises(VerificationError, match="tile/0/000: expected 8192 bytes, got 8191"):
        await read.tile(0, 0, 256)
