"""Makes the playable copy: one MP4 with its index in front.

Guarantee: the file that comes back was examined again and is one that a browser plays; a copy
that does not come out so is a ConversionError, never a file.  What of an encoding is watched while
it runs (`ingest.media.live`) was not examined yet.
Not covered: that every packet of a damaged original is in it.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from ingest.media import argv
from ingest.media.classify import Plan
from ingest.media.facts import Facts, working_seconds
from ingest.media.made import Made, Work
from ingest.media.probe import probe
from ingest.media.run import ToolFailedError, run
from ingest.media.sandbox import Limits, Sandbox
from verify.errors import EvidenceError

NAME: Final = "playable.mp4"
_ROOM: Final = 64 << 20
_SLOW_DISK: Final = 30_000_000  # bytes per second that a copy within one file goes at least
_FULL_HD_30: Final = 1920 * 1080 * 30


class ConversionError(EvidenceError):
    """The converter could not make a file that plays; another way of conversion may."""

    code: ClassVar[str] = "not-converted"


def limits(plan: Plan, facts: Facts, size: int, *, awaited: bool = False) -> Limits:
    """Time by the length that the bytes can really hold, more of it for very large pictures.

    An encoding that nobody waits for gives way to everything else."""
    seconds = working_seconds(facts, size)
    wall = 4 * seconds
    if plan.lane == "quick":
        room = size + size // 8 + int(seconds * 20_000)
    else:
        load = max((v.width * v.height * (v.rate or 25) for v in facts.video), default=0.0)
        wall *= min(8.0, max(1.0, load / _FULL_HD_30))
        room = int(seconds * 500_000)
    return Limits(
        wall_s=max(60.0, wall),
        file_size=room + _ROOM,
        background=plan.lane == "heavy" and not awaited,
    )


async def make_playable(
    work: Work,
    plan: Plan,
    facts: Facts,
    sandbox: Sandbox,
    progress: Callable[[float], None] | None = None,
    *,
    awaited: bool = False,
) -> Made:
    """Convert as planned; `progress` gets the fraction done.  `awaited`: somebody sits before it."""
    bounds = limits(plan, facts, work.size, awaited=awaited)
    places = sandbox.places(work.source, work.folder)
    whole = max(working_seconds(facts, work.size), 0.1)

    def report(seconds: float) -> None:
        if progress is not None:
            progress(min(seconds / whole, 0.99))

    (work.folder / argv.LIVE).mkdir(exist_ok=True)
    command = argv.playable(places, plan.picture, plan.sound, name=NAME)
    try:
        await run(
            sandbox.wrap(command, work.source, work.folder, bounds),
            bounds,
            tool="ffmpeg",
            progress=report,
        )
    except ToolFailedError as exc:
        raise ConversionError(str(exc)) from exc
    path = work.folder / NAME
    checking = work.folder / "check"
    checking.mkdir()
    result = await probe(path, checking, sandbox)
    if result.plan.verdict != "native":
        raise ConversionError(
            f"playable copy: expected a file that plays, got {result.plan.reason or result.plan.verdict}"
        )
    return Made(
        what="playable",
        path=path,
        mime=result.plan.mime or "video/mp4",
        tool=work.tool,
        arguments=tuple(argv.playable(argv.RECORDED, plan.picture, plan.sound, name=NAME)[1:]),
    )
