"""Receipts: an entry, what of it is disclosed, and its proof under the published checkpoint.

Guarantee: a receipt is made only over a checkpoint that is published, from what the database and
the tiles hold now, and is checked against the log's own key before it is handed out; `objects` is
never disclosed.  Asking again gives one over a newer checkpoint, with fields erased since then gone.
Not covered: what the caller may see.

Format: docs/formats/receipts.md, version 1.
"""

from storage.database import Database
from storage.log import rows
from storage.log.publisher import Publisher
from verify import canonical
from verify.entries import decode_entry
from verify.errors import NotFoundError, UnavailableError
from verify.receipt import check_receipt, make_receipt


class Receipts:
    """Nothing is cached: a receipt is always as new as the published checkpoint."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database, self._publisher = database, publisher

    async def of(self, index: int, wait: float = 0.0) -> str:
        """The receipt of entry `index`; UnavailableError if it is not published within `wait` s."""
        async with self._database.read() as connection:
            head = await rows.read_head(connection)
        if head is None or not 0 <= index < head.size:
            size = head.size if head else 0
            raise NotFoundError(f"entry {index}: expected one below {size}, the size of the log")
        published = await self._publisher.wait_for(index, wait)
        async with self._database.read() as connection:
            (row,) = await rows.read_rows(connection, index, index + 1)
        text = make_receipt(
            decode_entry(row.raw),
            canonical.decode(row.body.encode()),
            canonical.decode(row.disclosed.encode()),
            index=index,
            hashes=await self._proof(index, published.size),
            note=published.note,
        )
        check_receipt(text, [self._publisher.signer.key.verifier])
        return text

    async def _proof(self, index: int, size: int) -> list[bytes]:
        try:
            return await self._publisher.tiles.inclusion(index, size)
        except NotFoundError as exc:  # the entry is there; the store has lost a tile
            raise UnavailableError(f"{exc}; `liuhen scrub` writes it again") from exc
