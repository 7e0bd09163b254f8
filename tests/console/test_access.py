"""Who may come in: tokens, sessions, CSRF, limits, headers."""

import asyncio
import re
from http.cookies import SimpleCookie

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import select

from console.attempts import Attempts, neighbourhood
from console.errors import BadCredentialsError, TooManyAttemptsError
from console.i18n import negotiate
from console.security import base_url, local_path
from console.tokens import digest, issue_token, list_tokens, revoke_token
from storage import tables
from storage.access import Right
from tests.console.conftest import House
from verify.errors import MalformedError, NotFoundError


async def csrf_of(browser: ClientSession) -> str:
    async with browser.get("/verify") as answer:
        found = re.search(r'<meta name="csrf" content="([^"]+)">', await answer.text())
    assert found is not None
    return found[1]


async def test_a_token_is_kept_only_as_its_digest_and_its_source_is_enrolled_first(
    house: House,
) -> None:
    id_, secret = await house.token(Right.UPLOAD, name="dock", source="采集站 1")
    assert re.fullmatch(r"lh_[A-Za-z0-9_-]{43}", secret)
    async with house.database.read() as conn:
        stored = (await conn.execute(select(tables.token_secret))).one()
        types = [
            r.type
            for r in await conn.execute(select(tables.entry.c.type).order_by(tables.entry.c.index))
        ]
        everything = b"".join(r.bytes for r in await conn.execute(select(tables.entry.c.bytes)))
    assert (stored.token, stored.digest) == (id_, digest(secret))
    assert types[-2:] == ["source.enrolled", "token.issued"]
    assert secret.encode() not in everything
    (token,) = await list_tokens(house.database)
    assert (token.source_name, token.actor, token.revoked) == (
        "采集站 1",
        f"s:{token.source}",
        False,
    )
    again, _ = await house.token(Right.UPLOAD, name="dock 2", source="采集站 1")
    assert {t.source for t in await list_tokens(house.database)} == {token.source}
    assert again != id_


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
async def test_a_token_needs_a_name_that_can_be_shown(small: House, name: str) -> None:
    with pytest.raises(MalformedError, match="token name"):
        await issue_token(small.ledger, name, [Right.READ])


async def test_a_revoked_token_opens_nothing_and_ends_its_sessions(house: House) -> None:
    id_, secret = await house.token()
    program = house.session({"Authorization": f"Bearer {secret}"})
    browser = house.session({"Accept": "text/html"})
    async with browser.post("/login", data={"token": secret}, allow_redirects=False) as answer:
        assert answer.status == 303
    async with browser.get("/desk", allow_redirects=False) as answer:
        assert answer.status == 200
    first = await revoke_token(house.ledger, id_, "left the unit")
    async with program.get("/api/items") as answer:
        assert answer.status == 401
    async with browser.get("/desk", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/desk")
    assert (await revoke_token(house.ledger, id_, "again")).index == first.index
    with pytest.raises(NotFoundError):
        await revoke_token(house.ledger, "0" * 32, "nobody")


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(small: House) -> None:
    _, secret = await small.token()
    session = small.session()
    async with session.post("/login", data={"token": secret}, allow_redirects=False) as answer:
        cookie = SimpleCookie(answer.headers["Set-Cookie"])["liuhen_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["secure"]  # plain HTTP on loopback
    async with small.database.read() as conn:
        (row,) = (await conn.execute(select(tables.session))).all()
    assert row.digest == digest(cookie.value)
    assert cookie.value not in (row.csrf, secret)


async def test_a_session_changes_nothing_without_its_csrf_token(house: House) -> None:
    browser = await house.browser()
    case = {"number": "1", "kind": "penalty", "title": "x"}
    for headers in ({}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "\udcff"}):
        async with browser.post("/api/cases", json=case, headers=headers) as answer:
            assert answer.status == 403
            assert (await answer.json())["code"] == "csrf"
    token = await csrf_of(browser)
    async with browser.post("/api/cases", json=case, headers={"X-CSRF-Token": token}) as answer:
        assert answer.status == 201
    async with browser.post("/logout", data={"csrf": token}, allow_redirects=False) as answer:
        assert answer.status == 303
    async with browser.get("/desk", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/login?next=/desk"


async def test_sign_in_leads_only_to_our_own_pages_and_not_by_other_sites(small: House) -> None:
    _, secret = await small.token()
    session = small.session()
    for goal in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\tb", "x"):
        data = {"token": secret, "next": goal}
        async with session.post("/login", data=data, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/"
    data = {"token": secret, "next": "/items/1?a=2"}
    async with session.post("/login", data=data, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/items/1?a=2"
    for origin in ("https://evil.example", "null", "http://["):
        headers = {"Origin": origin}
        async with session.post("/login", data=data, headers=headers) as answer:
            assert answer.status == 403, origin


@pytest.mark.parametrize("text", ["/", "/items/a?b=c#d"])
def test_local_paths_stay(text: str) -> None:
    assert local_path(text) == text


async def test_guessing_is_limited_and_says_so_in_the_callers_language(small: House) -> None:
    session = small.session({"Accept-Language": "zh-CN"})
    texts = []
    for _ in range(12):
        async with session.post("/login", data={"token": "lh_" + "a" * 43}) as answer:
            texts.append((answer.status, await answer.text()))
    assert [status for status, _ in texts] == [401] * 10 + [429] * 2
    assert "令牌不正确" in texts[0][1]
    assert "登录失败次数过多" in texts[-1][1]


def test_attempts_forget_after_five_minutes_and_keep_addresses_and_names_apart() -> None:
    attempts = Attempts(2, addresses=2)
    for _ in range(2):
        attempts.fail("a", "lin", 0.0)
    with pytest.raises(TooManyAttemptsError):
        attempts.check("a", "lin", 10.0)
    attempts.check("a", "wang", 10.0)
    attempts.check("b", "lin", 10.0)
    attempts.fail("a", "wang", 10.0)
    with pytest.raises(TooManyAttemptsError):
        attempts.check("a", "li", 20.0)  # a third name
    attempts.check("a", "li", 20.0, known=True)
    attempts.forgive("a", "wang")  # he mistyped and is in: no guesser
    attempts.check("a", "li", 20.0)
    attempts.check("a", "lin", 301.0)


async def test_of_attempts_sent_at_once_none_slips_past_and_no_right_one_is_refused() -> None:
    attempts = Attempts(2)
    ran: list[str] = []

    async def one(name: str, *, good: bool) -> str:
        try:
            async with attempts.trying("a", name):
                ran.append(name)
                await asyncio.sleep(0.001)
                if not good:
                    raise BadCredentialsError("no")
        except TooManyAttemptsError:
            return "not tried"
        except BadCredentialsError:
            return "refused"
        return "in"

    told = await asyncio.gather(*(one(f"right-{n}", good=True) for n in range(30)))
    assert told == ["in"] * 30
    ran.clear()
    told = await asyncio.gather(*(one(f"wrong-{n}", good=False) for n in range(30)))
    assert sorted(told) == ["not tried"] * 28 + ["refused"] * 2
    assert len(ran) == 2


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
    ],
)
def test_whoever_has_a_whole_network_of_ipv6_is_one_place(said: str, counted: str) -> None:
    assert neighbourhood(said) == counted


async def test_tokens_in_an_address_or_another_scheme_are_not_looked_at(small: House) -> None:
    _, secret = await small.token()
    session = small.session()
    async with session.get(f"/api/items?token={secret}") as answer:
        assert answer.status == 401
    async with session.get("/api/items", headers={"Authorization": f"Basic {secret}"}) as answer:
        assert answer.status == 401


async def test_every_answer_carries_the_security_headers(small: House) -> None:
    session = small.session()
    for path in ("/login", "/healthz", "/nothing", "/api/items", "/static/console.css", "/verify"):
        async with session.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        (None, None, "zh-CN"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "fr,zh;q=0.3,en;q=0.8", "en"),
        (None, "en;q=0.2,zh-TW;q=0.9", "zh-CN"),
        ("en", "zh-CN", "en"),
        ("xx", "en;q=abc, zh", "zh-CN"),
        (None, "en;q=0", "zh-CN"),
    ],
)
def test_the_language_is_the_cookies_then_the_browsers(
    cookie: str | None, accept: str | None, expected: str
) -> None:
    assert negotiate(cookie, accept) == expected


@pytest.mark.parametrize(
    ("trusted", "public", "expected"),
    [
        ((), None, "http://asked.example"),
        (("10.0.0.0/8",), None, "http://asked.example"),  # a proxy is set, but this is another
        (("10.0.0.0/8", "192.0.2.1"), None, "https://forwarded.example"),
        (("192.0.2.1",), "https://public.example/", "https://public.example"),
    ],
)
def test_only_a_trusted_proxys_word_about_our_address_counts(
    trusted: tuple[str, ...], public: str | None, expected: str
) -> None:
    request = make_mocked_request(
        "GET",
        "/",
        headers={
            "Host": "asked.example",
            "X-Forwarded-Host": "forwarded.example, inner",
            "X-Forwarded-Proto": "https, http",
        },
    ).clone(remote="192.0.2.1")
    assert base_url(request, trusted, public) == expected


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"token=x"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"token=x"),
    ],
)
async def test_a_form_that_cannot_be_read_is_a_problem(
    small: House, kind: str, body: bytes
) -> None:
    headers = {"Content-Type": kind}
    async with small.session().post("/login", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "malformed")
