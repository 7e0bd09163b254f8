"""Small things every route needs: the speech of a request, JSON with an ETag, page parameters."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from cases.queries import MAX_PAGE
from console.i18n import Speech, speech_of
from console.parts import PARTS
from storage.access import Caller, Right
from verify.entries import parse_time
from verify.errors import MalformedError


def speech(request: web.Request) -> Speech:
    """Language and zone of this request."""
    settings = request.app[PARTS].settings
    return speech_of(request, settings.zone, settings.language)


async def allowed(request: web.Request, right: Right) -> Caller:
    """The caller, who has this right."""
    caller = await request.app[PARTS].access.caller(request)
    caller.require(right)
    return caller


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: web.Request, etag: str) -> bool:
    """Whether the caller has this version already (RFC 9110, 13.1.2; weak comparison)."""
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or etag in (
        part.strip().removeprefix("W/") for part in sent.split(",")
    )


def tagged(request: web.Request, value: Mapping[str, Any]) -> web.Response:
    """JSON with an ETag over its bytes; 304 where the caller has it."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    etag = etag_of(body)
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Cookie",
    }
    if is_known(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=body, content_type="application/json", charset="utf-8", headers=headers
    )


def plain(value: Mapping[str, Any], status: int = 200) -> web.Response:
    """JSON without an ETag."""
    return web.json_response(value, status=status, dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def limit(request: web.Request, default: int = 50) -> int:
    """How many rows are asked for."""
    text = request.query.get("limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PAGE):
        raise MalformedError(f"limit: expected 1 to {MAX_PAGE}, got {text!r:.20}")
    return int(text)


def moment(request: web.Request, name: str) -> int | None:
    """The time that this parameter says, in milliseconds; None where it says none."""
    text = request.query.get(name)
    return None if text is None else parse_time(text)


PAGE_S = 0.05


def out_of_time() -> Callable[[], bool]:
    """Ends a page that has taken its time; whoever wants more asks for the next."""
    until = time.monotonic() + PAGE_S
    return lambda: time.monotonic() >= until
