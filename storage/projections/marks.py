"""What people mark on the time line of a case: `mark.made`, `mark.changed`, `mark.withdrawn`."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, update

from storage.acts import Event
from storage.projections.values import text
from storage.tables import mark
from verify.entries import parse_time


def made(connection: Connection, events: Sequence[Event]) -> None:
    connection.execute(
        insert(mark),
        [
            {
                "id": e.fields["mark"], "case": e.fields["case"], "item": e.fields.get("item"),
                "start_ms": parse_time(e.fields["start"]), "end_ms": parse_time(e.fields["end"]),
                "category": text(e, "category"), "text": text(e, "text"),
                "source": text(e, "source"), "actor": e.actor, "made_ms": parse_time(e.at),
                "made_index": e.index, "text_index": e.index, "withdrawn_index": None,
            }
            for e in events
        ],
    )  # fmt: skip


def changed(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        connection.execute(
            update(mark).where(mark.c.id == e.fields["mark"]).values(
                start_ms=parse_time(e.fields["start"]), end_ms=parse_time(e.fields["end"]),
                category=text(e, "category"), text=text(e, "text"), text_index=e.index,
            )
        )  # fmt: skip


def withdrawn(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        connection.execute(
            update(mark).where(mark.c.id == e.fields["mark"]).values(withdrawn_index=e.index)
        )
