"""Runs one media tool: bounded in time, output and memory, and gone when the caller is.

Guarantee: `run` returns only after the whole process group has ended, whichever way it leaves
(success, failure, a limit, cancellation); at most `capture` bytes of standard output and 64 KiB
of standard error (the last ones) are kept.
Not covered: what the tool wrote; the caller checks that.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from ingest.media.sandbox import Limits
from verify.errors import EvidenceError

STDERR_KEPT: Final = 64 * 1024
_READ: Final = 256 * 1024
_END_LIMIT_S: Final = 10  # after the kill, for the pipes
_MAX_LINE: Final = 4096


class ToolFailedError(EvidenceError):
    """The tool ended with an error; `detail` is the end of what it said, cleaned."""

    code: ClassVar[str] = "tool-failed"

    def __init__(self, tool: str, status: int, stderr: bytes) -> None:
        self.status, self.stderr = status, stderr
        self.detail = said(stderr)
        super().__init__(f"{tool}: expected exit code 0, got {status}: {self.detail}")


class ToolTimeoutError(EvidenceError):
    """The tool ran longer than it may, or stood still."""

    code: ClassVar[str] = "timed-out"


class ToolOutputError(EvidenceError):
    """The tool wrote more than it may."""

    code: ClassVar[str] = "too-much-output"


@dataclass(frozen=True, slots=True)
class Finished:
    stdout: bytes
    stderr: bytes


def said(stderr: bytes, limit: int = 500) -> str:
    """The end of a tool's messages as one printable line."""
    text = re.sub(r"(whitelist) '[^']*'", r"\1", stderr.decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else " " for c in text).strip()[-limit:]


class _Watch:
    """When the last sign of life came."""

    def __init__(self) -> None:
        self.last = asyncio.get_running_loop().time()

    def alive(self) -> None:
        self.last = asyncio.get_running_loop().time()


async def _keep_tail(stream: asyncio.StreamReader, kept: bytearray) -> None:
    while part := await stream.read(_READ):
        kept += part
        del kept[:-STDERR_KEPT]


async def _collect(
    stream: asyncio.StreamReader, kept: bytearray, limit: int, tool: str, watch: _Watch
) -> None:
    while part := await stream.read(_READ):
        kept += part
        watch.alive()
        if len(kept) > limit:
            raise ToolOutputError(f"{tool}: expected at most {limit} bytes of output, got more")


async def _pour(stream: asyncio.StreamReader, sink: Callable[[bytes], None], watch: _Watch) -> None:
    while part := await stream.read(_READ):
        watch.alive()
        await asyncio.to_thread(sink, part)


async def _follow(
    stream: asyncio.StreamReader, progress: Callable[[float], None] | None, watch: _Watch
) -> None:
    """Read `-progress` lines; only a growing position or size is a sign of life."""
    best, line = (-1, -1), b""
    position = size = -1
    while part := await stream.read(_READ):
        *lines, line = (line + part).split(b"\n")
        line = line[-_MAX_LINE:]
        for name, _, value in (text.partition(b"=") for text in lines):
            # `out_time_ms` holds microseconds too, so the honest name is the one to read.
            if name in (b"out_time_us", b"total_size") and value.lstrip(b"-").isdigit():
                if name == b"total_size":
                    size = int(value)
                else:
                    position = int(value)
                if position > best[0] or size > best[1]:
                    best = max(position, best[0]), max(size, best[1])
                    watch.alive()
                if progress is not None and position > 0:
                    progress(position / 1_000_000)


async def _overdue(tool: str, limits: Limits, watch: _Watch) -> None:
    """Raise when the run has lasted or stood still for too long."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        now = loop.time()
        if now - start >= limits.wall_s:
            raise ToolTimeoutError(f"{tool}: expected an end within {limits.wall_s:g} s, got none")
        if now - watch.last >= limits.stall_s:
            raise ToolTimeoutError(
                f"{tool}: expected progress within {limits.stall_s:g} s, got none"
            )
        await asyncio.sleep(min(start + limits.wall_s, watch.last + limits.stall_s) - now + 0.001)


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_READ):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the whole group and wait, even while being cancelled."""
    if process.returncode is None:  # once reaped, the number may be somebody else's
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # asyncio reports an end only after the pipes have ended, and a reader that gave up in the
    # middle has left them paused: they are read to their end here.
    streams = (process.stdout, process.stderr)
    ends = [asyncio.ensure_future(_drain(stream)) for stream in streams if stream is not None]
    ends.append(asyncio.ensure_future(_reaped(process)))
    while not all(end.done() for end in ends):
        with contextlib.suppress(asyncio.CancelledError):  # it goes on after this clean-up
            _, late = await asyncio.wait(ends, timeout=_END_LIMIT_S)
            if process.returncode is not None:  # something outside the group holds a pipe
                for end in late:
                    end.cancel()


async def _reaped(process: asyncio.subprocess.Process) -> None:
    await process.wait()


async def run(
    argv: Sequence[str],
    limits: Limits,
    *,
    tool: str,
    capture: int = 0,
    progress: Callable[[float], None] | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run to the end; ToolFailedError, ToolTimeoutError or ToolOutputError otherwise.

    Standard output goes to `sink` (called in a thread, block by block), or is kept up to
    `capture` bytes, or is read as ffmpeg's progress (`progress` gets seconds of output made).
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - for mypy
    watch, stdout, stderr = _Watch(), bytearray(), bytearray()
    try:
        if sink is not None:
            reading = _pour(process.stdout, sink, watch)
        elif capture:
            reading = _collect(process.stdout, stdout, capture, tool, watch)
        else:
            reading = _follow(process.stdout, progress, watch)
        try:
            async with asyncio.TaskGroup() as group:
                guard = group.create_task(_overdue(tool, limits, watch))
                pipes = [
                    group.create_task(reading),
                    group.create_task(_keep_tail(process.stderr, stderr)),
                ]
                await asyncio.wait(pipes, return_when=asyncio.FIRST_EXCEPTION)
                if all(task.done() and not task.cancelled() for task in pipes):
                    await process.wait()
                guard.cancel()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
    finally:
        await _end(process)
    if process.returncode != 0:
        raise ToolFailedError(tool, process.returncode or 0, bytes(stderr))
    return Finished(bytes(stdout), bytes(stderr))
