"""Marks on the time line of a case 重点标记: what a person saw there, in his words.

Guarantee: a mark is an entry; changing or withdrawing it is another, so what was said first stays
readable; only its author does either.  Marks of devices are kept apart by their source.
Not covered: rights in the case (`console`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cases.acts import must_exist
from cases.rules import MAX_REASON, paragraph
from storage import tables
from storage.ledger import Draft, Event, Ledger, random_id
from verify.entries import format_time
from verify.errors import ConflictError, DeniedError, MalformedError, NotFoundError

CATEGORIES = ("key", "notice", "dispute", "evidence", "doubt", "other")
"""Key moment, rights or notice given, dispute or resistance, evidence, something doubtful, other."""
SOURCES = ("person", "device")
MAX_TEXT = 2000
MOST = 5000
"""Marks that one case may have; more are a mistake of a program."""


class NotYourMarkError(DeniedError):
    """Another person's mark is his; one's own words go into a mark of one's own."""

    code = "not-your-mark"


class MarkWithdrawnError(ConflictError):
    """The mark was withdrawn before."""

    code = "mark-withdrawn"


@dataclass(frozen=True, slots=True)
class Wording:
    """From when to when (case milliseconds; the same for a moment), of which kind, in what words."""

    start_ms: int
    end_ms: int
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark as it reads now.  `text_index` is the entry that worded it last."""

    id: str
    case: str
    item: str | None
    start_ms: int
    end_ms: int
    category: str
    text: str
    source: str
    actor: str
    made_ms: int
    made_index: int
    text_index: int
    withdrawn_index: int | None


def worded(value: Wording) -> dict[str, str]:
    """The rule: a range that does not end before it begins, a known category, some text."""
    if value.end_ms < value.start_ms:
        raise MalformedError("end: expected one that is not before the start, got an earlier one")
    if value.category not in CATEGORIES:
        raise MalformedError(
            f"category: expected one of {', '.join(CATEGORIES)}, got {value.category!r:.40}"
        )
    return {
        "start": format_time(value.start_ms), "end": format_time(value.end_ms),
        "category": value.category, "text": paragraph("text", value.text, MAX_TEXT),
    }  # fmt: skip


def check_author(mark: Mark, actor: str) -> None:
    """The rule: a mark that still stands is changed by whoever made it."""
    if mark.withdrawn_index is not None:
        raise MarkWithdrawnError(
            f"mark {mark.id}: expected one that stands, got one withdrawn by {mark.withdrawn_index}"
        )
    if mark.actor != actor:
        raise NotYourMarkError(f"mark {mark.id}: expected one's own, got that of {mark.actor}")


def of_case(conn: Connection, case: str, *, withdrawn: bool = False) -> Sequence[Mark]:
    """The marks of a case by time; those that were withdrawn only if asked for."""
    m = tables.mark
    query = select(m).where(m.c.case == case).order_by(m.c.start_ms, m.c.made_index)
    if not withdrawn:
        query = query.where(m.c.withdrawn_index.is_(None))
    return [Mark(*row) for row in conn.execute(query).all()]


def _one(conn: Connection, case: str, mark: str) -> Mark:
    m = tables.mark
    row = conn.execute(select(m).where(m.c.case == case, m.c.id == mark)).first()
    if row is None:
        raise NotFoundError(f"mark: expected one of case {case}, got {mark:.40}")
    return Mark(*row)


async def make(
    ledger: Ledger, actor: str, case: str, value: Wording, *, source: str, item: str | None = None
) -> tuple[str, Event]:
    """Record a mark; its id and entry.  NotFoundError for an item that is not linked to the case."""
    fields, new = worded(value), random_id()
    if source not in SOURCES:
        raise MalformedError(f"source: expected one of {', '.join(SOURCES)}, got {source!r:.40}")

    def decide(conn: Connection) -> list[Draft]:
        must_exist(conn, "enforcement_case", case)
        k, m = tables.link.c, tables.mark.c
        if (
            item is not None
            and not conn.execute(
                select(k.item).where(k.case == case, k.item == item, k.unlinked_index.is_(None))
            ).first()
        ):
            raise NotFoundError(f"item: expected one linked to case {case}, got {item:.40}")
        if len(conn.execute(select(m.id).where(m.case == case).limit(MOST)).all()) >= MOST:
            raise ConflictError(f"marks: expected fewer than {MOST} in a case, got as many")
        more = {} if item is None else {"item": item}
        told = {"case": case, "mark": new, "source": source} | fields | more
        return [Draft("mark.made", f"c:{case}", actor, told)]

    return new, (await ledger.record(f"mark:{new}", decide))[0]


async def change(
    ledger: Ledger, actor: str, case: str, mark: str, value: Wording, *, reason: str
) -> Event:
    """Word one's own mark anew; what it said stays in its own entry."""
    fields, why = worded(value), paragraph("reason", reason, MAX_REASON)

    def decide(conn: Connection) -> list[Draft]:
        check_author(_one(conn, case, mark), actor)
        told = {"case": case, "mark": mark, "reason": why} | fields
        return [Draft("mark.changed", f"c:{case}", actor, told)]

    return (await ledger.record(f"mark-changed:{random_id()}", decide))[0]


async def withdraw(ledger: Ledger, actor: str, case: str, mark: str, *, reason: str) -> Event:
    """Show one's own mark no longer; its entries stay."""
    why = paragraph("reason", reason, MAX_REASON)

    def decide(conn: Connection) -> list[Draft]:
        check_author(_one(conn, case, mark), actor)
        return [
            Draft("mark.withdrawn", f"c:{case}", actor, {"case": case, "mark": mark, "reason": why})
        ]

    return (await ledger.record(f"mark-withdrawn:{random_id()}", decide))[0]
