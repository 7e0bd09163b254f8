"""Excerpts and stills of a recording, for a file or a hearing: asked for, made as a job.

Guarantee: an excerpt holds the recording's own packets, nothing is encoded anew; what was asked
and what was really got (from a key frame on) are both said; its name and its title call it an
excerpt, and a comment in the container says for whom and when (docs/adr/0017).  No label is put
into the picture.  The recording is only read.
Not covered: handing it out (`console.clips_api`).

Format: docs/formats/entries.md, version 1 (clip.asked, clip.made).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from ingest.excerpts import LONGEST_MS, Wanted
from ingest.media import argv
from ingest.media.classify import picture_of
from ingest.media.facts import Facts
from ingest.media.made import Made, Work
from ingest.media.playable import ConversionError
from ingest.media.run import ToolFailedError, run
from ingest.media.sandbox import Limits, Sandbox
from storage import tables
from verify.entries import format_time
from verify.errors import NotFoundError

_PACKETS: Final = "packets"
_IN_MP4: Final = frozenset({
    "h264", "hevc", "mpeg4", "av1", "vp9", "mjpeg", "aac", "mp3", "ac3", "opus", "alac", "flac",
})  # fmt: skip
_ROOM: Final = 64 << 20
_SLOW_DISK: Final = 10_000_000
_NEAR_MS: Final = 30  # a packet of sound
_BACK_MS: Final = (0, 100, 500, 2000)  # past the last picture the one before is the nearest
_STILLS: Final = {"png": ("png", "image/png", "png"), "jpeg": ("mjpeg", "image/jpeg", "jpg")}


@dataclass(frozen=True, slots=True)
class Order:
    """Of which recording, what of it, and for whom in words for the container."""

    item: str
    sha256: str
    wanted: Wanted
    asked: str


@dataclass(frozen=True, slots=True)
class Cut:
    """An excerpt in the attempt's folder, and what of the recording it holds."""

    made: Made
    from_ms: int
    to_ms: int
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """Milliseconds after the place that was sought: where the first stream (the picture, where
    there is one) begins, and what all of them cover."""

    first: int
    begin: int
    end: int


def wanted_of(connection: Connection, clip: str) -> tuple[Wanted, str, bool]:
    """What was asked for under this id, by whom and when, and whether it is made already;
    NotFoundError."""
    c = tables.clip.c
    columns = (
        c.kind, c.asked_from_ms, c.asked_to_ms, c.purpose, c.case, c.made_index, c.actor,
        c.asked_ms, c.asked_index,
    )  # fmt: skip
    row = connection.execute(select(*columns).where(c.id == clip)).first()
    if row is None:
        raise NotFoundError(f"clip: expected one that was asked for, got {clip:.40}")
    asked = (
        f"Asked for by {row.actor} at {format_time(row.asked_ms)}, entry {row.asked_index} of the log. "
        "Copied, not encoded anew: no label is in the picture; the receipt proves what this is."
    )
    return Wanted(*row[:5]), asked, row.made_index is not None


def clock(ms: int) -> str:
    """A place in a recording as people write it, fit for a file's name."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}h{seconds // 60 % 60:02}m{seconds % 60:02}s{rest:03}"


async def make(
    work: Work,
    facts: Facts,
    order: Order,
    sandbox: Sandbox,
    progress: Callable[[float], None] | None = None,
) -> Cut:
    """Cut it out; ConversionError where the recording yields nothing there."""
    if order.wanted.kind == "clip":
        return await _clip(work, facts, order, sandbox, progress)
    return await _still(work, facts, order, sandbox)


async def _clip(
    work: Work,
    facts: Facts,
    order: Order,
    sandbox: Sandbox,
    progress: Callable[[float], None] | None,
) -> Cut:
    item, sha256, wanted = order.item, order.sha256, order.wanted
    streams = [v.stream for v in facts.video] + [a.stream for a in facts.audio]
    codecs = {v.codec for v in facts.video} | {a.codec for a in facts.audio}
    form, ending = ("mp4", "mp4") if codecs <= _IN_MP4 else ("matroska", "mkv")
    length_ms = max(wanted.to_ms - wanted.from_ms, 1)
    label = (
        f"EXCERPT of item {item} (SHA-256 {sha256}), "
        f"asked {clock(wanted.from_ms)} to {clock(wanted.to_ms)}"
    )

    def report(seconds: float) -> None:
        if progress is not None:
            progress(min(seconds * 1000 / length_ms, 0.99))

    def command(places: argv.Places, begin_ms: int) -> list[str]:
        return argv.clip(
            places, streams, from_ms=begin_ms, to_ms=wanted.to_ms, title=label,
            comment=order.asked,            name=f"clip.{ending}", form=form, list_name=_PACKETS,
        )  # fmt: skip

    bounds = Limits(
        wall_s=max(120.0, work.size / _SLOW_DISK), file_size=work.size + work.size // 8 + _ROOM
    )
    begin_ms, from_ms, to_ms = 0, -1, -1
    # Where a container has no index, seeking lands behind the key frame: further back, then, until
    # what was asked for is in it.
    for back in (0, 2_000, 12_000, 60_000, LONGEST_MS):
        begin_ms = max(0, wanted.from_ms - back)
        at = partial(command, begin_ms=begin_ms)
        got = await _run(work, sandbox, bounds, at, report)
        if got is not None:
            from_ms, to_ms = begin_ms + got.begin, begin_ms + got.end
        if begin_ms == 0 or (got and begin_ms + got.first <= wanted.from_ms + _NEAR_MS):
            break
    if to_ms <= wanted.from_ms:
        raise ConversionError("excerpt: expected packets in this range, got none")
    mime = "video/mp4" if facts.video else "audio/mp4"
    if form != "mp4":
        mime = "video/x-matroska" if facts.video else "audio/x-matroska"
    path = work.folder / f"clip.{ending}"
    made = Made("clip", path, mime, work.tool, tuple(command(argv.RECORDED, begin_ms)[1:]))
    name = f"excerpt-{item[:8]}-{clock(max(from_ms, 0))}-{clock(max(to_ms, 0))}.{ending}"
    return Cut(made, max(from_ms, 0), max(to_ms, 0), name, label)


async def _still(work: Work, facts: Facts, order: Order, sandbox: Sandbox) -> Cut:
    item, sha256, wanted = order.item, order.sha256, order.wanted
    video = picture_of(facts)
    if video is None:
        raise ConversionError("still: expected a picture, got sound alone")
    codec, mime, ending = _STILLS[wanted.kind]
    bounds = Limits(wall_s=120, file_size=512 << 20)
    for back in _BACK_MS:
        at_ms = max(0, wanted.from_ms - back)

        def command(places: argv.Places, at_ms: int = at_ms) -> list[str]:
            return argv.still(
                places, video.stream, at_ms=at_ms, codec=codec, name=f"still.{ending}",
                list_name=_PACKETS,
            )  # fmt: skip

        got = await _run(work, sandbox, bounds, command, None)
        path = work.folder / f"still.{ending}"
        if got is not None and path.exists() and path.stat().st_size:
            shown = max(0, at_ms + got.first)
            label = f"STILL of item {item} (SHA-256 {sha256}) at {clock(shown)}"
            made = Made(wanted.kind, path, mime, work.tool, tuple(command(argv.RECORDED)[1:]))
            return Cut(made, shown, shown, f"still-{item[:8]}-{clock(shown)}.{ending}", label)
        if at_ms == 0:
            break
    raise ConversionError("still: expected a picture at this moment, got none")


async def _run(
    work: Work,
    sandbox: Sandbox,
    bounds: Limits,
    command: Callable[[argv.Places], list[str]],
    progress: Callable[[float], None] | None,
) -> Span | None:
    """Run it in the cage; what of the recording came out, None if nothing."""
    arguments = command(sandbox.places(work.source, work.folder))
    try:
        await run(
            sandbox.wrap(arguments, work.source, work.folder, bounds), bounds, tool="ffmpeg",
            progress=progress,
        )  # fmt: skip
    except ToolFailedError as exc:
        raise ConversionError(str(exc)) from exc
    return span(work.folder / _PACKETS)


def span(path: Path) -> Span | None:
    """What a list of packets covers; None without one of the first stream."""
    if not path.exists():
        return None
    bases: dict[str, Fraction] = {}
    ends: dict[str, tuple[int, int]] = {}
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("#tb "):
                stream, _, base = line[4:].partition(":")
                bases[stream.strip()] = Fraction(base.strip())
            elif line[:1].isdigit():
                stream, _, pts, duration, *_ = (cell.strip() for cell in line.split(","))
                if pts.lstrip("-").isdigit() and duration.isdigit():
                    begin, end = int(pts), int(pts) + int(duration)
                    least, most = ends.get(stream, (begin, end))
                    ends[stream] = min(least, begin), max(most, end)
    if "0" not in ends:
        return None
    begins = {s: round(least * bases[s] * 1000) for s, (least, _) in ends.items()}
    return Span(
        begins["0"],
        min(begins.values()),
        max(round(most * bases[s] * 1000) for s, (_, most) in ends.items()),
    )
