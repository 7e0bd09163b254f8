"""Signing in with an account: one answer for whatever is wrong, locks, codes, sessions."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pyotp
import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from console import browsers, otp, sessions
from console.login import SIGN_IN
from console.passwords import Cost, Lockout
from console.settings import ConsoleSettings
from storage import tables
from storage.database import Database
from storage.rights import Role
from tests.console.conftest import House, opened
from tests.console.staff import PASSWORD, Staff, settled

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "we walk along the wide road 7"
SETTINGS = ConsoleSettings(
    cost=Cost(memory_kib=64), login_pad_s=0.0, login_failures=1000,
    lockout=Lockout(failures=3, first_ms=60_000, longest_ms=120_000),
)  # fmt: skip


@pytest.fixture
async def staff(tmp_path: Path) -> AsyncIterator[Staff]:
    url = f"sqlite:///{tmp_path / 'liuhen.db'}"
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    async with opened(url, tmp_path / "data", SETTINGS) as house:
        yield await settled(house)


async def officer(staff: Staff, **more: Any) -> str:
    id_ = await staff.person(Role.OFFICER, name="lin")
    await staff.password(id_, **more)
    return id_


async def sign_in(
    session: ClientSession, account: str = "lin", password: str = PASSWORD, code: str = ""
) -> tuple[int, dict[str, Any]]:
    body = {"account": account, "password": password, "code": code}
    async with session.post("/api/session", json=body) as answer:
        return answer.status, await answer.json()


async def signed_in(staff: Staff, **how: str) -> ClientSession:
    """A browser after a real sign-in; it sends its CSRF token."""
    session = staff.house.session({"Accept-Language": "en"})
    status, body = await sign_in(session, **how)
    assert status == 200, body
    session.headers["X-CSRF-Token"] = body["csrf"]
    return session


def code_now(house: House, steps: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(house.clock.now_ms() // 1000 + 30 * steps)


async def who(session: ClientSession) -> dict[str, Any]:
    async with session.get("/api/session") as answer:
        return {"status": answer.status} | await answer.json()


# --- the same answer --------------------------------------------------------------------------


async def test_whatever_is_wrong_the_answer_is_the_same(staff: Staff) -> None:
    """Unknown, wrong, locked, ended, without a password, wrong or missing code: enumeration."""
    house = staff.house
    await officer(staff)
    now_ms = house.clock.now_ms()
    ended = await staff.person(Role.OFFICER, name="ended", ended="2020-01-01T00:00:00.000Z")
    locked = await staff.person(Role.OFFICER, name="locked")
    coded = await staff.person(Role.OFFICER, name="coded")
    await staff.person(Role.OFFICER, name="without")
    await staff.password(ended)
    await staff.password(locked, locked_until_ms=now_ms + 60_000)
    await staff.password(coded, totp=SECRET)
    answers = []
    for account, password, code in (
        ("nobody", PASSWORD, ""), ("lin", "wrong", ""), ("ended", PASSWORD, ""),
        ("locked", PASSWORD, ""), ("without", PASSWORD, ""), ("coded", PASSWORD, ""),
        ("coded", PASSWORD, "000000"), ("LIN ", "", "123456"),
    ):  # fmt: skip
        session = house.session({"Accept-Language": "en"})
        body = {"account": account, "password": password or "x", "code": code}
        async with session.post("/api/session", json=body) as answer:
            headers = {k: v for k, v in answer.headers.items() if k != "Date"}
            answers.append((answer.status, await answer.text(), headers))
        assert not session.cookie_jar
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)


async def test_a_refusal_leaves_no_earlier_than_it_may(staff: Staff) -> None:
    house = staff.house
    await officer(staff)
    house.server.app[SIGN_IN]._pad_s = 0.3
    for account in ("nobody", "lin"):
        begun = asyncio.get_running_loop().time()
        assert (await sign_in(house.session(), account, "wrong"))[0] == 401
        assert asyncio.get_running_loop().time() - begun >= 0.3


async def test_accounts_are_written_as_people_like(staff: Staff) -> None:
    await officer(staff)
    for account in ("LIN", " lin ", "ｌｉｎ"):
        assert (await sign_in(staff.house.session(), account))[0] == 200


# --- locks ------------------------------------------------------------------------------------


async def test_an_account_is_locked_after_failures_each_time_longer(staff: Staff) -> None:
    house, person = staff.house, await officer(staff)

    async def tries(password: str = PASSWORD) -> int:
        return (await sign_in(house.session(), "lin", password))[0]

    assert [await tries("wrong") for _ in range(3)] == [401] * 3
    assert await tries() == 401  # right, but locked
    house.clock.shift_ms += 59_000
    assert await tries() == 401
    house.clock.shift_ms += 2_000
    assert await tries("wrong") == 401  # the fourth in a row: twice as long
    house.clock.shift_ms += 61_000
    assert await tries() == 401
    house.clock.shift_ms += 60_000
    assert await tries() == 200
    async with house.database.read() as conn:
        c = tables.credential.c
        row = (
            await conn.execute(select(c.failed, c.locked_until_ms).where(c.person == person))
        ).one()
    assert tuple(row) == (0, None)


async def test_guesses_sent_at_once_do_not_slip_past_the_count(staff: Staff) -> None:
    house = staff.house
    await officer(staff)
    guesses = [sign_in(house.session(), "lin", f"wrong {n}") for n in range(12)]
    await asyncio.gather(*guesses)
    async with house.database.read() as conn:
        row = (await conn.execute(select(tables.credential))).one()
    assert row.failed == 3  # those after the lock were not even counted
    assert (await sign_in(house.session()))[0] == 401


@pytest.fixture
async def strict(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Staff]:
    """Four failures of one address are too many; an account is locked later than that."""
    (tmp_path / "strict.db").write_bytes(migrated_file.read_bytes())
    settings = replace(SETTINGS, login_failures=4, lockout=Lockout(failures=50))
    async with opened(f"sqlite:///{tmp_path / 'strict.db'}", tmp_path / "data", settings) as house:
        staff = await settled(house)
        await officer(staff)
        yield staff


async def test_an_address_that_tries_many_accounts_must_wait(strict: Staff) -> None:
    house = strict.house
    tried = [(await sign_in(house.session(), f"guess-{n}"))[0] for n in range(6)]
    assert tried == [401] * 4 + [429] * 2
    assert (await sign_in(house.session()))[0] == 429


async def test_one_clerk_who_mistypes_keeps_nobody_else_of_the_house_out(strict: Staff) -> None:
    house = strict.house
    tried = [(await sign_in(house.session(), "clerk", "wrong"))[0] for _ in range(6)]
    assert tried == [401] * 4 + [429] * 2
    assert (await sign_in(house.session()))[0] == 200


async def test_a_browser_that_signed_in_before_is_not_kept_out_by_strangers(strict: Staff) -> None:
    house = strict.house
    browser = house.session()
    assert (await sign_in(browser))[0] == 200
    cookie = next(one for one in browser.cookie_jar if one.key == browsers.COOKIE)
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    async with house.session({"Cookie": f"{browsers.COOKIE}={cookie.value}"}).get(
        "/api/session"
    ) as answer:
        assert answer.status == 401  # it opens nothing
    for n in range(5):
        await sign_in(house.session(), f"guess-{n}")
    assert (await sign_in(house.session()))[0] == 429
    assert (await sign_in(browser))[0] == 200
    # Not a way round: neither for another account, nor for more guesses at this one.
    assert (await sign_in(browser, "guess-9"))[0] == 429
    stolen = house.session({"Cookie": f"{browsers.COOKIE}={cookie.value}"})
    tried = [(await sign_in(stolen, password=f"wrong {n}"))[0] for n in range(6)]
    assert tried == [401] * 4 + [429] * 2
    for value in ("", "x", "....", "é", "A" * 40, cookie.value[:-4] + "AAAA"):
        other = house.session({"Cookie": f"{browsers.COOKIE}={value}"})
        assert (await sign_in(other))[0] == 429, value


async def test_a_changed_password_makes_every_browser_a_stranger(strict: Staff) -> None:
    house = strict.house
    browser = house.session()
    assert (await sign_in(browser))[0] == 200
    person = next(iter(strict.people.values()))
    await strict.password(person, "another horse battery staple 7")
    for n in range(4):
        await sign_in(house.session(), f"guess-{n}")
    assert (await sign_in(browser, password="another horse battery staple 7"))[0] == 429


# --- codes ------------------------------------------------------------------------------------


async def test_a_code_is_good_once(staff: Staff) -> None:
    house, code = staff.house, ""
    await officer(staff, totp=SECRET)
    code = code_now(house)
    assert (await sign_in(house.session(), code=code))[0] == 200
    assert (await sign_in(house.session(), code=code))[0] == 401
    assert (await sign_in(house.session(), code=code_now(house, -1)))[
        0
    ] == 401  # before the used one
    assert (await sign_in(house.session(), code=code_now(house, 1)))[0] == 200


async def test_one_code_sent_twice_at_once_opens_one_session(staff: Staff) -> None:
    house = staff.house
    await officer(staff, totp=SECRET)
    code = code_now(house)
    answers = await asyncio.gather(*(sign_in(house.session(), code=code) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 401, 401, 401]


async def test_an_administrator_sets_a_second_factor_up_before_anything_else(staff: Staff) -> None:
    house = staff.house
    admin = await staff.person(Role.SECURITY_ADMIN, name="sec")
    await staff.password(admin)
    session = await signed_in(staff, account="sec")
    me = await who(session)
    assert (me["must_totp"], me["must_change"], me["totp"]) == (True, False, False)
    async with session.get("/api/people") as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "change-first")
    async with session.post("/api/session/totp", json={"password": "wrong"}) as answer:
        assert answer.status == 401
    async with session.post("/api/session/totp/confirm", json={"code": "123456"}) as answer:
        assert answer.status == 409  # nothing was begun
    async with session.post("/api/session/totp", json={"password": PASSWORD}) as answer:
        made = await answer.json()
    assert made["uri"].startswith("otpauth://totp/Liuhen:sec?secret=" + made["secret"])
    async with session.post("/api/session/totp/confirm", json={"code": "000000"}) as answer:
        assert answer.status == 401
    code = pyotp.TOTP(made["secret"]).at(house.clock.now_ms() // 1000)
    async with session.post("/api/session/totp/confirm", json={"code": code}) as answer:
        assert answer.status == 204
    async with session.get("/api/people") as answer:
        assert answer.status == 200
    assert (await sign_in(house.session(), "sec", code=code))[0] == 401  # it was used to confirm
    async with house.database.read() as conn:
        row = (await conn.execute(select(tables.credential))).one()
        entries = (await conn.execute(select(tables.entry.c.bytes))).scalars().all()
    assert (row.totp, otp.uri(row.totp, "sec")) == (made["secret"], made["uri"])
    assert not any(made["secret"].encode() in entry for entry in entries)


# --- the first change ---------------------------------------------------------------------------


async def test_before_the_first_change_nothing_else_can_be_done(staff: Staff) -> None:
    await officer(staff, must_change=True)
    session = await signed_in(staff)
    for method, path in (
        ("GET", "/api/cases"), ("GET", "/api/items"), ("GET", "/api/people"), ("GET", "/api/tokens"),
        ("POST", "/api/tokens"), ("POST", "/api/cases"), ("GET", f"/api/items/{'0' * 32}"),
    ):  # fmt: skip
        async with session.request(method, path) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "change-first"), path
    async with session.get(
        "/desk", headers={"Accept": "text/html"}, allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/password")
    assert (await who(session))["must_change"] is True
    body = {"old": PASSWORD, "new": "short"}
    async with session.post("/api/session/password", json=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "weak-password")
    async with session.post("/api/session/password", json={"old": "no", "new": NEW}) as answer:
        assert answer.status == 401
    body = {"old": PASSWORD, "new": PASSWORD}
    async with session.post("/api/session/password", json=body) as answer:
        assert answer.status == 400
    body = {"old": PASSWORD, "new": NEW}
    async with session.post("/api/session/password", json=body) as answer:
        assert answer.status == 204
    async with session.get("/api/cases") as answer:
        assert answer.status == 200
    assert (await sign_in(staff.house.session()))[0] == 401
    assert (await sign_in(staff.house.session(), password=NEW))[0] == 200


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_forms_work_without_script_in_both_languages(staff: Staff, language: str) -> None:
    house = staff.house
    admin = await staff.person(Role.SECURITY_ADMIN, name="sec")
    await staff.password(admin, must_change=True)
    browser = house.session({"Accept-Language": language, "Accept": "text/html"})
    async with browser.post("/login", data={"account": "sec", "password": "no"}) as answer:
        assert answer.status == 401
        assert 'role="alert"' in await answer.text()
    form = {"account": "sec", "password": PASSWORD, "next": "/cases"}
    async with browser.post("/login", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/cases")
    async with browser.get("/desk") as answer:  # led to the change of the password
        assert str(answer.url).endswith("/password")
        csrf = hidden(await answer.text(), "csrf")
    form = {"csrf": csrf, "old": PASSWORD, "new": NEW, "again": NEW + "x"}
    async with browser.post("/password", data=form) as answer:
        assert answer.status == 400
    async with browser.post("/password", data=form | {"new": "short", "again": "short"}) as answer:
        assert answer.status == 400
    async with browser.post("/password", data=form | {"again": NEW}) as answer:
        assert str(answer.url.path) == "/app/"
    async with browser.get("/desk") as answer:  # and on to the code, in a browser without script
        assert str(answer.url).endswith("/second-factor")
    form = {"csrf": csrf, "password": NEW}
    async with browser.post("/second-factor", data=form) as answer:
        text = await answer.text()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", text)
    assert found is not None
    secret = found[1]
    form = {"csrf": csrf, "code": "000000"}
    async with browser.post("/second-factor", data=form) as answer:
        assert answer.status == 401
        assert secret in await answer.text()
    form["code"] = pyotp.TOTP(secret).at(house.clock.now_ms() // 1000)
    async with browser.post("/second-factor", data=form) as answer:
        assert (answer.status, str(answer.url.path)) == (200, "/app/")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


async def test_a_form_without_its_csrf_token_changes_no_password(staff: Staff) -> None:
    await officer(staff)
    session = await signed_in(staff)
    del session.headers["X-CSRF-Token"]
    form = {"old": PASSWORD, "new": NEW, "again": NEW}
    for more in ({}, {"csrf": "guess"}):
        async with session.post("/password", data=form | more) as answer:
            assert answer.status == 403
    assert (await sign_in(staff.house.session()))[0] == 200


# --- sessions -----------------------------------------------------------------------------------


def cookie_of(answer: Any) -> str:
    return SimpleCookie(answer.headers["Set-Cookie"])["liuhen_session"].value


async def test_a_session_given_before_is_not_the_one_after_signing_in(staff: Staff) -> None:
    """Fixation: neither an invented nor an own earlier cookie survives a sign-in."""
    house = staff.house
    await officer(staff)
    body = {"account": "lin", "password": PASSWORD}
    planted = {"Cookie": "liuhen_session=planted"}
    async with house.session().post("/api/session", json=body, headers=planted) as answer:
        first = cookie_of(answer)
    assert first != "planted"
    assert (await who(house.session(planted)))["status"] == 401
    again = {"Cookie": f"liuhen_session={first}"}
    async with house.session().post("/api/session", json=body, headers=again) as answer:
        second = cookie_of(answer)
    assert second != first
    assert (await who(house.session(again)))["status"] == 401
    assert (await who(house.session({"Cookie": f"liuhen_session={second}"})))["status"] == 200


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(staff: Staff) -> None:
    await officer(staff)
    body = {"account": "lin", "password": PASSWORD}
    async with staff.house.session().post("/api/session", json=body) as answer:
        cookie = SimpleCookie(answer.headers["Set-Cookie"])["liuhen_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with staff.house.session().post("/api/session", json=body, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "csrf")


async def test_a_session_ends_by_time_idle_or_in_all(staff: Staff) -> None:
    house = staff.house
    await officer(staff)
    busy, idle = await signed_in(staff), await signed_in(staff)
    for _ in range(13):
        house.clock.shift_ms += 50 * 60_000
        assert (await who(busy))["status"] == 200
    assert (await who(idle))["status"] == 401
    house.clock.shift_ms += 2 * 3_600_000
    assert (await who(busy))["status"] == 401


async def test_signing_out_here_and_everywhere(staff: Staff) -> None:
    await officer(staff)
    one, two, three = [await signed_in(staff) for _ in range(3)]
    cookie = {
        "Cookie": f"liuhen_session={next(c.value for c in one.cookie_jar if c.key == 'liuhen_session')}"
    }
    async with one.delete("/api/session") as answer:
        assert answer.status == 204
    assert (await who(staff.house.session(cookie)))[
        "status"
    ] == 401  # the cookie is dead, not hidden
    assert (await who(two))["status"] == 200
    async with two.delete("/api/sessions") as answer:
        assert answer.status == 204
    assert (await who(three))["status"] == 401


async def test_a_change_of_password_ends_the_other_sessions(staff: Staff) -> None:
    await officer(staff)
    here, there = await signed_in(staff), await signed_in(staff)
    async with here.post("/api/session/password", json={"old": PASSWORD, "new": NEW}) as answer:
        assert answer.status == 204
    assert (await who(here))["status"] == 200
    assert (await who(there))["status"] == 401


async def test_an_ended_person_and_changed_roles_count_at_once(staff: Staff) -> None:
    person = await officer(staff)
    session = await signed_in(staff)
    assert (await who(session))["roles"] == ["officer"]
    await staff.change(person, "lin", ["reviewer"], "city", "two")
    me = await who(session)
    assert (me["roles"], me["unit"]) == (["reviewer"], staff.unit("city", "two"))
    await staff.change(person, "lin", ["reviewer"], "city", "two", ended="2020-01-01T00:00:00.000Z")
    assert (await who(session))["status"] == 401
    assert (await sign_in(staff.house.session()))[0] == 401


async def test_a_token_is_no_account_and_cannot_change_one(staff: Staff) -> None:
    client = await staff.house.client()
    for method, path, body in (
        ("POST", "/api/session/password", {"old": "a", "new": "b"}),
        ("POST", "/api/session/totp", {"password": "a"}),
        ("DELETE", "/api/sessions", None),
    ):
        async with client.request(method, path, json=body) as answer:
            assert answer.status == 403
    me = await who(client)
    assert (me["person"], me["roles"], me["csrf"]) == (None, [], None)
    assert me["rights"] == ["admin", "case", "log", "read", "upload"]


def test_what_a_browser_calls_itself_can_be_kept_whatever_its_bytes() -> None:
    assert sessions._utf8("Firefox \udcff\0张") == "Firefox ?张"
