"""Which version of what holds for a case: its procedure, the rule lists, the policy.

Guarantee: a case stays under the procedure version that it was opened with, and under the rule
lists that were in force when it was opened.  Of one list's name those recorded before the case was
opened go before any that came later with an earlier date; what came after the filing does not
count at all.  Of several versions of one name the one that became valid last counts, and one of the
case's own organ goes before one for all.  A procedure that came with Liuhen is written into the log
by the first act that uses it.
Not covered: what they say (`cases.procedure`, `cases.recording`), and the policy
(`cases.policy.in_force`, asked at the time of the verdict).
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection

from cases.procedure.load import digest, load
from cases.procedure.model import Procedure
from cases.procedure.shipped import shipped
from cases.recording.rules import RuleList, list_from_json
from storage import bulk
from storage.ledger import Draft
from verify.entries import parse_time
from verify.errors import ConflictError, NotFoundError


class ProcedureTakenError(ConflictError):
    """This version of the procedure is there already, with another text."""

    code = "procedure-taken"


@dataclass(frozen=True, slots=True)
class Known:
    """One version of a procedure, with its text as it is recorded or shipped."""

    procedure: Procedure
    text: str
    digest: str
    organ: str | None
    index: int | None  # of its entry; None: shipped and not yet used

    @property
    def name(self) -> str:
        return name_of(self.procedure)


def name_of(procedure: Procedure) -> str:
    """Name and version, as entries have it."""
    return f"{procedure.name}@{procedure.version}"


# --- procedures -----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def parsed(text: str, source: str) -> Procedure:
    """The procedure of a text that was loaded before; the same text is read once."""
    return load(text, source=source)


def procedures(conn: Connection) -> list[Known]:
    """All versions, those shipped among them, by name and version."""
    rows = bulk.select(
        conn, 'SELECT "name", "version", "digest", "text", "organ", "index" FROM procedure'
    )
    found = {
        (name, version): Known(parsed(text, name), text, sha, organ, index)
        for name, version, sha, text, organ, index in rows
    }
    for one in shipped_ones():
        found.setdefault((one.procedure.name, str(one.procedure.version)), one)
    return sorted(found.values(), key=lambda k: (k.procedure.name, k.procedure.version))


def shipped_ones() -> Iterable[Known]:
    """Those that came with this version of Liuhen."""
    for one in shipped().values():
        yield Known(one.procedure, one.text.decode(), one.digest, None, None)


def newest(conn: Connection, name: str, organ: str | None) -> Known:
    """The newest version of this name that this organ may use; NotFoundError."""
    fit = [
        known
        for known in procedures(conn)
        if known.procedure.name == name and known.organ in (None, organ)
    ]
    if not fit:
        raise NotFoundError(f"procedure: expected a known name, got {name!r:.80}")
    return max(fit, key=lambda known: known.procedure.version)


def of_case(conn: Connection, recorded: str | None) -> Procedure | None:
    """The procedure `name@version` that a case was opened with."""
    if recorded is None:
        return None
    name, _, version = recorded.rpartition("@")
    rows = bulk.select(
        conn,
        'SELECT "text" FROM procedure WHERE "name" = ? AND "version" = ?',
        (name, version),
    )
    if not rows:
        raise NotFoundError(f"procedure: expected a recorded one, got {recorded:.140}")
    return parsed(rows[0][0], name)


def set_procedure(known: Known, actor: str, organ: str | None = None) -> Draft:
    """Write this version into the log."""
    fields = {
        "procedure": known.procedure.name, "version": str(known.procedure.version),
        "digest": known.digest, "text": known.text,
    }  # fmt: skip
    return Draft(
        "procedure.set", "sys", actor, fields if organ is None else fields | {"organ": organ}
    )


def import_procedure(conn: Connection, text: str, actor: str, organ: str | None) -> list[Draft]:
    """Bring a procedure in; nothing if this very text is there, ProcedureTakenError if another."""
    procedure = load(text, source="procedure")
    known = Known(procedure, text, digest(text), organ, None)
    for other in procedures(conn):
        if other.name == known.name:
            if other.digest != known.digest:
                raise ProcedureTakenError(
                    f"procedure: expected an unused version of {procedure.name}, got {known.name}"
                )
            return [] if other.index is not None else [set_procedure(known, actor, organ)]
    return [set_procedure(known, actor, organ)]


# --- rule lists -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListRow:
    """One version of a rule list as it stands in the database, without its rules."""

    id: str
    name: str
    version: str
    organ: str | None
    valid_from_ms: int
    valid_until_ms: int | None
    index: int


_LIST = '"id", "name", "version", "organ", "valid_from_ms", "valid_until_ms", "index"'


def lists(conn: Connection) -> list[ListRow]:
    """All versions of all lists, newest first."""
    rows = bulk.select(conn, f'SELECT {_LIST} FROM rule_list ORDER BY "index" DESC')  # noqa: S608
    return [ListRow(*row) for row in rows]


def backdated(conn: Connection) -> frozenset[str]:
    """The ids of the lists whose validity begins before they were recorded."""
    rows = bulk.select(
        conn,
        'SELECT r."id", r."valid_from_ms", e."bytes" FROM rule_list r '
        'JOIN entry e ON e."index" = r."index"',
    )
    return frozenset(
        id_
        for id_, valid_from_ms, entry in rows
        if valid_from_ms < parse_time(json.loads(bytes(entry))["at"])
    )


def chosen(
    rows: Sequence[ListRow],
    organ: str | None,
    at_ms: int,
    *,
    opened: int = sys.maxsize,
    closed: int | None = None,
) -> list[ListRow]:
    """Of each name the version in force: its organ's own before one for all, the latest first.

    `opened` and `closed` are the entries of a case: what was recorded before the first goes before
    what came later, and from the second on nothing counts, so that no list acts backwards.
    """
    best: dict[str, ListRow] = {}
    for row in rows:
        until = row.valid_until_ms
        if row.organ not in (None, organ) or row.valid_from_ms > at_ms:
            continue
        if (until is not None and until <= at_ms) or (closed is not None and row.index > closed):
            continue
        other = best.get(row.name)
        if other is None or _rank(other, opened) < _rank(row, opened):
            best[row.name] = row
    return sorted(best.values(), key=lambda row: row.name)


def _rank(row: ListRow, opened: int) -> tuple[bool, bool, int, int]:
    return row.index < opened, row.organ is not None, row.valid_from_ms, row.index


def lists_for(
    conn: Connection, organ: str | None, at_ms: int, *, opened: int, closed: int | None
) -> tuple[RuleList, ...]:
    """The rule lists of a case of this organ that was opened at that time, by those entries."""
    rows = chosen(lists(conn), organ, at_ms, opened=opened, closed=closed)
    return tuple(rules_of(conn, row.id) for row in rows)


def rules_of(conn: Connection, list_id: str) -> RuleList:
    """One list with its rules; NotFoundError."""
    rows = bulk.select(
        conn,
        'SELECT "name", "version", "organ", "valid_from_ms", "valid_until_ms", "rows" '
        'FROM rule_list WHERE "id" = ?',
        (list_id,),
    )
    if not rows:
        raise NotFoundError(f"rule list: expected a known id, got {list_id:.40}")
    return _read_list(tuple(rows[0]))


@lru_cache(maxsize=64)
def _read_list(row: tuple[str, str, str | None, int, int | None, str]) -> RuleList:
    name, version, organ, start, end, rules = row
    whole = {
        "format": 1, "name": name, "version": version, "organ": organ or "",
        "valid_from_ms": start, "valid_to_ms": end, "rules": json.loads(rules),
    }  # fmt: skip
    return list_from_json(whole)
