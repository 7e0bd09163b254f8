"""Rows into proposals: to which cases the items of a page may belong.

Guarantee: only what is shown is asked for; the attribution that was recorded is the one that is
compared; what was refused, is linked or was linked before is not proposed.
Not covered: deciding (`cases.links.propose`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from cases.inbox import casefacts, numbers
from cases.inbox import facts as known_facts
from cases.inbox.casefacts import Named, Wanted
from cases.inbox.facts import DAY_MS, Known
from cases.links.attribution import Attribution, attribute
from cases.links.caseindex import index
from cases.links.propose import Proposal, Wish, propose
from cases.links.words import Reason, say
from cases.policy import Policy
from storage import tables
from storage.access import Visible

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
    said = attributions(conn, known, policy, zone)
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
    conn: Connection, known: Mapping[str, Known], policy: Policy, zone: str
) -> dict[str, Attribution]:
    """As recorded; what entries do not keep (who else it may have been) is concluded again."""
    a = tables.attribution
    rows = {row.item: row for row in conn.execute(select(a).where(a.c.item.in_(list(known))))}
    times = [t for r in rows.values() for t in (r.start_ms, r.end_ms) if t is not None]
    span = (min(times), max(times)) if times else None
    ledgers = known_facts.ledgers(
        conn, known.values(), also={r.device for r in rows.values() if r.device}, span=span
    )
    rules = numbers.of_attribution(policy, zone)
    return {
        id_: _recorded(attribute(one.facts, ledgers, rules), rows.get(id_))
        for id_, one in known.items()
    }


def _recorded(said: Attribution, row: Any) -> Attribution:
    if row is None:
        return said
    others = tuple(p for p in (*said.others, said.person) if p and p != row.person)
    reasons = said.reasons
    if row.person != said.person:  # claimed: the ledger says nothing about him
        reasons = tuple(r for r in reasons if r.code != "held")
    shift = (row.start_ms or 0) - (said.start_ms or 0)
    other = said.other_start_ms
    return replace(
        said, device=row.device, person=row.person, unit=row.unit, organ=row.organ,
        start_ms=row.start_ms, end_ms=row.end_ms, kind=row.kind, carrier=row.carrier,
        uncertainty_ms=row.uncertainty_ms, marks=tuple(json.loads(row.marks)),
        reasons=reasons, others=tuple(dict.fromkeys(others)),
        other_start_ms=None if other is None else other + shift,
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
    for table in (tables.refusal, tables.link):
        rows = conn.execute(select(table.c.item, table.c.case).where(table.c.item.in_(list(ids))))
        for row in rows:
            out.setdefault(row.item, set()).add(row.case)
    return {item: frozenset(cases) for item, cases in out.items()}


def sentences(reasons: Sequence[Reason], people: Mapping[str, str], language: str) -> list[str]:
    """The reasons in words; `people` gives the names of the ids in them."""
    return [
        say(Reason(r.code, {k: people.get(str(v), v) if k == "person" else v for k, v in r.params.items()}), language)
        for r in reasons
    ]  # fmt: skip
