"""The console's pages with script: one shell for every address below /app/, and its files.

Guarantee: the shell holds no data, so it is public; what it asks for is the API's to refuse.  Its
files carry a digest in their names and may be kept for ever; nothing comes from another host.
Not covered: building them (`scripts/web`); a server without them says so, and the plain pages,
which need no script, go on.
"""

from pathlib import Path

from aiohttp import web

from console.answers import speech
from console.errors import NoRouteError, NotBuiltError
from console.security import APP_PERMISSIONS, APP_POLICY

ROUTES = web.RouteTableDef()
_BUILT = Path(__file__).parent / "built"
_TYPES = {
    ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png",
    ".woff2": "font/woff2",
}  # fmt: skip


class Built:
    """What the build made, read once."""

    def __init__(self, folder: Path = _BUILT) -> None:
        shell = folder / "index.html"
        self.shell = shell.read_text("utf-8") if shell.is_file() else None
        self.files = {
            path.name: (path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(folder.glob("assets/*"))
            if path.suffix in _TYPES
        }


BUILT: web.AppKey[Built] = web.AppKey("BUILT", Built)


@ROUTES.get("/app/assets/{name}")
async def asset(request: web.Request) -> web.Response:
    found = request.app[BUILT].files.get(request.match_info["name"])
    if found is None:
        raise NoRouteError(f"address: expected a known one, got {request.path!r:.200}")
    body, type_ = found
    response = web.Response(
        body=body,
        content_type=type_,
        charset="utf-8" if type_.startswith("text/") else None,
        headers={"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"},
    )
    if type_.startswith("text/"):
        response.enable_compression()
    return response


@ROUTES.get("/")
@ROUTES.get("/app")
async def entrance(_request: web.Request) -> web.Response:
    """Here begins who names no page."""
    raise web.HTTPSeeOther("/app/")


@ROUTES.get("/app/{page:.*}")
async def shell(request: web.Request) -> web.Response:
    """The same for every address: which page it is, the script reads from it."""
    text, spoken = request.app[BUILT].shell, speech(request)
    if text is None:
        raise NotBuiltError("console/built: expected the built pages, got none; run scripts/web")
    text = text.replace('<html lang="zh-CN">', f'<html lang="{spoken.language}">', 1).replace(
        'name="liuhen-zone" content="UTC"', f'name="liuhen-zone" content="{spoken.zone.key}"', 1
    )
    return web.Response(
        text=text,
        content_type="text/html",
        charset="utf-8",
        headers={
            "Cache-Control": "no-cache",
            "Content-Language": spoken.language,
            "Content-Security-Policy": APP_POLICY,
            "Permissions-Policy": APP_PERMISSIONS,
            "Vary": "Accept-Language, Cookie",
        },
    )
