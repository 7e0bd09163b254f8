"""What a review found to leak from one organ, unit or case into another: closed, case by case."""

from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import Connection, select, update

from console import matrix
from console.errors import OwnCodeError
from console.guard import approvals
from console.login import SIGN_IN
from console.tokens import issue_token
from storage import tables
from storage.access import Caller, Right
from storage.jobs import enqueue
from storage.rights import Role
from tests.console.belongings import SECRET, attributed, everything, open_case
from tests.console.conftest import House
from tests.console.staff import Staff, named, settled
from tests.console.test_rules_api import FROM, GOOD
from verify.entries import format_time


@pytest.fixture
async def staff(small: House) -> Staff:
    return await settled(small)


async def said(client: ClientSession, method: str, path: str, body: Any, expected: int) -> Any:
    """The answer, which must have this status."""
    async with client.request(method, path, json=body) as answer:
        text = await answer.text()
        assert answer.status == expected, (path, answer.status, text)
        return await answer.json() if "json" in answer.content_type else text


async def case_row(house: House, case: str) -> Any:
    async with house.database.read() as conn:
        return (await conn.execute(select(tables.case).where(tables.case.c.id == case))).one()


PURPOSE = "核对口供"

# --- importing cases ------------------------------------------------------------------------

MAPPING = {"key": "k", "number": "n", "title": "t", "unit": "u"}


def sheet_of(system: str, key: str, number: str, unit: str = "") -> dict[str, Any]:
    row = {"k": key, "n": number, "t": "changed", "u": unit}
    return {"system": system, "mapping": MAPPING, "rows": [row]}


@pytest.mark.parametrize("private", [False, True])
async def test_an_import_changes_no_case_that_its_importer_may_not_change(
    small: House, staff: Staff, private: bool
) -> None:
    external = {"system": "办案", "key": "K1"}
    case = await open_case(small, staff, external=external, private=private, number="案一")
    before = await case_row(small, case)
    county = await staff.signed_in(Role.UNIT_HEAD, "county", "two")
    colleague = await staff.signed_in(Role.OFFICER, "city", "two")
    bound = await small.client_of(staff.organ("county"))
    for client in (county, colleague, bound):
        for number in ("案一", "guessed"):
            found = await said(
                client, "POST", "/api/imports/cases", sheet_of("办案", "K1", number, "two"), 200
            )
            (row,) = found["results"]
            assert (row["status"], row["case"]) == ("failed", None)
            assert case not in str(found)
            assert ("案一" in str(found)) == (number == "案一")
        csv = "案号,案件名称,部门\n案一,changed,two\n".encode()
        async with client.post(
            "/api/imports/cases", data=csv, headers={"Content-Type": "text/csv"}
        ) as answer:
            found = await answer.json()
            assert found["counts"]["failed"] == 1
            assert case not in str(found)
    assert await case_row(small, case) == before


async def test_an_import_changes_the_cases_of_its_importer(small: House, staff: Staff) -> None:
    case = await open_case(small, staff, external={"system": "办案", "key": "K1"}, number="案一")
    for client in (
        await staff.signed_in(Role.ORGAN_HEAD, "city", None),
        await small.client_of(staff.organ()),
        await small.client(),
    ):
        found = await said(
            client, "POST", "/api/imports/cases", sheet_of("办案", "K1", "案一"), 200
        )
        assert found["results"][0]["case"] == case
    assert (await case_row(small, case)).title == "changed"


async def test_a_known_key_or_number_names_no_case_of_others(small: House, staff: Staff) -> None:
    external = {"system": "办案", "key": "K1"}
    case = await open_case(small, staff, external=external, number="案一")
    body = {"number": "案一", "title": "x", "kind": "other"}
    for client in (
        await staff.signed_in(Role.OFFICER, "county", "one"),
        await small.client_of(staff.organ("county")),
    ):
        for more in ({}, {"external": external}, {"external": external, "number": "new"}):
            found = await said(client, "POST", "/api/cases", body | more, 409)
            assert found["code"] == "case-number-taken"
            assert case not in str(found)
    own = await small.client_of(staff.organ())
    assert (await said(own, "POST", "/api/cases", body | {"external": external}, 200))["id"] == case


# --- letting people in ----------------------------------------------------------------------


async def test_nobody_of_another_organ_is_let_into_a_case_or_a_recording(
    small: House, staff: Staff
) -> None:
    stranger = await staff.person(Role.OFFICER, "county", "one")
    above = await staff.person(Role.SUPERVISOR, "bureau", None)
    item = await small.item()
    await attributed(small, staff, item)
    for role, unit in ((Role.UNIT_HEAD, "one"), (Role.ORGAN_HEAD, None)):
        person = await staff.person(role, "city", unit)
        client = await staff.browser(person)
        case = await open_case(small, staff, people=[person])
        for other in (stranger, above):
            for path, body in (
                (f"/api/cases/{case}/changes", {"people": [person, other], "reason": "x"}),
                (f"/api/cases/{case}/changes", {"viewers": [other], "reason": "x"}),
                (f"/api/items/{item}/flag", {"private": True, "viewers": [other], "reason": "x"}),
                (f"/api/items/{item}/attribution", {"person": other, "reason": "x"}),
                ("/api/cases", {"number": "n", "title": "t", "kind": "other", "people": [other]}),
                ("/api/cases", {"number": "n", "title": "t", "kind": "other", "private": True,
                                "viewers": [other]}),
            ):  # fmt: skip
                found = await said(client, "POST", path, body, 409)
                assert found["code"] == "other-organ", path
        place = {"unit": staff.unit("county"), "reason": "x"}
        assert (await said(client, "POST", f"/api/items/{item}/attribution", place, 409))[
            "code"
        ] == "other-organ"


async def test_people_of_another_unit_join_by_a_head_only(small: House, staff: Staff) -> None:
    officer = await staff.person(Role.OFFICER, "city", "one")
    near = await staff.person(Role.OFFICER, "city", "one", name="near")
    far = await staff.person(Role.OFFICER, "city", "two")
    case = await open_case(small, staff, people=[officer])
    client = await staff.browser(officer)
    changes = f"/api/cases/{case}/changes"
    await said(client, "POST", changes, {"people": [officer, near], "reason": "x"}, 201)
    for body in (
        {"people": [officer, far], "reason": "x"}, {"viewers": [far], "reason": "x"},
    ):  # fmt: skip
        assert "case.share" in str(await said(client, "POST", changes, body, 403))
    new = {"number": "n", "title": "t", "kind": "other", "people": [officer, far]}
    await said(client, "POST", "/api/cases", new, 403)
    other = await staff.signed_in(Role.UNIT_HEAD, "city", "two")
    await said(other, "POST", changes, {"people": [far], "reason": "x"}, 403)
    head = await staff.signed_in(Role.UNIT_HEAD, "city", "one")
    await said(head, "POST", changes, {"people": [officer, far], "reason": "x"}, 201)
    # who is there already stays, whoever describes the case
    await said(client, "POST", changes, {"people": [far, officer], "reason": "x"}, 201)


async def test_a_sheet_lets_nobody_in_either(small: House, staff: Staff) -> None:
    officer = await staff.person(Role.OFFICER, "city", "one")
    await staff.person(Role.OFFICER, "city", "two", name="far", certificate="C-1")
    await open_case(small, staff, people=[officer], number="案一")
    client = await staff.browser(officer)
    for number in ("案一", "案二"):
        data = f"案号,案件名称,执法证号,部门\n{number},x,C-1,one\n".encode()
        async with client.post(
            "/api/imports/cases", data=data, headers={"Content-Type": "text/csv"}
        ) as answer:
            assert (await answer.json())["counts"]["failed"] == 1


async def test_a_program_says_what_another_system_says(small: House, staff: Staff) -> None:
    stranger = await staff.person(Role.OFFICER, "county", "one")
    case = await open_case(small, staff)
    await said(
        await small.client(), "POST", f"/api/cases/{case}/changes",
        {"people": [stranger], "reason": "x"}, 201,
    )  # fmt: skip


# --- what is shown beside -------------------------------------------------------------------


async def linked(house: House, case: str, item: str) -> None:
    body = {"item": item, "reason": SECRET}
    await said(await house.client(), "POST", f"/api/cases/{case}/links", body, 201)


async def test_the_inbox_proposes_no_case_that_its_reader_may_not_see(
    small: House, staff: Staff
) -> None:
    case = await open_case(small, staff, number="案一", private=True)
    item = await small.item(wish="案一")
    officer = await staff.person(Role.OFFICER, "city", "one")
    await small.record(
        "item.attributed", f"i:{item}", item=item, organ=staff.organ(), unit=staff.unit(),
        person=officer, kind="video", carrier="body_camera", sound=True, marks=[],
        policy="shipped-1", why="sealed",
    )  # fmt: skip
    for client, proposed in (
        (await staff.browser(officer), None),
        (await staff.signed_in(Role.STATION_KEEPER), None),
        (await staff.signed_in(Role.UNIT_HEAD), case),
        (await small.client(), None),  # a program asks for what is private, like anybody
    ):
        (row,) = (await said(client, "GET", "/api/inbox", None, 200))["items"]
        assert row["case_proposed"] == proposed
        assert (case in str(row)) == (proposed is not None)


async def test_a_view_names_no_case_that_its_viewer_may_not_see(small: House, staff: Staff) -> None:
    """Nor does the refusal tell whether there is one."""
    item = await small.item()
    person = await staff.person(Role.OFFICER, "city", "one")
    own = await open_case(small, staff, people=[person], number="自己", title="x", parties=[])
    theirs = await open_case(
        small, staff, people=[await staff.person(Role.OFFICER, "county", "one")], number=SECRET,
        organ=staff.organ("county"), unit=staff.unit("county", "one"),
    )  # fmt: skip
    await linked(small, own, item)
    client = await staff.browser(person)
    excerpt = {"kind": "clip", "from_ms": 0, "to_ms": 500, "purpose": "x"}
    for path, body in (
        (f"/api/items/{item}/views", {"purpose": "x", "what": "original"}),
        (f"/api/items/{item}/clips", excerpt),
        (f"/api/items/{item}/clips/{'1' * 32}/views", {"purpose": "x"}),
    ):  # fmt: skip
        told = []
        for case in (theirs, "f" * 32):
            async with client.post(path, json=body | {"case": case}) as answer:
                told.append((answer.status, await answer.text()))
        assert told[0] == told[1], path
        assert told[0][0] == 403, path
    async with client.post(
        f"/api/items/{item}/views", json={"purpose": "x", "what": "original", "case": own}
    ) as answer:
        assert answer.status == 201


async def test_an_excerpt_tells_nothing_of_a_case_that_its_reader_may_not_see(
    small: House, staff: Staff
) -> None:
    item = await small.item()
    reader = await staff.person(Role.OFFICER, "city", "one")
    other = await staff.person(Role.OFFICER, "county", "one")
    own = await open_case(small, staff, people=[reader], number="自己", title="x", parties=[])
    theirs = await open_case(
        small, staff, people=[other], number=SECRET,
        organ=staff.organ("county"), unit=staff.unit("county", "one"),
    )  # fmt: skip
    await linked(small, own, item)
    await linked(small, theirs, item)
    clip = "c" * 32
    await small.record(
        "clip.asked", f"i:{item}", clip=clip, item=item, kind="clip", from_ms=0, to_ms=500,
        purpose=PURPOSE, case=theirs,
    )  # fmt: skip
    hers = await staff.browser(other)
    for client, sees in ((hers, True), (await staff.browser(reader), False)):
        for path in (f"/api/items/{item}/clips", f"/api/items/{item}/clips/{clip}"):
            answer = await said(client, "GET", path, None, 200)
            assert clip in str(answer)
            assert [theirs in str(answer), PURPOSE in str(answer)] == [sees, sees], path


async def test_a_trail_tells_nothing_of_a_case_that_its_reader_may_not_see(
    small: House, staff: Staff
) -> None:
    item = await small.item()
    officer = await staff.person(Role.OFFICER, "city", "one")
    other = await staff.person(Role.OFFICER, "city", "two")
    own = await open_case(small, staff, people=[officer], number="自己", title="x", parties=[])
    theirs = await open_case(
        small, staff, people=[other], number=SECRET, unit=staff.unit("city", "two")
    )
    await linked(small, theirs, item)
    body = {"item": item, "reason": "x"}
    await said(await small.client(), "POST", f"/api/cases/{own}/links", body, 201)
    merged = {"how": "fact", "exit": "merged", "other": theirs}
    await said(await small.client(), "POST", f"/api/cases/{own}/stages", merged, 201)
    client = await staff.browser(officer)
    for path in (
        f"/api/items/{item}/trail", f"/api/cases/{own}/trail", f"/items/{item}", f"/cases/{own}",
    ):  # fmt: skip
        text = str(await said(client, "GET", path, None, 200))
        assert SECRET not in text, path
        assert path == f"/cases/{own}" or theirs not in text, path
    found = (await said(client, "GET", f"/api/items/{item}/trail", None, 200))["entries"]
    links = [step for step in found if step["type"] == "item.linked"]
    assert [step["chain"] for step in links] == ["c:-", f"c:{own}"]
    assert "自己" in links[1]["words"]
    auditor = await staff.signed_in(Role.AUDIT_ADMIN, None, None)
    assert own in str(await said(auditor, "GET", f"/api/items/{item}/trail", None, 200))


async def test_pages_show_a_trail_to_those_only_who_may_read_it(small: House, staff: Staff) -> None:
    item, upload = await small.item(), "ab" * 16
    await attributed(small, staff, item)
    device = {
        "device": "5" * 32, "name": "执法记录仪 7", "carrier": "body_camera",
        "organ": staff.organ(), "unit": staff.unit(),
    }  # fmt: skip
    await said(await small.client(), "POST", "/api/devices", device, 201)
    await small.upload(upload)
    for role, shown in ((Role.STATION_KEEPER, False), (Role.UNIT_HEAD, True)):
        client = await staff.signed_in(role)
        for path in (f"/items/{item}", f"/uploads/{upload}"):
            page = await said(client, "GET", path, None, 200)
            assert ('id="trail"' in page) == shown, (role, path)
            assert ("upload.opened" in page) == shown, (role, path)


# --- rights and registers -------------------------------------------------------------------


async def test_failed_jobs_are_shown_to_those_only_who_manage_them(
    small: House, staff: Staff
) -> None:
    def failed(conn: Connection) -> None:
        enqueue(conn, "probe", {"item": "f" * 32}, key="probe:x", lane="quick", now_ms=1)
        conn.execute(update(tables.job).values(state="failed", error=SECRET))

    await small.database.write(failed)
    for role in (Role.STATION_KEEPER, Role.UNIT_HEAD, Role.ORGAN_HEAD):
        client = await staff.signed_in(role)
        assert SECRET not in await said(client, "GET", "/desk", None, 200)
    assert SECRET in await said(await small.client(), "GET", "/desk", None, 200)


def test_only_who_manages_jobs_has_the_right_of_administration() -> None:
    known = matrix.shipped()
    having = {role for role, rights in known.rights.items() if Right.ADMIN in rights}
    assert having == {Role.SYSTEM_ADMIN}
    assert having == set(known.permissions["job.manage"].allow)


async def test_a_device_is_shown_to_whoever_holds_it_and_no_longer(
    small: House, staff: Staff
) -> None:
    program, officer = await small.client(), await staff.person(Role.OFFICER, "city", None)
    next_ = await staff.person(Role.OFFICER, "city", None, name="next")
    body = {"name": "d", "carrier": "body_camera", "organ": staff.organ()}
    device = (await said(program, "POST", "/api/devices", body, 201))["id"]
    one, two = await staff.browser(officer), await staff.browser(next_)
    now = small.clock.now_ms()
    for at_ms, what, person, seen in (
        (now - 3000, "issued", officer, (True, False)),
        (now - 2000, "returned", None, (False, False)),
        (now - 1000, "issued", next_, (False, True)),
        (now, "issued", officer, (True, False)),
    ):
        line = {"what": what, "at": format_time(at_ms)} | ({"person": person} if person else {})
        await said(program, "POST", f"/api/devices/{device}/custody", line, 201)
        for client, expected in zip((one, two), seen, strict=True):
            listed = await said(client, "GET", "/api/devices", None, 200)
            assert (device in str(listed)) == expected, (what, at_ms)


async def test_a_roster_is_shown_to_those_whom_it_concerns(small: House, staff: Staff) -> None:
    on_duty = await staff.person(Role.OFFICER, "city", "one")
    start = small.clock.now_ms()
    shift = {"person": on_duty, "start": format_time(start), "end": format_time(start + 1)}
    for name, more in (("nobody", {}), ("city", {"organ": staff.organ()})):
        await small.record(
            "roster.set", "sys", roster=named(name), name=name,
            shifts=[shift] if more else [], **more,
        )  # fmt: skip
    for role, organ, unit, seen in (
        (Role.OFFICER, "city", "one", {"city"}), (Role.OFFICER, "city", "two", set()),
        (Role.UNIT_HEAD, "city", "two", {"city"}), (Role.ORGAN_HEAD, "county", None, set()),
        (Role.STATION_KEEPER, "county", "one", set()),
        (Role.ORGAN_HEAD, "bureau", None, {"nobody"}),
    ):  # fmt: skip
        client = await staff.signed_in(role, organ, unit)
        found = await said(client, "GET", "/api/rosters", None, 200)
        assert {one["name"] for one in found["rosters"]} == seen, (role, organ, unit)


# --- accounts -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["password", "totp", "ended"])
async def test_a_reset_and_an_end_take_back_the_persons_own_tokens(
    small: House, staff: Staff, how: str
) -> None:
    person = await staff.person(Role.OFFICER, name="lin")
    await staff.password(person, totp="JBSWY3DPEHPK3PXP")
    _, secret = await issue_token(small.ledger, "own", [Right.READ], person=person)
    _, others = await issue_token(small.ledger, "other", [Right.READ])
    client = small.session({"Authorization": f"Bearer {secret}"})
    browser = small.session()
    async with browser.post("/login", data={"token": secret, "next": "/verify"}) as answer:
        assert answer.status == 200
    for one in (client, browser):
        await said(one, "GET", "/api/cases", None, 200)
    security = await staff.signed_in(Role.SECURITY_ADMIN, None, None)
    calls = {
        "password": ("POST", f"/api/people/{person}/password", {}),
        "totp": ("POST", f"/api/people/{person}/totp/reset", {}),
        "ended": ("PUT", f"/api/people/{person}", {
            "account": "lin", "name": "lin", "roles": ["officer"], "organ": staff.organ(),
            "unit": staff.unit(), "ended": format_time(small.clock.now_ms()),
        }),
    }  # fmt: skip
    method, path, body = calls[how]
    async with security.request(method, path, json=body | {"reason": "lost"}) as answer:
        assert answer.status in (200, 201), await answer.text()
    t, s = tables.token.c, tables.token_secret.c
    async with small.database.read() as conn:
        left = select(t.id).where(t.person == person, t.revoked_index.is_(None))
        assert (await conn.execute(left)).all() == []
        assert len((await conn.execute(select(s.token))).all()) == 1
        assert (await conn.execute(select(tables.session.c.token).where(
            tables.session.c.token.is_not(None)))).all() == []  # fmt: skip
    for one in (client, browser):
        await said(one, "GET", "/api/cases", None, 401)
    other = small.session({"Authorization": f"Bearer {others}"})
    await said(other, "GET", "/api/cases", None, 200)


async def test_the_providers_word_alone_opens_no_role_that_needs_a_code(
    small: House, staff: Staff
) -> None:
    officer = await staff.person(Role.OFFICER, name="lin", subject="S-1")
    await staff.person(Role.SECURITY_ADMIN, None, None, subject="S-2")
    sign_in = small.server.app[SIGN_IN]
    assert await sign_in.by_subject("S-1") == officer
    with pytest.raises(OwnCodeError, match="password and code"):
        await sign_in.by_subject("S-2")


# --- denials, rules, audit, approvals -------------------------------------------------------


async def test_a_refusal_makes_no_chain_of_an_item_that_is_an_upload(
    small: House, staff: Staff
) -> None:
    upload = "ab" * 16
    await small.upload(upload)
    client = await staff.signed_in(Role.OFFICER, "county", "one")
    await said(client, "GET", f"/api/items/{upload}", None, 403)
    e = tables.entry.c
    async with small.database.read() as conn:
        denied = select(e.chain).where(e.type == "access.denied")
        assert (await conn.execute(denied)).scalars().all() == ["sys"]


async def test_a_program_of_one_organ_reads_the_rules_of_all(small: House, staff: Staff) -> None:
    ids, admin = {}, await small.client()
    for name, more in (("all", ""), ("city", f"&organ={staff.organ()}")):
        async with admin.post(
            f"/api/rules?name={name}&version=1&{FROM}{more}", data=GOOD.encode(),
            headers={"Content-Type": "text/csv"},
        ) as answer:  # fmt: skip
            assert answer.status == 201, await answer.text()
            ids[name] = (await answer.json())["id"]
    for organ, seen in (("county", 403), ("city", 200)):
        program = await small.client_of(staff.organ(organ), Right.READ)
        await said(program, "GET", f"/api/rules/{ids['all']}", None, 200)
        await said(program, "GET", f"/api/rules/{ids['city']}", None, seen)


async def test_the_audit_tells_what_concerns_administration_only(
    small: House, staff: Staff
) -> None:
    auditor = await staff.signed_in(Role.AUDIT_ADMIN, None, None)
    await said(auditor, "GET", "/api/audit?type=user.changed", None, 200)
    for type_ in ("case.opened", "item.sealed", "x"):
        await said(auditor, "GET", f"/api/audit?type={type_}", None, 400)


async def test_an_approval_for_an_item_opens_its_upload_too(small: House, staff: Staff) -> None:
    ids = await everything(small, staff)
    officer = await staff.person(Role.OFFICER, "city", "two")
    client = await staff.browser(officer)
    until_ms = small.clock.now_ms() + 86_400_000
    asked = {"purpose": "x", "until": format_time(until_ms)}
    approval = (await said(client, "POST", f"/api/items/{ids['item']}/access", asked, 201))[
        "approval"
    ]
    head = await staff.signed_in(Role.UNIT_HEAD, "city", "one")
    decision = {"decision": "approved", "until": format_time(until_ms)}
    await said(head, "POST", f"/api/approvals/{approval}/decision", decision, 201)
    caller = Caller(f"u:{officer}", frozenset(), "", "", person=officer)
    async with small.database.read() as conn:
        for kind in ("item", "upload"):
            found = await approvals(conn, caller, kind, ids[kind], small.clock.now_ms())
            assert found == 1, kind
