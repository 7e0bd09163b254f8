"""What a recording is made of, read from ffprobe's JSON: hostile text in, checked values out.

Guarantee: a `Facts` holds only numbers within their bounds and texts without control, format
(bidi) or unassigned characters, few and short; whatever else ffprobe said is left out.
Not covered: whether the header tells the truth; see `working_seconds`.
"""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from ingest.media import allowed
from verify.errors import MalformedError

_TAGS: Final = 32
_TEXT: Final = 200
_SLOWEST: Final = 400  # bytes per second; below AMR's poorest mode: less is no recording
_USUAL_PICTURE: Final = 125_000  # bytes per second assumed where nothing claims a duration
_USUAL_SOUND: Final = 4_000


def clean(text: object, limit: int = _TEXT) -> str:
    """A text from a file for people's eyes: one line, no control or direction characters."""
    shown = "".join(
        " " if unicodedata.category(c)[0] == "Z" else c
        for c in str(text)[: limit * 4]
        if unicodedata.category(c)[0] != "C"
    )
    return " ".join(shown.split())[:limit]


def _integer(value: object, low: int, high: int) -> int | None:
    try:
        number = int(str(value)[:20])
    except ValueError:
        return None
    return number if low <= number <= high else None


def _number(value: object, low: float, high: float) -> float | None:
    try:
        number = float(str(value)[:40])
    except ValueError:
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def _ratio(value: object, separator: str) -> float | None:
    above, _, below = str(value)[:40].partition(separator)
    top, bottom = _number(above, 0, 1e9), _number(below, 0, 1e9)
    return top / bottom if top and bottom else None


def _name(value: object) -> str:
    """A name out of ffmpeg's own tables: anything else becomes empty."""
    text = str(value) if isinstance(value, str) else ""
    return text if len(text) <= 60 and text.isascii() and text.isprintable() else ""


@dataclass(frozen=True, slots=True)
class Video:
    stream: int
    codec: str
    profile: str
    level: int
    pixels: str  # pixel format
    width: int  # as stored, before rotation; 0: not known
    height: int
    rotation: int  # degrees, 0, 90, 180 or 270
    aspect: float  # of one pixel
    rate: float | None  # frames per second
    reordered: bool  # B-frames: packets come in another order than they are shown


@dataclass(frozen=True, slots=True)
class Audio:
    stream: int
    codec: str
    profile: str
    rate: int  # Hz; 0: not known
    channels: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`duration_s` is what the file claims."""

    format: str
    duration_s: float | None
    streams: int
    video: tuple[Video, ...]
    audio: tuple[Audio, ...]
    tags: Mapping[str, str]

    def encode(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def decode(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `encode`, for our own stored text only."""
        return cls(
            format=value["format"],
            duration_s=value["duration_s"],
            streams=value["streams"],
            video=tuple(Video(**one) for one in value["video"]),
            audio=tuple(Audio(**one) for one in value["audio"]),
            tags=value["tags"],
        )


def _rotation(stream: Mapping[str, Any]) -> int:
    found: object = 0
    tags = stream.get("tags")
    if isinstance(tags, dict):
        found = tags.get("rotate", 0)
    for side in stream.get("side_data_list") or []:
        if isinstance(side, dict) and "rotation" in side:
            found = -(_integer(side["rotation"], -360, 360) or 0)
    return round((_integer(found, -360, 360) or 0) / 90) * 90 % 360


def _video(index: int, stream: Mapping[str, Any]) -> Video:
    side = 1 << 31
    return Video(
        stream=index,
        codec=_name(stream.get("codec_name")),
        profile=_name(stream.get("profile")),
        level=_integer(stream.get("level"), 0, 1000) or 0,
        pixels=_name(stream.get("pix_fmt")),
        width=_integer(stream.get("width"), 0, side) or 0,
        height=_integer(stream.get("height"), 0, side) or 0,
        rotation=_rotation(stream),
        aspect=_ratio(stream.get("sample_aspect_ratio"), ":") or 1.0,
        rate=_ratio(stream.get("avg_frame_rate"), "/"),
        reordered=bool(_integer(stream.get("has_b_frames"), 0, 64)),
    )


def _audio(index: int, stream: Mapping[str, Any]) -> Audio:
    return Audio(
        stream=index,
        codec=_name(stream.get("codec_name")),
        profile=_name(stream.get("profile")),
        rate=_integer(stream.get("sample_rate"), 1, 1_000_000) or 0,
        channels=_integer(stream.get("channels"), 1, 64) or 0,
    )


def _tags(description: Mapping[str, Any]) -> dict[str, str]:
    tags = description.get("tags")
    if not isinstance(tags, dict):
        return {}
    kept = {clean(name, 60): clean(value) for name, value in sorted(tags.items())[:_TAGS]}
    return {name: value for name, value in kept.items() if name and value}


def _duration(description: Mapping[str, Any], streams: Sequence[Mapping[str, Any]]) -> float | None:
    """The longest claim: of the container, else of its streams."""
    claims = [_number(one.get("duration"), 0, 1e12) for one in (description, *streams)]
    return max((claim for claim in claims if claim), default=None)


def parse(output: bytes) -> Facts:
    """The facts in ffprobe's JSON; MalformedError if it is not what ffprobe writes."""
    try:
        value = json.loads(output.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as exc:
        raise MalformedError(f"ffprobe: expected JSON, got {output[:80]!r}") from exc
    description = value.get("format") if isinstance(value, dict) else None
    listed = value.get("streams") if isinstance(value, dict) else None
    if not isinstance(description, dict) or not isinstance(listed, list):
        raise MalformedError("ffprobe: expected a format and streams, got neither")
    streams = [one for one in listed if isinstance(one, dict)]
    video: list[Video] = []
    audio: list[Audio] = []
    for position, stream in enumerate(streams[: allowed.MAX_STREAMS]):
        index = _integer(stream.get("index"), 0, 10_000)
        index = position if index is None else index
        disposition = stream.get("disposition")
        attached = isinstance(disposition, dict) and disposition.get("attached_pic") == 1
        if (
            stream.get("codec_type") == "video" and not attached
        ):  # a cover is no picture of the scene
            video.append(_video(index, stream))
        elif stream.get("codec_type") == "audio":
            audio.append(_audio(index, stream))
    return Facts(
        format=_name(description.get("format_name")),
        duration_s=_duration(description, streams),
        streams=max(len(streams), _integer(description.get("nb_streams"), 0, 1 << 20) or 0),
        video=tuple(video),
        audio=tuple(audio),
        tags=_tags(description),
    )


def working_seconds(facts: Facts, size: int) -> float:
    """How long the recording can be, for limits of work: a header alone is never believed.

    A claim counts only as far as this many bytes could hold it; where there is no claim the
    usual rate of such recordings is taken.
    """
    if facts.duration_s is None:
        guess = size / (_USUAL_PICTURE if facts.video else _USUAL_SOUND)
    else:
        guess = min(facts.duration_s, size / _SLOWEST)
    return min(guess, float(allowed.MAX_DURATION_S))
