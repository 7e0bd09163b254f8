"""Start, listen, stop: the server as a process.

Guarantee: one server per data folder; it listens beyond loopback only with TLS, behind a proxy
that it was told of (and then answers nobody else), or when a person insisted; SIGTERM and SIGINT let uploads keep every durable
byte and put running jobs back.
Not covered: what the parts do (`liuhen.compose`).
"""

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import click
from aiohttp import web

from liuhen.compose import Server, compose, run
from liuhen.core import core, prepare
from liuhen.doors import HANDSHAKE_S, Doors, admit_only, room
from liuhen.lock import locked
from liuhen.settings import ServerSettings, Settings
from verify.errors import MalformedError, UnavailableError

log = logging.getLogger("liuhen.serve")

AT_ONCE = 16  # asyncio accepts so many in a row before any of them can be refused
WAITING = 1024
FIELD = 48 * 1024  # Upload-Metadata with a manifest is longer than aiohttp's 8 KiB
BANNER = (
    "*** --insecure: this server listens on {host} without encryption. Tokens and recordings "
    "can be read and changed on the way. ***"
)


def check_binding(settings: ServerSettings, *, insecure: bool) -> str | None:
    """The banner to show, if a person insisted; MalformedError for a door left open by mistake."""
    if (settings.certificate is None) != (settings.private_key is None):
        raise MalformedError("server: expected certificate and private_key together, got one")
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise MalformedError(
                f"server.trusted_proxies: expected addresses or networks, got {proxy!r:.60}"
            ) from None
    if is_loopback(settings.host) or settings.certificate:
        return None
    if insecure:
        return BANNER.format(host=settings.host)
    if settings.trusted_proxies:
        return None
    raise MalformedError(
        f"server.host: expected a loopback address, got {settings.host} without TLS; set "
        "server.certificate and server.private_key, or server.trusted_proxies behind a proxy "
        "that ends TLS, or say --insecure"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def tls(settings: ServerSettings) -> ssl.SSLContext | None:
    """The server's side of TLS, 1.2 at least."""
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate, settings.private_key)
    except (OSError, ssl.SSLError) as exc:
        raise MalformedError(f"server.certificate: expected to load it, got {exc}") from exc
    return context


def admitted(settings: ServerSettings, *, insecure: bool) -> Sequence[str] | None:
    """The networks that alone are answered, because only the proxy encrypts; None: whoever asks."""
    if is_loopback(settings.host) or settings.certificate or insecure:
        return None
    return settings.trusted_proxies


@asynccontextmanager
async def listening(
    server: Server, settings: ServerSettings, *, insecure: bool = False
) -> AsyncIterator[str]:
    """Accept connections; the address is what is really listened on."""
    context, doors = tls(settings), Doors(most=room())
    if (networks := admitted(settings, insecure=insecure)) is not None:
        admit_only(server.app, networks)
    doors.attach(server.app)
    runner = web.AppRunner(
        server.app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=float(settings.stop_seconds),
        max_field_size=FIELD,
        auto_decompress=False,  # an upload's bytes are kept as they come
    )
    await runner.setup()
    server_ = runner.server
    assert server_ is not None  # noqa: S101 - setup makes it
    watching = asyncio.create_task(doors.watch(server_), name="doors")
    listener: asyncio.Server | None = None
    try:
        try:
            listener = await asyncio.get_running_loop().create_server(
                lambda: doors.admit(server_), settings.host, settings.port, ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_S, backlog=AT_ONCE,
            )  # fmt: skip
        except OSError as exc:
            raise UnavailableError(
                f"server: expected to listen on {settings.host}:{settings.port}, got {exc.strerror}"
            ) from exc
        for one in listener.sockets:  # those who wait to be accepted may be more
            with socket.socket(fileno=os.dup(one.fileno())) as same:
                same.listen(WAITING)
        port = listener.sockets[0].getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield f"{'https' if context else 'http'}://{host}:{port}"
    finally:
        watching.cancel()
        if listener is not None:
            listener.close()
        await runner.cleanup()


def collect_rarely() -> None:
    """Look for cycles of garbage rarely, and never among what is there for good.

    What is kept of large cases is hundreds of thousands of tuples, and a search of all of them
    stops every request for 0.1 s; Python's own thresholds search every few requests (measured:
    `bench scale`).  What lives shortly is still searched for in small steps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def serve(settings: Settings, *, insecure: bool = False) -> None:
    """Run the server until SIGTERM or SIGINT."""
    banner = check_binding(settings.server, insecure=insecure)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with locked(settings.paths.data), core(settings) as parts:
        with suppress(UnavailableError):  # a store is away: receiving begins, recording waits
            await prepare(parts)
            await parts.startup.once()
        server = await compose(parts)
        await server.recovery.run()
        collect_rarely()
        async with listening(server, settings.server, insecure=insecure) as address:
            _show(settings, parts.vkey, address, banner)
            try:
                await run(server, stop)
            finally:
                server.uploads.slots.let_all_go()
        log.info("stopped")


def _show(settings: Settings, vkey: str, address: str, banner: str | None) -> None:
    """Where to look, for the person who started it."""
    if banner is not None:
        click.echo(banner, err=True)
    for line in (
        f"Liuhen 留痕  {address}/",
        f"  data      {settings.paths.data}",
        f"  log key   {vkey}",
        "  sign in   with a token: liuhen token create --right read --right case --name NAME",
    ):
        click.echo(line)
    sys.stdout.flush()
