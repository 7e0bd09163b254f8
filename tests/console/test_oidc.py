"""Signing in with an OpenID provider: a real little one, honest at first and then not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from console.oidc import (
    BEGUN_S,
    OidcSettings,
    Provider,
    ProviderRefusedError,
    Waiting,
    check_address,
    check_claims,
)
from console.passwords import Cost
from console.settings import ConsoleSettings
from storage.database import Database
from storage.rights import Role
from tests.console.conftest import House, opened
from tests.console.staff import PASSWORD, Staff, settled
from verify.errors import MalformedError, UnavailableError

CLIENT, CLIENT_SECRET, SUBJECT = "liuhen", "between us", "sub-0017"
Change = Callable[["FakeProvider", dict[str, Any]], str | None]


@dataclass
class FakeProvider:
    """An OpenID provider with one user, who always agrees."""

    url: str = ""
    subject: str = SUBJECT
    algorithm: str = "RS256"
    keys: dict[str, Any] = field(default_factory=dict)
    change: Change = lambda _self, _claims: None  # may return a token of its own
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # of the key set
    issuer: str | None = None
    agrees: bool = True

    def __post_init__(self) -> None:
        self.keys = {
            "RS256": RSAKey.generate_key(2048, {"kid": "r", "use": "sig"}),
            "ES256": ECKey.generate_key("P-256", {"kid": "e", "use": "sig"}),
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/openid-configuration", self.configuration),
            web.get("/authorize", self.authorize),
            web.post("/token", self.token),
            web.get("/keys", self.key_set),
        ]

    async def configuration(self, _request: web.Request) -> web.Response:
        return web.json_response({
            "issuer": self.issuer or self.url, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/keys",
        })  # fmt: skip

    async def authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        if not self.agrees:
            refused = f"error=access_denied&state={query['state']}"
            raise web.HTTPSeeOther(f"{query['redirect_uri']}?{refused}")
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        raise web.HTTPSeeOther(f"{query['redirect_uri']}?code={code}&state={query['state']}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        begun = self.codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            begun is None
            or challenge != begun["code_challenge"]
            or form["redirect_uri"] != begun["redirect_uri"]
            or (form["client_id"], form["client_secret"]) != (CLIENT, CLIENT_SECRET)
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": self.subject, "nonce": begun["nonce"],
            "iat": now, "exp": now + 300,
        }  # fmt: skip
        made = self.change(self, claims)
        return web.json_response({"id_token": made or self.signed(claims)})

    def signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[self.algorithm]
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key)

    async def key_set(self, _request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": [k.as_dict(private=False) for k in self.keys.values()]})


@dataclass
class Town:
    house: House
    provider: FakeProvider
    person: str


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    provider = FakeProvider()
    app = web.Application()
    app.add_routes(provider.routes())
    server = TestServer(app)
    await server.start_server()
    provider.url = str(server.make_url("")).rstrip("/")
    url = f"sqlite:///{tmp_path / 'liuhen.db'}"
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    settings = ConsoleSettings(
        cost=Cost(memory_kib=64), login_pad_s=0.0, login_failures=3,
        oidc=OidcSettings(provider.url, CLIENT, CLIENT_SECRET, label="统一认证"),
    )  # fmt: skip
    async with opened(url, tmp_path / "data", settings) as house:
        staff = await settled(house)
        person = await staff.person(Role.OFFICER, name="lin", subject=SUBJECT)
        yield Town(house, provider, person)
    await server.close()


async def begin(town: Town, browser: ClientSession) -> str:
    """Leave for the provider, and the address that it sends the browser back to."""
    async with browser.get("/login/oidc?next=/verify", allow_redirects=False) as answer:
        assert answer.status == 303
        leaving = answer.headers["Location"]
    async with ClientSession() as outside, outside.get(leaving, allow_redirects=False) as answer:
        return answer.headers["Location"]


async def come_back(browser: ClientSession, address: str) -> tuple[int, str]:
    parts = urlsplit(address)
    async with browser.get(f"{parts.path}?{parts.query}", allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def signed_in(browser: ClientSession) -> str | None:
    async with browser.get("/api/session") as answer:
        return (await answer.json()).get("person")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_somebody_whom_the_provider_names_and_we_know_is_signed_in(
    town: Town, algorithm: str
) -> None:
    town.provider.algorithm = algorithm
    browser = town.house.session({"Accept": "text/html", "Accept-Language": "en"})
    async with browser.get("/login") as answer:
        assert "统一认证" in await answer.text()
    status, page = await come_back(browser, await begin(town, browser))
    assert status == 200
    assert '<meta http-equiv="refresh" content="0;url=/verify">' in page
    assert await signed_in(browser) == town.person


async def test_the_keys_are_kept_and_fetched_again_for_a_new_one(town: Town) -> None:
    for _ in range(3):
        browser = town.house.session()
        await come_back(browser, await begin(town, browser))
        assert await signed_in(browser) == town.person
    assert town.provider.asked == ["keys"]


def later(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["iat"] += 3600


def expired(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["exp"] = claims["iat"] - 61


def without_end(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    del claims["exp"]


def other_nonce(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["nonce"] = "another"


def without_nonce(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    del claims["nonce"]


def other_audience(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["aud"] = ["somebody-else"]


def shared_audience(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["aud"] = [CLIENT, "somebody-else"]


def other_issuer(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["iss"] = "https://evil.example"


def unknown_subject(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["sub"] = "sub-9999"


def no_subject(_provider: FakeProvider, claims: dict[str, Any]) -> None:
    claims["sub"] = ""


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(_provider: FakeProvider, claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none'})}.{part(claims)}."


def by_another_key(provider: FakeProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "r"}, claims, RSAKey.generate_key(2048))


def by_our_secret(_provider: FakeProvider, claims: dict[str, Any]) -> str:
    """A shared secret proves nothing: whoever has our settings could make it."""
    key = OctKey.import_key(CLIENT_SECRET.ljust(32, "x"))
    return jwt.encode({"alg": "HS256", "kid": "r"}, claims, key)


def by_the_public_key(provider: FakeProvider, claims: dict[str, Any]) -> str:
    """The public key used as if it were a shared secret."""
    text = f"{part({'alg': 'HS256', 'kid': 'r'})}.{part(claims)}"
    mac = hmac.digest(provider.keys["RS256"].as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def changed(provider: FakeProvider, claims: dict[str, Any]) -> str:
    head, _, signature = provider.signed(claims).split(".")
    return f"{head}.{part(claims | {'sub': SUBJECT, 'x': 1})}.{signature}"


def nonsense(_provider: FakeProvider, _claims: dict[str, Any]) -> str:
    return "a.b"


@pytest.mark.parametrize(
    "change",
    [
        later, expired, without_end, other_nonce, without_nonce, other_audience, shared_audience,
        other_issuer, unknown_subject, no_subject, unsigned, by_another_key, by_our_secret,
        by_the_public_key, changed, nonsense,
    ],
)  # fmt: skip
async def test_whatever_is_wrong_the_answer_is_the_same(town: Town, change: Change) -> None:
    town.provider.change = change
    browser = town.house.session({"Accept": "text/html", "Accept-Language": "en"})
    status, page = await come_back(browser, await begin(town, browser))
    assert status == 401
    assert "did not confirm who you are" in page
    assert await signed_in(browser) is None


async def test_a_state_is_good_once_and_only_in_its_own_browser(town: Town) -> None:
    browser, thief = town.house.session(), town.house.session()
    address = await begin(town, browser)
    assert (await come_back(thief, address))[0] == 401  # and now it is used up
    assert (await come_back(browser, address))[0] == 401
    address = await begin(town, browser)
    assert (await come_back(browser, address))[0] == 200
    assert (await come_back(browser, address))[0] == 401
    for query in ("", "?state=x&code=y", "?error=access_denied&state=x"):
        assert (await come_back(browser, f"http://x/login/oidc/callback{query}"))[0] == 401


async def test_somebody_who_has_ended_is_refused_like_somebody_unknown(town: Town) -> None:
    await Staff(town.house).change(
        town.person, "lin", ["officer"], "city", "one", subject=SUBJECT,
        ended="2020-01-01T00:00:00.000Z",
    )  # fmt: skip
    browser = town.house.session()
    assert (await come_back(browser, await begin(town, browser)))[0] == 401


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(town: Town) -> None:
    town.provider.issuer = "https://evil.example"
    async with town.house.session().get("/login/oidc", allow_redirects=False) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "provider-refused")


def test_who_begins_without_end_drops_nobody_elses_sign_in() -> None:
    waiting = Waiting(of_one=3)
    state, begun = waiting.begin(goal="/", redirect="http://x", now=0.0, address="a")
    first, mine = waiting.begin(goal="/", redirect="http://x", now=0.0, address="b")
    for _ in range(50):
        waiting.begin(goal="/", redirect="http://x", now=1.0, address="b")
    assert waiting.take(state, begun.browser, 2.0) == begun
    with pytest.raises(ProviderRefusedError):
        waiting.take(first, mine.browser, 2.0)


async def test_a_provider_that_is_away_is_told_as_such() -> None:
    gone = Provider(OidcSettings("http://127.0.0.1:9", CLIENT))
    begun = Waiting().begin(goal="/", redirect="http://x", now=0.0)[1]
    with pytest.raises(UnavailableError):
        await gone.leave_for("s", begun)
    await gone.close()


async def test_an_outage_of_the_provider_keeps_nobody_out(town: Town) -> None:
    """More failures than an address may have: they say nothing of those who came."""
    staff, browser = Staff(town.house), town.house.session()
    await staff.password(town.person)

    def broken(_provider: FakeProvider, _claims: dict[str, Any]) -> str:
        raise web.HTTPBadGateway

    town.provider.change = broken
    for _ in range(5):
        assert (await come_back(browser, await begin(town, browser)))[0] == 503
    town.provider.change = lambda _self, _claims: None
    assert (await come_back(browser, await begin(town, browser)))[0] == 200
    body = {"account": "lin", "password": PASSWORD}
    async with town.house.session().post("/api/session", json=body) as answer:
        assert answer.status == 200


async def test_without_a_provider_there_is_no_such_page(small: House) -> None:
    for path in ("/login/oidc", "/login/oidc/callback"):
        async with small.session().get(path) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "ftp://example.org",
        "https://",
        "http://10.0.0.1",
        "",
        "http://[",
        "//x",
    ],
)
def test_an_address_that_somebody_on_the_way_could_answer_is_refused(url: str) -> None:
    check_address("x", "https://example.org/realm")
    check_address("x", "http://127.0.0.1:8080")
    with pytest.raises(MalformedError, match="expected https"):
        check_address("x", url)


def test_what_waits_is_forgotten_after_a_while_and_never_too_much() -> None:
    waiting = Waiting(most=2)
    first, begun = waiting.begin(goal="/", redirect="r", now=0.0)
    with pytest.raises(ProviderRefusedError):
        waiting.take(first, begun.browser, BEGUN_S + 1)
    states = [waiting.begin(goal="/", redirect="r", now=1.0) for _ in range(3)]
    with pytest.raises(ProviderRefusedError):
        waiting.take(states[0][0], states[0][1].browser, 1.0)
    assert waiting.take(states[2][0], states[2][1].browser, 1.0) is states[2][1]


def test_claims_of_odd_kinds_are_refused() -> None:
    good = {"iss": "i", "aud": "c", "sub": "s", "nonce": "n", "iat": 100, "exp": 200}

    def check(**change: Any) -> str:
        return check_claims(good | change, issuer="i", client_id="c", nonce="n", now_s=150)

    assert check() == "s"
    assert check(aud=["c"]) == "s"
    assert check(aud=["c", "d"], azp="c") == "s"
    for change in (
        {"exp": "200"}, {"exp": True}, {"iat": None}, {"sub": 5}, {"sub": "x" * 256}, {"nonce": 5},
        {"aud": None}, {"aud": []}, {"aud": {"c": 1}}, {"iss": None},
    ):  # fmt: skip
        with pytest.raises(ProviderRefusedError):
            check(**change)


def test_the_secret_is_not_shown_by_the_settings() -> None:
    assert CLIENT_SECRET not in repr(OidcSettings("https://x", CLIENT, CLIENT_SECRET))
