"""Makes the poster: one JPEG of at most 640 pixels a side, from a tenth into the recording.

Guarantee: a picture comes back, or None where there is no picture to show.
Not covered: that it shows anything of interest.
"""

from typing import Final

from ingest.media import argv
from ingest.media.classify import fit, picture_of
from ingest.media.facts import Facts, working_seconds
from ingest.media.made import Made, Work
from ingest.media.run import ToolFailedError, ToolTimeoutError, run
from ingest.media.sandbox import Limits, Sandbox

NAME: Final = "poster.jpg"
SIDE: Final = 640
_LIMITS: Final = Limits(wall_s=60, file_size=16 << 20)


async def make_poster(work: Work, facts: Facts, sandbox: Sandbox) -> Made | None:
    """The key frame at a tenth of the duration, else the first one."""
    video = picture_of(facts)
    if video is None:
        return None
    size = fit(video, (SIDE, SIDE))
    places = sandbox.places(work.source, work.folder)
    path = work.folder / NAME
    at = working_seconds(facts, work.size) / 10 if facts.duration_s else 0.0
    for where in (at, None) if at > 0 else (None,):
        path.unlink(missing_ok=True)
        command = argv.poster(places, video.stream, size, at_s=where, name=NAME)
        wrapped = sandbox.wrap(command, work.source, work.folder, _LIMITS)
        try:
            await run(wrapped, _LIMITS, tool="ffmpeg")
        except (ToolFailedError, ToolTimeoutError):
            if where is None:
                raise
            continue  # the place may be damaged, or nothing says where it is: the beginning then
        # A header that claims too much leads past the last picture: nothing is written then.
        if path.exists() and path.stat().st_size:
            recorded = argv.poster(argv.RECORDED, video.stream, size, at_s=where, name=NAME)
            return Made("poster", path, "image/jpeg", work.tool, tuple(recorded[1:]))
    return None
