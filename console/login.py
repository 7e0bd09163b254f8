"""Signing in and out with a token, in a form: no token ever stands in an address.

Guarantee: the session's cookie is HttpOnly and SameSite=Strict, and Secure where TLS is; failed
attempts are limited per address; `next` leads only to this server.
"""

import asyncio
from collections import OrderedDict, deque
from urllib.parse import urlsplit

from aiohttp import web

from console import sessions
from console.access import read_form
from console.denials import SECURITY
from console.errors import BadTokenError, ForgedRequestError, TooManyAttemptsError
from console.i18n import COOKIE as LANGUAGE_COOKIE
from console.i18n import LANGUAGES
from console.pages import render
from console.parts import PARTS
from console.security import address, base_url, is_secure, local_path
from storage.errors import UnauthenticatedError

ROUTES = web.RouteTableDef()
WINDOW_S = 300.0


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


ATTEMPTS: web.AppKey[Attempts] = web.AppKey("ATTEMPTS", Attempts)


@ROUTES.get("/login")
async def form(request: web.Request) -> web.Response:
    return await render(request, "login.html", next=local_path(request.query.get("next")))


@ROUTES.post("/login")
async def sign_in(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    settings, trusted = parts.settings, parts.settings.trusted_proxies
    _check_same_site(request, base_url(request, trusted, settings.public_url))
    sent = await read_form(request)
    secret, goal = sent.get("token", "").strip(), local_path(sent.get("next", "/"))
    who, now = address(request, trusted), asyncio.get_running_loop().time()
    attempts = request.app[ATTEMPTS]
    try:
        attempts.check(who, now)
        caller = await parts.access.by_secret(secret)
    except (BadTokenError, TooManyAttemptsError) as error:
        if isinstance(error, BadTokenError):
            attempts.fail(who, now)
            SECURITY.warning("sign-in failed")
        status = 401 if isinstance(error, BadTokenError) else 429
        page = await render(request, "login.html", status=status, next=goal, problem=error.code)
        if status == 429:
            page.headers["Retry-After"] = str(int(WINDOW_S))
        return page
    now_ms = parts.clock.now_ms()
    session = await sessions.begin(
        parts.database, caller.token, now_ms=now_ms, lasts_s=settings.session_s
    )
    SECURITY.info("signed in actor=%s", caller.actor)
    response = web.HTTPSeeOther(goal)
    response.set_cookie(
        sessions.COOKIE,
        session.value,
        max_age=settings.session_s,
        httponly=True,
        samesite="Strict",
        secure=is_secure(request, trusted, always=settings.secure_cookies),
    )
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


def _check_same_site(request: web.Request, ours: str) -> None:
    """Nobody may be signed in by another site's form; there is no session yet to hold a token."""
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
