"""Drafts into entries: the parts of an act that stand between its rule and its projection.

Guarantee: entries get the next indices of the log and the next `seq` and `prev` of their chains,
each field its own salt; nothing here decides, and nothing is projected.
Not covered: the lock.  Call with the head row locked (`lock_head`), in one transaction.

Format: docs/formats/entries.md, version 1.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from storage import bulk
from storage.tables import disclosure, entry, head, operation
from verify.commitments import commit_fields
from verify.entries import NO_ENTRY, Entry, decode_entry, format_time, leaf, parse_time
from verify.errors import NotFoundError
from verify.merkle import Edge


def random_salt() -> str:
    """16 random bytes in hex."""
    return os.urandom(16).hex()


random_id = random_salt


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rule decided: the entry to be, without its place in the log."""

    type: str
    chain: str
    actor: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded entry with its disclosed fields; erased ones are absent."""

    index: int
    chain: str
    seq: int
    type: str
    actor: str
    at: str
    at_ms: int
    leaf: bytes
    raw: bytes
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """An event with what its disclosure row holds."""

    event: Event
    body: str  # canonical JSON object
    disclosed: str  # canonical JSON list of triples


@dataclass(frozen=True, slots=True)
class Head:
    """The one row that every act locks."""

    origin: str
    edge: Edge
    last_ms: int
    boot_id: str
    boot_base_ms: int

    @property
    def size(self) -> int:
        return self.edge.size


_HEAD = ("origin", "size", "root", "edge", "last_ms", "boot_id", "boot_base_ms")
_ENTRY = ("index", "chain", "seq", "type", "leaf", "bytes")


def lock_head(connection: Connection) -> Head:
    """Take the one line in which all acts stand; the first statement of every act."""
    found = _read_head(connection, lock=connection.dialect.name != "sqlite")
    if found is None:
        raise NotFoundError("log: expected a head row, got none; this database has no log yet")
    return found


def read_head(connection: Connection) -> Head | None:
    """The head as it is, without a lock; None before `log.begun`."""
    return _read_head(connection, lock=False)


def _read_head(connection: Connection, *, lock: bool) -> Head | None:
    statement = (
        'SELECT "origin", "edge", "last_ms", "boot_id", "boot_base_ms" FROM head WHERE "id" = 1'
    )
    rows = bulk.select(connection, statement + (" FOR UPDATE" if lock else ""))
    if not rows:
        return None
    origin, edge, last_ms, boot_id, boot_base_ms = rows[0]
    return Head(origin, Edge.decode(bytes(edge)), last_ms, boot_id, boot_base_ms)


def insert_head(connection: Connection, value: Head) -> None:
    """The head of a new log; IntegrityError if there is one."""
    bulk.insert(connection, head, ("id", *_HEAD), [(1, *_head_row(value))])


def store_head(connection: Connection, value: Head) -> None:
    bulk.update(connection, head, _HEAD, ("id",), [(*_head_row(value), 1)])


def _head_row(value: Head) -> bulk.Row:
    edge = value.edge
    return (
        value.origin, edge.size, edge.root(), edge.encode(),
        value.last_ms, value.boot_id, value.boot_base_ms,
    )  # fmt: skip


def ends(connection: Connection, chains: set[str]) -> dict[str, tuple[int, str]]:
    """Per chain (`seq`, `prev`) of its next entry."""
    found = {}
    for chain in chains:
        rows = bulk.select(
            connection,
            'SELECT "seq", "leaf" FROM entry WHERE "chain" = ? ORDER BY "seq" DESC LIMIT 1',
            (chain,),
        )
        found[chain] = (rows[0][0] + 1, bytes(rows[0][1]).hex()) if rows else (0, NO_ENTRY)
    return found


def build(
    connection: Connection,
    size: int,
    at_ms: int,
    drafts: Sequence[Draft],
    salts: Callable[[], str],
) -> list[Recording]:
    """The entries of these drafts (checked by `verify.schema` before), as they follow `size` others."""
    places = ends(connection, {draft.chain for draft in drafts})
    at = format_time(at_ms)
    made = []
    for index, draft in enumerate(drafts, size):
        committed = commit_fields(draft.fields, salts)
        seq, prev = places[draft.chain]
        raw = Entry(draft.actor, at, committed.digest, draft.chain, prev, seq, draft.type).encode()
        hashed = leaf(raw)
        places[draft.chain] = (seq + 1, hashed.hex())
        event = Event(
            index, draft.chain, seq, draft.type, draft.actor, at, at_ms, hashed, raw,
            dict(draft.fields),
        )  # fmt: skip
        made.append(
            Recording(event, committed.body_json.decode(), committed.disclosed_json.decode())
        )
    return made


def insert(connection: Connection, recordings: Sequence[Recording]) -> None:
    """The rows of the entries and of their disclosures."""
    events = [r.event for r in recordings]
    bulk.insert(
        connection,
        entry,
        _ENTRY,
        [(e.index, e.chain, e.seq, e.type, e.leaf, e.raw) for e in events],
    )
    bulk.insert(
        connection, disclosure, ("index", "body", "disclosed"),
        [(r.event.index, r.body, r.disclosed) for r in recordings],
    )  # fmt: skip


def advance(value: Head, events: Sequence[Event]) -> Head:
    """The head after these events; after `clock.corrected` the time may step back once."""
    last_ms = value.last_ms
    for event in events:
        corrected = event.type == "clock.corrected"
        last_ms = parse_time(event.fields["after"]) if corrected else event.at_ms
    return replace(value, edge=value.edge.extend(e.leaf for e in events), last_ms=last_ms)


def note_operations(connection: Connection, rows: Sequence[tuple[str, int, int]]) -> None:
    """(operation id, index of the first entry, how many)."""
    bulk.insert(connection, operation, ("id", "first", "count"), rows)


def known_operations(connection: Connection, ids: Sequence[str]) -> dict[str, list[Event]]:
    """What those of these operations that are recorded recorded."""
    marks = ", ".join("?" * len(ids))
    statement = f'SELECT "id", "first", "count" FROM operation WHERE "id" IN ({marks})'  # noqa: S608
    rows = bulk.select(connection, statement, tuple(ids))
    return {id_: load(connection, first, first + count) for id_, first, count in rows}


def load(connection: Connection, start: int, stop: int) -> list[Event]:
    """The recorded events of indices [start, stop)."""
    rows = bulk.select(
        connection,
        'SELECT e."index", e."bytes", d."disclosed" FROM entry e '
        'JOIN disclosure d ON d."index" = e."index" '
        'WHERE e."index" >= ? AND e."index" < ? ORDER BY e."index"',
        (start, stop),
    )
    return [
        event_of(index, bytes(raw), {name: value for _, name, value in json.loads(disclosed)})
        for index, raw, disclosed in rows
    ]


def event_of(index: int, raw: bytes, fields: Mapping[str, Any]) -> Event:
    """The event of an entry's bytes and its disclosed fields."""
    e = decode_entry(raw)
    return Event(
        index, e.chain, e.seq, e.type, e.actor, e.at, parse_time(e.at), leaf(raw), raw, fields
    )  # fmt: skip
