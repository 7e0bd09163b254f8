"""A person's own account in forms that need no script: new password, second factor.

Guarantee: who must change his password or set a second factor up can do it here, in any browser,
and is led here by whatever page he asks for (`console.guard`).
"""

from aiohttp import web

from console.access import read_form
from console.errors import BadCredentialsError, TooManyAttemptsError
from console.pages import render
from console.passwords import WeakPasswordError
from console.session_api import confirmed, new_password, new_totp, own_session, waiting_totp
from verify.errors import ConflictError

ROUTES = web.RouteTableDef()


@ROUTES.get("/password")
async def password(request: web.Request) -> web.Response:
    await own_session(request)
    return await render(request, "password.html")


@ROUTES.post("/password")
async def change(request: web.Request) -> web.Response:
    sent = await read_form(request)
    if sent.get("new", "") != sent.get("again", ""):
        return await render(request, "password.html", status=400, problem="password.different")
    try:
        await new_password(request, sent.get("old", ""), sent.get("new", ""))
    except WeakPasswordError as error:
        return await render(
            request, "password.html", status=400, problem=f"password.rule.{error.rule}"
        )
    except (BadCredentialsError, TooManyAttemptsError) as error:
        status = 401 if isinstance(error, BadCredentialsError) else 429
        return await render(
            request, "password.html", status=status, problem=f"problem.{error.code}"
        )
    raise web.HTTPSeeOther("/")


@ROUTES.get("/second-factor")
async def second_factor(request: web.Request) -> web.Response:
    await own_session(request)
    return await render(request, "second-factor.html", secret=None, uri=None)


@ROUTES.post("/second-factor")
async def set_up(request: web.Request) -> web.Response:
    """First the password, which shows the secret; then the first code."""
    sent, problem, status = await read_form(request), None, 200
    try:
        if "code" in sent:
            await confirmed(request, sent["code"])
            raise web.HTTPSeeOther("/")
        await new_totp(request, sent.get("password", ""))
    except (BadCredentialsError, TooManyAttemptsError, ConflictError) as error:
        problem, status = error, 401 if isinstance(error, BadCredentialsError) else 409
    secret, uri = await waiting_totp(request) or (None, None)
    more = {} if problem is None else {"problem": f"problem.{problem.code}"}
    return await render(
        request, "second-factor.html", status=status, secret=secret, uri=uri, **more
    )
