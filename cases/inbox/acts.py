"""What people say about an item: whose it is, that it is private, that it is of no such case.

Guarantee: when one of these returns, its entries are committed; when it raises a named error,
nothing was recorded.  Times are never part of a claim: what a device wrote stays, and what is read
from it follows from the registers.
Not covered: rights; the caller has checked them.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cases import acts as case_acts
from cases.inbox import attribute
from cases.inbox.attribute import Claim
from cases.registers.acts import check_people, check_place
from cases.rules import MAX_REASON, paragraph
from storage import tables
from storage.ledger import Draft, Event, Ledger
from verify.errors import ConflictError, MalformedError, NotFoundError

MOST_VIEWERS = 200


class AlreadyRefusedError(ConflictError):
    """It was said before that the item does not belong to this case."""

    code = "already-refused"


@dataclass(frozen=True, slots=True)
class Said:
    """A claim: what is None stays as it is."""

    person: str | None = None
    device: str | None = None
    unit: str | None = None
    reason: str = ""


async def claim(ledger: Ledger, actor: str, item: str, said: Said, *, zone: str) -> Sequence[Event]:
    """Say whose the item is, or by which device; what a person says counts from here on."""
    if not (said.person or said.device or said.unit):
        raise MalformedError("claim: expected a person, a device or a unit, got none")
    reason = paragraph("reason", said.reason, MAX_REASON)

    def decide(conn: Connection) -> list[Draft]:
        _known_item(conn, item)
        check_people(conn, {said.person} if said.person else set())
        check_place(conn, None, said.unit)
        if said.device is not None:
            case_acts.must_exist(conn, "device", said.device)
        before = attribute.claimed(conn, item) or Claim(None, None, None)
        stands = Claim(
            said.person or before.person,
            said.device or before.device,
            said.unit or (None if said.person else before.unit),
        )
        return attribute.decided(
            conn, item, attribute.CLAIMED, zone, actor=actor, claim=stands, reason=reason
        )

    return await ledger.record(f"claim:{secrets.token_hex(16)}", decide)


async def flag(
    ledger: Ledger,
    actor: str,
    item: str,
    *,
    private: bool,
    viewers: Sequence[str],
    reason: str,
) -> Event:
    """Make an item private, or no longer; `viewers` may see it all the same."""
    named = list(dict.fromkeys(viewers))
    if len(named) > MOST_VIEWERS:
        raise MalformedError(f"viewers: expected at most {MOST_VIEWERS}, got {len(named)}")
    fields = {
        "item": item, "private": private, "viewers": named,
        "reason": paragraph("reason", reason, MAX_REASON),
    }  # fmt: skip

    def decide(conn: Connection) -> list[Draft]:
        _known_item(conn, item)
        check_people(conn, set(named))
        return [Draft("item.flagged", f"i:{item}", actor, fields)]

    return (await ledger.record(f"flag:{secrets.token_hex(16)}", decide))[0]


async def refuse(ledger: Ledger, actor: str, *, case: str, item: str, reason: str) -> Event:
    """Say that the item does not belong to the case; it is not proposed for it again."""
    words = paragraph("reason", reason, MAX_REASON)

    def decide(conn: Connection) -> list[Draft]:
        _known_item(conn, item)
        case_acts.must_exist(conn, "enforcement_case", case)
        if (live := case_acts.live_link(conn, case, item)) is not None:
            raise ConflictError(
                f"item {item}: expected no link to case {case}, got the one of entry {live.index}"
            )
        r = tables.refusal.c
        if conn.execute(select(r.item).where(r.case == case, r.item == item)).first():
            raise AlreadyRefusedError(f"item {item}: expected no refusal for {case}, got one")
        fields = {"case": case, "item": item, "reason": words}
        return [Draft("proposal.refused", f"c:{case}", actor, fields)]

    return (await ledger.record(f"refuse:{secrets.token_hex(16)}", decide))[0]


def _known_item(conn: Connection, item: str) -> None:
    if case_acts.sealed_item(conn, item) is None:
        raise NotFoundError(f"item: expected a sealed item, got {item:.40}")
