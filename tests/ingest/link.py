"""A bad link: a TCP relay that cuts or stalls a connection after an exact number of bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Link:
    """Bytes of the client that each next connection lets through; None lets everything through.

    What came through is given `linger` seconds to arrive before the cut: a reset would throw away
    what the other side's kernel has not handed over yet.
    `stall`: instead of cutting, the link goes silent and neither side ever hears of the other.
    """

    target: tuple[str, int]
    cuts: list[int | None] = field(default_factory=list)
    stall: bool = False
    linger: float = 0.5
    connections: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = self.cuts.pop(0) if self.cuts else None
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        up_reader, up = await asyncio.open_connection(*self.target)
        down = asyncio.create_task(self._pass(up_reader, writer))
        try:
            while data := await reader.read(65536):
                if left is not None:
                    data, left = data[:left], left - len(data[:left])
                up.write(data)
                await up.drain()
                if left == 0:
                    if self.stall:
                        down.cancel()
                        await asyncio.Event().wait()
                    await asyncio.sleep(self.linger)
                    break
        finally:
            down.cancel()
            up.close()
            writer.close()
            self._open.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()

    async def close(self) -> None:
        for task in list(self._open):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await task


@asynccontextmanager
async def bad_link(
    url: str, *cuts: int | None, stall: bool = False
) -> AsyncIterator[tuple[str, Link]]:
    """Where to connect instead of `url`, and the link."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    link = Link((host, int(port)), list(cuts), stall)
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", link
    finally:
        server.close()
        await link.close()
