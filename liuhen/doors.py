"""Connections that bring no request are closed, so that nobody keeps the others out with them;
and those that come past the proxy are refused.

Guarantee: a connection on which no request is being answered is closed after `IDLE_S`, whether it
says nothing, sends a request's head byte by byte, or waits after an answer; and one whose body is
not there after `BODY_S`, except of uploads, which let an idle sender go by themselves.  There are never
so many connections that files, the database or ffmpeg lack descriptors: before that, those that
bring nothing make room, and if none can, a new one is refused.  Behind a proxy that ends TLS,
nobody else on the network is answered.
Not covered: how many connections one address may hold: a proxy's or a firewall's business.
"""

import asyncio
import ipaddress
import logging
import os
import resource
import time
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

IDLE_S = 75.0
BODY_S = 180.0  # a sheet of 8 MiB over 400 kbit/s
UPLOADS = "/api/uploads"
HANDSHAKE_S = 15.0  # of TLS: such a connection cannot make room
DESCRIPTORS = 65_536  # asked for; a system's usual 1,024 are soon used up
KEPT = 400  # for files, and for connections that were accepted and are not yet refused
TOLD_S = 60.0
SECURITY = logging.getLogger("liuhen.security")


def admit_only(app: web.Application, networks: Sequence[str]) -> None:
    """Refuse whoever is neither in these networks nor on this machine, before anything is looked at.

    A token that came without encryption has been seen on the way: it must not work, so that
    nobody gets used to it.
    """
    inside = [ipaddress.ip_network(network, strict=False) for network in networks]

    def is_admitted(request: web.Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.remote or "")
        except ValueError:
            return False
        return peer.is_loopback or any(peer in network for network in inside)

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_admitted(request):
            return await handler(request)
        SECURITY.warning("refused past the proxy peer=%s", request.remote)
        said = {
            "type": "/errors/denied",
            "code": "denied",
            "title": "connection: expected one of the proxy, got another; use the proxy's address",
            "status": 403,
        }
        response = web.json_response(said, status=403, content_type="application/problem+json")
        response.force_close()
        return response

    app.middlewares.insert(0, admitted)


def room() -> int:
    """Ask the system for more descriptors; up to how many of them connections are taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    most = DESCRIPTORS if soft == resource.RLIM_INFINITY else min(soft, DESCRIPTORS)
    return max(min(most * 3 // 4, most - KEPT), most // 4)


class Refusing(asyncio.Protocol):
    """A connection for which there is no room: gone at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


class Doors:
    """Who is being answered, and since when the others wait."""

    def __init__(
        self,
        *,
        idle_s: float = IDLE_S,
        body_s: float = BODY_S,
        most: int = DESCRIPTORS,
        holds: Callable[[], int] = lambda: len(os.listdir("/proc/self/fd")),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_s, self._body_s, self._now = idle_s, body_s, now
        self._most, self._told = most, -TOLD_S
        self._holds, self._held, self._came = holds, 0, 0
        self._busy: dict[asyncio.BaseTransport, tuple[web.Request, float]] = {}
        self._since: WeakKeyDictionary[asyncio.BaseTransport, float] = WeakKeyDictionary()

    def attach(self, app: web.Application) -> None:
        """Watch every request of this application, before it starts."""

        @web.middleware
        async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport = request.transport
            if transport is None:
                return await handler(request)
            self._busy[transport] = (request, self._now())
            try:
                return await handler(request)
            finally:
                self._busy.pop(transport, None)
                self._since[transport] = self._now()

        app.middlewares.insert(0, watched)

    def admit(self, server: web.Server) -> asyncio.Protocol:
        """What answers the connection that just came, for `create_server`."""
        self._came += 1
        if self._held + self._came > self._most:  # perhaps: some have gone since
            self._held, self._came = self._holds(), 1
            if self._held + 1 > self._most and not self._make_room(server):
                self._came = 0
                return Refusing()
        return server()

    def _make_room(self, server: web.Server) -> bool:
        """Close the oldest connections that are not being answered, a few at once."""
        now = self._now()
        if now - self._told >= TOLD_S:
            self._told = now
            SECURITY.warning("descriptors: expected at most %s, got more", self._most)
        every = [connection.transport for connection in server.connections]
        idle = [one for one in every if one and not one.is_closing() and one not in self._busy]
        for transport in idle[: max(1, self._most // 50)]:
            transport.abort()  # a farewell of TLS would hold it open
            self._held -= 1
        return bool(idle)

    def sweep(self, server: web.Server) -> int:
        """Close those that have waited for too long; how many."""
        now, closed = self._now(), 0
        for connection in server.connections:
            transport = connection.transport
            if transport is None:
                continue
            if (busy := self._busy.get(transport)) is not None:
                if self._is_dripping(*busy, now):
                    transport.close()
                    closed += 1
                continue
            if now - self._since.setdefault(transport, now) > self._idle_s:
                transport.close()
                closed += 1
        return closed

    def _is_dripping(self, request: web.Request, since: float, now: float) -> bool:
        late = now - since > self._body_s and not request.content.is_eof()
        return late and not request.path.startswith(UPLOADS)

    async def watch(self, server: web.Server) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self._idle_s / 5)
            self.sweep(server)
