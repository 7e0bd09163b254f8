"""People, organs, units and tokens on the API; the first account; what is noted of it all."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from console import people
from console.passwords import Cost, Passwords
from storage import tables
from storage.ledger import Draft
from storage.rights import Role
from tests.console.conftest import House
from tests.console.desk import Desk
from tests.console.staff import Staff, named, settled
from tests.console.test_api import call
from verify.entries import format_time
from verify.errors import ConflictError, MalformedError

ZERO = "0" * 32


@pytest.fixture
async def staff(small: House) -> Staff:
    return await settled(small)


async def security(staff: Staff, name: str = "sec") -> ClientSession:
    return await staff.browser(await staff.person(Role.SECURITY_ADMIN, None, None, name=name))


def body(**more: Any) -> dict[str, Any]:
    return {"account": "wang", "name": "王", "roles": ["officer"], "reason": "new"} | more


async def sign_in(house: House, account: str, password: str) -> int:
    answer_to = {"account": account, "password": password}
    async with house.session().post("/api/session", json=answer_to) as answer:
        return answer.status


# --- organs, units, people --------------------------------------------------------------------


async def test_a_department_is_set_up_and_every_answer_is_as_the_specification_says(
    staff: Staff,
) -> None:
    house, admin = staff.house, await security(staff)

    async def ask(method: str, path: str, expected: int, sent: Any = None) -> Any:
        return await call(house, admin, method, path, expected, sent)

    organ = (await ask("POST", "/api/organs", 201, {"name": "市司法局", "code": "11"}))["id"]
    await ask(
        "PUT", f"/api/organs/{organ}", 200, {"name": "市司法局", "parent": staff.organ("bureau")}
    )
    one = (await ask("POST", "/api/units", 201, {"organ": organ, "name": "一处"}))["id"]
    two = (await ask("POST", "/api/units", 201, {"organ": organ, "name": "二科", "parent": one}))[
        "id"
    ]
    await ask("PUT", f"/api/units/{one}", 409, {"organ": organ, "name": "一处", "parent": two})
    units = await ask("GET", f"/api/units?organ={organ}", 200)
    assert {u["name"]: u["parent"] for u in units["units"]} == {"一处": None, "二科": one}
    assert organ in {o["id"] for o in (await ask("GET", "/api/organs", 200))["organs"]}
    made = await ask(
        "POST", "/api/people", 201,
        body(organ=organ, unit=two, certificate="沪-17", subject="s-1",
             certificate_from="2025-01-01T00:00:00.000Z", certificate_until="2030-01-01T00:00:00.000Z"),
    )  # fmt: skip
    person = made["id"]
    shown = await ask("GET", f"/api/people/{person}", 200)
    assert (shown["account"], shown["must_change"], shown["totp"]) == ("wang", True, False)
    assert await sign_in(house, "wang", made["password"]) == 200
    await ask("PUT", f"/api/units/{two}", 409, {"organ": organ, "name": "二科", "ended": True})
    changed = body(organ=organ, unit=one, roles=["unit_head"], reason="promoted")
    await ask("PUT", f"/api/people/{person}", 200, changed)
    await ask("PUT", f"/api/people/{person}", 409, changed)
    await ask("PUT", f"/api/units/{two}", 200, {"organ": organ, "name": "二科", "ended": True})
    again = await ask("POST", f"/api/people/{person}/password", 201, {"reason": "forgotten"})
    assert await sign_in(house, "wang", made["password"]) == 401
    assert await sign_in(house, "wang", again["password"]) == 200
    await ask("POST", f"/api/people/{person}/totp/reset", 409, {"reason": "lost"})
    async with house.database.read() as conn:
        entries = (await conn.execute(select(tables.entry.c.bytes))).scalars().all()
        kept = (await conn.execute(select(tables.credential))).one()
    assert not any(again["password"].encode() in entry for entry in entries)
    assert kept.password.startswith("$argon2id$")


async def test_people_are_paged_by_account_and_seen_by_those_near_them(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    for n in range(5):
        await call(house, admin, "POST", "/api/people", 201,
                   body(account=f"p{n}", organ=staff.organ("city"), password=False))  # fmt: skip
    far = await call(house, admin, "POST", "/api/people", 201,
                     body(account="qq", organ=staff.organ("county"), password=False))  # fmt: skip
    assert far["password"] is None
    seen, cursor = [], ""
    while True:
        page = await call(house, admin, "GET", f"/api/people?limit=2{cursor}", 200)
        seen += [one["account"] for one in page["people"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ["p0", "p1", "p2", "p3", "p4", "qq", "sec"]
    officer = await staff.signed_in(Role.OFFICER, "city", "one", name="lin")
    page = await call(house, officer, "GET", "/api/people", 200)
    assert len(page["people"]) == 6
    assert all("account" not in one and "totp" not in one for one in page["people"])
    await call(house, officer, "GET", f"/api/people/{far['id']}", 403)


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        (["security_admin", "audit_admin"], "duty-separation"),
        (["system_admin", "officer"], "duty-separation"),
        (["system_admin", "security_admin", "audit_admin"], "duty-separation"),
    ],
)
async def test_m15_three_administrators_are_three_persons(
    staff: Staff, roles: list[str], code: str
) -> None:
    """三员分立, on the running server, for new people and for those that are there."""
    house, admin = staff.house, await security(staff)
    refused = await call(house, admin, "POST", "/api/people", 409, body(roles=roles))
    assert refused["code"] == code
    made = await call(house, admin, "POST", "/api/people", 201, body())
    changed = body(roles=roles, reason="more")
    refused = await call(house, admin, "PUT", f"/api/people/{made['id']}", 409, changed)
    assert refused["code"] == code


async def test_m15_nobody_gives_himself_a_role_or_resets_himself(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    own = named("person sec")
    changed = body(account="sec", name="sec", roles=["organ_head"])
    assert (await call(house, admin, "PUT", f"/api/people/{own}", 403, changed))[
        "code"
    ] == "own-rights"
    for what in ("password", "totp/reset"):
        refused = await call(
            house, admin, "POST", f"/api/people/{own}/{what}", 403, {"reason": "r"}
        )
        assert refused["code"] == "own-rights"


async def test_an_account_is_one_persons_however_it_is_written(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    await call(house, admin, "POST", "/api/people", 201, body(account="Wang"))
    for account in ("wang", "WANG", "ｗａｎｇ"):
        refused = await call(house, admin, "POST", "/api/people", 409, body(account=account))
        assert refused["code"] == "account-taken"


async def test_an_administrator_who_has_lost_his_role_acts_no_more(staff: Staff) -> None:
    """Also when he lost it while his act waited for its turn."""
    house, admin = staff.house, await security(staff)
    await security(staff, "second")
    other = named("person second")
    made = people.Person(named("x"), "x", "x")
    gone = people.Person(other, "second", "second", roles=frozenset())
    now_ms = house.clock.now_ms()
    results = await asyncio.gather(
        people.set_person(house.ledger, gone, new=False, by=f"u:{named('person sec')}", reason="r",
                          now_ms=now_ms),
        people.set_person(house.ledger, made, new=True, by=f"u:{other}", reason="r", now_ms=now_ms),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(r).__name__ for r in results] == ["Event", "RightMissingError"]
    await call(house, admin, "GET", "/api/people", 200)
    async with (await staff.browser(other)).get("/api/people") as answer:
        assert answer.status == 403


async def test_an_ended_person_is_out_and_nothing_of_his_opens_any_more(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    officer = await staff.signed_in(Role.OFFICER, "city", "one", name="lin")
    sent = {"name": "mine", "rights": ["read"], "own": True}
    mine = await call(house, officer, "POST", "/api/tokens", 201, sent)
    program = house.session({"Authorization": f"Bearer {mine['secret']}"})
    await call(house, program, "GET", "/api/cases", 200)
    person = named("person lin")
    ended = body(account="lin", name="lin", organ=staff.organ("city"), unit=staff.unit(),
                 ended="2020-01-01T00:00:00.000Z", reason="left")  # fmt: skip
    await call(house, admin, "PUT", f"/api/people/{person}", 200, ended)
    for client in (officer, program):
        await call(house, client, "GET", "/api/cases", 401)


# --- tokens -------------------------------------------------------------------------------------


async def test_tokens_are_given_out_listed_and_taken_back(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    sent = {"name": "dock", "rights": ["upload"], "source": "采集站 1", "kind": "station"}
    made = await call(house, admin, "POST", "/api/tokens", 201, sent | {"organ": staff.organ()})
    listed = (await call(house, admin, "GET", "/api/tokens", 200))["tokens"]
    assert [(t["source_name"], t["organ"], t["revoked"]) for t in listed] == [
        ("采集站 1", staff.organ(), False)
    ]
    assert "secret" not in listed[0]
    device = house.session({"Authorization": f"Bearer {made['secret']}"})
    async with device.get("/api/session") as answer:
        assert (await answer.json())["rights"] == ["upload"]
    await call(house, admin, "POST", f"/api/tokens/{made['id']}/revoke", 201, {"reason": "lost"})
    await call(house, admin, "POST", f"/api/tokens/{ZERO}/revoke", 404, {"reason": "lost"})
    async with device.get("/api/session") as answer:
        assert answer.status == 401
    await call(house, admin, "POST", "/api/tokens", 404, sent | {"organ": ZERO})


async def test_m15_no_administrator_makes_himself_a_key_to_evidence(staff: Staff) -> None:
    house, admin = staff.house, await security(staff)
    item = await house.item(publish=False)
    for right in ("read", "case", "admin"):
        sent = {"name": "x", "rights": [right]}
        assert (await call(house, admin, "POST", "/api/tokens", 403, sent))["code"] == "no-evidence"
    own = {"name": "x", "rights": ["read"], "own": True}
    made = await call(house, admin, "POST", "/api/tokens", 201, own)
    program = house.session({"Authorization": f"Bearer {made['secret']}"})
    await call(house, program, "GET", f"/api/items/{item}", 403)
    assert (await call(house, program, "GET", "/api/organs", 200))["organs"]
    await call(house, admin, "POST", "/api/tokens", 403, own | {"rights": ["case"]})


async def test_ones_own_token_may_no_more_than_oneself_and_is_ones_own_to_revoke(
    staff: Staff,
) -> None:
    house = staff.house
    lin = await staff.signed_in(Role.OFFICER, "city", "one", name="lin")
    other = await staff.signed_in(Role.OFFICER, "city", "one", name="other")
    await call(house, lin, "POST", "/api/tokens", 403, {"name": "x", "rights": ["upload"]})
    await call(
        house, lin, "POST", "/api/tokens", 403, {"name": "x", "rights": ["log"], "own": True}
    )
    sent = {"name": "mine", "rights": ["read"], "own": True}
    made = await call(house, lin, "POST", "/api/tokens", 201, sent)
    program = house.session({"Authorization": f"Bearer {made['secret']}"})
    await call(house, program, "GET", "/api/cases", 200)
    await call(
        house, program, "POST", "/api/cases", 403, {"number": "1", "kind": "x", "title": "t"}
    )
    await call(house, program, "GET", "/api/jobs", 403)
    assert (await call(house, other, "GET", "/api/tokens", 200))["tokens"] == []
    await call(house, other, "POST", f"/api/tokens/{made['id']}/revoke", 404, {"reason": "r"})
    await call(house, lin, "POST", f"/api/tokens/{made['id']}/revoke", 201, {"reason": "r"})
    await call(house, program, "GET", "/api/cases", 401)


# --- what is noted ------------------------------------------------------------------------------


async def test_m14_refusals_are_entries_and_the_audit_administrator_reads_them(
    staff: Staff,
) -> None:
    """Of items and cases in their chains, of everything else in the system's, by route."""
    house = staff.house
    item = await house.item(publish=False)
    officer = await staff.signed_in(Role.OFFICER, "city", "one", name="lin")
    far = await staff.person(Role.OFFICER, "county", "one", name="far")
    for _ in range(3):
        await call(house, officer, "GET", f"/api/items/{item}", 403)
        await call(house, officer, "GET", f"/api/people/{far}", 403)
        await call(house, officer, "GET", "/api/jobs", 403)
    audit = await staff.signed_in(Role.AUDIT_ADMIN, None, None, name="audit")
    entries = (await call(house, audit, "GET", "/api/audit?type=access.denied", 200))["entries"]
    noted = {e["fields"].get("route") or e["fields"]["item"]: e for e in entries}
    assert set(noted) == {item, f"GET /api/people/{far}", "GET /api/jobs"}
    assert {e["chain"] for e in entries} == {f"i:{item}", "sys"}
    assert {e["who"] for e in entries} == {"lin"}
    assert noted[item]["fields"]["right"] == "item.read"
    everything = (await call(house, audit, "GET", "/api/audit?limit=200", 200))["entries"]
    assert {"user.changed", "organ.set", "unit.set", "access.denied"} <= {
        e["type"] for e in everything
    }
    page = await call(house, audit, "GET", "/api/audit?limit=1", 200)
    next_ = await call(house, audit, "GET", f"/api/audit?limit=1&cursor={page['next']}", 200)
    assert next_["entries"][0]["index"] < page["entries"][0]["index"]


async def test_m15_the_security_administrator_does_not_read_what_was_noted_of_him(
    staff: Staff,
) -> None:
    house, admin = staff.house, await security(staff)
    item = await house.item(publish=False)
    await call(house, admin, "POST", "/api/people", 201, body())
    await call(house, admin, "GET", "/api/audit", 403)
    await call(house, admin, "GET", f"/api/items/{item}/trail", 403)
    audit = await staff.signed_in(Role.AUDIT_ADMIN, None, None, name="audit")
    entries = (await call(house, audit, "GET", "/api/audit?type=credential.changed", 200))[
        "entries"
    ]
    assert [(e["who"], e["fields"]["what"]) for e in entries] == [("sec", "password-reset")]
    assert (await call(house, audit, "GET", f"/api/items/{item}/trail", 200))["entries"]
    await call(house, audit, "GET", f"/api/items/{item}", 403)
    await call(house, audit, "POST", "/api/people", 403, body())


async def test_m33_a_private_recording_opens_with_a_second_approval(staff: Staff) -> None:
    """To a reviewer who could see it otherwise, while the approval lasts, and to nobody else."""
    house = staff.house
    item = await house.item(publish=False)
    place = {"organ": staff.organ(), "unit": staff.unit("city", "two")}
    await house.record(
        "item.attributed", f"i:{item}", item=item, kind="video", carrier="recorder", sound=True,
        marks=[], policy="p", why="roster", **place,
    )  # fmt: skip
    reviewer = await staff.signed_in(Role.REVIEWER, "city", "one", name="rev")
    officer = await staff.signed_in(Role.OFFICER, "city", "one", name="off")
    head = await staff.signed_in(Role.UNIT_HEAD, "city", "two", name="head")
    await call(house, reviewer, "GET", f"/api/items/{item}", 200)
    await house.record("item.flagged", f"i:{item}", item=item, private=True, viewers=[], reason="r")
    refused = await call(house, reviewer, "GET", f"/api/items/{item}", 403)
    assert refused["code"] == "approval-needed"
    await call(house, head, "GET", f"/api/items/{item}", 200)
    now_ms = house.clock.now_ms()

    async def approved(asker: str, by: str, n: int) -> None:
        until = format_time(now_ms + 3_600_000)
        approval = named(f"approval {n}")
        draft = Draft("access.asked", f"i:{item}", f"u:{asker}",
                             {"approval": approval, "item": item, "purpose": "p", "until": until})  # fmt: skip
        decided = Draft("approval.decided", f"i:{item}", f"u:{by}",
                               {"approval": approval, "decision": "approved", "until": until})  # fmt: skip
        for name, one in (("asked", draft), ("decided", decided)):
            await house.ledger.record(f"{name}{n}", lambda _conn, one=one: [one])

    rev, off, boss = (named(f"person {name}") for name in ("rev", "off", "head"))
    await approved(rev, boss, 1)
    await call(house, reviewer, "GET", f"/api/items/{item}", 200)
    await approved(off, boss, 2)
    await call(house, officer, "GET", f"/api/items/{item}", 403)  # of another unit: it takes two
    await approved(off, boss, 3)
    await call(house, officer, "GET", f"/api/items/{item}", 403)  # of two people
    await approved(off, named("organ head"), 4)
    await call(house, officer, "GET", f"/api/items/{item}", 200)
    house.clock.shift_ms += 3_700_000  # sessions last longer than the approval
    await call(house, await staff.browser(rev), "GET", f"/api/items/{item}", 403)


# --- the first account ----------------------------------------------------------------------------


async def test_the_first_person_is_the_security_administrator_and_only_the_first(
    small: House,
) -> None:
    hashed = await Passwords(Cost(memory_kib=64)).hash("one-time")
    now_ms = small.clock.now_ms()
    with pytest.raises(MalformedError, match="account"):
        await people.first_person(small.ledger, "A B", "x", hashed, now_ms=now_ms)
    id_ = await people.first_person(small.ledger, "an", "安", hashed, now_ms=now_ms)
    with pytest.raises(ConflictError, match="expected nobody before"):
        await people.first_person(small.ledger, "bn", "安", hashed, now_ms=now_ms)
    async with small.database.read() as conn:
        (one,) = await people.listed(conn)
    assert (one.person.id, one.person.roles) == (id_, {Role.SECURITY_ADMIN})
    assert one.must_change
    assert await sign_in(small, "an", "one-time") == 200


async def test_no_account_exists_on_a_new_server(small: House) -> None:
    """No default password anywhere."""
    for account in ("admin", "root", "administrator", "security", "an"):
        for password in ("", "admin", "password", "123456"):
            answer_to = {"account": account, "password": password or " "}
            async with small.session().post("/api/session", json=answer_to) as answer:
                assert answer.status in (401, 429)


async def test_m15_no_administrator_resets_another(staff: Staff) -> None:
    """M15: who could, might act in his place; it is done at the server, on record."""
    house, admin = staff.house, await security(staff)
    made = await call(house, admin, "POST", "/api/people", 201,
                      body(account="audit2", roles=["audit_admin"]))  # fmt: skip
    for way in ("password", "totp/reset"):
        refused = await call(house, admin, "POST", f"/api/people/{made['id']}/{way}", 403,
                             {"reason": "curious"})  # fmt: skip
        assert refused["code"] == "administrator"


async def test_people_and_devices_are_found_by_two_characters_of_their_name(staff: Staff) -> None:
    """Lists of thousands are searched on the server; what is not told is not found by, either."""
    house = staff.house
    await staff.person(name="欧阳明远")
    await staff.person(name="王明")
    await staff.person(Role.UNIT_HEAD, name="欧阳_主任")
    viewer = await staff.signed_in(Role.ORGAN_HEAD)
    desk = Desk(house, staff, await house.client())
    await desk.device("执法记录仪 甲", serial="DSJL907")
    await desk.device("旧记录仪", serial="DSJL001", ended="2026-01-01T00:00:00.000Z")

    async def names(path: str) -> list[str]:
        answer = await call(house, viewer, "GET", path, 200)
        return sorted(one["name"] for one in answer.get("people") or answer["devices"])

    assert await names("/api/people?text=欧阳") == ["欧阳_主任", "欧阳明远"]
    assert await names("/api/people?text=欧阳&role=officer") == ["欧阳明远"]
    assert await names("/api/people?text=阳_") == ["欧阳_主任"], "no pattern, but a character"
    below = staff.unit()
    assert "王明" in await names(f"/api/people?below={below}&current=true")
    assert await names("/api/devices?text=sjl9") == ["执法记录仪 甲"]
    assert await names("/api/devices?text=记录&current=true") == ["执法记录仪 甲"]
