"""What of a sheet is recorded already, so that the same sheet given again adds nothing.

Guarantee: a draft is left out only where an entry that still stands says the same in all its
fields; what differs in one of them (a remark, another person) is a fact of its own.  The second of
two equal rows of one sheet is left out too.
Not covered: marks, which follow from the facts, and ids and reasons, which are the act's own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from cases.inbox import sql
from storage.ledger import Draft
from verify.entries import parse_time

_NOT_COMPARED = frozenset({"marks", "roster", "reason"})
_JOIN = 'SELECT d.disclosed FROM {} t JOIN disclosure d ON d."index" = t."{}" WHERE '
_CUSTODY = _JOIN.format("custody", "index") + "t.device = ? AND t.at_ms = ?"
_OFFSET = _JOIN.format("device_offset", "index") + "t.device = ? AND t.at_ms = ?"
_CODE = _JOIN.format("device_user", "index") + "t.code = ?"
_DEVICE = _JOIN.format("device", "index") + "t.id = ?"
_ROSTER = _JOIN.format("roster", "set_index") + "t.name = ? AND t.withdrawn_index IS NULL"


@dataclass(slots=True)
class Again:
    """A sheet that may have been given before: what of it is new; with `dry` only to be told."""

    dry: bool = False
    types: list[str] = field(default_factory=list)

    def new(self, conn: Connection, drafts: Iterable[Draft]) -> list[Draft]:
        """What is to be recorded; `types` are those of the new drafts, recorded or not."""
        found = fresh(conn, drafts)
        self.types = [draft.type for draft in found]
        return [] if self.dry else found


def fresh(conn: Connection, drafts: Iterable[Draft]) -> list[Draft]:
    """Those that no entry says already, in the same order."""
    found, seen = [], set[tuple[str, str]]()
    for draft in drafts:
        key = (draft.type, _said(draft.fields))
        if key in seen or key[1] in {_said(fields) for fields in _like(conn, draft)}:
            continue
        seen.add(key)
        found.append(draft)
    return found


def _said(fields: Mapping[str, Any]) -> str:
    """The fields in one form; the order of a roster's shifts is no matter."""
    value = {name: said for name, said in fields.items() if name not in _NOT_COMPARED}
    if "shifts" in value:
        value["shifts"] = sorted(json.dumps(one, sort_keys=True) for one in value["shifts"])
    return json.dumps(value, sort_keys=True)


def _like(conn: Connection, draft: Draft) -> Sequence[Mapping[str, Any]]:
    """The fields of the few entries that may say the same."""
    f = draft.fields
    match draft.type:
        case "device.custody":
            rows = sql.rows(conn, _CUSTODY, f["device"], parse_time(f["at"]))
        case "device.clock":
            rows = sql.rows(conn, _OFFSET, f["device"], parse_time(f["at"]))
        case "device.user":
            rows = sql.rows(conn, _CODE, f["code"])
        case "device.set":
            rows = sql.rows(conn, _DEVICE, f["device"])
        case "roster.set":
            rows = sql.rows(conn, _ROSTER, f["name"])
        case _:
            rows = []
    return [{name: value for _, name, value in json.loads(row[0])} for row in rows]
