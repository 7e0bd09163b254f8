"""Starts `liuhen …` again and again without importing it again and again.

`python -m tests.e2e.nursery` imports the program once, then forks a child per order that runs the
very command line (`liuhen.cli.main`).  Each child is a process of its own, with its own pid, and
dies like one; only the seconds that its imports would cost are saved, which in twenty rounds of
kill and start is most of the time.

Orders come as JSON lines on standard input, answers go out the same way.  When the input ends
(the tests are over, or died) every child that still lives is killed, by its pid.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.server import RealServer


class Nursery:
    """The parent of the processes, as seen from the test.  An order takes a few milliseconds."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder, self._count = process, folder, 0

    def ask(self, **order: Any) -> int | None:
        """One order and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has died"
        value: int | None = json.loads(answer)
        return value

    def start(
        self, *argv: str, env: Mapping[str, str], log: Path | None = None, cwd: Path | None = None
    ) -> "Child":
        """Start `liuhen …`; what it says goes to `log`, or is told by `communicate`."""
        self._count += 1
        out, err = (log or self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        pid = self.ask(
            order="start", argv=argv, env=dict(env), out=str(out), err=str(err), cwd=str(cwd or "/")
        )
        assert pid is not None
        return Child(self, pid, out, err)


@contextmanager
def raised() -> Iterator[Nursery]:
    """A parent that ends with this block, and its children with it."""
    with tempfile.TemporaryDirectory(prefix="liuhen-test-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            yield Nursery(process, Path(folder))
        finally:
            process.communicate()


@dataclass(slots=True)
class Child:
    """What the tests use of a process."""

    parent: Nursery
    pid: int
    out: Path
    err: Path
    code: int | None = None

    @property
    def returncode(self) -> int | None:
        if self.code is None:
            self.code = self.parent.ask(order="poll", pid=self.pid)
        return self.code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            await asyncio.sleep(0.02)
        return code

    async def communicate(self) -> tuple[bytes, bytes]:
        await self.wait()
        return self.out.read_bytes(), self.err.read_bytes()


@dataclass(slots=True)
class NursedServer(RealServer):
    """A real server whose processes, and those of its commands, a nursery starts."""

    parent: Nursery | None = None

    async def start(self, *, ready: bool = True) -> None:
        assert self.parent is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self.parent.start(  # type: ignore[assignment]
            "serve", *self.arguments, env=self.env, log=self.log
        )
        if ready:
            await self.wait_ready()

    async def begin(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        assert self.parent is not None
        return self.parent.start(*arguments, env={**self.env, **(env or {})})  # type: ignore[return-value]


@asynccontextmanager
async def nursed(
    parent: Nursery, folder: Path, env: Mapping[str, str] | None = None, *, start: bool = True
) -> AsyncIterator[NursedServer]:
    """A server that is gone afterwards; with `start`, it is up and records."""
    server = NursedServer(folder, env or {}, parent=parent)
    try:
        if start:
            await server.start()
        yield server
    finally:
        await server.kill()


def _start(order: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        out, err = (
            os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for name in ("out", "err")
        )
        for source, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        os.closerange(3, 64)
        from liuhen.cli import main  # noqa: PLC0415  # imported already

        main(order["argv"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as the interpreter does at its own edge
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _raise_children() -> None:
    import liuhen.compose  # noqa: PLC0415
    from liuhen.cli import main  # noqa: PLC0415

    for name in main.commands:
        assert main.commands[name].name
    assert liuhen.compose
    living: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        answer: int | None
        if order["order"] == "start":
            answer = _start(order)
            living.add(answer)
        else:
            done, status = os.waitpid(order["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if done else None
            living.discard(done)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in living:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _raise_children()
