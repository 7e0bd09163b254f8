"""Excerpts and stills of recordings: `clip.asked`, `clip.made`."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import listed, text
from storage.tables import clip


def asked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, clip,
        (
            "id", "item", "kind", "asked_from_ms", "asked_to_ms", "purpose", "case", "actor",
            "asked_index", "asked_ms",
        ),
        [
            (
                e.fields["clip"], e.fields["item"], text(e, "kind"), e.fields["from_ms"],
                e.fields["to_ms"], text(e, "purpose"), e.fields.get("case"), e.actor, e.index,
                e.at_ms,
            )
            for e in events
        ],
    )  # fmt: skip


def made(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, clip,
        (
            "from_ms", "to_ms", "key", "sha256", "size", "mime", "name", "label", "tool",
            "arguments", "input", "made_index", "made_ms",
        ),
        ("id",),
        [
            (
                e.fields["from_ms"], e.fields["to_ms"], text(e, "key"), e.fields["sha256"],
                e.fields["size"], text(e, "mime"), text(e, "name"), text(e, "label"),
                text(e, "tool"), listed(e, "arguments"), e.fields["input"], e.index, e.at_ms,
                e.fields["clip"],
            )
            for e in events
        ],
    )  # fmt: skip
