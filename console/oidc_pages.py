"""Leaving for the OIDC provider and coming back.

Guarantee: whoever the provider names and we do not know, or know no longer, and whom it does not
name, are refused with the same words; a provider that is away is told as that; a state is good
once, in the browser that it was begun in.  Nothing is guessed here, so no attempt is counted: state,
browser and verifier are random, the code is the provider's to limit.

Known: the session's cookie is SameSite=Strict, which a browser does not send where another site
led it.  So the way back ends in a page of ours that goes on by itself.
"""

import asyncio

from aiohttp import web

from console.attempts import neighbourhood
from console.denials import SECURITY
from console.errors import (
    BadCredentialsError,
    NoRouteError,
    OwnCodeError,
    ProviderAwayError,
    ProviderNotKnownError,
)
from console.login import SIGN_IN, form_page, open_session, set_cookie
from console.oidc import BEGUN_S, Provider, ProviderRefusedError, Waiting
from console.pages import render
from console.parts import PARTS
from console.problems import wants_page
from console.security import address, base_url, is_secure, local_path
from verify.errors import UnavailableError

ROUTES = web.RouteTableDef()
COOKIE = "liuhen_oidc"
BACK = "/login/oidc/callback"
PROVIDER: web.AppKey[Provider | None] = web.AppKey("PROVIDER")
WAITING: web.AppKey[Waiting] = web.AppKey("WAITING", Waiting)


def provider(request: web.Request) -> Provider:
    """The provider that was set; NoRouteError."""
    found = request.app[PROVIDER]
    if found is None:
        raise NoRouteError("address: expected a known one, got /login/oidc without a provider")
    return found


@ROUTES.get("/login/oidc")
async def leave(request: web.Request) -> web.Response:
    settings = request.app[PARTS].settings
    base = base_url(request, settings.trusted_proxies, settings.public_url)
    state, begun = request.app[WAITING].begin(
        goal=local_path(request.query.get("next")), redirect=base + BACK,
        now=asyncio.get_running_loop().time(),
        address=neighbourhood(address(request, settings.trusted_proxies)),
    )  # fmt: skip
    try:
        to = await provider(request).leave_for(state, begun)
    except (UnavailableError, ProviderRefusedError) as error:
        if not wants_page(request):
            raise
        SECURITY.warning("provider away: %s", error)
        away = ProviderAwayError("provider: expected it to answer as one, got nothing of the kind")
        return await form_page(request, begun.goal, away)
    response = web.HTTPSeeOther(to)
    response.set_cookie(
        COOKIE, begun.browser, max_age=int(BEGUN_S), httponly=True, samesite="Lax", path=BACK,
        secure=is_secure(request, settings.trusted_proxies, always=settings.secure_cookies),
    )  # fmt: skip
    raise response


@ROUTES.get("/login/oidc/callback")
async def come_back(request: web.Request) -> web.Response:
    parts, query = request.app[PARTS], request.query
    asked = provider(request)

    goal = "/"
    try:
        begun = request.app[WAITING].take(
            query.get("state", ""), request.cookies.get(COOKIE, ""),
            asyncio.get_running_loop().time(),
        )  # fmt: skip
        goal = begun.goal
        subject = await asked.subject(
            query.get("code", ""), begun, now_s=parts.clock.now_ms() // 1000
        )
        person = await request.app[SIGN_IN].by_subject(subject)
    except OwnCodeError as error:
        return await form_page(request, goal, error)
    except (ProviderRefusedError, BadCredentialsError) as error:
        SECURITY.warning("sign-in refused: %s", error)
        refused = ProviderNotKnownError("sign-in: expected a known person, got none")
        return await form_page(request, goal, refused)
    except UnavailableError as error:
        SECURITY.warning("provider away: %s", error)
        away = ProviderAwayError("provider: expected an answer, got none")
        return await form_page(request, goal, away)
    session = await open_session(request, person=person)
    SECURITY.info("signed in person=%s by provider", person)
    response = await render(request, "signed-in.html", goal=goal)
    set_cookie(request, response, session)
    response.del_cookie(COOKIE, path=BACK)
    return response
