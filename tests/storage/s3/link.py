"""A bad line: a TCP proxy on loopback between a client and a server, which breaks on purpose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Link:
    """What the line does; change it while it runs."""

    endpoint: str = ""
    swallow_answers_to: bytes | None = None  # requests with this in them are served, not answered
    cut_after: int | None = None  # close for good after so many bytes towards the server
    stall_after: int | None = None  # stop reading from the client after so many bytes
    rewrite: tuple[bytes, bytes] | None = None  # replaced on the way to the server
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def hang_up(self) -> None:
        """Every open connection ends now; new ones are taken."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def bad_line(endpoint: str) -> AsyncIterator[Link]:
    """A proxy to `endpoint` (host:port), which does nothing bad until told to."""
    host, _, port = endpoint.rpartition(":")
    link = Link()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link.tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            upstream = await asyncio.open_connection(host, int(port))
            try:
                await _join((reader, writer), upstream, link)
            finally:
                for end in (writer, upstream[1]):
                    end.close()
        link.tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link.endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield link
    finally:
        server.close()
        await link.hang_up()


Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(client: Pair, server: Pair, link: Link) -> None:
    swallowed = asyncio.Event()

    async def towards_server() -> None:
        passed = 0
        while data := await client[0].read(1 << 16):
            if link.swallow_answers_to is not None and link.swallow_answers_to in data:
                swallowed.set()
            if link.rewrite is not None:
                data = data.replace(*link.rewrite)
            passed += len(data)
            if link.cut_after is not None and passed > link.cut_after:
                return
            if link.stall_after is not None and passed > link.stall_after:
                await asyncio.sleep(3600)
            server[1].write(data)
            await server[1].drain()

    async def towards_client() -> None:
        while data := await server[0].read(1 << 16):
            if swallowed.is_set():
                return  # it was done, and nobody will hear of it
            client[1].write(data)
            await client[1].drain()

    both = [asyncio.create_task(towards_server()), asyncio.create_task(towards_client())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
