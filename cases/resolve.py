"""The stage that turns a device's wish into a link: `liuhen push --case NO`.

A device names a case number when it announces an upload; `item.sealed` makes it a recording that
can be linked.  Guarantee: a known number ends as `item.linked` by `sys`, exactly once, whatever
is repeated.  An unknown number stays as a wish that the inbox shows; when a case with that number
is opened later, a person confirms the link (nobody links behind his back).
"""

from sqlalchemy import Connection, select

from cases import rules
from cases.acts import case_number_taken, sealed_item
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
    """Link the item to the case whose number its device named, if there is such a case."""

    def decide(conn: Connection) -> list[Draft]:
        sealed = sealed_item(conn, item)
        upload = conn.execute(select(tables.item.c.upload).where(tables.item.c.id == item)).scalar()
        number = wanted_number(conn, upload) if upload is not None else None
        case = case_number_taken(conn, number) if number is not None else None
        before = case is not None and (
            conn.execute(
                select(tables.link.c.linked_index).where(
                    tables.link.c.case == case, tables.link.c.item == item
                )
            ).first()
            is not None
        )
        return decide_wish(sealed, case, linked_before=before)

    def fence(conn: Connection, events: object) -> None:
        if attempt is not None:
            attempt.fence(conn)

    events = await ledger.record(f"{KIND}:{item}", decide, fence)
    return events[0] if events else None
