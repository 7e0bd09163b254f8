"""The course of a case: `case.point`, `case.stage`, `document.*`, `coverage.judged`, `case.closed`,
and what is asked and decided on the way: `interruption.*`, `exemption.*`, `access.*`, `approval.*`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import as_json, listed, maybe_text, text
from storage.tables import (
    approval,
    case,
    case_point,
    case_stage,
    document,
    filing,
    judgement,
    policy,
)
from verify.entries import parse_time
from verify.errors import ConflictError

FIRST_OCCASION = "1"


def pointed(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, case_point,
        (
            "index", "case", "point", "occasion", "at_ms", "uncertainty_ms", "source", "text",
            "replaces", "marks",
        ),
        [
            (
                e.index, e.fields["case"], text(e, "point"),
                e.fields.get("occasion", FIRST_OCCASION), parse_time(e.fields["at"]),
                e.fields.get("uncertainty_ms", 0), text(e, "source"), maybe_text(e, "text"),
                e.fields.get("replaces"), listed(e, "marks"),
            )
            for e in events
        ],
    )  # fmt: skip


def staged(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, case_stage,
        (
            "index", "case", "transition", "stage", "exit", "how", "at_ms", "stated", "other",
            "reason", "marks",
        ),
        [
            (
                e.index, e.fields["case"], text(e, "transition"), text(e, "stage"),
                maybe_text(e, "exit"), text(e, "how"), parse_time(e.fields["at"]),
                listed(e, "stated"), e.fields.get("other"), maybe_text(e, "reason"),
                listed(e, "marks"),
            )
            for e in events
        ],
    )  # fmt: skip
    for e in events:
        if e.fields.get("exit") in _REOPENING:
            _reopen(connection, e)


_REOPENING = ("returned", "remade", "resumed")
"""Exits after which an earlier filing does not stand any more."""


def _reopen(connection: Connection, e: Event) -> None:
    """The case is open again, unless it was filed after this happened."""
    rows = bulk.select(
        connection,
        'SELECT f."at_ms" FROM enforcement_case c JOIN filing f ON f."index" = c."closed_index" '
        'WHERE c."id" = ?',
        (e.fields["case"],),
    )
    if rows and rows[0][0] <= parse_time(e.fields["at"]):
        bulk.update(connection, case, ("closed_index",), ("id",), [(None, e.fields["case"])])


def issued(connection: Connection, events: Sequence[Event]) -> None:
    _documents(connection, events, "act")


def added(connection: Connection, events: Sequence[Event]) -> None:
    _documents(connection, events, "fact")


def _documents(connection: Connection, events: Sequence[Event], how: str) -> None:
    bulk.insert(
        connection, document,
        (
            "id", "case", "kind", "stage", "how", "at_ms", "number", "title", "source", "item",
            "marks", "index",
        ),
        [
            (
                e.fields["document"], e.fields["case"], text(e, "kind"), maybe_text(e, "stage"),
                how, parse_time(e.fields["at"]), maybe_text(e, "number"), maybe_text(e, "title"),
                maybe_text(e, "source"), e.fields.get("item"), listed(e, "marks"), e.index,
            )
            for e in events
        ],
    )  # fmt: skip


def judged(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, judgement, ("index", "case", "verdicts", "rules", "policy", "why"),
        [
            (
                e.index, e.fields["case"], listed(e, "verdicts"), listed(e, "rules"),
                text(e, "policy"), e.fields.get("why", "filing"),
            )
            for e in events
        ],
    )  # fmt: skip


def closed(connection: Connection, events: Sequence[Event]) -> None:
    """A filing gives its verdicts, too."""
    judged(connection, events)
    bulk.insert(
        connection, filing, ("index", "case", "at_ms", "defects", "leader", "leader_name"),
        [
            (
                e.index, e.fields["case"], e.at_ms, listed(e, "defects"), e.fields.get("leader"),
                maybe_text(e, "leader_name"),
            )
            for e in events
        ],
    )  # fmt: skip
    rows = [(e.index, e.fields["case"]) for e in events]
    bulk.update(connection, case, ("closed_index",), ("id",), rows)


# --- what is asked and decided --------------------------------------------------------------

_ASKED = (
    "id", "kind", "case", "item", "rule", "occasion", "code", "text", "start_ms", "end_ms",
    "value", "marks", "asked_by", "asked_index", "asked_ms",
)  # fmt: skip


def _ask(connection: Connection, kind: str, e: Event, **row: Any) -> None:
    values = {
        "id": e.fields["approval"], "kind": kind, "case": e.fields.get("case"),
        "item": e.fields.get("item"), "rule": maybe_text(e, "rule"),
        "occasion": maybe_text(e, "occasion"), "marks": listed(e, "marks"), "asked_by": e.actor,
        "asked_index": e.index, "asked_ms": e.at_ms, **row,
    }  # fmt: skip
    bulk.insert(connection, approval, _ASKED, [tuple(values.get(name) for name in _ASKED)])


def explained(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        start, end = parse_time(e.fields["start"]), parse_time(e.fields["end"])
        _ask(
            connection, "interruption", e,
            code=text(e, "cause"), text=text(e, "text"), start_ms=start, end_ms=end,
        )  # fmt: skip


def exemption_asked(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        due = parse_time(e.fields["due"])
        _ask(connection, "exemption", e, code=text(e, "ground"), text=text(e, "text"), end_ms=due)


def access_asked(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        until = parse_time(e.fields["until"])
        _ask(connection, "access", e, text=text(e, "purpose"), end_ms=until)


def policy_proposed(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:
        _ask(
            connection, "policy", e, code=text(e, "version"), text=text(e, "reason"),
            start_ms=parse_time(e.fields["valid_from"]), value=as_json(e.fields["value"]),
        )  # fmt: skip


def decided(connection: Connection, events: Sequence[Event]) -> None:
    """The decision; an approved policy is in force from the time that its proposal named, and never
    from before its approval."""
    for e in events:
        id_, until = e.fields["approval"], e.fields.get("until")
        rows = bulk.select(
            connection,
            'SELECT "kind", "code", "start_ms", "value", "decision" FROM approval WHERE "id" = ?',
            (id_,),
        )
        if not rows or rows[0][4] is not None:
            raise ConflictError(f"approval {id_}: expected one that waits, got another")
        kind, version, valid_from_ms, value, _ = rows[0]
        bulk.update(
            connection, approval,
            ("decision", "decided_by", "decided_index", "decided_ms", "decided_reason", "until_ms"),
            ("id",),
            [
                (
                    text(e, "decision"), e.actor, e.index, e.at_ms, maybe_text(e, "reason"),
                    None if until is None else parse_time(until), id_,
                )
            ],
        )  # fmt: skip
        if kind == "policy" and e.fields["decision"] == "approved":
            row = (version, max(valid_from_ms, e.at_ms), value, e.index)
            bulk.insert(connection, policy, ("version", "valid_from_ms", "value", "index"), [row])
