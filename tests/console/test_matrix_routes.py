"""Every route × every role × how near the object is, allowed and denied, made from the one file.

The real application and its guard; innermost stands a stub that answers for the handlers, so that
nothing changes while thousands of requests ask who may.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler
from sqlalchemy import func, select

from console import matrix
from console.app import create_app
from console.denials import Denials
from console.matrix import Decision, Endpoint
from console.settings import ConsoleSettings
from ingest import app as uploads_app
from ingest import log_routes
from storage import tables
from storage.access import Right
from storage.database import Database
from storage.rights import Role, Scope
from tests.console.conftest import RETAIN, House, opened
from tests.console.staff import Staff, named, settled

SHIPPED = matrix.shipped()
CITY, OUT = "city", "county"
NEVER = "f" * 32
AT = "2026-11-20T01:00:00.000Z"
LATER = "2026-11-20T02:00:00.000Z"
REACHED = 299
ANSWERS = {
    (REACHED, ""): Decision.ALLOW, (403, "approval-needed"): Decision.APPROVAL,
    (403, "denied"): Decision.DENY, (403, ""): Decision.DENY,
}  # fmt: skip


@web.middleware
async def stub(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where a handler would begin."""
    if request.headers.get("X-Probe") == "guard" and request.match_info.http_exception is None:
        return web.Response(status=REACHED)
    return await handler(request)


@dataclass
class World:
    house: House
    staff: Staff
    officer: str  # the one person who calls, with another role each time
    objects: Mapping[tuple[str, Scope], str]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path / 'liuhen.db'}"
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    async with opened(url, tmp_path / "data", ConsoleSettings()) as house:
        nothing: Any = None  # the handlers of the receiving half are never reached
        routes = (*uploads_app.routes(nothing), *log_routes.routes(nothing))
        app = create_app(replace(house.parts, routes=routes))
        app.middlewares.insert(-1, stub)  # before the check of bodies, which is the innermost
        whole = TestServer(app)
        await whole.start_server()
        small, house.server = house.server, whole
        await small.close()
        yield await made(house)


# --- what lies how near ---------------------------------------------------------------------


async def made(house: House) -> World:
    """A person of the city, and one object of each kind in each scope."""
    staff = await settled(house)
    await house.record("organ.set", "sys", organ=named("organ town"), name="town",
                       parent=staff.organ(CITY))  # fmt: skip
    officer = await staff.person(Role.OFFICER, CITY, "one", name="caller")
    places = {
        Scope.OWN: {"organ": staff.organ(OUT), "unit": staff.unit(OUT, "one")},
        Scope.UNIT: {"organ": staff.organ(CITY), "unit": staff.unit(CITY, "one-below")},
        Scope.ORGAN: {"organ": staff.organ(CITY), "unit": staff.unit(CITY, "two")},
        Scope.SUPERVISED: {"organ": named("organ town")},
        Scope.OUTSIDE: {"organ": staff.organ(OUT), "unit": staff.unit(OUT, "two")},
    }
    objects: dict[tuple[str, Scope], str] = {
        ("unit", Scope.UNIT): staff.unit(CITY, "one-below"),
        ("unit", Scope.ORGAN): staff.unit(CITY, "two"),
        ("unit", Scope.OUTSIDE): staff.unit(OUT, "two"),
        ("organ", Scope.ORGAN): staff.organ(CITY),
        ("organ", Scope.SUPERVISED): named("organ town"),
        ("organ", Scope.OUTSIDE): staff.organ(OUT),
        ("person", Scope.OWN): officer,
    }
    for scope, place in places.items():
        own = officer if scope is Scope.OWN else None
        for kind, id_ in (await _evidence(house, scope, place, own)).items():
            objects[kind, scope] = id_
        if own is None:
            objects["person", scope] = await _person(house, scope, place)
        if scope in (Scope.ORGAN, Scope.SUPERVISED, Scope.OUTSIDE):
            objects |= await _of_organ(house, scope, place["organ"])
    return World(house, staff, officer, objects)


async def _evidence(
    house: House, scope: Scope, place: Mapping[str, str], own: str | None
) -> dict[str, str]:
    """A case, a device, an upload, an item, a view and a request, all of this place or person."""
    ids = {
        k: named(f"{k} {scope}") for k in ("case", "device", "upload", "item", "view", "approval")
    }
    device, item, case = ids["device"], ids["item"], ids["case"]
    people = [] if own is None else [own]
    await house.record(
        "case.opened", f"c:{case}", case=case, number=f"n {scope}", kind="penalty", title="t",
        officers=[], people=people, **place,
    )  # fmt: skip
    await house.record("source.enrolled", f"s:{device}", source=device, name=f"d {scope}",
                       kind="device")  # fmt: skip
    await house.record("device.set", f"s:{device}", device=device, carrier="recorder", **place)
    if own is not None:
        await house.record("device.custody", f"s:{device}", device=device, what="issued", at=AT,
                           person=own)  # fmt: skip
    await house.record("upload.opened", f"s:{device}", upload=ids["upload"], name="a")
    sealed = named(f"sealed {scope}")
    await house.record("upload.opened", f"s:{device}", upload=sealed, name="b")
    await house.record(
        "item.sealed", f"s:{device}", item=item, upload=sealed, size=1, sha256="0" * 64,
        chunk=1 << 20, root="0" * 64, mime="video/mp4", name="b", device_times=[], retain_until=RETAIN,
        objects=[{"store": "directory", "what": "original", "key": f"o/{item}"}],
    )  # fmt: skip
    person = {} if own is None else {"person": own}
    await house.record(
        "item.attributed", f"i:{item}", item=item, device=device, kind="video", carrier="recorder",
        sound=True, marks=[], policy="p", why="roster", **place, **person,
    )  # fmt: skip
    actor = f"u:{own or NEVER}"
    await house.record("view.granted", f"i:{item}", view=ids["view"], item=item, person=actor,
                       purpose="p", until=LATER, what="original")  # fmt: skip
    await house.record("access.asked", f"c:{case}", approval=ids["approval"], case=case,
                       purpose="p", until=LATER)  # fmt: skip
    return ids


async def _person(house: House, scope: Scope, place: Mapping[str, str]) -> str:
    id_ = named(f"somebody {scope}")
    await house.record("user.changed", "sys", person=id_, account=f"a-{scope}", name="n", roles=[],
                       reason="r", **place)  # fmt: skip
    return id_


async def _of_organ(house: House, scope: Scope, organ: str) -> dict[tuple[str, Scope], str]:
    rules, roster = named(f"rules {scope}"), named(f"roster {scope}")
    await house.record("rules.set", "sys", list=rules, name=f"r {scope}", version="1", organ=organ,
                       valid_from=AT, rows=[])  # fmt: skip
    await house.record("roster.set", "sys", roster=roster, organ=organ, name="w", shifts=[])
    return {("rules", scope): rules, ("roster", scope): roster}


# --- asking ---------------------------------------------------------------------------------


def address(row: Endpoint, id_: str | None) -> str:
    """The path with the object's id in it, and something for whatever else it names."""
    path = row.path if id_ is None else row.path.replace(f"{{{row.object}}}", id_)
    path = path.replace("/log/{tile}", "/log/tile/0/000")
    return re.sub(r"\{(\w+)\}", lambda m: NEVER if m[1] not in ("key", "name") else "k", path)


def cases(world: World) -> Iterator[tuple[Endpoint, Scope | None, str]]:
    """Every line of the matrix with every object that there can be for it."""
    for row in SHIPPED.endpoints.values():
        if row.object in matrix.WITHOUT_OBJECT:
            yield row, None, address(row, None)
            continue
        there = [s for s in Scope if (row.object, s) in world.objects]
        assert there, row
        for scope in there:
            yield row, scope, address(row, world.objects[row.object, scope])


def expected(row: Endpoint, role: Role, scope: Scope | None) -> Decision:
    if row.permission in matrix.RESERVED:
        return Decision.ALLOW
    if scope is None:
        some = matrix.anywhere(SHIPPED, [role], row.permission)
        return Decision.ALLOW if some else Decision.DENY
    return matrix.decide(SHIPPED, [role], row.permission, scope)


async def probed(client: ClientSession, row: Endpoint, path: str) -> tuple[int, str]:
    """Status and, of a refusal, its code."""
    headers = {"X-Probe": "guard"}
    async with client.request(row.method, path, headers=headers, allow_redirects=False) as answer:
        body = await answer.read()
        refused = answer.status == 403 and body
        return answer.status, json.loads(body)["code"] if refused else ""


async def no_entry(*_: object) -> None:
    """Refusals are recorded elsewhere (`test_denials.py`); thousands would only take time."""


async def test_m15_every_route_and_role_and_scope_is_as_the_file_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Denials, "record", no_entry)
    monkeypatch.setattr("console.denials.SECURITY.disabled", True)
    client, at_once = await world.staff.browser(world.officer), asyncio.Semaphore(8)
    wrong, seen = [], set()

    async def check(role: Role, row: Endpoint, scope: Scope | None, path: str) -> None:
        async with at_once:
            status, code = await probed(client, row, path)
        wanted = expected(row, role, scope)
        seen.add((wanted, scope))
        got = ANSWERS.get((status, code))
        if row.method == "HEAD" and got is Decision.DENY and wanted is Decision.APPROVAL:
            got = wanted  # a HEAD has no body to say so
        if got is not wanted:
            wrong.append((row.method, path, role, scope, wanted, status, code))

    for role in Role:
        await world.staff.change(world.officer, "caller", [role], CITY, "one")
        await asyncio.gather(*(check(role, *case) for case in cases(world)))
    assert wrong == []
    assert {scope for decision, scope in seen if decision is Decision.ALLOW} == {*Scope, None}
    assert {scope for decision, scope in seen if decision is Decision.DENY} == {*Scope, None}


async def test_each_program_needs_the_right_of_its_line_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Denials, "record", no_entry)
    monkeypatch.setattr("console.denials.SECURITY.disabled", True)
    wrong = []
    for right in Right:
        client = await world.house.client(right)
        for row in SHIPPED.endpoints.values():
            status, _ = await probed(client, row, address(row, NEVER))
            let = row.permission == matrix.PUBLIC or (
                row.rights is not None and right in row.rights
            )
            if (status == REACHED) != let:
                wrong.append((row.method, row.path, right, status))
    assert wrong == []


async def test_a_program_of_one_organ_sees_nothing_of_another(world: World) -> None:
    city, county = world.staff.organ(CITY), world.staff.organ(OUT)
    for organ, near, far in (
        (city, Scope.ORGAN, Scope.OUTSIDE),
        (county, Scope.OUTSIDE, Scope.ORGAN),
    ):
        client = await world.house.client_of(organ)
        for kind in ("case", "item"):
            row = SHIPPED.endpoints["GET", f"/api/{kind}s/{{{kind}}}"]
            for scope, status in ((near, REACHED), (far, 403)):
                path = address(row, world.objects[kind, scope])
                assert (await probed(client, row, path))[0] == status


async def test_nobody_reaches_anything_but_what_is_public(world: World) -> None:
    stranger = world.house.session()
    for row in SHIPPED.endpoints.values():
        status, _ = await probed(stranger, row, address(row, NEVER))
        assert (status == REACHED) == (row.permission == matrix.PUBLIC), (row, status)
        assert row.permission == matrix.PUBLIC or status == 401


async def test_the_file_has_a_line_for_each_route_and_no_other(world: World) -> None:
    served = set()
    for route in world.house.server.app.router.routes():
        assert route.resource is not None
        own = SHIPPED.endpoints.get((route.method, route.resource.canonical))
        if route.method == "HEAD" and own is None:  # a GET without its body
            served.add(("GET", route.resource.canonical))
        else:
            served.add((route.method, route.resource.canonical))
    assert served == SHIPPED.endpoints.keys()


async def test_a_route_without_a_line_answers_nobody(small: House) -> None:
    async def forgotten(_request: web.Request) -> web.Response:
        return web.Response(text="evidence")

    app = create_app(replace(small.parts, routes=[web.get("/api/forgotten", forgotten)]))
    server = TestServer(app)
    await server.start_server()
    client = await small.client()
    async with client.get(str(server.make_url("/api/forgotten"))) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "denied")
    await server.close()


async def test_what_is_not_there_and_what_one_may_not_see_are_refused_alike(world: World) -> None:
    """Guessed ids of cases, recordings, uploads, views, people: no difference in the answer."""
    client = await world.staff.browser(world.officer)
    for kind, path in (
        ("case", "/api/cases/{}"), ("item", "/api/items/{}"), ("item", "/api/items/{}/receipt"),
        ("view", "/api/views/{}/media"), ("person", "/api/people/{}"), ("upload", "/uploads/{}"),
    ):  # fmt: skip
        answers = []
        for id_ in (world.objects[kind, Scope.OUTSIDE], NEVER, "0" * 32):
            async with client.get(path.format(id_)) as answer:
                answers.append((answer.status, await answer.text()))
        assert answers[0][0] == 403
        assert len(set(answers)) == 1, path


async def test_guesses_make_one_entry_a_minute_and_not_one_each(world: World) -> None:
    client, house = await world.staff.browser(world.officer), world.house
    for n in range(20):
        async with client.get(f"/api/items/{n:032x}") as answer:
            assert answer.status == 403
    async with house.database.read() as conn:
        count = select(func.count()).where(tables.entry.c.type == "access.denied")
        assert (await conn.execute(count)).scalar_one() <= 2  # a minute may turn


async def test_m33_lists_show_exactly_what_opens_one_by_one(world: World) -> None:
    """Cases and recordings, private ones and such that nobody owns yet among them."""
    house, staff = world.house, world.staff
    for scope in (Scope.UNIT, Scope.ORGAN, Scope.OWN):
        item = world.objects["item", scope]
        viewers = [world.officer] if scope is Scope.ORGAN else []
        await house.record("item.flagged", f"i:{item}", item=item, private=True, viewers=viewers,
                           reason="r")  # fmt: skip
    unowned = await house.item(publish=False)
    case = named("private case")
    await house.record(
        "case.opened", f"c:{case}", case=case, number="p", kind="penalty", title="t", officers=[],
        private=True, viewers=[], organ=staff.organ(CITY), unit=staff.unit(CITY, "two"),
    )  # fmt: skip
    await house.record("item.linked", f"c:{case}", case=case, item=unowned, reason="r",
                       sealed="0" * 64)  # fmt: skip
    lonely = await house.item(name="lonely", publish=False)
    every = {
        "items": {lonely, unowned, *(i for (k, _), i in world.objects.items() if k == "item")},
        "cases": {case, *(i for (k, _), i in world.objects.items() if k == "case")},
    }
    client = await staff.browser(world.officer)
    for organ in (CITY, "bureau"):
        for role in Role:
            await staff.change(world.officer, "caller", [role], organ, "one")
            for kind, ids in every.items():
                async with client.get(f"/api/{kind}") as answer:
                    listed = (
                        {row["id"] for row in (await answer.json())[kind]}
                        if answer.status == 200
                        else set()
                    )
                opened = set()
                for id_ in ids:
                    async with client.get(f"/api/{kind}/{id_}") as answer:
                        if answer.status == 200:
                            opened.add(id_)
                assert listed == opened, (organ, role, kind)


async def test_m33_a_recording_names_no_case_that_its_viewer_may_not_see(world: World) -> None:
    house, staff, mine = world.house, world.staff, world.objects["item", Scope.OWN]
    for scope in (Scope.OWN, Scope.ORGAN):
        case = world.objects["case", scope]
        await house.record("item.linked", f"c:{case}", case=case, item=mine, reason="r",
                           sealed="0" * 64)  # fmt: skip
    client = await staff.browser(world.officer)
    async with client.get(f"/api/items/{mine}") as answer:
        assert [c["id"] for c in (await answer.json())["cases"]] == [
            world.objects["case", Scope.OWN]
        ]
    async with client.get(f"/items/{mine}", headers={"Accept": "text/html"}) as answer:
        text = await answer.text()
    assert world.objects["case", Scope.OWN] in text
    assert f'href="/cases/{world.objects["case", Scope.ORGAN]}"' not in text
