"""Writing the record again from entries and disclosures: for `rebuild` and `recover`.

Guarantee: every entry is checked before it is written (canonical bytes, index, `seq` and `prev` of
its chain, its fields against its commitments), and the same projectors write the same rows as when
it was recorded.
Not covered: whether the entries are the published ones; the caller compares size and root with a
signed checkpoint before it commits.

Format: docs/formats/entries.md, version 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from storage import acts, bulk
from storage.acts import Event, Head, Recording
from storage.projections import project
from verify import canonical, schema
from verify.commitments import Disclosure, check_disclosed
from verify.entries import decode_entry
from verify.errors import ChainError, IncompleteError, MalformedError
from verify.merkle import Edge

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as the store holds it: its bytes and its line of a disclosure bundle."""

    index: int
    raw: bytes
    body: Mapping[str, str]
    disclosed: Sequence[Disclosure]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The head afterwards, and the erased fields that no `field.erased` among these entries names
    (an erasure whose own entry had not reached the store)."""

    head: Head
    unexplained: tuple[tuple[int, str], ...]


def replay(connection: Connection, records: Iterable[Record]) -> Replayed:
    """Append these entries to what the database holds (from entry 0 on if it is empty).

    MalformedError, CommitmentError, ChainError or IncompleteError names the first bad entry.
    """
    head = acts.read_head(connection)
    rest = iter(records)
    absent: list[tuple[int, str]] = []
    while batch := list(islice(rest, _AT_ONCE)):
        made = [_read(record, absent) for record in batch]
        if head is None:
            head = _first(made[0].event)
            acts.insert_head(connection, head)
        _check_places(connection, head, [r.event for r in made])
        events = [r.event for r in made]
        acts.insert(connection, made)
        project(connection, events)
        head = acts.advance(head, events)
        acts.store_head(connection, head)
    if head is None:
        raise IncompleteError("log: expected entries from log.begun on, got none")
    explained = {
        tuple(row) for row in bulk.select(connection, 'SELECT "index", "name" FROM erasure')
    }
    return Replayed(head, tuple(pair for pair in absent if pair not in explained))


def _read(record: Record, absent: list[tuple[int, str]]) -> Recording:
    """The recording of a record whose fields match their commitments."""
    e = decode_entry(record.raw)
    try:
        known = schema.check_names(e.type, e.chain, record.body)
        fields: Mapping[str, Any] = check_disclosed(e.body, record.body, record.disclosed)
        for name, value in fields.items():
            schema.check_value(f"{e.type}.{name}", known.fields[name], value)
    except MalformedError as exc:
        raise MalformedError(f"entry {record.index}: {exc}") from exc
    for name in sorted(record.body.keys() - fields.keys()):
        if not known.fields[name].erasable:
            raise IncompleteError(f"entry {record.index}: expected {name} disclosed, got none")
        absent.append((record.index, name))
    return Recording(
        acts.event_of(record.index, record.raw, fields),
        canonical.encode(record.body).decode(),
        canonical.encode(list(record.disclosed)).decode(),
    )


def _first(event: Event) -> Head:
    """The head before entry 0 of the log that it begins; the next act sets the boot."""
    if event.index != 0 or event.type != "log.begun":
        raise ChainError(f"log: expected log.begun at 0, got {event.type} at {event.index}")
    return Head(event.fields["origin"], Edge(), event.at_ms, "", 0)


def _check_places(connection: Connection, head: Head, events: Sequence[Event]) -> None:
    places = acts.ends(connection, {event.chain for event in events})
    for index, event in enumerate(events, head.size):
        if event.index != index:
            raise ChainError(f"log: expected entry {index}, got {event.index}")
        seq, prev = places[event.chain]
        got = decode_entry(event.raw).prev
        if (event.seq, got) != (seq, prev):
            raise ChainError(
                f"entry {index}, chain {event.chain}: expected seq {seq} after {prev}, "
                f"got seq {event.seq} after {got}"
            )
        places[event.chain] = (seq + 1, event.leaf.hex())
