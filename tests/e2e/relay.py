"""A TCP relay on loopback that does something in the middle of the bytes: the tests' bad luck."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Relay:
    """Relays connections to `port`.  Once `after` bytes have gone towards the server it awaits
    `event`, cuts every connection, and lets everything through from then on."""

    def __init__(self, port: int, *, after: int, event: Callable[[], Awaitable[object]]) -> None:
        self._target, self._left, self._event = port, after, event
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.happened = asyncio.Event()
        self.sent = 0
        self.port = 0

    async def __aenter__(self) -> "Relay":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError):
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
                self._open.add(up_writer)
                try:
                    back = asyncio.create_task(self._pass(up_reader, writer))
                    await self._forward(reader, up_writer)
                    await back
                finally:
                    back.cancel()
                    up_writer.transport.abort()
                    self._open.discard(up_writer)
        finally:
            writer.transport.abort()
            self._open.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.happened.is_set():
                self._left -= len(data)
                if self._left <= 0:
                    self.happened.set()
                    await self._event()
                    self._cut()
                    return
            self.sent += len(data)
            writer.write(data)
            await writer.drain()
