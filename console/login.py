"""Signing in and out, in forms: with an account, with a token, with the OIDC provider.

Guarantee: the session's cookie is HttpOnly and SameSite=Strict, and Secure where TLS is; a sign-in
ends the session that the browser had; failed attempts are limited per address; `next` leads only
to this server; no secret ever stands in an address.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from console import sessions
from console.access import read_form
from console.denials import SECURITY
from console.errors import ForgedRequestError, TooManyAttemptsError
from console.i18n import COOKIE as LANGUAGE_COOKIE
from console.i18n import LANGUAGES
from console.pages import render
from console.parts import PARTS
from console.security import address, base_url, is_secure, local_path
from console.sessions import Session
from console.signin import SignIn
from storage.errors import UnauthenticatedError
from verify.errors import UnavailableError

ROUTES = web.RouteTableDef()
WINDOW_S = 300.0
SIGN_IN: web.AppKey[SignIn] = web.AppKey("SIGN_IN", SignIn)


class Attempts:
    """Failed sign-ins per address within five minutes; bounded memory."""

    def __init__(self, limit: int, *, addresses: int = 10_000) -> None:
        self._limit, self._addresses = limit, addresses
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, who: str, now: float) -> None:
        """TooManyAttemptsError if this address has failed too often lately."""
        failed = self._failed.get(who)
        while failed and now - failed[0] > WINDOW_S:
            failed.popleft()
        if failed and len(failed) >= self._limit:
            raise TooManyAttemptsError(
                f"sign-in: expected at most {self._limit} failures in 5 minutes, got more"
            )

    def fail(self, who: str, now: float) -> None:
        """Count a failure."""
        self._failed.setdefault(who, deque(maxlen=self._limit)).append(now)
        self._failed.move_to_end(who)
        while len(self._failed) > self._addresses:
            self._failed.popitem(last=False)

    def forgive(self, who: str) -> None:
        """The last one was none."""
        failed = self._failed.get(who)
        if failed:
            failed.pop()


ATTEMPTS: web.AppKey[Attempts] = web.AppKey("ATTEMPTS", Attempts)


async def attempt(request: web.Request, check: Callable[[], Awaitable[str]]) -> str:
    """One try of this address at being somebody: what `check` answers, or its refusal, counted."""
    who = address(request, request.app[PARTS].settings.trusted_proxies)
    attempts, now = request.app[ATTEMPTS], asyncio.get_running_loop().time
    attempts.check(who, now())
    # Counted before the answer is known: of many sent at once, none slips past the limit.
    attempts.fail(who, now())
    found = await check()
    attempts.forgive(who)
    return found


async def open_session(
    request: web.Request, *, token: str | None = None, person: str | None = None
) -> Session:
    """A fresh session in the place of the one that the browser had."""
    parts = request.app[PARTS]
    return await sessions.begin(
        parts.database, token, person=person, now_ms=parts.clock.now_ms(),
        lasting=parts.settings.lasting, before=request.cookies.get(sessions.COOKIE),
        agent=request.headers.get("User-Agent"),
        address=address(request, parts.settings.trusted_proxies),
    )  # fmt: skip


def set_cookie(request: web.Request, response: web.StreamResponse, session: Session) -> None:
    """The session's cookie."""
    settings = request.app[PARTS].settings
    response.set_cookie(
        sessions.COOKIE,
        session.value,
        max_age=settings.session_s,
        httponly=True,
        samesite="Strict",
        secure=is_secure(request, settings.trusted_proxies, always=settings.secure_cookies),
    )


@ROUTES.get("/login")
async def form(request: web.Request) -> web.Response:
    return await form_page(request, local_path(request.query.get("next")))


async def form_page(
    request: web.Request,
    goal: str,
    error: UnauthenticatedError | TooManyAttemptsError | UnavailableError | None = None,
) -> web.Response:
    oidc = request.app[PARTS].settings.oidc
    more = {} if error is None else {"problem": error.code}
    others = {TooManyAttemptsError: 429, UnavailableError: 503}
    found = next((n for kind, n in others.items() if isinstance(error, kind)), 401)
    status = 200 if error is None else found
    page = await render(
        request, "login.html", status=status, next=goal,
        provider=None if oidc is None else oidc.label or oidc.issuer, **more,
    )  # fmt: skip
    if status == 429:
        page.headers["Retry-After"] = str(int(WINDOW_S))
    return page


@ROUTES.post("/login")
async def sign_in(request: web.Request) -> web.Response:
    check_same_site(request)
    sent = await read_form(request)
    goal = local_path(sent.get("next", "/"))
    parts = request.app[PARTS]

    async def by_token() -> str:
        return (await parts.access.by_secret(sent.get("token", "").strip())).token

    async def by_password() -> str:
        return await request.app[SIGN_IN].by_password(
            sent.get("account", ""), sent.get("password", ""), sent.get("code", "")
        )

    kind, check = ("token", by_token) if "token" in sent else ("person", by_password)
    try:
        who = await attempt(request, check)
    except (UnauthenticatedError, TooManyAttemptsError) as error:
        return await form_page(request, goal, error)
    session = await open_session(request, **{kind: who})
    SECURITY.info("signed in %s=%s", kind, who)
    response = web.HTTPSeeOther(goal)
    set_cookie(request, response, session)
    raise response


@ROUTES.post("/logout")
async def sign_out(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    cookie = request.cookies.get(sessions.COOKIE)
    if cookie is not None:
        try:
            await parts.access.caller(request)  # checks the CSRF token
        except UnauthenticatedError:
            pass  # over already
        else:
            await sessions.end(parts.database, cookie)
    response = web.HTTPSeeOther("/login")
    response.del_cookie(sessions.COOKIE)
    raise response


@ROUTES.get("/language")
async def language(request: web.Request) -> web.Response:
    """Remember the language and go back."""
    settings = request.app[PARTS].settings
    response = web.HTTPSeeOther(local_path(request.query.get("next")))
    wanted = request.query.get("to")
    if wanted in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            wanted,
            max_age=365 * 86400,
            samesite="Lax",
            httponly=True,
            secure=is_secure(request, settings.trusted_proxies, always=settings.secure_cookies),
        )
    raise response


def check_same_site(request: web.Request) -> None:
    """Nobody may be signed in by another site's form; there is no session yet to hold a token."""
    settings = request.app[PARTS].settings
    ours = base_url(request, settings.trusted_proxies, settings.public_url)
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and _host(origin) not in (request.host, _host(ours))
    ):
        raise ForgedRequestError("sign-in: expected our own form, got another site's")


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
