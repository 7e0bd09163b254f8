"""The data folder belongs to one server at a time.

Guarantee: while the lock is held no second server and no `rebuild` or `recover` works on the same
folder; the kernel lets go of it when the process dies, however it dies.
Not covered: several servers on one PostgreSQL with folders of their own.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from verify.errors import ConflictError

FILE = "lock"


def try_lock(folder: Path) -> int | None:
    """The lock as an open file; None if another process has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def holder(folder: Path) -> str:
    """Who has the lock, for a message."""
    try:
        text = (folder / FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return f"process {text}" if text.isdigit() else "another process"


@asynccontextmanager
async def locked(folder: Path, *, patience: float = 3.0) -> AsyncIterator[None]:
    """Be the only one; ConflictError names who is there.  A short command is waited for."""
    left = patience
    while (fd := try_lock(folder)) is None:
        if left <= 0:
            raise ConflictError(
                f"data folder {folder}: expected to be the only server on it, "
                f"got {holder(folder)}; stop that one first"
            )
        await asyncio.sleep(0.1)
        left -= 0.1
    try:
        yield
    finally:
        os.close(fd)
