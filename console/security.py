"""Headers that tell a browser what it must not do for us.

Guarantee: every answer, errors included, forbids framing, sniffing, inline script and style, and
anything from another host.  Recordings get a stricter policy still: a sandbox.
"""

import ipaddress

from aiohttp import web

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
APP_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; worker-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of the pages with script: pictures and media that they made themselves, too."""
APP_PERMISSIONS = "camera=(self), microphone=(self), geolocation=(), payment=()"
"""Recording on a phone is one of their rooms."""
MEDIA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`: streamed answers get the headers too."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "liuhen"  # versions are nobody's business
    response.headers.setdefault("Cache-Control", "no-store")


def is_secure(request: web.Request, trusted: tuple[str, ...], *, always: bool = False) -> bool:
    """Whether the person reached us over TLS; a forwarded word counts from trusted proxies only."""
    if always or (request.transport is not None and request.transport.get_extra_info("sslcontext")):
        return True
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    return from_trusted(request, trusted) and forwarded.split(",")[0].strip() == "https"


def from_trusted(request: web.Request, trusted: tuple[str, ...]) -> bool:
    """Whether the peer of this connection is a proxy whose word we take."""
    peer = _peer(request)
    if peer is None:
        return False
    return any(peer in ipaddress.ip_network(network, strict=False) for network in trusted)


def address(request: web.Request, trusted: tuple[str, ...]) -> str:
    """Who connects, for limits: the peer, or what a trusted proxy says (its last word)."""
    if from_trusted(request, trusted):
        said = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            pass
    peer = _peer(request)
    return "unknown" if peer is None else str(peer)


def base_url(request: web.Request, trusted: tuple[str, ...], public_url: str | None) -> str:
    """How people reach us, without a slash at the end."""
    if public_url is not None:
        return public_url.rstrip("/")
    scheme = "https" if is_secure(request, trusted) else "http"
    host = request.host
    if from_trusted(request, trusted):
        host = request.headers.get("X-Forwarded-Host", host).split(",")[0].strip()
    return f"{scheme}://{host}"


def _peer(request: web.Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(request.remote or "")
    except ValueError:
        return None


def local_path(text: str | None) -> str:
    """`text` if it is a path on this server, else `/`: where to go after signing in.

    A browser reads `//host`, `/\\host` and control characters as another host.
    """
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    if "\\" in text or any(ord(c) < 0x21 or ord(c) == 0x7F for c in text):
        return "/"
    return text


__all__ = [
    "APP_PERMISSIONS",
    "APP_POLICY",
    "MEDIA_POLICY",
    "POLICY",
    "add_headers",
    "address",
    "base_url",
    "from_trusted",
    "is_secure",
    "local_path",
]
