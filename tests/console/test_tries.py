"""What somebody may try who means no good, tried: and refused, without a word about what is there."""

import asyncio
import io
import json
import re
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pyotp
import pytest
from aiohttp import ClientSession
from argon2 import PasswordHasher
from sqlalchemy import select
from yarl import URL

from console import matrix, otp
from console.sessions import COOKIE
from console.settings import ConsoleSettings
from console.tokens import issue_token, revoke_token
from storage import tables
from storage.access import Right
from storage.rights import Role
from tests.console.belongings import SECRET, everything, open_case
from tests.console.conftest import House, opened
from tests.console.staff import PASSWORD, Staff, settled
from verify.entries import format_time

SCRIPT = "<script>alert(1)</script>"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FAST = ConsoleSettings(login_pad_s=0.0, login_failures=1000)


@pytest.fixture
async def staff(small: House) -> Staff:
    return await settled(small)


@pytest.fixture
async def fast(migrated_file: Any, tmp_path: Any) -> AsyncIterator[House]:
    """A house that refuses at once and knows no limit for an address."""
    (tmp_path / "liuhen.db").write_bytes(migrated_file.read_bytes())
    async with opened(f"sqlite:///{tmp_path / 'liuhen.db'}", tmp_path / "data", FAST) as made:
        yield made


async def size(house: House) -> int:
    async with house.database.read() as conn:
        return int((await conn.execute(select(tables.head.c.size))).scalar_one())


async def denials(house: House, since: int) -> list[dict[str, Any]]:
    """What the log says of refusals."""
    e, d = tables.entry.c, tables.disclosure.c
    query = (
        select(e.type, d.disclosed)
        .join(tables.disclosure, d.index == e.index)
        .where(e.index >= since)
        .order_by(e.index)
    )
    async with house.database.read() as conn:
        rows = (await conn.execute(query)).all()
    assert {row.type for row in rows} <= {"access.denied"}
    return [{name: value for _, name, value in json.loads(row.disclosed)} for row in rows]


async def sign_in(client: ClientSession, account: str, password: str, code: str = "") -> Any:
    body = {"account": account, "password": password} | ({"code": code} if code else {})
    async with client.post("/api/session", json=body) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


# --- sessions and tokens ----------------------------------------------------------------------


async def test_a_cookie_from_before_the_sign_in_is_not_taken_over(
    small: House, staff: Staff
) -> None:
    """Session fixation: neither an invented value nor an open session of the attacker survives."""
    person, attacker = await staff.person(), await staff.person(unit="two")
    await staff.password(person)
    theirs = await staff.browser(attacker)
    planted = str(theirs.headers["Cookie"]).partition("=")[2]
    for value in ("chosen-by-the-attacker", planted):
        victim = small.session({"Cookie": f"{COOKIE}={value}"})
        status, _, headers = await sign_in(victim, "officer-city-one", PASSWORD)
        assert status == 200
        assert value not in headers["Set-Cookie"]
        async with small.session({"Cookie": f"{COOKIE}={value}"}).get("/api/session") as answer:
            assert answer.status == 401
    async with theirs.get("/api/session") as answer:
        assert answer.status == 401  # the browser had it, so it is over


async def test_a_session_ends_with_its_person_and_follows_his_roles(
    small: House, staff: Staff
) -> None:
    name = "officer city one"
    person = await staff.person()
    client = await staff.browser(person)
    async with client.get("/api/cases") as answer:
        assert answer.status == 200
    await staff.change(person, name, ["system_admin"], "city", "one")
    async with client.get("/api/cases") as answer:
        assert answer.status == 403
    await staff.change(person, name, ["officer"], "city", "one", ended=format_time(1))
    async with client.get("/api/cases") as answer:
        assert answer.status == 401
    _, secret = await issue_token(small.ledger, "own", [Right.READ], person=person)
    program = small.session({"Authorization": f"Bearer {secret}"})
    async with program.get("/api/cases") as answer:
        assert answer.status == 401


async def test_a_revoked_token_and_a_person_moved_away_see_nothing_more(
    small: House, staff: Staff
) -> None:
    person = await staff.person(Role.UNIT_HEAD)
    case = await open_case(small, staff)
    token, secret = await issue_token(small.ledger, "own", [Right.READ], person=person)
    program = small.session({"Authorization": f"Bearer {secret}"})
    client = await staff.browser(person)
    for caller in (program, client):
        async with caller.get(f"/api/cases/{case}") as answer:
            assert answer.status == 200
    await staff.change(person, "unit_head city one", ["unit_head"], "county", "one")
    for caller in (program, client):
        async with caller.get(f"/api/cases/{case}") as answer:
            assert (answer.status, SECRET in await answer.text()) == (403, False)
    await revoke_token(small.ledger, token, "lost")
    async with program.get("/api/cases") as answer:
        assert answer.status == 401


async def test_a_persons_own_token_holds_no_more_than_he_does(small: House, staff: Staff) -> None:
    """Whatever rights its name has: what his roles do not let him do, it does not do either."""
    client = await staff.signed_in()
    async with client.get("/api/session") as answer:
        rights = (await answer.json())["rights"]
    assert "log" not in rights
    async with client.post(
        "/api/tokens", json={"name": "mine", "rights": ["log"], "own": True}
    ) as answer:
        assert answer.status == 403
    async with client.post("/api/tokens", json={"name": "all", "rights": ["read"]}) as answer:
        assert answer.status == 403  # a program that sees every organ
    async with client.post(
        "/api/tokens", json={"name": "mine", "rights": rights, "own": True}
    ) as answer:
        assert answer.status == 201, await answer.text()
        secret = (await answer.json())["secret"]
    program = small.session({"Authorization": f"Bearer {secret}"})
    foreign = await open_case(small, staff, organ=staff.organ("county"), unit=staff.unit("county"))
    for path in (
        "/api/jobs",
        "/metrics",
        "/api/audit",
        f"/api/cases/{foreign}",
        "/log/tile/entries/000",
    ):
        async with program.get(path) as answer:
            assert answer.status in (403, 404), path
    for path in ("/api/tokens", "/api/policies", "/api/procedures", "/api/people"):
        async with program.post(path, json={}) as answer:
            assert answer.status == 403, path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (row.method, row.path)
        for row in matrix.shipped().endpoints.values()
        if row.method in ("POST", "PUT", "PATCH", "DELETE")
        and row.permission != matrix.PUBLIC
        and not row.path.startswith("/api/uploads")  # served by `ingest`; its tests ask it
    ],
)
async def test_a_post_from_another_site_changes_nothing(
    small: House, staff: Staff, method: str, path: str
) -> None:
    client = await staff.signed_in()
    before = await size(small)
    address = re.sub(r"\{[^}]*\}", "0" * 32, path)
    for csrf in ({}, {"X-CSRF-Token": "guessed"}):
        other = small.session(
            {"Cookie": client.headers["Cookie"], "Origin": "https://evil.example"} | csrf
        )
        async with other.request(method, address, json={}) as answer:
            body = await answer.json(content_type=None)
            assert (answer.status, body["code"]) == (403, "csrf")
    assert await size(small) == before


# --- who is there -----------------------------------------------------------------------------


async def test_accounts_cannot_be_told_apart_by_guessing(
    fast: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown, wrong, locked, ended, without password, wrong code: one answer, one hash each."""
    staff = await settled(fast)
    now_ms = fast.clock.now_ms()
    known = await staff.person(name="known")
    await staff.password(known)
    locked = await staff.person(name="locked")
    await staff.password(locked, locked_until_ms=now_ms + 3_600_000, failed=9)
    ended = await staff.person(name="ended", ended=format_time(1))
    await staff.password(ended)
    await staff.person(name="nopassword")
    second = await staff.person(name="second")
    await staff.password(second, totp=otp.new_secret())
    work: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hashed: str, password: str) -> bool:
        work.append("hash")
        return bool(verify(self, hashed, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    seen = set()
    for account, password in (
        ("nobody-of-this-name", PASSWORD), ("known", "wrong"), ("locked", PASSWORD),
        ("locked", "wrong"), ("ended", PASSWORD), ("nopassword", PASSWORD),
        ("second", PASSWORD), ("second", "wrong"), ("known' OR '1'='1", PASSWORD),
    ):  # fmt: skip
        work.clear()
        status, text, headers = await sign_in(fast.session(), account, password)
        seen.add((status, text, tuple(sorted(headers.keys() - {"Date"})), tuple(work)))
    assert len(seen) == 1, seen
    ((status, text, _, hashes),) = seen
    assert (status, json.loads(text)["code"], hashes) == (401, "bad-credentials", ("hash",))
    status, _, _ = await sign_in(fast.session(), "known", PASSWORD)
    assert status == 200


async def test_guessed_codes_lock_the_account_and_a_code_is_good_once(fast: House) -> None:
    staff = await settled(fast)
    secret = otp.new_secret()
    person = await staff.person(name="second")
    await staff.password(person, totp=secret)
    good = pyotp.TOTP(secret).at(fast.clock.now_ms() // 1000)
    assert (await sign_in(fast.session(), "second", PASSWORD, good))[0] == 200
    assert (await sign_in(fast.session(), "second", PASSWORD, good))[0] == 401
    fast.clock.shift_ms += 120_000
    answers = await asyncio.gather(
        *(sign_in(fast.session(), "second", PASSWORD, f"{n:06}") for n in range(12))
    )
    assert {status for status, _, _ in answers} == {401}
    good = pyotp.TOTP(secret).at(fast.clock.now_ms() // 1000)
    assert (await sign_in(fast.session(), "second", PASSWORD, good))[0] == 401  # locked
    fast.clock.shift_ms += 3_600_000
    good = pyotp.TOTP(secret).at(fast.clock.now_ms() // 1000)
    assert (await sign_in(fast.session(), "second", PASSWORD, good))[0] == 200


# --- guessed ids ------------------------------------------------------------------------------


async def test_a_guessed_id_of_another_organ_tells_nothing_and_is_recorded(
    small: House, staff: Staff
) -> None:
    """Every route with somebody's object in it, for each role of another organ: refused just as
    for an id that does not exist, without a word of the content, and the refusal is recorded."""
    ids = await everything(small, staff)
    nothing = dict.fromkeys(ids, "f" * 32)
    public = {matrix.PUBLIC, matrix.SELF, matrix.FIRST}
    for role in ("officer", "organ_head", "supervisor"):
        client = await staff.signed_in(Role(role), "county", "one")
        for row in matrix.shipped().endpoints.values():
            if row.object in matrix.WITHOUT_OBJECT or row.permission in public:
                continue
            if row.path.startswith("/api/uploads"):
                continue  # served by `ingest`; its tests ask it
            if matrix.anywhere(matrix.shipped(), frozenset({Role(role)}), row.permission) and (
                row.permission in ("organ.read", "rules.read") or row.object == "rules"
            ):
                continue  # open to everybody
            before, answers = await size(small), []
            for known in (ids, nothing):
                address = row.path
                for kind, id_ in known.items():
                    address = address.replace(f"{{{kind}}}", id_)
                address = re.sub(r"\{\w+\}", "e" * 32, address)  # of what lies within the object
                async with client.request(row.method, address, json={}) as answer:
                    text = await answer.text()
                for id_ in known.values():
                    text = text.replace(id_, "ID")
                answers.append((answer.status, answer.headers.get("Content-Type"), text))
                assert SECRET not in text, address
            assert answers[0] == answers[1], f"{role} {row.method} {row.path}"
            assert answers[0][0] == 403, f"{role} {row.method} {row.path}: {answers[0]}"
            assert await denials(small, before) or row.path.endswith("/state"), row.path


async def test_lists_and_exports_show_nothing_of_another_organ(small: House, staff: Staff) -> None:
    await everything(small, staff)
    for role in ("officer", "supervisor", "station_keeper"):
        client = await staff.signed_in(Role(role), "county", "one")
        for row in matrix.shipped().endpoints.values():
            if row.method != "GET" or "{" in row.path or row.path in ("/log/{tile}",):
                continue
            for query in ("", f"?text={SECRET}", f"?organ={staff.organ()}", "?which=all"):
                async with client.get(f"{row.path}{query}") as answer:
                    assert answer.status < 500
                    text = await answer.text()
                    text = text.replace(f'value="{SECRET}"', "")  # what was looked for
                    assert SECRET not in text, f"{role} {row.path}{query}"


@pytest.mark.parametrize(
    "id_",
    ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "A" * 32, "0" * 31, "0" * 33,
     "0" * 5000, "' OR 1=1 --", "%ff%fe", "１" * 32, "0" * 31 + "%0a"],
)  # fmt: skip
async def test_what_is_no_id_opens_nothing(small: House, id_: str) -> None:
    client = await small.client()
    for path in ("/api/items/{}", "/api/cases/{}", "/api/rules/{}", "/api/procedures/{}.svg",
                 "/api/views/{}/media", "/api/items/{}/poster", "/static/{}", "/api/people/{}",
                 "/log/tile/0/{}", "/api/uploads/{}"):  # fmt: skip
        address = URL(small.url + path.format(id_), encoded="%" in id_)
        async with client.get(address, allow_redirects=False) as answer:
            assert answer.status in (400, 403, 404, 405, 414), (path, id_, answer.status)
            assert "root:" not in await answer.text()


# --- words that are code elsewhere ------------------------------------------------------------


async def test_scripts_in_names_are_words(small: House, staff: Staff) -> None:
    item = await small.item(name=f"{SCRIPT}.mp4")
    case = await open_case(small, staff, title=SCRIPT, number=SCRIPT, parties=[SCRIPT])
    client = await small.client()
    for path, body in (
        (f"/api/cases/{case}/links", {"item": item, "reason": SCRIPT}),
        (f"/api/cases/{case}/points", {"point": SCRIPT, "at": format_time(0), "text": SCRIPT}),
        (f"/api/cases/{case}/documents", {"how": "fact", "kind": SCRIPT, "title": SCRIPT}),
        (f"/api/cases/{case}/stages", {"how": "fact", "stage": SCRIPT, "reason": SCRIPT}),
    ):
        async with client.post(path, json=body) as answer:
            assert answer.status == 201, await answer.text()
    head = await staff.signed_in(Role.ORGAN_HEAD, "city", None)
    for caller in (client, head):
        for path in (
            f"/cases/{case}",
            f"/api/cases/{case}/procedure.svg",
            "/desk",
            f"/items/{item}",
        ):
            async with caller.get(path, headers={"Accept": "text/html"}) as answer:
                assert "<script>alert" not in await answer.text(), path
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with caller.get(f"/api/cases/{case}") as answer:
            assert answer.content_type == "application/json"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_name_with_line_ends_makes_no_header(small: House) -> None:
    item = await small.item(name='a"\r\nSet-Cookie: x=1\r\n\r\n<b>.mp4')
    client = await small.client()
    body = {"purpose": "x", "what": "original"}
    async with client.post(f"/api/items/{item}/views", json=body) as answer:
        media = (await answer.json())["url"]
    for path in (f"/api/items/{item}/receipt", media):
        async with client.get(path) as answer:
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers
            said = answer.headers["Content-Disposition"]
            assert not re.search(r"[\r\n\x00-\x1f]", said)


HEADING = ("序号,执法类别,执法事项,记录环节,记录场合,记录方式,记录人,开始记录时间,记录内容,"
           "结束记录时间,存储期限,应当/可以,备注\n")  # fmt: skip


def row(number: int, note: str = "无") -> str:
    return (
        f"{number},行政检查,现场检查,调查取证,检查现场,录像,执法人员,到达现场,全过程,离开现场,"
        f"永久,应当,{note}\n"
    )


async def test_formulas_do_not_leave_in_exports(small: House) -> None:
    client = await small.client()
    evil = '=HYPERLINK("http://evil.example";"x")'.replace('"', '""')
    sheet = HEADING + "".join(
        row(n, f'"{begin}{evil}"') for n, begin in enumerate(("", "+", "-", "@", "\t="), 1)
    )
    address = "/api/rules?name=list&version=1&valid_from=2026-01-01T00:00:00.000Z"
    headers = {"Content-Type": "text/csv"}
    async with client.post(address, data=sheet.encode(), headers=headers) as answer:
        assert answer.status in (201, 422), await answer.text()
        if answer.status == 422:
            return  # refused is good as well
        id_ = (await answer.json())["id"]
    async with client.get(f"/api/rules/{id_}?format=csv") as answer:
        text = (await answer.read()).decode("utf-8-sig")
        assert "attachment" in answer.headers["Content-Disposition"]
    assert not re.search(r'(?m)(^|,)"?[=+\-@\t]', text), text


# --- too much ---------------------------------------------------------------------------------


def bomb(inside: bytes, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, inside)
    return body.getvalue()


IMPORTS = [  # each way of reading once; the other registers are read like devices
    "/api/rules/preview?name=n&version=1&valid_from=2026-01-01T00:00:00.000Z", "/api/rules",
    "/api/imports/devices", "/api/imports/cases",
]  # fmt: skip


@cache
def too_much() -> list[tuple[str, bytes]]:
    """A zip bomb, thousands of rows, one endless cell, no end of nesting, no sheet at all."""
    many = (HEADING + "".join(row(n) for n in range(25_000))).encode()
    return [
        (XLSX, bomb(b"\0" * 200_000_000)),
        (XLSX, bomb(b"<a>" * 5_000_000)),
        (XLSX, b"PK\x03\x04" + b"\0" * 1000),
        ("text/csv", many),
        ("text/csv", b"a," * 200_000),
        ("text/csv", b'"' + b"x" * 200_000),
        ("text/csv", b"\xff\xfe\x00\x00" * 1000),
        ("application/json", b"[" * 200_000),
        ("application/json", b'{"rows":[' + b"{}," * 60_000 + b"{}]}"),
    ]


@pytest.mark.parametrize("path", IMPORTS)
async def test_sheets_that_are_too_much_are_refused_within_bounds(small: House, path: str) -> None:
    client = await small.client()
    before = await size(small)
    for type_, data in too_much():
        tracemalloc.start()
        try:
            begun = time.process_time()
            async with client.post(path, data=data, headers={"Content-Type": type_}) as answer:
                body = await answer.json(content_type=None)
            took_s, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        told = (type_, len(data), answer.status, str(body)[:200], took_s, peak)
        if answer.status == 200:  # a preview tells what is wrong and is no refusal
            assert "preview" in path, told
            assert (body["rules"], bool(body["problems"])) == ([], True), told
        else:
            assert 400 <= answer.status < 500, told
            assert body["code"] not in ("internal", "error"), told
        assert peak < 200_000_000, told

    assert await size(small) == before


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b"\xef\xbb\xbf{}", "application/json"),  # a mark before it
        (b"{}", "application/json; charset=utf-16"),
        ("{}".encode("utf-16"), "application/json"),
        (b'{"account":"a\\u0000","password":"x"}', "application/json"),
        (b'{"account":"\\ud800","password":"x"}', "application/json"),
        (b'{"account":NaN,"password":"x"}', "application/json"),
        (b"account=a%00&password=x", "application/x-www-form-urlencoded"),
        (b"account=%ed%a0%80&password=x%00", "application/x-www-form-urlencoded"),
    ],
)
async def test_text_that_no_database_takes_is_refused_before_it_is_asked(
    house: House, body: bytes, type_: str
) -> None:
    path = "/login" if "form" in type_ else "/api/session"
    async with house.session().post(path, data=body, headers={"Content-Type": type_}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "malformed")


async def test_a_backslash_before_u0000_is_text(small: House) -> None:
    body = {"account": "a\\u0000", "password": "x"}
    async with small.session().post("/api/session", json=body) as answer:
        assert answer.status == 401


async def test_a_judgement_in_another_encoding_is_refused(small: House, staff: Staff) -> None:
    case, client = await open_case(small, staff), await small.client()
    for body, type_ in (
        (b"\xef\xbb\xbf{}", "application/json"), (b"{}", "application/json; charset=utf-16"),
    ):  # fmt: skip
        async with client.post(
            f"/api/cases/{case}/judgements", data=body, headers={"Content-Type": type_}
        ) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "malformed")


# --- more than one may ------------------------------------------------------------------------


async def test_nobody_gives_himself_a_role_or_becomes_a_second_administrator(
    small: House, staff: Staff
) -> None:
    security = await staff.person(Role.SECURITY_ADMIN, None, None, name="security")
    officer = await staff.person()
    admin = await staff.browser(security)
    await staff.password(security, totp=otp.new_secret())

    def body(account: str, *roles: str) -> dict[str, Any]:
        return {
            "account": account, "name": account, "roles": list(roles), "reason": "x",
            "organ": staff.organ(), "unit": staff.unit(),
        }  # fmt: skip

    before = await size(small)
    for path, sent, code in (
        (f"/api/people/{security}", body("security", "organ_head"), "own-rights"),
        (f"/api/people/{security}", body("security", "security_admin", "audit_admin"),
         "duty-separation"),
        (f"/api/people/{officer}", body("officer", "officer", "audit_admin"), "duty-separation"),
        (f"/api/people/{officer}", body("officer", "system_admin", "audit_admin"),
         "duty-separation"),
    ):  # fmt: skip
        async with admin.put(path, json=sent) as answer:
            assert (answer.status, (await answer.json())["code"]) in ((409, code), (403, code))
    for path in (f"/api/people/{security}/password", f"/api/people/{security}/totp/reset"):
        async with admin.post(path, json={"reason": "x"}) as answer:
            assert answer.status == 403
    for role in ("officer", "unit_head", "organ_head", "system_admin", "audit_admin", "supervisor"):
        client = await staff.signed_in(Role(role))
        async with client.put(f"/api/people/{officer}", json=body("x", "organ_head")) as answer:
            assert answer.status == 403
        async with client.post("/api/people", json=body("y", "organ_head")) as answer:
            assert answer.status == 403
    async with small.database.read() as conn:
        types = set((await conn.execute(
            select(tables.entry.c.type).where(tables.entry.c.index >= before)
        )).scalars())  # fmt: skip
    assert types <= {"access.denied", "user.changed"}


async def test_administrators_see_no_evidence(small: House, staff: Staff) -> None:
    ids = await everything(small, staff)
    for role in ("system_admin", "security_admin", "audit_admin"):
        client = await staff.signed_in(Role(role), "city", "one")
        for path in (f"/api/cases/{ids['case']}", f"/api/items/{ids['item']}",
                     f"/api/items/{ids['item']}/poster", "/api/cases", "/api/items", "/api/inbox",
                     f"/api/items/{ids['item']}/receipt"):  # fmt: skip
            async with client.get(path) as answer:
                assert answer.status == 403, (role, path)
        async with client.post(
            f"/api/items/{ids['item']}/views", json={"purpose": "x", "what": "original"}
        ) as answer:
            assert answer.status == 403


async def test_nobody_decides_his_own_request_nor_another_organs(
    small: House, staff: Staff
) -> None:
    case = await open_case(small, staff)
    head = await staff.signed_in(Role.UNIT_HEAD)
    text = {"rule": "penalty_ordinary/scene", "ground": "secret", "text": "x"}
    async with head.get(f"/api/cases/{case}/coverage") as answer:
        text["rule"] = (await answer.json())["verdicts"][0]["rule"]
    async with head.post(f"/api/cases/{case}/exemptions", json=text) as answer:
        assert answer.status == 201, await answer.text()
        approval = (await answer.json())["approval"]
    decision = {"decision": "approved"}
    address = f"/api/approvals/{approval}/decision"
    async with head.post(address, json=decision) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "own-request")
    for role, organ, unit in (
        ("organ_head", "county", None), ("unit_head", "county", "one"),
        ("unit_head", "city", "two"), ("unit_head", "city", "one-below"),
        ("organ_head", "bureau", None), ("officer", "city", "one"),
        ("system_admin", None, None), ("security_admin", None, None),
    ):  # fmt: skip
        client = await staff.signed_in(Role(role), organ, unit)
        for sent in (decision, {"decision": "refused"}, {"decision": "withdrawn"}):
            async with client.post(address, json=sent) as answer:
                assert answer.status == 403, (role, organ, unit, sent)
    program = await small.client()
    async with program.post(address, json=decision) as answer:
        assert answer.status == 403
    async with (await staff.signed_in(Role.ORGAN_HEAD, "city", None)).post(
        address, json=decision
    ) as answer:
        assert answer.status == 201


async def test_a_case_made_ones_own_opens_no_item_of_another_organ(
    small: House, staff: Staff
) -> None:
    """Forging `people`, `organ`, `unit` or a link makes nobody's recording one's own."""
    ids = await everything(small, staff)
    thief = await staff.person(Role.OFFICER, "county", "one")
    client = await staff.browser(thief)
    own = {"number": "1", "title": "x", "kind": "other", "people": [thief]}
    async with client.post("/api/cases", json=own) as answer:
        assert answer.status == 201, await answer.text()
        case = (await answer.json())["id"]
    for path, body in (
        (f"/api/cases/{case}/links", {"item": ids["item"], "reason": "x"}),
        (f"/api/cases/{ids['case']}/links", {"item": ids["item"], "reason": "x"}),
        (f"/api/cases/{case}/documents", {"how": "fact", "kind": "x", "item": ids["item"]}),
        (f"/api/cases/{ids['case']}/changes", {"people": [thief], "reason": "x"}),
        (f"/api/cases/{case}/changes", {"unit": staff.unit(), "reason": "x"}),
        (f"/api/items/{ids['item']}/attribution", {"person": thief, "reason": "x"}),
        (f"/api/items/{ids['item']}/flag", {"private": False, "viewers": [thief], "reason": "x"}),
        ("/api/cases", own | {"number": "2", "organ": staff.organ(), "unit": staff.unit()}),
        ("/api/cases", own | {"number": "3", "organ": staff.organ()}),
        ("/api/cases", own | {"number": "4", "unit": staff.unit()}),
    ):  # fmt: skip
        async with client.post(path, json=body) as answer:
            assert answer.status in (400, 403), (path, body, answer.status, await answer.text())
            assert SECRET not in await answer.text()
    rows = {"links": [{"case": case, "item": ids["item"]}], "reason": "x"}
    async with client.post("/api/inbox/links", json=rows) as answer:
        (row,) = (await answer.json())["results"]
        assert row["code"] == "denied"
        assert SECRET not in await answer.text()
    # A fact may name another's case, and is kept in one's own alone.
    merged = {"how": "fact", "exit": "merged", "other": ids["case"]}
    async with client.post(f"/api/cases/{case}/stages", json=merged) as answer:
        assert answer.status == 201
        assert SECRET not in await answer.text()
    async with small.database.read() as conn:
        s = tables.case_stage.c
        found = await conn.execute(select(s.index).where(s.case == ids["case"], s.exit == "merged"))
        assert found.first() is None
    for path in (f"/api/items/{ids['item']}", f"/api/cases/{ids['case']}"):
        async with client.get(path) as answer:
            assert answer.status == 403


async def test_registers_of_another_organ_cannot_be_turned_to_ones_own(
    small: House, staff: Staff
) -> None:
    """Whoever could say that a device or its user's code is his would get its recordings."""
    ids = await everything(small, staff)
    keeper = await staff.person(Role.STATION_KEEPER, "county", "one")
    head = await staff.person(Role.UNIT_HEAD, "county", "one")
    now = format_time(small.clock.now_ms())
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"/api/devices/{ids['device']}/custody", {"what": "issued", "at": now, "person": keeper}),
        (f"/api/devices/{ids['device']}/offsets", {"device_time": now}),
        ("/api/device-users",
         {"device": ids["device"], "code": "1", "person": keeper, "valid_from": now}),
        ("/api/devices", {"source": ids["device"], "name": SECRET, "carrier": "body_camera",
                          "organ": staff.organ("county")}),
        ("/api/devices", {"name": "x", "carrier": "body_camera", "organ": staff.organ()}),
        ("/api/rosters", {"organ": staff.organ(), "name": "x", "shifts": []}),
        (f"/api/rosters/{ids['roster']}/withdrawal", {"reason": "x"}),
    ]  # fmt: skip
    for person in (keeper, head):
        client = await staff.browser(person)
        for path, body in calls:
            before = await size(small)
            async with client.post(path, json=body) as answer:
                text = await answer.text()
                assert answer.status in (400, 403), (path, body, answer.status, text)
                assert SECRET not in text
            await denials(small, before)
