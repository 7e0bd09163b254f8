"""The inbox: every sealed item that no live link names has its row in `waiting`.

Guarantee: the rows follow from links and attributions alone, and until the first attribution from
the device as registered by then, so a page of a million waiting items is one walk along an index.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.tables import waiting

_OWNER = 'SELECT "unit", "organ" FROM device WHERE "id" = ?'
_DOUBTED = '%"unknown-user"%'  # in the marks
_COLUMNS = ("item", "person", "unit", "organ", "sealed_index", "sealed_ms", "due_ms", "doubted")


def arrive(connection: Connection, sealed: Sequence[Event]) -> None:
    """Items just sealed, with the owner of the device; whose they are is said later."""
    owners: dict[str, tuple[str | None, str | None]] = {}
    for source in dict.fromkeys(e.chain[2:] for e in sealed):
        found = bulk.select(connection, _OWNER, (source,))
        owners[source] = (found[0][0], found[0][1]) if found else (None, None)
    bulk.insert(
        connection, waiting, ("item", "unit", "organ", "sealed_index", "sealed_ms"),
        [(e.fields["item"], *owners[e.chain[2:]], e.index, e.at_ms) for e in sealed],
    )  # fmt: skip


def leave(connection: Connection, items: Sequence[str]) -> None:
    """Items that were linked."""
    bulk.delete(connection, waiting, ("item",), [(item,) for item in items])


def come_back(connection: Connection, items: Sequence[str]) -> None:
    """Items that were unlinked, where no other link holds them."""
    rows: list[bulk.Row] = []
    for item in dict.fromkeys(items):
        rows += map(tuple, bulk.select(
            connection,
            'SELECT i."id", a."person", '
            'CASE WHEN a."item" IS NULL THEN d."unit" ELSE a."unit" END, '
            'CASE WHEN a."item" IS NULL THEN d."organ" ELSE a."organ" END, '
            'i."sealed_index", i."sealed_ms", a."due_ms", '
            'CASE WHEN a."marks" LIKE ? THEN TRUE END FROM item i '
            'LEFT JOIN attribution a ON a."item" = i."id" '
            'LEFT JOIN device d ON d."id" = i."source" '
            'WHERE i."id" = ? AND NOT EXISTS (SELECT 1 FROM link k WHERE k."item" = i."id" '
            'AND k."unlinked_index" IS NULL)',
            (_DOUBTED, item),
        ))  # fmt: skip
    bulk.insert(connection, waiting, _COLUMNS, rows, ignore=True)
