"""Connections that bring no request: closed, so that nobody keeps the others out with them.

Guarantee: a connection on which no request is being answered is closed after `IDLE_S`, whether it
says nothing, sends a request's head byte by byte, or waits after an answer.
Not covered: bodies (uploads let an idle sender go by themselves), and how many connections one
address may hold: a proxy's or a firewall's business.
"""

import asyncio
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

IDLE_S = 75.0


class Doors:
    """Who is being answered, and since when the others wait."""

    def __init__(
        self, *, idle_s: float = IDLE_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_s, self._now = idle_s, now
        self._busy: set[asyncio.BaseTransport] = set()
        self._since: WeakKeyDictionary[asyncio.BaseTransport, float] = WeakKeyDictionary()

    def attach(self, app: web.Application) -> None:
        """Watch every request of this application, before it starts."""

        @web.middleware
        async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport = request.transport
            if transport is None:
                return await handler(request)
            self._busy.add(transport)
            try:
                return await handler(request)
            finally:
                self._busy.discard(transport)
                self._since[transport] = self._now()

        app.middlewares.insert(0, watched)

    def sweep(self, server: web.Server) -> int:
        """Close those that have waited for too long; how many."""
        now, closed = self._now(), 0
        for connection in server.connections:
            transport = connection.transport
            if transport is None or transport in self._busy:
                continue
            if now - self._since.setdefault(transport, now) > self._idle_s:
                transport.close()
                closed += 1
        return closed

    async def watch(self, server: web.Server) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self._idle_s / 5)
            self.sweep(server)
