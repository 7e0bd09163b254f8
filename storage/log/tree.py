"""The Merkle tree of the log over its tiles: a growing right edge and a reader of any proof.

`Frontier` holds what a writer needs to go on: per level the hashes of the tile that is not full
yet (at most 255 each).  `Tiles` answers roots, inclusion and consistency proofs of any published
size from the tiles in a store, keeping the last used ones.

Guarantee: a tile of the wrong length is a VerificationError.
Not covered: whether the tiles are right; compare a root of `Tiles` with a signed one.

Format: docs/formats/log.md, version 1 (C2SP tlog-tiles).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from storage.log.files import partial_widths
from storage.objects.port import Class, ObjectStore, read_all
from verify import merkle, tiles
from verify.errors import NotFoundError, VerificationError
from verify.tiles import HASH, WIDTH

Tile = tuple[int, int, bytes]  # level, number, concatenated hashes


@dataclass(slots=True)
class Frontier:
    """The right edge of a tree of `size` leaves, cut into tiles.  Mutable, owned by one task."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[Tile]:
        """Take the next leaf hash; the tiles that it made full, lowest level first."""
        full: list[Tile] = []
        self.size += 1
        value, level = leaf, 0
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(value)
            if len(row) < WIDTH:
                return full
            full.append((level, (self.size >> (8 * (level + 1))) - 1, b"".join(row)))
            value = merkle.root(row)
            row.clear()
            level += 1

    def partials(self) -> list[Tile]:
        """The tiles that are not full, lowest level first; empty ones are never written."""
        return [
            (level, self.size >> (8 * (level + 1)), b"".join(row))
            for level, row in enumerate(self.levels)
            if row
        ]

    def root(self) -> bytes:
        """The root over all leaves so far."""
        right: bytes | None = None
        for row in self.levels:
            end = len(row)
            while end:
                start = end - (end & -end)  # the smallest perfect subtree is the right-most one
                part = merkle.root(row[start:end])
                right = part if right is None else merkle.node_hash(part, right)
                end = start
        return merkle.EMPTY_ROOT if right is None else right

    def copy(self) -> "Frontier":
        return Frontier(self.size, [list(row) for row in self.levels])


class Tiles:
    """Reads tiles of one store.  What was read is kept: a tile only ever grows."""

    def __init__(self, store: ObjectStore, capacity: int = 1024) -> None:
        self._store = store
        self._capacity = capacity
        self._known: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def remember(self, level: int, number: int, data: bytes) -> None:
        """Keep a tile that was just written, so that the next proof need not read it."""
        if len(self._known.get((level, number), b"")) < len(data):
            self._known[level, number] = data
        self._known.move_to_end((level, number))
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Read everything from the store again."""
        self._known.clear()

    async def tile(self, level: int, number: int, width: int) -> bytes:
        """The first `width` hashes of the tile; NotFoundError if the store holds fewer."""
        known = self._known.get((level, number), b"")
        if len(known) < width * HASH:
            known = await self._read(level, number, width)
            self.remember(level, number, known)
        return known[: width * HASH]

    async def _read(self, level: int, number: int, width: int) -> bytes:
        """A partial tile of this or a greater width, or else the full one."""
        full = tiles.tile_path(level, number, WIDTH)
        if width < WIDTH:
            try:
                path = tiles.tile_path(level, number, width)
                return _checked(path, await read_all(self._store, Class.PRIVATE, path), width)
            except NotFoundError:
                pass  # partial tiles go once the full one is durable
        try:
            return _checked(full, await read_all(self._store, Class.LOG, full), WIDTH)
        except NotFoundError:
            if width == WIDTH:
                raise
        widths = [w for w in await partial_widths(self._store, full) if w >= width]
        if not widths:
            raise NotFoundError(f"{full}: expected a tile of {width} hashes or more, got none")
        path = tiles.tile_path(level, number, min(widths))
        return _checked(path, await read_all(self._store, Class.PRIVATE, path), min(widths))

    async def _fetched(self, wanted: list[tiles.Tile]) -> tiles.Fetch:
        got: dict[tiles.Tile, bytes] = {}
        for tile in wanted:
            assert tile.level != "entries"  # noqa: S101  # proofs are made of hash tiles
            got[tile] = await self.tile(tile.level, tile.index, tile.width)
        return tiles.from_map(got)

    async def root(self, size: int) -> bytes:
        return (await self.edge(size)).root()

    async def edge(self, size: int) -> merkle.Edge:
        return tiles.edge(size, await self._fetched(tiles.root_tiles(size)))

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """RFC 6962 2.1.1: the leaf's sibling first."""
        fetch = await self._fetched(tiles.inclusion_tiles(index, size))
        return tiles.inclusion_proof(index, size, fetch)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """RFC 6962 2.1.2; empty from size 0 and between equal sizes."""
        fetch = await self._fetched(tiles.consistency_tiles(old, new))
        return tiles.consistency_proof(old, new, fetch)

    async def frontier(self, size: int) -> Frontier:
        """The right edge at `size`, to go on from there."""
        levels: list[list[bytes]] = []
        while size >> (8 * len(levels)):
            level = len(levels)
            number, width = divmod(size >> (8 * level), WIDTH)
            data = await self.tile(level, number, width) if width else b""
            levels.append(tiles.decode_tile(data, width))
        return Frontier(size, levels)


def _checked(path: str, data: bytes, width: int) -> bytes:
    if len(data) != width * HASH:
        raise VerificationError(f"{path}: expected {width * HASH} bytes, got {len(data)}")
    return data
