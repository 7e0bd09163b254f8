"""Whom a caller may let into a case or a recording, and which known case is his to have.

Guarantee: people and viewers are of the object's own organ; whoever is outside the caller's own
unit and those below it joins only by a head (`case.share`).  Of another organ nobody joins: he asks
for access, and somebody else decides.  Under the log's lock, so nothing changes in between.
Not covered: programs, which say what another system says; people who were named before.
"""

from collections.abc import Set

from aiohttp import web
from sqlalchemy import Connection, select

from cases import acts
from cases.rules import Placed
from console.errors import OtherOrganError
from console.guard import may
from console.matrix import Owner
from console.owners import NOBODY, of_case_row, owner_of
from console.parts import PARTS
from storage import tables
from storage.access import Caller
from storage.errors import RightMissingError

SHARE = "case.share"


def theirs(caller: Caller, permission: str) -> acts.Theirs:
    """For acts of cases: which case this caller may have found, and whom he may let in."""

    def may_join(conn: Connection, place: acts.Place, people: Set[str]) -> None:
        check_joining(conn, caller, _owner(place), people)

    return acts.Theirs(lambda row: may(caller, permission, of_case_row(row)), may_join)


def _owner(place: acts.Place) -> Owner:
    if isinstance(place, Placed):
        return Owner(
            units=frozenset({place.unit} if place.unit else ()),
            organs=frozenset({place.organ} if place.organ else ()),
        )
    return of_case_row(place)


def check_joining(conn: Connection, caller: Caller, owner: Owner, people: Set[str]) -> None:
    """OtherOrganError, RightMissingError unless the caller may let these people in."""
    if caller.person is None:
        return
    p = tables.person.c
    query = select(p.id, p.organ, p.unit).where(p.id.in_(people - {caller.person}))
    found = conn.execute(query).all()
    organs = owner.organs or {caller.organ}
    for row in found:
        if row.organ not in organs:
            raise OtherOrganError(f"person: expected one of the organ, got {row.id} of another")
    if any(row.unit not in caller.units for row in found) and not may(caller, SHARE, owner):
        raise RightMissingError(SHARE, ", ".join(sorted(caller.roles)))


async def permit_item(request: web.Request, caller: Caller, item: str, people: Set[str]) -> None:
    """The same for a recording: its officer, and who may see it though it is private."""
    async with request.app[PARTS].database.read() as conn:
        owner = await owner_of(conn, "item", item) or NOBODY
        new = people - owner.people - owner.viewers
        await conn.run_sync(check_joining, caller, owner, new)


async def permit_place(
    request: web.Request, caller: Caller, item: str, *, unit: str | None, device: str | None
) -> None:
    """A claim gives the recording to the people of this unit, or of this device: of its organ."""
    if caller.person is None:
        return
    async with request.app[PARTS].database.read() as conn:
        organs = (await owner_of(conn, "item", item) or NOBODY).organs or {caller.organ}
        for kind, id_ in (("unit", unit), ("device", device)):
            owner = NOBODY if id_ is None else await owner_of(conn, kind, id_) or NOBODY
            if owner.organs and not owner.organs & organs:
                raise OtherOrganError(f"{kind}: expected one of the organ, got {id_} of another")
