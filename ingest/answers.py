"""Answers of the receiving half at the HTTP edge: statuses, problems (RFC 9457), tus headers.

Guarantee: every deliberate error gets one shape and one status from one table; a request that may
succeed later says when to come again.
"""

from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import wraps

from aiohttp import web

from ingest import tus
from ingest.limits import LimitError
from ingest.rules import RECEIVING, Upload
from storage.access import MISSING
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
    MalformedError,
    NotFoundError,
    UnavailableError,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS: Mapping[type[EvidenceError], int] = {  # the first that fits
    tus.VersionError: 412,
    tus.BodyTypeError: 415,
    tus.ChecksumMismatchError: 460,
    tus.GoneError: 410,
    TooLargeError: 413,
    StorageFullError: 507,
    TooManyError: 429,
    UnauthenticatedError: 401,
    DeniedError: 403,
    ConflictError: 409,
    NotFoundError: 404,
    MalformedError: 400,
    UnavailableError: 503,
}
RETRY_S = 5
RETRY_FULL_S = 60


def status_of(error: EvidenceError) -> int:
    """The HTTP status of an error; what nobody named for a client is a fault of the server."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def problem(error: EvidenceError, headers: Mapping[str, str] | None = None) -> web.Response:
    """One error as `application/problem+json`."""
    status = status_of(error)
    response = web.json_response(
        {
            "type": f"/errors/{error.code}",
            "title": str(error),
            "status": status,
            "code": error.code,
        },
        status=status,
        headers=headers,
        content_type="application/problem+json",
    )
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, LimitError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, StorageFullError):
        response.headers["Retry-After"] = str(RETRY_FULL_S)
    elif isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(RETRY_S)
    elif isinstance(error, RightMissingError):
        response[MISSING] = error.right
    elif isinstance(error, UnauthenticatedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, tus.VersionError):
        response.headers["Tus-Version"] = tus.VERSION
    return response


def answered(handler: Handler) -> Handler:
    """Answer every deliberate error of a handler with its problem."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except EvidenceError as exc:
            return problem(exc)

    return wrapped


def spoken(handler: Handler) -> Handler:
    """A handler of the protocol itself: only version 1.0.0 gets in, every answer names it."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            tus.check_version(request.headers)
            response = await handler(request)
        except EvidenceError as exc:
            response = problem(exc)
        response.headers["Tus-Resumable"] = tus.VERSION
        return response

    return wrapped


async def name_version(request: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`: answers that no handler gave name the version, too."""
    if request.path.startswith("/api/uploads"):
        response.headers.setdefault("Tus-Resumable", tus.VERSION)


def state_headers(upload: Upload) -> dict[str, str]:
    """`Upload-Offset`, and until when the upload can be resumed."""
    headers = {"Upload-Offset": str(upload.offset), "Cache-Control": "no-store"}
    if upload.state == RECEIVING:
        headers["Upload-Expires"] = formatdate(upload.expires_ms / 1000, usegmt=True)
    return headers


def head_headers(upload: Upload) -> dict[str, str]:
    """All that HEAD says; the metadata is what the client sent, letter by letter."""
    headers = state_headers(upload)
    if upload.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length)
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    return headers
