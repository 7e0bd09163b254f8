"""A real server for end-to-end tests: `liuhen serve` as a process of its own, with its own folder.

    async with running(tmp_path) as server:
        token = await server.token("upload", source="DOCK-01")
        await server.kill()          # kill -9
        await server.start()         # the same data, the same port

Only processes that were started here are ended, by their pid.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

READY_S = 60.0


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class RealServer:
    """One data folder and the process that serves it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    vkey: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    @property
    def env(self) -> dict[str, str]:
        """The environment of the server and of every command about it."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LIUHEN_")}
        return kept | {
            "LIUHEN_PATHS_DATA": str(self.data),
            "LIUHEN_SERVER_PORT": str(self.port),
            "LIUHEN_INGEST_MARGIN": "0",
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    async def start(self, *, ready: bool = True) -> None:
        """Start the process; with `ready`, wait until it records."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                "setpriv", "--pdeathsig", "KILL",  # a test run that is ended leaves nothing behind
                sys.executable, "-m", "liuhen", "serve", *self.arguments,
                env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        if ready:
            await self.wait_ready()

    async def wait_ready(self, path: str = "/readyz") -> None:
        """Wait for a 200; AssertionError with the server's own words."""
        assert self.process is not None
        deadline = asyncio.get_running_loop().time() + READY_S
        async with aiohttp.ClientSession() as http:
            while asyncio.get_running_loop().time() < deadline:
                if self.process.returncode is not None:
                    raise AssertionError(f"serve ended {self.process.returncode}:\n{self.words()}")
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(self.url + path) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise AssertionError(f"serve: expected ready within {READY_S:.0f} s:\n{self.words()}")

    async def stop(self) -> int:
        """SIGTERM, and wait."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL: no clean-up of any kind."""
        return await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        try:
            return await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"serve did not stop:\n{self.words()}") from None

    def words(self) -> str:
        """What the server has said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def command(
        self, *arguments: str, env: Mapping[str, str] | None = None, limit: float = 120
    ) -> Ended:
        """Run `liuhen …` on this server's data to its end."""
        process = await self.begin(*arguments, env=env)
        try:
            out, err = await asyncio.wait_for(process.communicate(), limit)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def begin(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        """Start `liuhen …` and leave it running; the caller ends it."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "liuhen", *arguments,
            env={**self.env, **(env or {})},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def token(self, *rights: str, source: str | None = None, name: str = "test") -> str:
        """A token's secret, made by the command line; the log's key is noted on the way."""
        chosen = [part for right in rights for part in ("--right", right)]
        bound = ["--source", source] if source else []
        ended = await self.command("token", "create", *chosen, *bound, "--name", name, "--json")
        assert ended.code == 0, ended.err
        made = json.loads(ended.out)
        self.vkey = made["vkey"]
        return str(made["secret"])

    async def push(
        self, *files: Path, token: str, options: tuple[str, ...] = (), limit: float = 120
    ) -> Ended:
        """`liuhen push` to the end."""
        return await self.command(
            "push", *map(str, files), "--server", self.url, *options,
            env={"LIUHEN_TOKEN": token}, limit=limit,
        )  # fmt: skip

    async def verify(self, receipt: Path, file: Path) -> Ended:
        """The offline verifier, in a process without this server's environment."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "verify", str(receipt), str(file), "--key", self.vkey,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def running(
    folder: Path, *, env: Mapping[str, str] | None = None, arguments: tuple[str, ...] = ()
) -> AsyncIterator[RealServer]:
    """A server that is up and records, and is gone afterwards."""
    server = RealServer(folder, env or {}, arguments)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
