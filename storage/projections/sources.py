"""Sources and what they announce: `source.*`, `upload.*`."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import maybe_json, maybe_text, text
from storage.tables import source, upload


def enrolled(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, source, ("id", "name", "kind", "enrolled_index"),
        [(e.fields["source"], text(e, "name"), text(e, "kind"), e.index) for e in events],
    )  # fmt: skip


def revoked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, source, ("revoked_index",), ("id",),
        [(e.index, e.fields["source"]) for e in events],
    )  # fmt: skip


_OPENED = (
    "id", "source", "name", "name_raw", "size", "mime", "sha256", "client_key", "case_number",
    "device_times", "manifest", "opened_index", "opened_ms", "state",
)  # fmt: skip


def opened(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, upload, _OPENED,
        [
            (
                e.fields["upload"], e.chain[2:], text(e, "name"), e.fields.get("name_raw"),
                e.fields.get("size"), maybe_text(e, "mime"), e.fields.get("sha256"),
                maybe_text(e, "key"), maybe_text(e, "case_number"), maybe_json(e, "device_times"),
                maybe_json(e, "manifest"), e.index, e.at_ms, "open",
            )
            for e in events
        ],
    )  # fmt: skip


def aborted(connection: Connection, events: Sequence[Event]) -> None:
    """The end of an upload.  Its key is free again, so that the file can be announced once more,
    unless the upload ended because its bytes are an item already."""
    bulk.update(
        connection, upload, ("state", "item", "closed_index", "reason"), ("id",),
        [
            ("aborted", e.fields.get("item"), e.index, text(e, "reason"), e.fields["upload"])
            for e in events
        ],
    )  # fmt: skip
    free_keys(connection, [e.fields["upload"] for e in events if "item" not in e.fields])


def free_keys(connection: Connection, uploads: Sequence[str]) -> None:
    """The client's keys of these uploads may open new ones."""
    bulk.update(connection, upload, ("client_key",), ("id",), [(None, id_) for id_ in uploads])
