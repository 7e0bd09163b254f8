"""Where media tools run: without network, with one file to read and one folder to write.

Three levels, the best that the machine allows is found by trying:

    bubblewrap   own user, mount, network and process namespaces; a read-only system without
                 homes, data or keys; the input bound read-only, one output folder, private /tmp;
                 no capabilities, dies with the server
    namespaces   own user and network namespace (`unshare -rn`): no network, but the tool could
                 read what this server's user can read
    limits       limits and white lists only: a warning when the server starts

At every level: limits on processor time, memory, file size and processes, no new privileges, and
the tool is killed when the server dies, however it dies.
Not covered: holes in the kernel itself.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ingest.media.argv import Places

log = logging.getLogger(__name__)


class Level(StrEnum):
    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use.  `processes` counts threads too."""

    wall_s: float
    stall_s: float = 60.0  # without a sign of progress
    memory: int = 3 << 30  # bytes of address space
    file_size: int = 1 << 30  # of each file it writes
    processes: int = 256
    background: bool = False  # nice 19 and idle I/O: everybody else first


_TRIAL_LIMIT_S: Final = 10
_KILL: Final = ("setpriv", "--pdeathsig", "KILL")
_BUBBLE: Final = (
    "bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
    "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LANG", "C.UTF-8",
    "--ro-bind", "/usr", "/usr",
    "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
    "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
    "--dev", "/dev", "--tmpfs", "/tmp",  # noqa: S108 - a private one
)  # fmt: skip
_MERGED: Final = ("bin", "lib", "lib64", "sbin")


def _system() -> list[str]:
    """`/bin`, `/lib` …: links into /usr where the distribution merged them, folders elsewhere."""
    argv = []
    for name in _MERGED:
        path = Path("/", name)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    return argv


def _limited(limits: Limits) -> list[str]:
    return [
        "prlimit", f"--cpu={int(limits.wall_s * 2) + 10}", f"--as={limits.memory}",
        f"--fsize={limits.file_size}", f"--nproc={limits.processes}", "--core=0", "--",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A level, and how an argument list becomes one that runs at it."""

    level: Level
    nested: bool = False  # bubblewrap may also forbid further namespaces inside

    def places(self, source: Path, folder: Path) -> Places:
        """What `source` and `folder` are called inside."""
        if self.level is Level.BUBBLEWRAP:
            return Places("/in/source", "/out")
        return Places(str(source.resolve()), str(folder.resolve()))

    def wrap(self, argv: Sequence[str], source: Path, folder: Path, limits: Limits) -> list[str]:
        """The whole command: killed with its parent, closed in, limited."""
        polite = ["nice", "-n", "19", "ionice", "-c", "3"] if limits.background else []
        inner = [*polite, *_limited(limits), *argv]
        if self.level is Level.BUBBLEWRAP:
            bubble = [
                *_BUBBLE, *_system(), *(["--disable-userns"] if self.nested else []),
                "--ro-bind", str(source.resolve()), "/in/source",
                "--bind", str(folder.resolve()), "/out", "--chdir", "/out", "--",
            ]  # fmt: skip
            return [*_KILL, "--", *bubble, *inner]
        plain = [*_KILL, "--no-new-privs", "--"]
        if self.level is Level.NAMESPACES:
            # Entering a user namespace may clear the death signal: it is set again inside.
            return [*_KILL, "--", "unshare", "-rn", "--", *plain, *inner]
        return [*plain, *inner]

    @property
    def warning(self) -> str | None:
        """A sentence for the server's words at the start where the sandbox is weaker than it should be."""
        if self.level is Level.BUBBLEWRAP:
            return None
        lacks = "has no network" if self.level is Level.NAMESPACES else "could reach the network"
        return (
            "media sandbox: expected bubblewrap, got "
            f"{self.level}: a hostile recording that takes over the converter {lacks} and could read "
            "what this server's user can read; install bubblewrap and allow user namespaces"
        )


async def _works(argv: Sequence[str]) -> bool:
    if shutil.which(argv[0]) is None:
        return False
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return await asyncio.wait_for(process.wait(), _TRIAL_LIMIT_S) == 0
    except TimeoutError:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def detect(folder: Path) -> Sandbox:
    """The strongest level that runs a trivial command here; tried once, at the start."""
    limits = Limits(wall_s=_TRIAL_LIMIT_S)
    trial = folder / "sandbox-trial"
    trial.mkdir(parents=True, exist_ok=True)
    source = trial / "source"
    source.write_bytes(b"")
    try:
        for sandbox in (
            Sandbox(Level.BUBBLEWRAP, nested=True),
            Sandbox(Level.BUBBLEWRAP),
            Sandbox(Level.NAMESPACES),
        ):
            if await _works(sandbox.wrap(["true"], source, trial, limits)):
                return sandbox
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    weakest = Sandbox(Level.LIMITS)
    log.warning("%s", weakest.warning)
    return weakest
