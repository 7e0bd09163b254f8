"""Cases and their links: `case.opened`, `case.changed`, `item.linked`, `item.unlinked`."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections import case_grams, inbox
from storage.projections.values import listed, maybe_json, maybe_text, text
from storage.tables import case, case_person, link

_OPENED = (
    "id", "number", "kind", "title", "officers", "opened_index", "opened_ms", "changed_index",
    "procedure", "procedure_digest", "organ", "unit", "people", "parties", "place", "private",
    "viewers", "external_system", "external_key",
)  # fmt: skip


def opened(connection: Connection, events: Sequence[Event]) -> None:
    rows: list[bulk.Row] = []
    for e in events:
        f = e.fields
        external = f.get("external", {})
        rows.append((
            f["case"], text(e, "number"), text(e, "kind"), text(e, "title"), listed(e, "officers"),
            e.index, e.at_ms, e.index, maybe_text(e, "procedure"), f.get("procedure_digest"),
            f.get("organ"), f.get("unit"), listed(e, "people"), listed(e, "parties"),
            maybe_json(e, "place"), f.get("private", False), listed(e, "viewers"),
            external.get("system"), external.get("key"),
        ))  # fmt: skip
    bulk.insert(connection, case, _OPENED, rows)
    _of_people(connection, events)
    case_grams.write(connection, [e.fields["case"] for e in events])


def changed(connection: Connection, events: Sequence[Event]) -> None:
    """The whole description anew; what the entry may leave out is then empty."""
    bulk.update(
        connection, case,
        ("title", "officers", "people", "parties", "place", "private", "viewers", "changed_index"),
        ("id",),
        [
            (
                text(e, "title"), listed(e, "officers"), listed(e, "people"), listed(e, "parties"),
                maybe_json(e, "place"), e.fields["private"], listed(e, "viewers"), e.index,
                e.fields["case"],
            )
            for e in events
        ],
    )  # fmt: skip
    moved = [(e.fields["unit"], e.fields["case"]) for e in events if "unit" in e.fields]
    bulk.update(connection, case, ("unit",), ("id",), moved)
    newest = {e.fields["case"]: e for e in events}
    bulk.delete(connection, case_person, ("case",), [(id_,) for id_ in newest])
    _of_people(connection, list(newest.values()))
    case_grams.write(connection, newest)


def _of_people(connection: Connection, events: Sequence[Event]) -> None:
    rows = [
        (e.fields["case"], person)
        for e in events
        for person in dict.fromkeys(e.fields.get("people", ()))
    ]
    bulk.insert(connection, case_person, ("case", "person"), rows)


def linked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, link,
        ("linked_index", "case", "item", "stage", "reason", "linked_leaf", "proposal"),
        [
            (
                e.index, e.fields["case"], e.fields["item"], maybe_text(e, "stage"),
                text(e, "reason"), e.leaf.hex(), maybe_json(e, "proposal"),
            )
            for e in events
        ],
    )  # fmt: skip
    inbox.leave(connection, [e.fields["item"] for e in events])


def unlinked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, link, ("unlinked_index", "unlink_reason"), ("item", "linked_leaf"),
        [(e.index, text(e, "reason"), e.fields["item"], e.fields["link"]) for e in events],
    )  # fmt: skip
    inbox.come_back(connection, [e.fields["item"] for e in events])
