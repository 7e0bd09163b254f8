"""The stage that turns a device's wish into a link: `liuhen push --case NO`.

A device names a case number when it announces an upload; `item.sealed` makes it a recording that
can be linked.  Guarantee: a known number ends as `item.linked` by `sys`, exactly once, whatever
is repeated.  A number that was unknown when the item was sealed stays as a wish that the inbox
shows: when a case with that number is opened later, a person confirms the link.
"""

from sqlalchemy import Connection, exists, select

from cases import rules
from cases.acts import sealed_item
from storage import tables
from storage.jobs import Attempt, enqueue
from storage.ledger import Draft, Event, Ledger

KIND = "resolve"
LANE = "quick"
REASON = "announced by the device"


def wanted_number(conn: Connection, upload: str) -> str | None:
    """The case number that came with the upload."""
    found: str | None = conn.execute(
        select(tables.upload.c.case_number).where(tables.upload.c.id == upload)
    ).scalar()
    return found or None


def after_sealed(conn: Connection, event: Event) -> None:
    """Inside the act that seals: leave a job behind if the device named a case."""
    if wanted_number(conn, str(event.fields["upload"])) is None:
        return
    item = str(event.fields["item"])
    enqueue(conn, KIND, {"item": item}, key=f"{KIND}:{item}", lane=LANE, now_ms=event.at_ms)


def decide_wish(item: rules.Sealed | None, case: str | None, *, linked_before: bool) -> list[Draft]:
    """Link if the number is known and no decision about this item and case was ever made.

    An earlier link that a person took back is a decision, and it stands.
    """
    if item is None or case is None or linked_before:
        return []
    return [rules.link_item(case, item, live=None, stage=None, reason=REASON, actor="sys")]


async def resolve(ledger: Ledger, item: str, attempt: Attempt | None = None) -> Event | None:
    """Link the item to the case whose number its device named, if it was open by then."""

    def decide(conn: Connection) -> list[Draft]:
        case = _wanted_case(conn, item)
        before = case is not None and _linked_before(conn, case, item)
        return decide_wish(sealed_item(conn, item), case, linked_before=before)

    def fence(conn: Connection, _events: object) -> None:
        if attempt is not None:
            attempt.fence(conn)

    events = await ledger.record(f"{KIND}:{item}", decide, fence)
    return events[0] if events else None


def enqueue_missing(conn: Connection, now_ms: int) -> int:
    """At a start (jobs may have been forgotten by a recovery): wishes that nothing came of yet."""
    i, u, c, k = tables.item.c, tables.upload.c, tables.case.c, tables.link.c
    query = (
        select(i.id)
        .join(tables.upload, u.id == i.upload)
        .join(tables.case, c.number == u.case_number)
        .where(c.opened_index < i.sealed_index, ~exists().where(k.item == i.id, k.case == c.id))
    )
    ids = [row.id for row in conn.execute(query)]
    for id_ in ids:
        enqueue(conn, KIND, {"item": id_}, key=f"{KIND}:{id_}", lane=LANE, now_ms=now_ms)
    return len(ids)


def _wanted_case(conn: Connection, item: str) -> str | None:
    """The case with the announced number, if it was open when the item was sealed."""
    i, u, c = tables.item.c, tables.upload.c, tables.case.c
    found: str | None = conn.execute(
        select(c.id)
        .join(tables.upload, u.case_number == c.number)
        .join(tables.item, i.upload == u.id)
        .where(i.id == item, c.opened_index < i.sealed_index)
    ).scalar()
    return found


def _linked_before(conn: Connection, case: str, item: str) -> bool:
    k = tables.link.c
    found = conn.execute(select(k.linked_index).where(k.case == case, k.item == item)).first()
    return found is not None
