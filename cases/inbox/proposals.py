"""Rows into proposals: to which cases the items of a page may belong.

Guarantee: only what is shown is asked for; the attribution that was recorded is the one that is
compared; what was refused, is linked or was linked before is not proposed.
Not covered: deciding (`cases.links.propose`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from cases.inbox import casefacts, numbers, sql
from cases.inbox import facts as known_facts
from cases.inbox.casefacts import Named, Wanted
from cases.inbox.facts import DAY_MS, Known
from cases.links.attribution import Attribution, attribute
from cases.links.caseindex import index
from cases.links.facts import ItemFacts
from cases.links.names import named
from cases.links.propose import Proposal, Wish, propose
from cases.links.register import Register
from cases.links.register import register as ledgers_of
from cases.links.times import DOCK, Timed
from cases.links.whose import Evidence, Who, whose
from cases.links.words import Reason, say
from cases.policy import Policy
from storage.access import Visible

_ATTRIBUTIONS = (
    "SELECT item, device, person, unit, organ, start_ms, end_ms, kind, carrier, sound, "
    "time_source, offset_ms, uncertainty_ms, place, marks FROM attribution WHERE item IN (?*)"
)
CHUNK_MS = 14 * DAY_MS  # items of about one time are compared with the cases of that time


@dataclass(frozen=True, slots=True)
class Suggested:
    """A proposal with what people call the case."""

    proposal: Proposal
    case: Named


def of_items(
    conn: Connection,
    ids: Sequence[str],
    *,
    policy: Policy,
    zone: str,
    visible: Visible,
    now_ms: int,
) -> dict[str, list[Suggested]]:
    """The proposals of each of these items, the likeliest first."""
    known = known_facts.items(conn, ids)
    rows = {row.item: row for row in sql.rows(conn, _ATTRIBUTIONS, ids)}
    said = attributions(conn, known, rows, policy, zone)
    out = _out(conn, ids)
    rules = numbers.of_proposals(policy)
    found: dict[str, list[Suggested]] = {}
    for chunk in _chunks(list(said.values())):
        wishes = {a.item: known[a.item].wish for a in chunk}
        cases = casefacts.load(conn, _wanted(chunk, wishes), visible, now_ms)
        ready = index(cases.facts, buffer_ms=rules.buffer_ms, broad_ms=rules.broad_ms)
        for one in chunk:
            wish = Wish(wishes[one.item], out.get(one.item, frozenset()))
            found[one.item] = [
                Suggested(p, cases.named[p.case]) for p in propose(one, wish, ready, rules)
            ]
    return found


def attributions(
    conn: Connection,
    known: Mapping[str, Known],
    rows: Mapping[str, Any],
    policy: Policy,
    zone: str,
) -> dict[str, Attribution]:
    """As recorded; what entries do not keep (who else it may have been) is concluded again.

    `rows` are those of `attribution`; an item without one is attributed by what is known now.
    """
    rules = numbers.of_attribution(policy, zone)
    whole = {
        id_: attribute(one.facts, known_facts.ledgers(conn, one), rules)
        for id_, one in known.items()
        if id_ not in rows or _SECOND.intersection(json.loads(rows[id_].marks))
    }
    timed = [row for id_, row in rows.items() if id_ in known and row.start_ms is not None]
    register = _near(conn, [known[row.item].facts for row in timed], timed)
    found = {}
    for id_, one in known.items():
        if id_ not in rows:
            found[id_] = whole[id_]
            continue
        who = _who(one, rows[id_], register, rules.blank_codes)
        found[id_] = _recorded(rows[id_], who, whole.get(id_))
    return found


_SECOND = frozenset({"clock-set"})  # with this mark another reading of the time may be possible
_NOBODY = Who(None, (), (), ())


def _near(conn: Connection, facts: Sequence[ItemFacts], rows: Sequence[Any]) -> Register:
    """The ledgers around the times of these items, as far as they name people."""
    if not rows:
        return ledgers_of([])
    ids = {row.device for row in rows if row.device}
    low = min(row.start_ms for row in rows)
    high = max(row.start_ms if row.end_ms is None else row.end_ms for row in rows)
    return ledgers_of(
        known_facts.devices(conn, ids),
        custody=known_facts.custody_within(conn, ids, low, high),
        codes=known_facts.user_codes(conn, facts),
    )


def _who(one: Known, row: Any, register: Register, blank: frozenset[str]) -> Who:
    """Whose the item may be, by the time that was recorded."""
    if row.start_ms is None:
        return _NOBODY
    source = row.time_source or DOCK
    timed = Timed(row.start_ms, row.end_ms, source, 0, row.uncertainty_ms, (), ())
    device = register.devices.get(row.device or "")
    return whose(Evidence(one.facts, named(one.facts.name), device, timed, register, blank))


def _recorded(row: Any, who: Who, whole: Attribution | None) -> Attribution:
    others = tuple(p for p in (*who.others, who.person) if p and p != row.person)
    reasons = who.reasons
    if row.person != who.person:  # claimed: the ledger says nothing about him
        reasons = tuple(r for r in reasons if r.code != "held")
    other = None if whole is None else whole.other_start_ms
    return Attribution(
        item=row.item, device=row.device, person=row.person, unit=row.unit, organ=row.organ,
        start_ms=row.start_ms, end_ms=row.end_ms, kind=row.kind, carrier=row.carrier,
        sound=row.sound, time_source=row.time_source or DOCK, offset_ms=row.offset_ms or 0,
        uncertainty_ms=row.uncertainty_ms, marks=tuple(json.loads(row.marks)), reasons=reasons,
        others=tuple(dict.fromkeys(others)), other_start_ms=other,
        place=casefacts.place_of(row.place),
    )  # fmt: skip


def _chunks(said: list[Attribution]) -> Iterator[list[Attribution]]:
    """Items of about one time together."""
    said.sort(key=lambda one: (one.start_ms or 0, one.item))
    chunk: list[Attribution] = []
    for one in said:
        if chunk and (one.start_ms or 0) - (chunk[0].start_ms or 0) > CHUNK_MS:
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def _wanted(chunk: Sequence[Attribution], wishes: Mapping[str, str | None]) -> Wanted:
    times = [t for a in chunk for t in (a.start_ms, a.end_ms, a.other_start_ms) if t is not None]
    return Wanted(
        frozenset(wish for wish in wishes.values() if wish),
        frozenset(p for a in chunk for p in (a.person, *a.others) if p),
        frozenset(a.unit for a in chunk if a.unit and not a.person),
        min(times, default=0), max(times, default=0),
    )  # fmt: skip


def _out(conn: Connection, ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Cases about which a person has decided for each item."""
    out: dict[str, set[str]] = {}
    for table in ("refusal", "link"):
        text = f'SELECT item, "case" FROM {table} WHERE item IN (?*)'  # noqa: S608  # names of ours
        for item, case in sql.rows(conn, text, ids):
            out.setdefault(item, set()).add(case)
    return {item: frozenset(cases) for item, cases in out.items()}


def sentences(reasons: Sequence[Reason], people: Mapping[str, str], language: str) -> list[str]:
    """The reasons in words; `people` gives the names of the ids in them."""
    return [
        say(Reason(r.code, {k: people.get(str(v), v) if k == "person" else v for k, v in r.params.items()}), language)
        for r in reasons
    ]  # fmt: skip
