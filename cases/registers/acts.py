"""Acts of the registers: rows read inside the act, a rule asked, entries recorded.

Guarantee: when one of these returns, its entries are committed; when it raises a named error,
nothing was recorded.  A fact leaves the job behind that looks at the items it touches again.
Many facts given together are one act: all of them or none; with `again` only those that are new.
Not covered: rights; the caller has checked them.
"""

import secrets
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select

from cases.inbox import touched
from cases.links.clock import Measurement
from cases.policy import in_force
from cases.registers import rules
from cases.registers.known import Again
from cases.registers.rules import CodeSaid, CustodySaid, DeviceSaid, OffsetSaid, ShiftSaid
from storage import tables
from storage.ledger import Draft, Event, Ledger
from verify.errors import NotFoundError

Decide = Callable[[Connection], Sequence[Draft]]


async def register_devices(
    ledger: Ledger,
    actor: str,
    said: Sequence[tuple[str | None, DeviceSaid]],
    *,
    again: Again | None = None,
) -> list[str]:
    """Register devices, or describe known ones anew; their ids in the same order.

    A pair's first part is the id of a source that is there already; None for a new device.
    """
    ids = [id_ or secrets.token_hex(16) for id_, _ in said]
    before: dict[str, touched.Described | None] = {}

    def decide(conn: Connection) -> list[Draft]:
        drafts: list[Draft] = []
        before.update((id_, touched.described(conn, id_)) for id_ in ids)
        fresh: dict[str, str] = {}
        for id_, (given, one) in zip(ids, said, strict=True):
            known = _source(conn, id_)
            if given is not None and not known:
                raise NotFoundError(f"device: expected a known source, got {given:.40}")
            check_place(conn, one.organ, one.unit)
            name = (one.name or "").strip()
            named = None if known else fresh.get(name) or source_named(conn, name)
            drafts += rules.device(id_, one, enrolled=known, named=named, actor=actor)
            if not known:
                fresh[name] = id_
        return drafts

    def also(conn: Connection, events: Sequence[Event]) -> None:
        touched.after_devices(conn, before, events)

    await ledger.record(f"device:{secrets.token_hex(16)}", _new(decide, again), also)
    return ids


async def note_custody(
    ledger: Ledger, actor: str, said: Sequence[CustodySaid], *, again: Again | None = None
) -> list[Event]:
    """Devices changed hands, were looked at, broke, were lost."""

    def decide(conn: Connection) -> list[Draft]:
        check_people(conn, {one.person for one in said if one.person})
        return [rules.custody(one, known=_source(conn, one.device), actor=actor) for one in said]

    return await _record(ledger, "custody", _new(decide, again))


async def note_offsets(
    ledger: Ledger,
    actor: str,
    said: Sequence[OffsetSaid],
    *,
    now_ms: int | None = None,
    again: Again | None = None,
) -> list[Event]:
    """Clocks of devices were measured.  A measurement is never changed: a better one is another.

    `now_ms` marks those that are said to have been made later.
    """

    def decide(conn: Connection) -> list[Draft]:
        limit = in_force(conn, now_of(conn)).clock.limit_ms_per_day
        before: dict[str, list[Measurement]] = {}
        drafts = []
        for one in sorted(said, key=lambda o: o.at_ms):
            rows = before.setdefault(one.device, _measured(conn, one.device))
            known = _source(conn, one.device)
            drafts.append(
                rules.offset(
                    one, rows, limit_ms_per_day=limit, now_ms=now_ms, known=known, actor=actor
                )
            )
            rows.append(Measurement(one.at_ms, one.offset_ms, one.uncertainty_ms))
        return drafts

    return await _record(ledger, "offset", _new(decide, again))


async def note_user_codes(
    ledger: Ledger, actor: str, said: Sequence[CodeSaid], *, again: Again | None = None
) -> list[Event]:
    """User codes in devices mean people."""

    def decide(conn: Connection) -> list[Draft]:
        check_people(conn, {one.person for one in said})
        return [
            rules.user_code(one, known=one.device is None or _source(conn, one.device), actor=actor)
            for one in said
        ]

    return await _record(ledger, "device-user", _new(decide, again))


async def set_roster(
    ledger: Ledger,
    actor: str,
    *,
    name: str,
    organ: str | None,
    shifts: Sequence[ShiftSaid],
    again: Again | None = None,
) -> str:
    """Who is on duty when; the id of the roster."""
    new = secrets.token_hex(16)

    def decide(conn: Connection) -> list[Draft]:
        check_people(conn, {one.person for one in shifts})
        check_place(conn, organ, None)
        return [rules.roster(new, name=name, organ=organ, shifts=shifts, actor=actor)]

    await _record(ledger, "roster", _new(decide, again))
    return new


async def withdraw_roster(ledger: Ledger, actor: str, roster: str, reason: str) -> Event:
    """The shifts of this roster do not count any longer."""
    r = tables.roster.c

    def decide(conn: Connection) -> list[Draft]:
        row = conn.execute(select(r.withdrawn_index).where(r.id == roster)).first()
        gone = row is not None and row.withdrawn_index is not None
        known = row is not None
        return [
            rules.withdraw_roster(roster, known=known, withdrawn=gone, reason=reason, actor=actor)
        ]

    def also(conn: Connection, events: Sequence[Event]) -> None:
        touched.after_withdrawal(conn, roster, events)

    return (await ledger.record(f"roster:{secrets.token_hex(16)}", decide, also))[0]


async def _record(ledger: Ledger, what: str, decide: Decide) -> list[Event]:
    return await ledger.record(f"{what}:{secrets.token_hex(16)}", decide, touched.after_fact)


def _new(decide: Decide, again: Again | None) -> Decide:
    return decide if again is None else lambda conn: again.new(conn, decide(conn))


# --- rows -----------------------------------------------------------------------------------


def now_of(conn: Connection) -> int:
    """The time of the last entry: the act's own is not earlier."""
    return int(conn.execute(select(tables.head.c.last_ms)).scalar_one())


def check_people(conn: Connection, people: set[str]) -> None:
    """Raise NotFoundError unless all of them are known."""
    p = tables.person.c
    for person in sorted(people):
        if conn.execute(select(p.id).where(p.id == person)).first() is None:
            raise NotFoundError(f"person: expected a known id, got {person:.40}")


def check_place(conn: Connection, organ: str | None, unit: str | None) -> None:
    """Raise NotFoundError unless organ and unit are known."""
    for what, table, id_ in (("organ", tables.organ, organ), ("unit", tables.unit, unit)):
        if id_ and conn.execute(select(table.c.id).where(table.c.id == id_)).first() is None:
            raise NotFoundError(f"{what}: expected a known id, got {id_:.40}")


def source_named(conn: Connection, name: str) -> str | None:
    """The source that has this name."""
    s = tables.source.c
    found: str | None = conn.execute(select(s.id).where(s.name == name)).scalar()
    return found


def _source(conn: Connection, id_: str) -> bool:
    s = tables.source.c
    return conn.execute(select(s.id).where(s.id == id_)).first() is not None


def _measured(conn: Connection, device: str) -> list[Measurement]:
    o = tables.device_offset.c
    rows = conn.execute(
        select(o.at_ms, o.offset_ms, o.uncertainty_ms)
        .where(o.device == device)
        .order_by(o.at_ms, o.index)
    )
    return [Measurement(*row) for row in rows]
