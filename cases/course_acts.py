"""Recording the course of a case: the rows read inside the act, a rule of `cases.course` asked.

Guarantee: what an act needs is read in the transaction that records it; numbers of documents are
given once per organ and year, without a gap among those given here.
Not covered: who may do it (`console`).
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, tzinfo

from sqlalchemy import Connection

from cases import course, judging, standing, versions
from cases.acts import must_exist
from cases.course import DocumentNumberTakenError, Moment, Paper, Step
from cases.recording.verdicts import narrowed
from cases.standing import Standing
from storage import bulk
from storage.acts import read_head
from storage.ledger import Draft, Event, Ledger, random_id


def act_time(conn: Connection, now_ms: int) -> int:
    """The time that the entry of this act will have, as far as can be known inside it."""
    head = read_head(conn)
    return now_ms if head is None else max(now_ms, head.last_ms)


async def _one(ledger: Ledger, what: str, decide: Callable[[Connection], list[Draft]]) -> Event:
    return (await ledger.record(f"{what}:{random_id()}", decide))[0]


async def record_point(
    ledger: Ledger, actor: str, case: str, told: Moment, *, now_ms: int
) -> Event:
    """Record a time point."""

    def decide(conn: Connection) -> list[Draft]:
        now = standing.read(conn, case)
        at_ms = act_time(conn, now_ms)
        return [
            course.point(
                now, told, now_ms=at_ms, actor=actor, listed=_listed(conn, now),
                narrowed=told.replaces is not None and _narrowed(conn, now, told, at_ms),
            )
        ]  # fmt: skip

    return await _one(ledger, "point", decide)


def _narrowed(conn: Connection, now: Standing, told: Moment, now_ms: int) -> bool:
    """Whether this correction makes an interval shorter that had a hole."""
    found = judging.linked(judging.rows_of(conn, now.case.id), now.procedure)
    before = judging.of_standing(conn, now, found, now_ms)
    after = judging.of_standing(conn, course.corrected(now, told), found, now_ms)
    return narrowed(before.verdicts, after.verdicts)


def _listed(conn: Connection, now: Standing) -> frozenset[str]:
    """The points that the rule lists in force for the case ask for."""
    row = now.case
    lists = versions.lists_for(
        conn, row.organ, row.opened_ms, opened=row.opened_index, closed=row.closed_index
    )
    points = (point for one in lists for rule in one.rules for point in (rule.start, rule.end))
    return frozenset(point.key for point in points if point is not None)


async def record_step(
    ledger: Ledger,
    actor: str,
    case: str,
    told: Step,
    *,
    now_ms: int,
    roles: Collection[str] | None = None,
    there: bool = True,
) -> Event:
    """Take a transition, or record that a stage was entered or an exit taken.

    `roles` are the caller's (None: a program); `there`: he may write into the other case too.
    """

    def decide(conn: Connection) -> list[Draft]:
        now = standing.read(conn, case)
        other = None if told.other is None else standing.read(conn, told.other)
        return course.step(
            now, told, other=other, now_ms=act_time(conn, now_ms), actor=actor, roles=roles,
            there=there,
        )  # fmt: skip

    return await _one(ledger, "stage", decide)


async def record_document(
    ledger: Ledger,
    actor: str,
    case: str,
    told: Paper,
    *,
    now_ms: int,
    zone: tzinfo,
    roles: Collection[str] | None = None,
) -> Event:
    """Issue a document, or record that one exists; `roles` are the caller's (None: a program)."""
    new = random_id()

    def decide(conn: Connection) -> list[Draft]:
        now, at_ms = standing.read(conn, case), act_time(conn, now_ms)
        taken = told.number is not None and number_taken(conn, now.case.organ, told.number)
        if told.how == "act":
            if taken:
                raise DocumentNumberTakenError(f"number: expected an unused one, got {told.number}")
            number = told.number or _number(conn, now, told.kind, at_ms, zone)
            return [
                course.issue(
                    now, told, document=new, number=number, now_ms=at_ms, actor=actor, roles=roles
                )
            ]
        if told.item is not None:
            must_exist(conn, "item", told.item)
        return [course.add(now, told, document=new, number_taken=taken, now_ms=at_ms, actor=actor)]

    return await _one(ledger, "document", decide)


_OF_ORGAN = (
    'FROM document d JOIN enforcement_case c ON c."id" = d."case" WHERE '
    "COALESCE(c.\"organ\", '') = ? AND "
)


def number_taken(conn: Connection, organ: str | None, number: str) -> bool:
    """Whether a document of this organ has this number."""
    values = (organ or "", number.strip())
    return bool(bulk.select(conn, f'SELECT 1 {_OF_ORGAN} d."number" = ?', values))


def _number(conn: Connection, now: Standing, kind: str, at_ms: int, zone: tzinfo) -> str | None:
    known = None if now.procedure is None else now.procedure.document(kind)
    if known is None or not known.prefix:
        return None
    year = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).year
    begin = f"{known.prefix}〔{year}〕"
    pattern = re.sub(r"([\\%_])", r"\\\1", begin) + "%"
    query = f'SELECT d."number" {_OF_ORGAN} d."number" LIKE ? ESCAPE \'\\\''
    rows = bulk.select(conn, query, (now.case.organ or "", pattern))
    return course.next_number(known.prefix, year, [row[0] for row in rows])
