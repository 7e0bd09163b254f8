"""The pairs of characters of each case's words, as the words stand now.

Guarantee: the pairs are those of number, title, officers, parties and place of the row of the case,
so what is erased from the row cannot be found or read here either.
"""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from storage import bulk, grams
from storage.tables import case_gram

_WORDS = 'SELECT "id", "number", "title", "officers", "parties", "place" FROM enforcement_case'


def write(connection: Connection, cases: Iterable[str]) -> None:
    """Those of these cases anew."""
    ids = list(dict.fromkeys(cases))
    bulk.delete(connection, case_gram, ("case",), [(id_,) for id_ in ids])
    found = [
        row for id_ in ids for row in bulk.select(connection, f'{_WORDS} WHERE "id" = ?', (id_,))
    ]
    _insert(connection, found)


def write_of_entry(connection: Connection, index: int) -> None:
    """Those of the case whose words come from this entry."""
    found = bulk.select(
        connection, 'SELECT "id" FROM enforcement_case WHERE "changed_index" = ?', (index,)
    )
    write(connection, [row.id for row in found])


def write_all(connection: Connection) -> None:
    """Those of every case, where there are none yet."""
    _insert(connection, bulk.select(connection, _WORDS))


def _insert(connection: Connection, found: Sequence[tuple[str, ...]]) -> None:
    rows = [
        (pair, id_)
        for id_, number, title, officers, parties, place in found
        for pair in grams.of([
            number, title, *json.loads(officers), *json.loads(parties),
            (json.loads(place) if place else {}).get("text", ""),
        ])
    ]  # fmt: skip
    bulk.insert(connection, case_gram, ("gram", "case"), rows)
