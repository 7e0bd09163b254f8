"""Which entries speak of an item, a case, an upload, a source, a view, a token: the trails."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.tables import mention

KINDS = ("item", "case", "upload", "source", "view", "token")
_OF_CHAIN = {"s": "source", "c": "case", "i": "item"}
COLUMNS = ("kind", "id", "index")


def named(chain: str, fields: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(kind, id) of everything that an entry names, by its chain or by a field."""
    found = {(kind, fields[kind]) for kind in KINDS if kind in fields}
    kind, _, token = chain.partition(":")
    if token:
        found.add((_OF_CHAIN[kind], token))
    return found


def project(connection: Connection, events: Sequence[Event]) -> None:
    rows = [(*pair, e.index) for e in events for pair in sorted(named(e.chain, e.fields))]
    bulk.insert(connection, mention, COLUMNS, rows)
