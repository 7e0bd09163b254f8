"""Acts of the case: rows read inside the act, a rule asked, one entry recorded.

Guarantee: when one of these returns, its entry is committed; when it raises a named error, nothing
was recorded (UnavailableError apart: then ask again with the same `operation`).
Not covered: rights; the caller has checked them.
"""

import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, select

from cases import rules
from storage import tables
from storage.ledger import Draft, Event, Ledger


def case_number_taken(conn: Connection, number: str) -> str | None:
    """The id of the case that has this number."""
    found: str | None = conn.execute(
        select(tables.case.c.id).where(tables.case.c.number == number.strip())
    ).scalar()
    return found


def live_link(conn: Connection, case: str, item: str) -> rules.LiveLink | None:
    """The link between the two that nobody has taken back."""
    t = tables.link
    row = conn.execute(
        select(t.c.linked_index, t.c.linked_leaf)
        .where(t.c.case == case, t.c.item == item, t.c.unlinked_index.is_(None))
        .order_by(t.c.linked_index.desc())
    ).first()
    return None if row is None else rules.LiveLink(row[0], row[1])


def sealed_item(conn: Connection, item: str) -> rules.Sealed | None:
    """The item, if it is sealed."""
    leaf = conn.execute(select(tables.item.c.sealed_leaf).where(tables.item.c.id == item)).scalar()
    return None if leaf is None else rules.Sealed(item, leaf)


def _known_case(conn: Connection, case: str) -> str | None:
    found: str | None = conn.execute(
        select(tables.case.c.id).where(tables.case.c.id == case)
    ).scalar()
    return found


async def open_case(
    ledger: Ledger,
    actor: str,
    *,
    number: str,
    kind: str,
    title: str,
    officers: Sequence[str],
    operation: str | None = None,
) -> str:
    """Open a case and return its id; ConflictError if the number is taken."""
    new = secrets.token_hex(16)

    def decide(conn: Connection) -> list[Draft]:
        return [
            rules.open_case(
                new,
                number=number,
                kind=kind,
                title=title,
                officers=officers,
                actor=actor,
                taken_by=case_number_taken(conn, number),
            )
        ]

    events = await ledger.record(operation or f"case:{new}", decide)
    return str(events[0].fields["case"])


async def link(
    ledger: Ledger,
    actor: str,
    *,
    case: str,
    item: str,
    stage: str | None,
    reason: str,
    operation: str | None = None,
) -> Event:
    """Link a sealed item to a case."""

    def decide(conn: Connection) -> list[Draft]:
        return [
            rules.link_item(
                _known_case(conn, case),
                sealed_item(conn, item),
                live=live_link(conn, case, item),
                stage=stage,
                reason=reason,
                actor=actor,
            )
        ]

    return (await ledger.record(operation or f"link:{secrets.token_hex(16)}", decide))[0]


async def unlink(
    ledger: Ledger,
    actor: str,
    *,
    case: str,
    item: str,
    reason: str,
    operation: str | None = None,
) -> Event:
    """Take the link between an item and a case back."""

    def decide(conn: Connection) -> list[Draft]:
        return [
            rules.unlink_item(
                case, item, live=live_link(conn, case, item), reason=reason, actor=actor
            )
        ]

    return (await ledger.record(operation or f"unlink:{secrets.token_hex(16)}", decide))[0]
