"""Pages for people: plain HTML from templates, readable without script but for the player.

Guarantee: every text from outside is escaped by the template engine and made visible first;
nothing inline, nothing from another host.
Not covered: changing anything: forms send to the API, by `static/forms.js`.
"""

import hashlib
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console import course_said, shown
from console.access import CALLER
from console.answers import speech
from console.errors import NoRouteError
from console.i18n import LANGUAGES, Speech
from console.parts import PARTS
from console.problems import sentences
from verify.entries import format_time, parse_time
from verify.errors import EvidenceError

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png",
}  # fmt: skip


class Static:
    """The files of the pages, read once; their address changes with their content."""

    def __init__(self, folder: Path = _HERE / "static") -> None:
        self.files = {
            path.name: (path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(folder.iterdir())
            if path.suffix in _TYPES
        }
        self._versions = {
            name: hashlib.sha256(body).hexdigest()[:12] for name, (body, _) in self.files.items()
        }

    def url(self, name: str) -> str:
        return f"/static/{name}?v={self._versions[name]}"


STATIC: web.AppKey[Static] = web.AppKey("STATIC", Static)
TEMPLATES: web.AppKey[Environment] = web.AppKey("TEMPLATES", Environment)


def environment(static: Static) -> Environment:
    """Escapes everything; an unknown name is an error, not an empty place."""
    env = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["visible"] = shown.visible
    env.filters["size"] = shown.size
    env.filters["grouped"] = shown.grouped
    env.filters["tool"] = shown.tool
    env.filters["duration"] = shown.duration
    env.filters["seconds"] = course_said.seconds
    env.filters["about"] = shown.about
    env.globals["static"] = static.url
    env.globals["languages"] = LANGUAGES
    return env


def time_tag(spoken: Speech, value: int | str) -> Markup:
    """A time in the server's zone, the recorded UTC text beside it for who points at it."""
    if isinstance(value, str):
        try:
            ms = parse_time(value)
        except EvidenceError:
            return Markup("{}").format(shown.visible(value))
    else:
        ms = value
    utc = format_time(ms)
    return Markup('<time datetime="{}" title="UTC {}">{}</time>').format(utc, utc, spoken.time(ms))


async def render(
    request: web.Request, template: str, *, status: int = 200, **values: Any
) -> web.Response:
    """A page in the caller's language."""
    spoken, caller = speech(request), request.get(CALLER)
    text = await _render(request, template, spoken, caller, values)
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={
            "Cache-Control": "private, no-cache",
            "Content-Language": spoken.language,
            "Vary": "Accept-Language, Cookie",
        },
    )


async def _render(
    request: web.Request, template: str, spoken: Speech, caller: Any, values: dict[str, Any]
) -> str:
    return (
        request.app[TEMPLATES]
        .get_template(template)
        .render(
            t=spoken,
            lang=spoken.language,
            zone=spoken.zone.key,
            caller=caller,
            rights=frozenset(caller.rights) if caller is not None else frozenset(),
            here=request.path_qs if request.method == "GET" else "/",
            when=lambda value: time_tag(spoken, value),
            origin=request.app[PARTS].origin,
            **values,
        )
    )


async def error_page(
    request: web.Request, error: EvidenceError, status: int, _incident: str | None
) -> web.Response:
    """What happened, and what to do next."""
    title, next_ = sentences(error, speech(request))
    return await render(
        request,
        "error.html",
        status=status,
        title=title,
        next_step=next_,
        code=error.code,
        status_code=status,
        detail=str(error) if error.code == "internal" else None,
    )


async def static_file(request: web.Request) -> web.Response:
    """Files of the pages; their address names their version, so they may be kept for ever."""
    found = request.app[STATIC].files.get(request.match_info["name"])
    if found is None:
        raise NoRouteError(f"address: expected a known one, got {request.path!r:.200}")
    body, type_ = found
    return web.Response(
        body=body,
        content_type=type_,
        charset="utf-8",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
