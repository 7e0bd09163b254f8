"""Saved searches: a person's own names for filters of the lists of cases and of recordings.

Guarantee: nobody reads or changes another's.  They are no evidence and grant nothing: a filter is
applied anew, within what its owner may see then.
"""

import json
import secrets
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from console.answers import plain
from console.errors import NoPersonError
from console.parts import PARTS
from storage import tables
from verify.errors import ConflictError, NotFoundError

ROUTES = web.RouteTableDef()
MOST = 50  # of one person; more would not be found again
CASES = "cases"
_S = tables.saved_search.c


async def _person(request: web.Request) -> str:
    caller = await request.app[PARTS].access.caller(request)
    if caller.person is None:
        raise NoPersonError("caller: expected a person, got a program's token")
    return caller.person


def _told(row: Any) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "filter": json.loads(row.filter)}


def _values(body: dict[str, Any]) -> dict[str, Any]:
    found = {"name": body["name"].strip()} if "name" in body else {}
    if "filter" in body:
        found["filter"] = json.dumps(body["filter"], ensure_ascii=False, sort_keys=True)
    return found


def _taken(name: str) -> ConflictError:
    return ConflictError(f"search: expected a name that is not used yet, got {name!r}")


@ROUTES.get("/api/searches")
async def list_searches(request: web.Request) -> web.Response:
    """One's own of a list, by name."""
    person, of = await _person(request), request.query.get("list", CASES)
    query = select(_S.id, _S.name, _S.filter).where(_S.person == person, _S.list == of)
    query = query.order_by(_S.name, _S.id)
    async with request.app[PARTS].database.read() as conn:
        rows = (await conn.execute(query)).all()
    return plain({"searches": [_told(row) for row in rows]})


@ROUTES.post("/api/searches")
async def save_search(request: web.Request) -> web.Response:
    """One more."""
    person, body = await _person(request), await request.json()
    parts, id_, values = request.app[PARTS], secrets.token_hex(16), _values(body)

    def write(conn: Connection) -> None:
        had = conn.execute(select(func.count()).where(_S.person == person)).scalar_one()
        if had >= MOST:
            raise ConflictError(f"searches: expected at most {MOST}, got one more")
        conn.execute(
            insert(tables.saved_search).values(
                id=id_,
                person=person,
                list=body.get("list", CASES),
                made_ms=parts.clock.now_ms(),
                **values,
            )
        )

    try:
        await parts.database.write(write)
    except IntegrityError as error:
        raise _taken(values["name"]) from error
    return plain({"id": id_, "name": values["name"], "filter": body["filter"]}, 201)


@ROUTES.patch("/api/searches/{search}")
async def change_search(request: web.Request) -> web.Response:
    """Another name, another filter; what is not said stays."""
    person, body = await _person(request), await request.json()
    own = (_S.id == request.match_info["search"], _S.person == person)
    values = _values(body)

    def write(conn: Connection) -> Any:
        conn.execute(update(tables.saved_search).where(*own).values(**values))
        return conn.execute(select(_S.id, _S.name, _S.filter).where(*own)).first()

    try:
        row = await request.app[PARTS].database.write(write)
    except IntegrityError as error:
        raise _taken(values["name"]) from error
    if row is None:
        raise NotFoundError("search: expected one's own, got none of this id")
    return plain(_told(row))


@ROUTES.delete("/api/searches/{search}")
async def delete_search(request: web.Request) -> web.Response:
    """Forget it."""
    person = await _person(request)
    own = (_S.id == request.match_info["search"], _S.person == person)

    def write(conn: Connection) -> int:
        return conn.execute(delete(tables.saved_search).where(*own)).rowcount

    if await request.app[PARTS].database.write(write) == 0:
        raise NotFoundError("search: expected one's own, got none of this id")
    return web.Response(status=204)
