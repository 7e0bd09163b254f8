"""Items and where their bytes lie: `item.sealed`, `item.stored`, `item.derived`.

An element of `objects` in `item.sealed` is `{"store", "what", "key"}` and `"version"` where the
store has versions; `what` is `original` or `tree`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections import inbox
from storage.projections.sources import free_keys
from storage.projections.values import listed, maybe_json, text
from storage.tables import copy, derived, item, upload
from verify.errors import MalformedError

_SEALED = (
    "id", "upload", "source", "name", "name_raw", "mime", "size", "sha256", "root", "chunk",
    "device_times", "clock_offset", "manifest", "marks", "announced", "retain_until",
    "sealed_index", "sealed_leaf", "sealed_ms",
)  # fmt: skip
_INCOMPLETE = "incomplete"  # a mark of `item.sealed`
_COPY = ("item", "store", "what", "key", "version", "encoding", "index")
_COPY_KEY = ("item", "store", "what", "key")
_DERIVED = (
    "item", "what", "key", "sha256", "size", "mime", "tool", "arguments", "input", "index",
)  # fmt: skip


def sealed(connection: Connection, events: Sequence[Event]) -> None:
    items: list[bulk.Row] = []
    copies: list[bulk.Row] = []
    uploads: list[bulk.Row] = []
    for e in events:
        f = e.fields
        items.append((
            f["item"], f["upload"], e.chain[2:], text(e, "name"), f.get("name_raw"),
            text(e, "mime"), f["size"], f["sha256"], f["root"], f["chunk"],
            listed(e, "device_times"), maybe_json(e, "clock_offset"), maybe_json(e, "manifest"),
            listed(e, "marks"), maybe_json(e, "announced"), f["retain_until"],
            e.index, e.leaf.hex(), e.at_ms,
        ))  # fmt: skip
        copies.extend(_copy(f["item"], o, e.index) for o in f["objects"])
        uploads.append(("sealed", f["item"], e.index, f["upload"]))
    bulk.insert(connection, item, _SEALED, items)
    inbox.arrive(connection, events)
    bulk.insert(connection, copy, _COPY, copies)
    bulk.update(connection, upload, ("state", "item", "closed_index"), ("id",), uploads)
    # Of a prefix that was sealed as all there is, the whole file may still come.
    free_keys(
        connection, [e.fields["upload"] for e in events if _INCOMPLETE in e.fields.get("marks", ())]
    )


def _copy(item_: str, placed: Any, index: int) -> bulk.Row:
    """The row of one element of `objects`."""
    if not isinstance(placed, dict) or not {"store", "what", "key"} <= placed.keys():
        raise MalformedError(
            f"item.sealed.objects: expected store, what and key, got {placed!r:.80}"
        )
    version = placed.get("version")
    return (item_, placed["store"], placed["what"], placed["key"], version, "plain", index)


def stored(connection: Connection, events: Sequence[Event]) -> None:
    """A later or repaired copy; under the same key it takes the place of the one before."""
    newest = {
        (e.fields["item"], text(e, "store"), text(e, "what"), text(e, "key")): e for e in events
    }
    bulk.delete(connection, copy, _COPY_KEY, list(newest))
    bulk.insert(
        connection, copy, _COPY,
        [(*key, e.fields.get("version"), "plain", e.index) for key, e in newest.items()],
    )  # fmt: skip


def derivative(connection: Connection, events: Sequence[Event]) -> None:
    """Only the newest of each kind is kept; the entries keep all."""
    newest = {(e.fields["item"], text(e, "what")): e for e in events}
    bulk.delete(connection, derived, ("item", "what"), list(newest))
    bulk.insert(
        connection, derived, _DERIVED,
        [
            (
                *key, text(e, "key"), e.fields["sha256"], e.fields["size"], text(e, "mime"),
                text(e, "tool"), listed(e, "arguments"), e.fields["input"], e.index,
            )
            for key, e in newest.items()
        ],
    )  # fmt: skip
