"""Connections that bring no request are closed; those that do are left alone."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, make_mocked_request

from liuhen.doors import Doors, admit_only


class Hands:
    """A clock that the test moves."""

    at = 0.0

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def answering(
    doors: Doors, go: asyncio.Event, begun: asyncio.Event
) -> AsyncIterator[tuple[web.Server, int]]:
    async def slow(_request: web.Request) -> web.Response:
        begun.set()
        await go.wait()
        return web.Response(text="done")

    app = web.Application()
    app.add_routes([web.get("/slow", slow)])
    doors.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert runner.server is not None
        yield runner.server, runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has gone, with or without a word."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_who_brings_no_request_is_let_go_and_who_is_answered_is_not() -> None:
    hands, go, begun = Hands(), asyncio.Event(), asyncio.Event()
    doors = Doors(idle_s=10, now=hands.now)
    async with answering(doors, go, begun) as (server, port):
        silent, _ = await asyncio.open_connection("127.0.0.1", port)
        drip, dripping = await asyncio.open_connection("127.0.0.1", port)
        dripping.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        asked, asking = await asyncio.open_connection("127.0.0.1", port)
        asking.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.wait()
        assert doors.sweep(server) == 0  # first seen now
        hands.at = 9
        dripping.write(b"a")
        assert doors.sweep(server) == 0
        hands.at = 11
        assert doors.sweep(server) == 2
        assert await ended(silent)
        assert await ended(drip)
        go.set()
        assert (await asked.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        hands.at = 20
        assert doors.sweep(server) == 0  # its wait began with the answer
        hands.at = 22
        assert doors.sweep(server) == 1
        assert await ended(asked)


async def test_who_sends_a_body_byte_by_byte_is_let_go_unless_he_uploads() -> None:
    hands, stopped = Hands(), asyncio.Event()
    doors = Doors(idle_s=1000, body_s=30, now=hands.now)

    async def read(request: web.Request) -> web.Response:
        try:
            return web.Response(text=str(len(await request.read())))
        except OSError:
            stopped.set()
            raise

    app = web.Application()
    app.add_routes([web.post("/api/session", read), web.post("/api/uploads", read)])
    doors.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert runner.server is not None
        ways = {}
        for path, sent in (
            ("/api/session", b"1"), ("/api/uploads", b"1"), ("/api/session?whole", b"1234"),
        ):  # fmt: skip
            ways[path] = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
            ways[path][1].write(head.encode() + sent)
        whole, writer = ways.pop("/api/session?whole")
        assert (await whole.readuntil(b"4")).startswith(b"HTTP/1.1 200")
        writer.close()
        assert doors.sweep(runner.server) == 0
        hands.at = 29
        assert doors.sweep(runner.server) == 0
        hands.at = 31
        assert doors.sweep(runner.server) == 1
        assert await ended(ways["/api/session"][0])
        await asyncio.wait_for(stopped.wait(), 5)  # its handler does not wait on
        ways["/api/uploads"][1].write(b"234")
        assert (await ways["/api/uploads"][0].readuntil(b"4")).startswith(b"HTTP/1.1 200")
    finally:
        await runner.cleanup()


async def test_who_brings_nothing_makes_room_and_who_is_answered_stays() -> None:
    go, begun = asyncio.Event(), asyncio.Event()
    servers: list[web.Server] = []
    doors = Doors(most=3, holds=lambda: len(servers[0].connections))
    async with answering(doors, go, begun) as (server, _):
        servers.append(server)
        listener = await asyncio.get_running_loop().create_server(
            lambda: doors.admit(server), "127.0.0.1", 0
        )
        port = listener.sockets[0].getsockname()[1]
        ask = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        first, asking = await asyncio.open_connection("127.0.0.1", port)
        asking.write(ask)
        await begun.wait()
        silent = [(await asyncio.open_connection("127.0.0.1", port))[0] for _ in range(2)]
        while len(server.connections) < 3:
            await asyncio.sleep(0.01)
        second, also = await asyncio.open_connection("127.0.0.1", port)
        also.write(ask)
        async with asyncio.timeout(5):
            assert await ended(silent[0])  # the oldest that brings nothing
        third, too = await asyncio.open_connection("127.0.0.1", port)
        begun.clear()
        too.write(ask)
        async with asyncio.timeout(5):
            assert await ended(silent[1])
            await begun.wait()
        while len(doors._busy) < 3:
            await asyncio.sleep(0.01)
        refused, _ = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            assert await ended(refused)
        go.set()
        for reader in (first, second, third):
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]  # in one turn
        await asyncio.sleep(0.5)
        assert len(server.connections) < 20
        for one in held:
            one.close()
        listener.close()


async def test_the_watch_sweeps_by_itself() -> None:
    go, begun = asyncio.Event(), asyncio.Event()
    doors = Doors(idle_s=0.05)
    async with answering(doors, go, begun) as (server, port):
        watching = asyncio.create_task(doors.watch(server))
        silent, _ = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            assert await ended(silent)
        watching.cancel()


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        ("10.0.0.1", 200), ("10.0.7.9", 403), ("192.168.3.4", 200), ("127.0.0.1", 200),
        ("::1", 200), ("2001:db8::1", 403), ("", 403),
    ],
)  # fmt: skip
async def test_past_the_proxy_nobody_is_answered(peer: str, status: int) -> None:
    async def handler(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    app = web.Application()
    admit_only(app, ("10.0.0.1", "192.168.3.0/24"))
    (middleware,) = app.middlewares
    request = make_mocked_request("GET", "/").clone(remote=peer)
    assert (await middleware(request, handler)).status == status


async def test_a_refused_connection_is_closed_before_its_body_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The real door; the peer's address is the test's, because all tests come from loopback."""
    monkeypatch.setattr(web.BaseRequest, "remote", "203.0.113.9")
    taken = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/", take)])
    admit_only(app, ("10.0.0.1",))
    async with (
        TestServer(app) as server,
        ClientSession() as client,
        client.post(server.make_url("/"), data=b"secret") as answer,
    ):
        assert (answer.status, answer.content_type) == (403, "application/problem+json")
        assert answer.headers["Connection"] == "close"
        assert (await answer.json(content_type=None))["code"] == "denied"
    assert taken == []


def test_some_descriptors_are_kept_for_files() -> None:
    code = (
        "import resource, sys; from liuhen.doors import room; "
        "most = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, most)); "
        "print(room(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    for most, told in ((300, "75 300"), (1024, "624 1024"), (4096, "3072 4096")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(most)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == told.split()
