"""The API against its own specification: every request is validated before its handler runs.

Guarantee: a handler of a path in openapi.yaml sees only parameters and bodies that the
specification allows; a test validates the answers, too.
Not covered: uploads and the log's files, whose handlers check what public formats say, and the
bytes of recordings and sheets: validating them would read them into memory.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.typedefs import Handler
from openapi_core import Config, OpenAPI
from openapi_core.contrib.aiohttp import AIOHTTPOpenAPIWebRequest
from openapi_core.exceptions import OpenAPIError
from openapi_core.validation.request.validators import V31RequestBodyValidator

from console import parameters
from storage.errors import TooLargeError
from verify.errors import MalformedError

FILE = Path(__file__).parent / "openapi.yaml"
PUBLIC_FORMATS = ("/api/uploads", "/log/")  # described too, but tus and tlog-tiles decide
OUTSIDE = (*PUBLIC_FORMATS, "/api/views/{view}/media", "/api/imports/")
MAX_BODY = 256 * 1024
LARGE = frozenset({"/api/rules", "/api/rules/preview", "/api/rosters"})
MAX_LARGE_BODY = 8 * 1024 * 1024  # sheets as people keep them, with their pictures and formats
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@cache
def document() -> dict[str, Any]:
    """What openapi.yaml says; nobody may change it."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


@cache
def ready() -> dict[tuple[str, str], tuple[parameters.Parameter, ...]]:
    """The parameters of every operation.  Who calls is `console.access`'s business."""
    return parameters.compiled(document())


@cache
def bodies() -> OpenAPI:
    """Checks bodies."""
    config = Config(request_validator_cls=V31RequestBodyValidator)
    return OpenAPI.from_dict(document(), config=config)


@cache
def operations() -> dict[tuple[str, str], str]:
    """(method, path) -> operationId of everything whose requests are validated."""
    return {
        operation: id_
        for operation, id_ in described().items()
        if not operation[1].startswith(PUBLIC_FORMATS)
    }


@cache
def described() -> dict[tuple[str, str], str]:
    """(method, path) -> operationId of everything in the specification."""
    return {
        (method.upper(), path): operation["operationId"]
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)  # else what is common to the path's methods
    }


def _inside(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    if resource is None or resource.canonical.startswith(OUTSIDE):
        return False
    return (request.method, resource.canonical) in operations()


def reason(error: BaseException) -> str:
    """What was not as specified, on one line and without the values that were sent."""
    for found in getattr(error.__cause__, "schema_errors", ()):
        where = "/".join(str(part) for part in found.absolute_path) or "body"
        return f"{where}: expected {found.validator} {found.validator_value}"[:200]
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()


_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def check_json(body: bytes) -> None:
    """Raise MalformedError unless these bytes are JSON that everybody after this can go on with.

    The validator lets pass what the handlers or the database stumble over: another encoding than
    UTF-8 or a mark before it, half of a surrogate pair, NUL, numbers that JSON does not know, and
    nesting deeper than the interpreter's stack.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_refuse)
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, huge numbers
        raise MalformedError("body: expected JSON of Unicode text, got something else") from error
    if _NUL.search(text):
        raise MalformedError("body: expected text without NUL, got some with it")


def _refuse(name: str) -> float:
    raise ValueError(name)


def _sized(request: web.Request) -> tuple[web.Request, int]:
    """The request with the limit of its route; the guard has let its caller in before."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical in LARGE:
        return request.clone(client_max_size=MAX_LARGE_BODY), MAX_LARGE_BODY
    return request, MAX_BODY


@web.middleware
async def validate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what the specification does not allow."""
    if not _inside(request):
        return await handler(request)
    sized, most = _sized(request)
    try:
        return await _validated(sized, handler, most)
    finally:
        if sized is not request:  # what the handler noted on it is asked for outside
            request.update(sized)


async def _validated(request: web.Request, handler: Handler, most: int) -> web.StreamResponse:
    body = None
    if request.method in _CHANGES:
        if (request.content_length or 0) > most:
            raise TooLargeError(
                f"body: expected at most {most} bytes, got {request.content_length}"
            )
        body = await request.read()
        if body and request.content_type == "application/json":
            if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
                raise MalformedError(f"charset: expected UTF-8, got {request.charset:.20}")
            check_json(body)
    resource = request.match_info.route.resource
    asked = ready()[request.method, "" if resource is None else resource.canonical]
    parameters.check(asked, request.match_info, request.rel_url)
    if request.method in _CHANGES:
        try:
            bodies().validate_request(AIOHTTPOpenAPIWebRequest(request, body=body or None))
        except OpenAPIError as error:
            raise MalformedError(
                f"request: expected what openapi.yaml allows, got {reason(error)}"
            ) from error
    return await handler(request)
