"""A TCP relay on loopback that cuts the link once: the demo's and the tests' broken cable."""

import asyncio
import contextlib


class Cutter:
    """Relays connections to `port`; after `after` bytes towards the server it aborts both ends,
    once, and lets everything through from then on."""

    def __init__(self, port: int, *, after: int) -> None:
        self._target, self._left = port, after
        self.cuts = 0
        self.port = 0

    async def __aenter__(self) -> "Cutter":
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return

        async def answers() -> None:
            while data := await up_reader.read(65536):
                writer.write(data)
                await writer.drain()

        back = asyncio.create_task(answers())
        try:
            while data := await reader.read(65536):
                if not self.cuts:
                    self._left -= len(data)
                    if self._left <= 0:
                        self.cuts += 1
                        return
                up_writer.write(data)
                await up_writer.drain()
            up_writer.write_eof()
            await back
        except OSError:
            pass  # either end went away: that is what this relay is for
        finally:
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await back
            writer.transport.abort()
            up_writer.transport.abort()
