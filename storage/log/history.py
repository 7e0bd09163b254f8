"""The history as one store holds it: every entry with its disclosures, bundle by bundle.

Guarantee: entries come in order, each is a canonical entry and has a line in the disclosure
bundle; `Reading` computes the tree over them and tells the first one that its tile contradicts.
Not covered: chains and commitments (`storage.replay`, `storage.log.examine`).

Format: docs/formats/log.md, version 1.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from storage.log import files
from storage.log.files import Disclosed
from storage.log.tree import Tiles
from storage.objects.port import ObjectStore
from verify import tiles
from verify.entries import decode_entry, leaf
from verify.errors import IncompleteError, MalformedError, NotFoundError, VerificationError
from verify.merkle import Edge
from verify.tiles import WIDTH


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the store."""

    index: int
    raw: bytes
    line: Disclosed


async def bundles(store: ObjectStore, stop: int) -> AsyncIterator[list[Record]]:
    """Entries 0 to `stop`, one list per bundle; an error names the bundle or entry that is broken."""
    for number in range(-(-stop // WIDTH)):
        width = min(WIDTH, stop - number * WIDTH)
        try:
            entries = (await files.read_bundle(store, number, width))[:width]
            lines = await files.read_disclosures(store, number)
        except NotFoundError as exc:
            raise IncompleteError(f"{store.name}: {exc}") from exc
        if len(lines) < width:
            raise IncompleteError(
                f"{files.disclosures_path(number)} in {store.name}: "
                f"expected {width} lines, got {len(lines)}"
            )
        found = []
        for index, (raw, line) in enumerate(zip(entries, lines, strict=False), number * WIDTH):
            try:
                decode_entry(raw)
            except MalformedError as exc:
                path = files.bundle_path(number)
                raise MalformedError(f"{path} in {store.name}, entry {index}: {exc}") from exc
            found.append(Record(index, raw, line))
        yield found


class Reading:
    """Grows the tree over a history and compares it with roots that somebody vouches for."""

    def __init__(self, store: ObjectStore, marks: dict[int, bytes]) -> None:
        self.edge = Edge()
        self._store = store
        self._tiles = Tiles(store)
        self._marks = marks
        self._suspect: str | None = None

    async def take(self, records: Sequence[Record]) -> None:
        """The next bundle; VerificationError where a mark's root is another."""
        hashes = [leaf(record.raw) for record in records]
        await self._compare_with_tile(records, hashes)
        for hashed in hashes:
            self.edge = self.edge.append(hashed)
            expected = self._marks.get(self.edge.size)
            if expected is not None and self.edge.root() != expected:
                where = self._suspect or "no tile contradicts it, so the tiles are wrong too"
                raise VerificationError(
                    f"entries in {self._store.name} up to the signed size {self.edge.size}: "
                    f"expected root {expected.hex()}, got {self.edge.root().hex()} ({where})"
                )

    async def _compare_with_tile(self, records: Sequence[Record], hashes: Sequence[bytes]) -> None:
        """Where a root is wrong, the first leaf that its tile contradicts says where to look."""
        if self._suspect is not None:
            return
        number = records[0].index // WIDTH
        try:
            data = await self._tiles.tile(0, number, len(hashes))
        except (NotFoundError, VerificationError):
            return  # unsigned entries may have no tile yet; a root decides, not this
        for record, expected, got in zip(
            records, tiles.decode_tile(data, len(hashes)), hashes, strict=True
        ):
            if expected != got:
                self._suspect = (
                    f"{files.bundle_path(number)}, entry {record.index}: expected leaf "
                    f"{expected.hex()} as in {tiles.tile_path(0, number)}, got {got.hex()}"
                )
                return
