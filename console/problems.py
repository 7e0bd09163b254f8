"""Every deliberate error becomes one shape (RFC 9457), in the caller's language; the rest a 500.

Guarantee: the code is stable and listed in docs/errors.md (a test compares); the title is a whole
sentence in the caller's language, `next` says what to do, `detail` is the exact technical text.
An unexpected error shows an incident number and nothing of its inside.
"""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from cases.policy import BadPolicyError
from cases.procedure.load import BadProcedureError
from cases.rule_lists import BadRuleListError
from console.access import CALLER
from console.denials import Denials
from console.errors import (
    BadTokenError,
    NoRouteError,
    NotAllowedMethodError,
    RangeError,
    ViewEndedError,
)
from console.i18n import Speech
from console.told import MEMBERS
from storage.errors import (
    RightMissingError,
    StorageFullError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
)
from verify.errors import (
    ConflictError,
    DeniedError,
    EvidenceError,
    IncompleteError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

LOG = logging.getLogger("liuhen.console")

STATUS: Mapping[type[EvidenceError], int] = {
    RangeError: 416,
    BadProcedureError: 422,
    BadRuleListError: 422,
    BadPolicyError: 422,
    ViewEndedError: 410,
    NotAllowedMethodError: 405,
    TooLargeError: 413,
    TooManyError: 429,
    StorageFullError: 507,
    BadTokenError: 401,
    UnauthenticatedError: 401,
    DeniedError: 403,
    MalformedError: 400,
    NotFoundError: 404,
    ConflictError: 409,
    IncompleteError: 409,
    VerificationError: 422,
    UnavailableError: 503,
}
RETRY_AFTER_S = {503: 5, 429: 60, 507: 60}

ErrorPage = Callable[[web.Request, EvidenceError, int, str | None], Awaitable[web.Response]]


class InternalError(EvidenceError):
    """Something we did not foresee; the server's log has the rest under the incident number."""

    code = "internal"


def status_of(error: EvidenceError, more: Mapping[type[EvidenceError], int]) -> int:
    """The status of the nearest class in the tables; the ingest half brings its own rows."""
    for kind in type(error).__mro__:
        for table in (more, STATUS):
            if kind in table:
                return table[kind]
    return 500


def known_code(error: EvidenceError, speech: Speech) -> str:
    """The error's code, or that of the nearest base that has a sentence."""
    for kind in type(error).__mro__:
        code = getattr(kind, "code", None)
        if code is not None and speech.has(f"problem.{code}"):
            return str(code)
    return "error"


def sentences(error: EvidenceError, speech: Speech) -> tuple[str, str | None]:
    """What happened, and what to do next."""
    code = known_code(error, speech)
    key = f"problem.{code}.next"
    return speech(f"problem.{code}"), speech(key) if speech.has(key) else None


def problem(
    error: EvidenceError, status: int, speech: Speech, members: Mapping[str, object] | None = None
) -> web.Response:
    """The answer for programs; `members` say more, such as what is missing."""
    title, next_ = sentences(error, speech)
    body: dict[str, object] = {
        "type": f"/errors/{error.code}",
        "code": error.code,
        "title": title,
        "status": status,
        "detail": str(error),
    }
    if next_ is not None:
        body["next"] = next_
    body |= dict(members or {})
    return web.json_response(body, status=status, content_type="application/problem+json")


def wants_page(request: web.Request) -> bool:
    """Whether a person looks: a page is asked for, not the API."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith(
        ("/api/", "/log/")
    )


def problems(
    speech: Callable[[web.Request], Speech],
    error_page: ErrorPage,
    denials: Denials,
    more: Mapping[type[EvidenceError], int],
) -> Middleware:
    """The outermost middleware."""

    async def answer(request: web.Request, error: EvidenceError) -> web.StreamResponse:
        status = status_of(error, more)
        page = wants_page(request)
        if page and isinstance(error, UnauthenticatedError) and request.method == "GET":
            where = "" if request.path == "/" else f"?next={quote(request.path_qs, safe='')}"
            raise web.HTTPSeeOther(f"/login{where}")
        if page:
            response = await error_page(request, error, status, None)
        else:
            response = problem(error, status, speech(request), request.get(MEMBERS))
        if status in RETRY_AFTER_S:
            seconds = getattr(error, "retry_after", None) or RETRY_AFTER_S[status]
            response.headers["Retry-After"] = str(int(seconds))
        if isinstance(error, RangeError) and error.size is not None:
            response.headers["Content-Range"] = f"bytes */{error.size}"
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="liuhen"'
        return response

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return _localized(await handler(request), speech, request)
        except RightMissingError as error:
            caller = request.get(CALLER)
            if caller is not None:
                try:
                    await denials.record(request, caller, error)
                except UnavailableError as away:  # refused all the same; the log line stands
                    LOG.warning("denial not recorded: %s", away)
            return await answer(request, error)
        except EvidenceError as error:
            if isinstance(error, VerificationError):
                LOG.exception("verification failed: %s", error.code)
            return await answer(request, error)
        except web.HTTPException as error:
            return await _of_http(request, error, answer)
        except (ConnectionResetError, TimeoutError):
            raise  # the peer is gone; there is nobody to answer
        except Exception:
            incident = secrets.token_hex(4)
            LOG.exception("incident %s: %s %s", incident, request.method, request.path)
            return await answer(request, InternalError(f"incident {incident}"))

    return middleware


def _localized(
    response: web.StreamResponse, speech: Callable[[web.Request], Speech], request: web.Request
) -> web.StreamResponse:
    """A problem that the receiving half answered itself, with our sentence in its title."""
    if (
        response.content_type != "application/problem+json"
        or not isinstance(response, web.Response)
        or not isinstance(response.body, bytes)
    ):
        return response
    body, spoken = json.loads(response.body), speech(request)
    code = body.get("code", "error")
    if spoken.has(f"problem.{code}"):
        body = {"detail": body.get("title", "")} | body | {"title": spoken(f"problem.{code}")}
        if spoken.has(f"problem.{code}.next"):
            body["next"] = spoken(f"problem.{code}.next")
        response.body = json.dumps(body, ensure_ascii=False).encode()
    return response


async def _of_http(
    request: web.Request,
    error: web.HTTPException,
    answer: Callable[[web.Request, EvidenceError], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """No route, another method, too long a body: also in our shape.  What a handler raised stays."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return await answer(request, TooLargeError(f"body: {error.text}"))
    if request.match_info.http_exception is None:
        raise error
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        shaped = await answer(
            request, NotAllowedMethodError(f"method: expected {allowed}, got {error.method}")
        )
        shaped.headers["Allow"] = allowed
        return shaped
    return await answer(
        request, NoRouteError(f"address: expected a known one, got {request.path:.200}")
    )
