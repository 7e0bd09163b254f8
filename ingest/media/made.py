"""A derived file and where it comes from: what `item.derived` will say about it.

Guarantee: `arguments` repeat the work anywhere: they name no path of this machine.
Not covered: byte-for-byte repetition by another version of the tool.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.media.facts import clean
from ingest.media.run import run
from ingest.media.sandbox import Limits

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Made:
    """One derivative in the attempt's own folder."""

    what: str  # playable, poster, peaks
    path: Path
    mime: str
    tool: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What every maker gets: the file, its size, a folder of its own and the tool's version."""

    source: Path
    size: int
    folder: Path
    tool: str


async def converter() -> str:
    """The converter's own version line, as it is recorded."""
    done = await run(["ffmpeg", "-version"], Limits(wall_s=20), tool="ffmpeg", capture=1 << 16)
    return clean(done.stdout.split(b"\n", 1)[0].decode("utf-8", "replace"))


def _digest(path: Path) -> tuple[int, str]:
    size, sha = 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            size += len(block)
            sha.update(block)
    return size, sha.hexdigest()


async def fingerprint(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a derived file."""
    return await asyncio.to_thread(_digest, path)
