"""`field.erased`: the triples go, and what was projected from them is blanked.

Guarantee: afterwards neither the disclosure nor any projected column of this database holds the
value, nor what an upload's client announced in its own words; all proofs stay valid, since they
rest on the digests alone.
Not covered: disclosure bundles in the store (`storage.log.erase`), the WAL, backups.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table

from storage import bulk
from storage.acts import Event
from storage.projections import case_grams, mentions
from storage.projections.values import Cell, as_json
from storage.tables import (
    approval,
    attribution,
    case,
    case_point,
    case_stage,
    clip,
    disclosure,
    document,
    erasure,
    item,
    link,
    mark,
    mention,
    person,
    token,
    transfer,
    upload,
    view,
)
from verify.errors import ConflictError, MalformedError, NotFoundError
from verify.schema import TYPES


@dataclass(frozen=True, slots=True)
class Blank:
    """Where a field was projected to, which row is meant, and what stands there afterwards."""

    table: Table
    row: str  # the column that holds the entry's index
    column: str
    value: Cell


def _blanks(type_: str, table: Table, row: str, **columns: Cell) -> Mapping[tuple[str, str], Blank]:
    return {(type_, name): Blank(table, row, name, value) for name, value in columns.items()}


# Every erasable field that is projected (a test compares with `verify.schema`).
BLANKS: Mapping[tuple[str, str], Blank] = {
    **_blanks("upload.opened", upload, "opened_index", name="", name_raw=None, device_times=None, manifest=None),
    **_blanks("item.sealed", item, "sealed_index", name="", name_raw=None, device_times="[]", manifest=None),
    **_blanks("case.opened", case, "changed_index", title="", officers="[]", parties="[]", place=None),
    **_blanks("case.changed", case, "changed_index", title="", officers="[]", parties="[]", place=None),
    **_blanks("case.point", case_point, "index", text=None),
    **_blanks("case.stage", case_stage, "index", reason=None),
    **_blanks("document.issued", document, "index", title=None),
    **_blanks("document.added", document, "index", title=None),
    **_blanks("interruption.explained", approval, "asked_index", text=""),
    **_blanks("exemption.asked", approval, "asked_index", text=""),
    ("access.asked", "purpose"): Blank(approval, "asked_index", "text", ""),
    ("approval.decided", "reason"): Blank(approval, "decided_index", "decided_reason", None),
    **_blanks("mark.made", mark, "text_index", text=""),
    **_blanks("mark.changed", mark, "text_index", text=""),
    **_blanks("item.attributed", attribution, "index", place=None),
    **_blanks("user.changed", person, "index", account=None, name="", certificate=None, subject=None),
    **_blanks("item.linked", link, "linked_index", reason=""),
    ("item.unlinked", "reason"): Blank(link, "unlinked_index", "unlink_reason", ""),
    **_blanks("clip.asked", clip, "asked_index", purpose=""),
    **_blanks("view.granted", view, "granted_index", purpose=""),
    **_blanks("token.issued", token, "issued_index", name=""),
}  # fmt: skip
_DESCRIBED = frozenset({"case.opened", "case.changed"})
_ANNOUNCED = frozenset({"upload.opened", "item.sealed"})
NOT_PROJECTED = frozenset({
    ("upload.aborted", "text"), ("item.sealed", "reason"), ("case.changed", "reason"),
    ("case.closed", "reason"), ("proposal.refused", "reason"), ("item.attributed", "reason"),
    ("item.flagged", "reason"), ("mark.changed", "reason"),
    ("mark.withdrawn", "reason"), ("device.custody", "text"), ("user.changed", "reason"),
    ("credential.changed", "reason"),
})  # fmt: skip


def check_erasable(type_: str, names: Sequence[str]) -> None:
    """Raise MalformedError unless an act may erase these fields of an entry of this type."""
    fields = TYPES[type_].fields
    if not names or len(set(names)) != len(names):
        raise MalformedError("field.erased: expected one or more different names")
    if fixed := [n for n in names if n not in fields or not fields[n].erasable]:
        may = ", ".join(sorted(n for n, f in fields.items() if f.erasable)) or "none"
        raise MalformedError(f"{type_}: expected erasable fields ({may}), got {', '.join(fixed)}")


def erased(connection: Connection, events: Sequence[Event]) -> None:
    for event in events:
        _erase(connection, event)


def _erase(connection: Connection, event: Event) -> None:
    index, names = event.fields["index"], list(event.fields["names"])
    found = bulk.select(
        connection,
        'SELECT e."type", e."chain", e."leaf", d."body", d."disclosed" FROM entry e '
        'JOIN disclosure d ON d."index" = e."index" WHERE e."index" = ?',
        (index,),
    )
    if not found or index >= event.index:
        raise NotFoundError(f"field.erased: expected an entry at {index}, got none")
    type_, chain, leaf, body, disclosed = found[0]
    if bytes(leaf).hex() != event.fields["leaf"]:
        raise ConflictError(f"field.erased: expected leaf {bytes(leaf).hex()} at {index}")
    check_erasable(type_, names)
    if absent := sorted(set(names) - json.loads(body).keys()):
        raise NotFoundError(f"entry {index}: expected a field {', '.join(absent)}, got none")
    before = bulk.select(connection, 'SELECT "name" FROM erasure WHERE "index" = ?', (index,))
    if again := sorted({name for (name,) in before} & set(names)):
        raise ConflictError(f"entry {index}: {', '.join(again)} is erased already")

    triples = json.loads(disclosed)
    kept = [triple for triple in triples if triple[1] not in names]
    bulk.update(connection, disclosure, ("disclosed",), ("index",), [(as_json(kept), index)])
    for name in names:
        blank = BLANKS.get((type_, name))
        if blank is not None:
            bulk.update(
                connection, blank.table, (blank.column,), (blank.row,), [(blank.value, index)]
            )
    if type_ in _DESCRIBED:
        case_grams.write_of_entry(connection, index)
    if type_ in _ANNOUNCED:  # `Upload-Metadata`, kept as it came, has the value once more
        announced = next(value for _, name, value in triples if name == "upload")
        bulk.update(connection, transfer, ("metadata",), ("upload",), [("", announced)])
    rows = [(index, name, event.index) for name in names]
    bulk.insert(connection, erasure, ("index", "name", "by_index"), rows)
    # The trail of what the erased entry spoke of shows the erasure too.
    about = mentions.named(chain, {name: value for _, name, value in kept})
    own = mentions.named(event.chain, event.fields)
    bulk.insert(
        connection,
        mention,
        mentions.COLUMNS,
        [(*pair, event.index) for pair in sorted(about - own)],
    )
