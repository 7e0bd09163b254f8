"""The stage that says whose an item is: after it is sealed, after the probe, and when registers change.

Guarantee: `item.attributed` is recorded only where it says something else than the newest one
does; what a person claimed stands until a person claims something else; a place that was erased is
not said again; `item.late` is recorded once for an item and stays, whatever is learned later.  Runs in jobs, so a kill repeats it.
Not covered: which case it belongs to (`cases.inbox.proposals`).

An item is late only if it was sealed after its time by more than its time is unsure, and once its
length is known or known to be unknowable: nobody is blamed for a clock's doubt.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases.inbox import facts as known_facts
from cases.inbox import numbers, sql
from cases.inbox.facts import Known
from cases.inbox.kept import Kept
from cases.links.attribution import Attribution, attribute
from cases.links.upload_clock import Clock
from cases.links.whose import NO_PERSON, UNKNOWN_USER
from cases.policy import Policy, in_force
from storage import tables
from storage.database import Database
from storage.jobs import Attempt, enqueue
from storage.ledger import Draft, Event, Ledger
from verify.entries import format_time

KIND, LANE = "attribute", "quick"
SEALED, PROBED, REGISTER, CLAIMED = "sealed", "probed", "register", "claimed"
UNKNOWN = "unknown"
_NOT_COMPARED = frozenset({"why", "reason", "policy"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person said of an item, and who: it counts before anything that is concluded."""

    person: str | None
    device: str | None
    unit: str | None


# --- when -----------------------------------------------------------------------------------


def after_sealed(conn: Connection, event: Event) -> None:
    """Inside the act that seals: leave a job behind."""
    _enqueue(conn, str(event.fields["item"]), SEALED, event.at_ms)


def after_probed(conn: Connection, item: str, now_ms: int) -> None:
    """Where the probe's finding is noted: its length and embedded time may change the answer."""
    _enqueue(conn, item, PROBED, now_ms)


def _enqueue(conn: Connection, item: str, why: str, now_ms: int) -> None:
    key = f"{KIND}:{why}:{item}"
    j = tables.job.c
    over = ("done", "failed", "cancelled")
    conn.execute(delete(tables.job).where(j.key == key, j.state.in_(over)))
    enqueue(conn, KIND, {"item": item, "why": why}, key=key, lane=LANE, now_ms=now_ms)


def enqueue_missing(conn: Connection, now_ms: int) -> int:
    """At a start: items that nothing is said of yet; how many."""
    i, a, j = tables.item.c, tables.attribution.c, tables.job.c
    missing = select(i.id).where(
        ~exists().where(a.item == i.id),
        ~exists().where(j.key == f"{KIND}:{SEALED}:" + i.id, j.state.in_(("queued", "running"))),
    )
    ids = [row.id for row in conn.execute(missing)]
    for id_ in ids:
        _enqueue(conn, id_, SEALED, now_ms)
    return len(ids)


async def run(database: Database, ledger: Ledger, attempt: Attempt, zone: str) -> None:
    """The job: one item."""
    item, why = str(attempt.args["item"]), str(attempt.args["why"])
    async with database.read() as conn:
        kept = await conn.run_sync(Kept.now)
        new = await is_new(conn, item, why, zone, kept)
    if new:
        operation = f"{KIND}:{attempt.token}"
        await say(ledger, item, why, zone, operation=operation, attempt=attempt, kept=kept)


async def is_new(conn: AsyncConnection, item: str, why: str, zone: str, kept: Kept) -> bool:
    """On a reader: whether there is anything to say of an item, so that few acts are entered."""
    return bool(
        await conn.run_sync(partial(decided, item=item, why=why, zone=zone, actor="sys", kept=kept))
    )


async def say(
    ledger: Ledger,
    item: str,
    why: str,
    zone: str,
    *,
    operation: str,
    attempt: Attempt,
    kept: Kept,
) -> Sequence[Event]:
    """Attribute one item by what is known now; no entries where nothing is new."""

    def decide(conn: Connection) -> list[Draft]:
        return decided(conn, item, why, zone, actor="sys", kept=kept)

    def fence(conn: Connection, _events: object) -> None:
        attempt.fence(conn)

    return await ledger.record(operation, decide, fence)


# --- what -----------------------------------------------------------------------------------


def decided(
    conn: Connection,
    item: str,
    why: str,
    zone: str,
    *,
    actor: str,
    claim: Claim | None = None,
    reason: str | None = None,
    kept: Kept | None = None,
) -> list[Draft]:
    """The entries that say whose the item is; inside an act.  A claim is always recorded."""
    found = known_facts.items(conn, [item]).get(item)
    if found is None:
        return []
    policy = in_force(conn, found.facts.sealed_ms)
    stands = claim or claimed(conn, item)
    said, due = concluded(conn, found, stands, policy, zone, kept=kept)
    if said.place is not None and _place_erased(conn, item):
        said = replace(said, place=None)
    fields = _fields(said, due, policy, why)
    if reason is not None:
        fields["reason"] = reason
    drafts = []
    if claim is not None or _differs(conn, item, fields):
        drafts.append(Draft("item.attributed", f"i:{item}", actor, fields))
    if (late := _late(conn, found, said, due, policy)) is not None:
        drafts.append(late)
    return drafts


def concluded(
    conn: Connection,
    found: Known,
    claim: Claim | None,
    policy: Policy,
    zone: str,
    *,
    kept: Kept | None = None,
) -> tuple[Attribution, Clock]:
    """The attribution of an item under the registers as they are, and its upload clock."""
    known = claimed_device(found, claim)
    register = known_facts.ledgers(conn, known, kept)
    rules = numbers.of_attribution(policy, zone)
    said = attribute(known.facts, register, rules)
    person = claim.person if claim and claim.person else said.person
    if person is not None:
        end = said.end_ms if said.end_ms is not None else said.start_ms
        start = said.start_ms
        duties = known_facts.shifts(conn, [person], start or 0, end or 0)
        register = replace(register, shifts={person: duties})
        said = attribute(known.facts, register, rules)
    else:
        duties = []
    said = _as_claimed(conn, said, claim)
    at = None if "no-time" in said.marks else said.start_ms
    return said, numbers.upload_due(at, said.end_ms, duties, policy, zone)


def claimed_device(found: Known, claim: Claim | None) -> Known:
    """The item as if its file named the claimed device."""
    if claim is None or claim.device is None:
        return found
    facts = found.facts
    manifest = {**(facts.manifest or {}), "serial": claim.device}
    source = replace(facts.source, device=claim.device)
    return replace(found, facts=replace(facts, source=source, manifest=manifest))


def _as_claimed(conn: Connection, said: Attribution, claim: Claim | None) -> Attribution:
    if claim is None:
        return said
    person = claim.person or said.person
    unit, organ = known_facts.units(conn, [person] if person else []).get(
        person or "", (None, None)
    )
    unit = claim.unit or unit or said.unit
    if claim.unit:
        organ = organ_of_unit(conn, claim.unit) or organ
    others = tuple(p for p in (said.person, *said.others) if p and p != person)
    return replace(
        said, person=person, unit=unit, organ=organ or said.organ,
        others=tuple(dict.fromkeys(others)),
        marks=tuple(
            m for m in said.marks
            if not ((m == NO_PERSON and person) or (m == UNKNOWN_USER and claim.person))
        ),
    )  # fmt: skip


def organ_of_unit(conn: Connection, unit: str) -> str | None:
    """The organ that a unit belongs to."""
    found: str | None = conn.execute(
        select(tables.unit.c.organ).where(tables.unit.c.id == unit)
    ).scalar()
    return found


def claimed(conn: Connection, item: str) -> Claim | None:
    """The newest claim of a person about the item, from the item's own chain."""
    e, d = tables.entry.c, tables.disclosure.c
    rows = conn.execute(
        select(d.disclosed)
        .join(tables.entry, e.index == d.index)
        .where(e.chain == f"i:{item}", e.type == "item.attributed")
        .order_by(e.seq.desc())
    )
    for row in rows:
        fields = {name: value for _, name, value in json.loads(row.disclosed)}
        if fields.get("why") == CLAIMED:
            return Claim(fields.get("person"), fields.get("device"), fields.get("unit"))
    return None


def _fields(said: Attribution, due: Clock, policy: Policy, why: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "item": said.item, "kind": said.kind, "carrier": said.carrier or UNKNOWN,
        "sound": bool(said.sound), "time_source": said.time_source,
        "offset_ms": said.offset_ms, "uncertainty_ms": said.uncertainty_ms,
        "marks": list(said.marks), "policy": policy.version, "why": why,
    }  # fmt: skip
    for name in ("device", "person", "unit", "organ"):
        if (value := getattr(said, name)) is not None:
            fields[name] = value
    times = {"start": said.start_ms, "end": said.end_ms, "due": due.due_ms}
    fields |= {n: format_time(max(ms, 0)) for n, ms in times.items() if ms is not None}
    if due.due_ms is not None:
        fields["due_basis"] = due.basis
    if said.place is not None:
        fields["place"] = {"lat_e7": said.place[0], "lon_e7": said.place[1]}
    return fields


def _differs(conn: Connection, item: str, fields: Mapping[str, Any]) -> bool:
    """Whether this says something else than the newest attribution does."""
    e, d = tables.entry.c, tables.disclosure.c
    disclosed = conn.execute(
        select(d.disclosed)
        .join(tables.entry, e.index == d.index)
        .where(e.chain == f"i:{item}", e.type == "item.attributed")
        .order_by(e.seq.desc())
        .limit(1)
    ).scalar()
    if disclosed is None:
        return True
    last = {name: value for _, name, value in json.loads(disclosed)}
    return _compared(last) != _compared(fields)


def _compared(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _NOT_COMPARED}


def _place_erased(conn: Connection, item: str) -> bool:
    """Whether somebody had a place of this item erased: it is not said again."""
    rows = sql.rows(
        conn,
        'SELECT 1 FROM entry e JOIN erasure x ON x."index" = e."index" AND x.name = ? '
        "WHERE e.chain = ? LIMIT 1",
        "place", f"i:{item}",
    )  # fmt: skip
    return bool(rows)


def _late(
    conn: Connection, found: Known, said: Attribution, due: Clock, policy: Policy
) -> Draft | None:
    """The mark of an item that came after its time, once."""
    if due.due_ms is None or due.ended_ms is None:
        return None
    if said.end_ms is None and not found.probed:
        return None  # its length is not known yet
    sealed_ms = found.facts.sealed_ms
    if sealed_ms - said.uncertainty_ms <= due.due_ms:
        return None
    item = said.item
    l = tables.late.c  # noqa: E741
    if conn.execute(select(l.item).where(l.item == item)).first() is not None:
        return None
    fields = {
        "item": item, "ended": format_time(due.ended_ms), "due": format_time(due.due_ms),
        "sealed": format_time(sealed_ms), "basis": due.basis, "policy": policy.version,
    }  # fmt: skip
    return Draft("item.late", f"i:{item}", "sys", fields)
