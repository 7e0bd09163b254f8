"""From committed rows to files: disclosure bundles, then entry bundles, then tiles.

Guarantee: when `write` returns, the files of `stop` entries are durable in every store; files that
never change were compared where they existed (ConflictError).  A kill anywhere leaves files that
the same call writes again, to the byte.
Not covered: who vouches for them; the signer comes after.

At most `BATCH` bundles are held in memory, however far the store lags behind.
Format: docs/formats/log.md, version 1.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from storage.database import Database
from storage.log import files, rows
from storage.log.files import Row
from storage.log.tree import Frontier, Tile, Tiles
from storage.objects.port import Class, ObjectStore
from verify import tiles
from verify.entries import leaf
from verify.errors import VerificationError
from verify.tiles import WIDTH

BATCH = 16  # bundles: 4,096 entries, about 10 MiB


class Writer:
    """Writes the files of the log into all stores.  Owned by the publisher, one call at a time."""

    def __init__(self, database: Database, stores: Sequence[ObjectStore], cache: Tiles) -> None:
        self._database = database
        self._stores = stores
        self._cache = cache
        self._partials: set[tuple[int, int, int]] = set()  # written at the last full stop
        self._spent: list[str] = []  # full tiles and bundles whose partial ones may go
        self.frontier = Frontier()

    def begin(self, frontier: Frontier) -> None:
        """Go on from here: everything up to this size is in every store."""
        self.frontier = frontier
        self._partials = _names(frontier.partials())

    async def check_root(self, size: int, root: bytes) -> None:
        """Raise VerificationError unless the database's leaves lead from the files to this root.

        Before anything is written: a file of a forked database could never be taken back.
        """
        ahead = self.frontier.copy()
        while ahead.size < size:
            for hashed in await rows.read_leaves(self._database, ahead.size, size):
                ahead.append(hashed)
        if ahead.root() != root:
            raise VerificationError(
                f"database of size {size}: expected root {ahead.root().hex()} "
                f"(files up to {self.frontier.size}, then its own leaves), got {root.hex()}"
            )

    async def write(self, stop: int, *, erased_since: int) -> None:
        """Write everything between the frontier and `stop`, and bundles that erasures touch.

        An erasure is an entry itself, so the last bundle is written anyway when there was one.
        """
        start = self.frontier.size
        await self.rewrite(await rows.touched_bundles(self._database, erased_since, start), start)
        while start < stop:
            end = min(stop, (start // WIDTH + BATCH) * WIDTH)
            await self._batch(start, end, last=end == stop)
            start = end

    async def rewrite(self, numbers: Iterable[int], size: int) -> None:
        """Write these disclosure bundles again, up to `size` entries."""
        for number in numbers:
            stop = min(size, (number + 1) * WIDTH)
            await self._disclosures(await self._rows(number * WIDTH, stop))

    async def _batch(self, start: int, stop: int, *, last: bool) -> None:
        found = await self._rows(start // WIDTH * WIDTH, stop)
        await self._disclosures(found)
        for number, group in _bundles(found):
            path = files.bundle_path(number, len(group))
            await self._create(path, tiles.encode_bundle(row.raw for row in group))
            if len(group) == WIDTH:
                self._spent.append(path)
        ahead = self.frontier.copy()
        for row in found[start % WIDTH :]:
            for tile in ahead.append(leaf(row.raw)):
                self._spent.append(await self._tile(tile))
        if last:
            for tile in ahead.partials():
                if _name(tile) not in self._partials:
                    await self._tile(tile)
            self._partials = _names(ahead.partials())
        self.frontier = ahead

    async def remove_spent(self) -> None:
        """Remove the partial tiles and bundles beside full ones that are durable."""
        while self._spent:
            await self._remove_partials(self._spent[-1])
            self._spent.pop()

    async def sweep(self) -> None:
        """Remove partial ones that a kill left beside full ones."""
        full: set[str] = set()
        for store in self._stores:
            async for key in store.list(Class.PRIVATE, "tile/"):
                full.add(key.rpartition(".p/")[0])
        for path in sorted(full):
            tile = tiles.parse_tile_path(path)
            level = 0 if tile.level == "entries" else tile.level
            if (tile.index + 1) * WIDTH << (8 * level) <= self.frontier.size:
                await self._remove_partials(path)

    async def _remove_partials(self, path: str) -> None:
        for store in self._stores:
            for width in await files.partial_widths(store, path):
                await store.delete(Class.PRIVATE, f"{path}.p/{width}")

    async def _rows(self, start: int, stop: int) -> list[Row]:
        async with self._database.read() as connection:
            return await rows.read_rows(connection, start, stop)

    async def _disclosures(self, found: Sequence[Row]) -> None:
        for number, group in _bundles(found):
            data = files.disclosure_bundle(group)
            for store in self._stores:
                await store.replace(Class.PRIVATE, files.disclosures_path(number), data)

    async def _tile(self, tile: Tile) -> str:
        level, number, data = tile
        path = tiles.tile_path(level, number, len(data) // tiles.HASH)
        await self._create(path, data)
        self._cache.remember(level, number, data)
        return path

    async def _create(self, path: str, data: bytes) -> None:
        for store in self._stores:
            await store.create(files.class_of(path), path, data)


def _bundles(found: Iterable[Row]) -> list[tuple[int, list[Row]]]:
    return [(n, list(group)) for n, group in groupby(found, key=lambda row: row.index // WIDTH)]


def _name(tile: Tile) -> tuple[int, int, int]:
    level, number, data = tile
    return level, number, len(data)


def _names(found: Iterable[Tile]) -> set[tuple[int, int, int]]:
    return {_name(tile) for tile in found}
