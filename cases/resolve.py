"""The stage that turns a device's wish into a link: `liuhen push --case NO`.

A device names a case number when it announces an upload; `item.sealed` makes it a recording that
can be linked.  Guarantee: a known number of a case of the recording's own organ ends as `item.linked`
by `sys`, exactly once, whatever is repeated.  A number that was unknown when the item was sealed,
or that of another organ's case, stays as a wish that the inbox shows: a person confirms the link.
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


def decide_wish(item: rules.Sealed | None, case: str | None, *, decided: bool) -> list[Draft]:
    """Link if the number is known and no decision about this item and case was ever made.

    An earlier link that a person took back is a decision, and so is a refusal; both stand.
    """
    if item is None or case is None or decided:
        return []
    return [rules.link_item(case, item, live=None, stage=None, reason=REASON, actor="sys")]


async def resolve(ledger: Ledger, item: str, attempt: Attempt | None = None) -> Event | None:
    """Link the item to the case whose number its device named, if it was open by then."""

    def decide(conn: Connection) -> list[Draft]:
        case = _wanted_case(conn, item)
        if case is None or not _of_one_organ(conn, case, item):
            return []
        decided = _decided(conn, case, item)
        return decide_wish(sealed_item(conn, item), case, decided=decided)

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


def _of_one_organ(conn: Connection, case: str, item: str) -> bool:
    """Whether the case is of the organ of what handed the item over, or neither is of any.

    The organ is that of the device, of the person or the program whose token it was, or what the
    item's attribution says by now.
    """
    i, d, t, p = tables.item.c, tables.device.c, tables.token.c, tables.person.c
    a, c = tables.attribution.c, tables.case.c
    of = conn.execute(select(c.organ).where(c.id == case)).scalar()
    rows = conn.execute(
        select(d.organ, p.organ, t.organ, a.organ)
        .select_from(tables.item)
        .outerjoin(tables.device, d.id == i.source)
        .outerjoin(tables.token, t.source == i.source)
        .outerjoin(tables.person, p.id == t.person)
        .outerjoin(tables.attribution, a.item == i.id)
        .where(i.id == item)
    )
    organs = {organ for row in rows for organ in row if organ is not None}
    return of in organs if organs else of is None


def _decided(conn: Connection, case: str, item: str) -> bool:
    """Whether the two were linked before, or a person refused that."""
    k, r = tables.link.c, tables.refusal.c
    linked = select(k.item).where(k.case == case, k.item == item)
    refused = select(r.item).where(r.case == case, r.item == item)
    return conn.execute(linked.union_all(refused)).first() is not None
