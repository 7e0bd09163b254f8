"""Filing a case 归档: allowed by its procedure, with the verdicts of that moment.

Guarantee: a case is filed only when its procedure has nothing left to ask for; with a recording
that must be there and is not, or a hole that nobody explained, only with the name of a leader, and
then with its defects for ever.  The entry names the versions of rules, procedure and policy and the
last entry of the case before it.
Not covered: who may file (`console`), and the archive package.

Format: docs/formats/entries.md, version 1 (case.closed).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from cases import asked, judging
from cases.asked import Person
from cases.course import NARROWED
from cases.course_acts import act_time
from cases.judging import Judged
from cases.procedure.machine import Missing, NotAllowedError, check_file
from cases.recording.verdicts import Verdict, unexplained
from cases.rules import MAX_REASON, paragraph
from cases.standing import PointRow
from storage.acts import ends
from storage.ledger import Draft, Event, Ledger, random_id
from storage.rights import Role
from verify.errors import ConflictError, NotFoundError

HOLE = "unexplained-hole"


class UnexplainedHoleError(ConflictError):
    """A recording that must be there is not, and nobody explained it: filing takes a leader's name."""

    code = "unexplained-hole"

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        told = ", ".join(
            f"{judging.key_of(v)} {v.verdict} {v.missing_ms} ms" for v in self.verdicts[:5]
        )
        super().__init__(f"filing: expected every hole explained or a leader's name, got {told}")


class NotALeaderError(ConflictError):
    """The person named is head neither of the case's organ nor of a unit that it belongs to."""

    code = "not-a-leader"


def defects_of(
    verdicts: Sequence[Verdict], points: Sequence[PointRow] = ()
) -> list[dict[str, Any]]:
    """What was wrong at filing, as it is kept and shown for ever: holes, and corrections of points
    that made less be required."""
    holes: list[dict[str, Any]] = [
        {
            "mark": HOLE, "rule": judging.key_of(v), "version": v.list_version,
            "occasion": v.occasion or "", "verdict": v.verdict, "missing_ms": v.missing_ms,
        }
        for v in verdicts
    ]  # fmt: skip
    return holes + [
        {"mark": NARROWED, "rule": "", "point": p.point, "occasion": p.occasion, "index": p.index}
        for p in points
        if NARROWED in p.marks
    ]


def close(
    found: Judged,
    *,
    leader: Person | None,
    reason: str | None,
    last_seq: int,
    actor: str,
    above: frozenset[str] = frozenset(),
) -> Draft:
    """File the case; `above` are its unit and all above that."""
    now = found.standing
    if now.procedure is not None:
        check_file(now.procedure, now.state)
    elif now.case.closed_index is not None:
        raise NotAllowedError("filing", (Missing("state", "open"),))
    open_ = unexplained(found.verdicts)
    if open_ and leader is None:
        raise UnexplainedHoleError(open_)
    if leader is not None and not leads(leader, now.case.organ, above):
        raise NotALeaderError(
            f"leader: expected the head of the case's organ or unit, got {leader.id}"
        )
    fields: dict[str, Any] = {
        "case": now.case.id, "verdicts": [judging.value(v) for v in found.verdicts],
        "rules": list(found.rules), "policy": found.policy.version,
        "defects": defects_of(open_, now.points), "last_seq": last_seq,
    }  # fmt: skip
    if now.case.procedure is not None:
        fields["procedure"] = now.case.procedure
    if leader is not None:
        fields |= {"leader": leader.id, "leader_name": leader.name}
    if reason is not None and reason.strip():
        fields["reason"] = paragraph("reason", reason, MAX_REASON)
    return Draft("case.closed", f"c:{now.case.id}", actor, fields)


def leads(person: Person, organ: str | None, above: frozenset[str]) -> bool:
    """Whether this person is head of the organ (of any, where the case belongs to none), or of the
    case's unit or one above it."""
    if Role.ORGAN_HEAD in person.roles and organ in (None, person.organ):
        return True
    return Role.UNIT_HEAD in person.roles and person.unit in above


async def record(
    ledger: Ledger, actor: str, case: str, *, leader: str | None, reason: str | None, now_ms: int
) -> Event:
    """File the case with the coverage that it has now."""

    def decide(conn: Connection) -> list[Draft]:
        at_ms = act_time(conn, now_ms)
        found = judging.read(conn, case, at_ms)
        person = None
        if leader is not None:
            person = asked.person_of(conn, leader, at_ms)
            if person is None:
                raise NotFoundError(f"leader: expected a known person, got {leader:.40}")
        chain = f"c:{case}"
        last_seq = ends(conn, {chain})[chain][0] - 1
        above = asked.units_above(conn, found.standing.case.unit)
        return [
            close(
                found, leader=person, above=above, reason=reason, last_seq=last_seq, actor=actor
            )
        ]  # fmt: skip

    return (await ledger.record(f"file:{random_id()}", decide))[0]
