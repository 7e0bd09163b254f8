"""The inbox: every sealed item that no live link names has its row in `waiting`.

Guarantee: the rows follow from links and attributions alone, so a page of a million waiting items
is one walk along an index.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.tables import waiting

_COLUMNS = ("item", "person", "unit", "organ", "sealed_index", "sealed_ms", "due_ms")


def arrive(connection: Connection, sealed: Sequence[Event]) -> None:
    """Items just sealed; whose they are is said later."""
    bulk.insert(
        connection, waiting, ("item", "sealed_index", "sealed_ms"),
        [(e.fields["item"], e.index, e.at_ms) for e in sealed],
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
            'SELECT i."id", a."person", a."unit", a."organ", i."sealed_index", i."sealed_ms", '
            'a."due_ms" FROM item i LEFT JOIN attribution a ON a."item" = i."id" '
            'WHERE i."id" = ? AND NOT EXISTS (SELECT 1 FROM link k WHERE k."item" = i."id" '
            'AND k."unlinked_index" IS NULL)',
            (item,),
        ))  # fmt: skip
    bulk.insert(connection, waiting, _COLUMNS, rows, ignore=True)
