"""Recording rule lists and looking policies up: acts of what cases are judged by.

Guarantee: a list is recorded whole, under a name and version that nobody used; it never changes.
Not covered: reading files (`cases.recording.sheets`), choosing versions (`cases.versions`).

Format: docs/formats/entries.md, version 1 (rules.set).
"""

import json
from typing import Any

from sqlalchemy import Connection

from cases import policy
from cases.approvals import VersionTakenError
from cases.asked import Listed, must_be_there
from cases.recording.rules import RuleList, rule_to_json
from storage import bulk
from storage.ledger import Draft, Event, Ledger, random_id
from verify.entries import format_time
from verify.errors import MalformedError


class BadRuleListError(MalformedError):
    """The file holds no list that could be read whole; `problems` names row and column."""

    code = "bad-rule-list"


def set_list(id_: str, found: RuleList, *, organ: str | None, taken: bool, actor: str) -> Draft:
    """A list in one version."""
    if taken:
        raise VersionTakenError(
            f"rule list: expected an unused version of {found.name}, got {found.version}"
        )
    fields: dict[str, Any] = {
        "list": id_, "name": found.name, "version": found.version,
        "valid_from": format_time(found.valid_from_ms),
        "rows": [rule_to_json(rule) for rule in found.rules],
    }  # fmt: skip
    if organ is not None:
        fields["organ"] = organ
    if found.valid_to_ms is not None:
        fields["valid_until"] = format_time(found.valid_to_ms)
    return Draft("rules.set", "sys", actor, fields)


async def record(ledger: Ledger, actor: str, found: RuleList, *, organ: str | None) -> Event:
    """Record a list that was read."""
    new = random_id()

    def decide(conn: Connection) -> list[Draft]:
        if organ is not None:
            must_be_there(conn, "organ", organ)
        rows = bulk.select(
            conn,
            'SELECT 1 FROM rule_list WHERE "name" = ? AND "version" = ?',
            (found.name, found.version),
        )
        return [set_list(new, found, organ=organ, taken=bool(rows), actor=actor)]

    return (await ledger.record(f"rules:{new}", decide))[0]


def policy_taken(conn: Connection, version: str) -> bool:
    """Whether a policy of this version is shipped, approved or waits for its approval."""
    if version.strip() == policy.shipped().version:
        return True
    rows = bulk.select(
        conn,
        'SELECT "decision" FROM approval WHERE "kind" = \'policy\' AND "code" = ?',
        (version.strip(),),
    )
    return any(decision in (None, "approved") for (decision,) in rows)


def policy_value(one: Listed) -> dict[str, Any]:
    """A proposed policy for programs; an approved one holds from its approval at the earliest."""
    valid_from_ms = one.start_ms or 0
    if one.asked.decision == "approved":
        valid_from_ms = max(valid_from_ms, one.decided_ms or 0)
    return {
        "version": one.code, "valid_from": format_time(valid_from_ms),
        "value": json.loads(one.value or "{}"), "state": one.asked.decision or "proposed",
        "approval": one.asked.id, "reason": one.text,
    }  # fmt: skip
