"""Small pictures along a recording, for whoever moves over its time line: one every ten seconds.

Guarantee: only key frames are decoded; a picture shows the last one at or before its time.  Memory and disk are bounded by the length.
Not covered: what happens between key frames.

Format: docs/formats/sprites.md, version 1.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.media import argv
from ingest.media.classify import fit, picture_of
from ingest.media.facts import Facts, working_seconds
from ingest.media.made import Made, Work
from ingest.media.playable import ConversionError
from ingest.media.run import run
from ingest.media.sandbox import Limits, Sandbox
from verify.errors import MalformedError

NAME: Final = "sprites.bin"
MIME: Final = "application/octet-stream"
MAGIC: Final = b"LHSPRIT1"
EVERY_S: Final = 10
SIDE: Final = 160
COLUMNS: Final = 12
ROWS: Final = 10
_HEADER: Final = struct.Struct("<8sI")
_SHEET: Final = "sheet%04d.jpg"
_SLOW_DISK: Final = 10_000_000
MAX_INDEX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sheets:
    """What the head of the file says: the index, and where each sheet lies in the file."""

    index: dict[str, Any]
    places: Sequence[tuple[int, int]]


def head_length(start: bytes) -> int:
    """How many bytes the head takes, from the first twelve; MalformedError."""
    if len(start) < _HEADER.size:
        raise MalformedError(f"sprites: expected {_HEADER.size} bytes, got {len(start)}")
    magic, length = _HEADER.unpack(start[: _HEADER.size])
    if magic != MAGIC or length > MAX_INDEX:
        raise MalformedError(f"sprites: expected version 1 with an index, got {magic!r}")
    return _HEADER.size + int(length)


def read_head(data: bytes) -> Sheets:
    """The index and the places of the sheets, from a file that has at least its head."""
    whole = head_length(data)
    if len(data) < whole:
        raise MalformedError(f"sprites: expected {whole} bytes of head, got {len(data)}")
    index = json.loads(data[_HEADER.size : whole])
    places, at = [], whole
    for size in index.pop("sizes"):
        places.append((at, at + size))
        at += size
    return Sheets(index, places)


async def make_sprites(work: Work, facts: Facts, sandbox: Sandbox) -> Made | None:
    """All sheets in one file; None where there is no picture that moves."""
    video = picture_of(facts)
    if video is None or facts.format.endswith("_pipe"):
        return None
    seconds = working_seconds(facts, work.size)
    size = fit(video, (SIDE, SIDE))
    bounds = Limits(
        wall_s=max(120.0, work.size / _SLOW_DISK + seconds / 4), stall_s=600, background=True,
        file_size=64 << 20,
    )  # fmt: skip
    arguments = [
        argv.sprites(places, video.stream, size, every_s=EVERY_S, grid=(COLUMNS, ROWS), name=_SHEET)
        for places in (sandbox.places(work.source, work.folder), argv.RECORDED)
    ]
    await run(sandbox.wrap(arguments[0], work.source, work.folder, bounds), bounds, tool="ffmpeg")
    sheets = sorted(work.folder.glob("sheet*.jpg"))
    if not sheets:
        raise ConversionError("sprites: expected at least one sheet, got none")
    length = facts.duration_s or seconds
    most = len(sheets) * COLUMNS * ROWS
    index = {
        "every_ms": EVERY_S * 1000, "width": size[0], "height": size[1], "columns": COLUMNS,
        "rows": ROWS, "count": min(most, max(1, math.ceil(length / EVERY_S))),
        "sheets": len(sheets), "sizes": [sheet.stat().st_size for sheet in sheets],
    }  # fmt: skip
    path = work.folder / NAME
    _join(path, index, sheets)
    return Made("sprites", path, MIME, work.tool, tuple(arguments[1][1:]))


def _join(path: Path, index: dict[str, Any], sheets: Sequence[Path]) -> None:
    text = json.dumps(index, separators=(",", ":"), sort_keys=True).encode()
    with path.open("wb") as file:
        file.write(_HEADER.pack(MAGIC, len(text)) + text)
        for sheet in sheets:
            file.write(sheet.read_bytes())
