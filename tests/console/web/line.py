"""The line between a browser and the server: slow or dead when the test says so."""

import asyncio

from tests.e2e.relay import Relay


class Line(Relay):
    """Relays to `port`; `pace` bytes a second go up, and while it is `down` nothing does."""

    def __init__(self, port: int) -> None:
        super().__init__(port, after=1 << 62, event=asyncio.sleep)  # type: ignore[arg-type]
        self.pace: int | None = None
        self.down = False
        self.silent = False
        """What is open carries nothing from then on, and nobody is told so."""

    def cut(self) -> None:
        """Dead from now on, and whatever is open breaks."""
        self.down = True
        self._cut()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
        else:
            super()._accept(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(16384):
            if self.silent:
                await asyncio.Event().wait()
            if self.pace is not None:
                await asyncio.sleep(len(data) / self.pace)
            self.sent += len(data)
            writer.write(data)
            await writer.drain()
