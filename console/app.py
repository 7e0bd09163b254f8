"""The console's application: routes, middlewares, the sweep of views."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from cases.kept import Kept
from cases.recorded import Recorded
from console import (
    account_pages,
    api,
    asking_api,
    audit,
    case_page,
    cases_api,
    chunks_api,
    clips_api,
    contract,
    course_api,
    health,
    home_page,
    imports_api,
    inbox_api,
    live_api,
    login,
    marks_api,
    oidc_pages,
    people_api,
    registers_api,
    replay_api,
    rooms,
    rules_api,
    searches_api,
    session_api,
    statistics_api,
    tokens_api,
    upcoming_api,
    uploads_api,
    views_api,
    web_app,
)
from console.access import CALLER
from console.answers import speech
from console.attempts import Attempts
from console.census import Counted
from console.credentials import Pending
from console.denials import Denials, note_denial
from console.guard import guard
from console.media import VIEWS
from console.oidc import Provider, Waiting
from console.pages import STATIC, TEMPLATES, Static, environment, error_page, static_file
from console.parts import PARTS, Parts
from console.passwords import Passwords
from console.problems import problems
from console.security import add_headers
from console.signin import SignIn
from console.views import Views
from storage.access import MISSING
from storage.errors import RightMissingError

__all__ = ["Parts", "create_app"]


def create_app(parts: Parts) -> web.Application:
    """Build the application from parts that the caller made and will close."""
    denials = Denials(parts.database, parts.ledger, parts.clock)
    app = web.Application(
        middlewares=[
            _measured,
            problems(speech, error_page, denials, parts.status),
            _counted_denials,
            guard,
            contract.validate,
        ],
        client_max_size=contract.MAX_BODY,  # of bodies read whole; uploads are streamed
    )
    static = Static()
    app[PARTS] = parts
    app[STATIC], app[TEMPLATES] = static, environment(static)
    app[course_api.KEPT], app[course_api.RECORDED] = Kept(), Recorded()
    app[health.COUNTED] = Counted()
    app[VIEWS] = Views(parts.database, parts.ledger, parts.clock, view_s=parts.settings.view_s)
    _set_up_sign_in(app, parts)
    app.on_response_prepare.append(add_headers)
    app.add_routes(health.ROUTES)
    app.add_routes(login.ROUTES)
    app.add_routes(oidc_pages.ROUTES)
    app.add_routes(account_pages.ROUTES)
    app.add_routes(session_api.ROUTES)
    app.add_routes(people_api.ROUTES)
    app.add_routes(tokens_api.ROUTES)
    app.add_routes(audit.ROUTES)
    app.add_routes(api.ROUTES)
    app.add_routes(cases_api.ROUTES)
    app.add_routes(course_api.ROUTES)
    app.add_routes(asking_api.ROUTES)
    app.add_routes(marks_api.ROUTES)
    app.add_routes(searches_api.ROUTES)
    app.add_routes(clips_api.ROUTES)
    app.add_routes(replay_api.ROUTES)
    app.add_routes(rules_api.ROUTES)
    app.add_routes(registers_api.ROUTES)
    app.add_routes(imports_api.ROUTES)
    app.add_routes(inbox_api.ROUTES)
    app.add_routes(uploads_api.ROUTES)
    app.add_routes(views_api.ROUTES)
    app.add_routes(live_api.ROUTES)
    app.add_routes(chunks_api.ROUTES)
    app.add_routes(statistics_api.ROUTES)
    app.add_routes(upcoming_api.ROUTES)
    app.add_routes(home_page.ROUTES)
    app.add_routes(rooms.ROUTES)
    app.add_routes(case_page.ROUTES)
    app[web_app.BUILT] = web_app.Built()
    app.add_routes(web_app.ROUTES)
    app.add_routes([web.get("/static/{name}", static_file), web.get("/favicon.ico", _favicon)])
    app.add_routes(parts.routes)
    app.cleanup_ctx.append(_sweeping)
    return app


def _set_up_sign_in(app: web.Application, parts: Parts) -> None:
    settings = parts.settings
    app[login.ATTEMPTS] = Attempts(settings.login_failures)
    app[login.SIGN_IN] = SignIn(
        parts.database, parts.clock, Passwords(settings.cost), lockout=settings.lockout,
        pad_s=settings.login_pad_s, second_factor=settings.second_factor,
    )  # fmt: skip
    app[session_api.PENDING] = Pending()
    app[oidc_pages.WAITING] = Waiting()
    app[oidc_pages.PROVIDER] = None if settings.oidc is None else Provider(settings.oidc)
    app.cleanup_ctx.append(_provider)


async def _provider(app: web.Application) -> AsyncIterator[None]:
    yield
    provider = app[oidc_pages.PROVIDER]
    if provider is not None:
        await provider.close()


async def _sweeping(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[VIEWS].run(), name="views")
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _favicon(_request: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently("/static/mark.svg")


@web.middleware
async def _measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    metrics, begun = request.app[PARTS].metrics, time.monotonic()
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    status = 500
    try:
        response = await handler(request)
    except web.HTTPException as error:
        status = error.status
        raise
    else:
        status = response.status
        return response
    finally:
        metrics.requests.labels(request.method, route, status).inc()
        metrics.seconds.labels(route).observe(time.monotonic() - begun)


@web.middleware
async def _counted_denials(request: web.Request, handler: Handler) -> web.StreamResponse:
    denied = request.app[PARTS].metrics.denied
    try:
        response = await handler(request)
    except RightMissingError as error:
        if CALLER in request:
            denied.labels(error.right).inc()
        raise
    right = response.get(MISSING)  # the receiving half answers its refusals itself
    if right is not None and CALLER in request:
        denied.labels(right).inc()
        note_denial(request, request[CALLER], right)
    return response
