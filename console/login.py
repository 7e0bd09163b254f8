"""Signing in and out, in forms: with an account, with a token, with the OIDC provider.

Guarantee: the session's cookie is HttpOnly and SameSite=Strict, and Secure where TLS is; a sign-in
ends the session that the browser had; failed attempts are limited (`console.attempts`); `next` leads only
to this server; no secret ever stands in an address.
"""

import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from console import browsers, sessions
from console.access import read_form
from console.attempts import WINDOW_S, Attempts, neighbourhood
from console.denials import SECURITY
from console.errors import ForgedRequestError, TooManyAttemptsError
from console.i18n import COOKIE as LANGUAGE_COOKIE
from console.i18n import LANGUAGES
from console.pages import render
from console.parts import PARTS
from console.security import address, base_url, is_secure, local_path
from console.sessions import Session
from console.signin import SignIn, account_key
from storage.errors import UnauthenticatedError
from verify.errors import UnavailableError

ROUTES = web.RouteTableDef()
SIGN_IN: web.AppKey[SignIn] = web.AppKey("SIGN_IN", SignIn)


ATTEMPTS: web.AppKey[Attempts] = web.AppKey("ATTEMPTS", Attempts)


async def attempt(
    request: web.Request, name: str, check: Callable[[], Awaitable[str]], *, known: bool = False
) -> str:
    """One try of this address at being `name`: what `check` answers, or its refusal, counted."""
    said = address(request, request.app[PARTS].settings.trusted_proxies)
    # The name is as long as its sender likes.
    short = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    async with request.app[ATTEMPTS].trying(neighbourhood(said), short, known=known):
        return await check()


async def with_password(request: web.Request, account: str, password: str, code: str) -> str:
    """The person with this account; BadCredentialsError, TooManyAttemptsError."""
    key = account_key(account)

    async def check() -> str:
        return await request.app[SIGN_IN].by_password(account, password, code)

    # A browser that is known has a count of its own, which strangers cannot fill.
    known = await browsers.is_known(request, key)
    return await attempt(request, f"{'known' if known else 'name'} {key}", check, known=known)


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

    kind = "token" if "token" in sent else "person"
    try:
        if kind == "token":
            who = await attempt(request, "token", by_token)
        else:
            who = await with_password(
                request, sent.get("account", ""), sent.get("password", ""), sent.get("code", "")
            )
    except (UnauthenticatedError, TooManyAttemptsError) as error:
        return await form_page(request, goal, error)
    session = await open_session(request, **{kind: who})
    SECURITY.info("signed in %s=%s", kind, who)
    response = web.HTTPSeeOther(goal)
    set_cookie(request, response, session)
    if kind == "person":
        await browsers.remember(request, response, who)
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
