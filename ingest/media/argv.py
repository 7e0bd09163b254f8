"""Argument lists for ffmpeg and ffprobe: values in, values out, nothing runs here.

Guarantee: each list names its input as `file:…` behind the white lists of `ingest.media.allowed`,
carries no text that came from a file, and is the same for the same arguments (snapshot-tested).
The same call with `RECORDED` gives what `item.derived` keeps: the real arguments without the
paths of this machine.
Not covered: where it may run (`ingest.media.sandbox`) and for how long (`ingest.media.run`).

ffmpeg-python only compiles: its list and tuple values are broken, so every value is a text or a
number and several streams are handed over one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import ffmpeg

from ingest.media import allowed

LIVE: Final = "live"
PLAYLIST: Final = "index.m3u8"
"""What of an encoding is watched while it runs: a folder, and the list of its pieces."""
KEY_FRAMES: Final = "expr:gte(t,if(lt(n_forced,2),n_forced,2*(n_forced-1)))"
"""After one second, after two, and every two from there on: whoever waits sees the first soon."""
PEAK_RATE: Final = 8000  # Hz, mono, signed 16 bit: what `ingest.media.peaks` reads


@dataclass(frozen=True, slots=True)
class Places:
    """Where a tool finds its input and leaves its output, as the tool itself sees them."""

    source: str
    folder: str

    def output(self, name: str) -> str:
        return f"{self.folder}/{name}"


RECORDED: Final = Places("source", ".")

_FFMPEG: Final = (
    "ffmpeg", "-nostdin", "-hide_banner", "-v", "error",
    "-filter_threads", "1", "-filter_complex_threads", "1",
)  # fmt: skip
_PROGRESS: Final = ("-progress", "pipe:1", "-stats_period", "1")
_GUARD: Final[dict[str, str | int]] = {
    "protocol_whitelist": ",".join(allowed.PROTOCOLS),
    "format_whitelist": ",".join(allowed.FORMATS),
    "codec_whitelist": ",".join(allowed.DECODERS),
    "max_pixels": allowed.MAX_PIXELS,
    "max_streams": allowed.MAX_STREAMS + 1,  # one more, so that the probe can see it and say so
    "probesize": 20_000_000,
    "analyzeduration": 20_000_000,
}
_SHOWN: Final = (
    "format=format_name,duration,start_time,bit_rate,nb_streams"
    ":format_tags"
    ":stream=index,codec_type,codec_name,profile,level,pix_fmt,width,height,sample_aspect_ratio"
    ",has_b_frames,avg_frame_rate,duration,sample_rate,sample_fmt,channels"
    ":stream_disposition=attached_pic"
    ":stream_tags=rotate,creation_time,timecode,language"
    ":stream_side_data=rotation"
)


def probe(places: Places) -> list[str]:
    """Describe the source as JSON on standard output, the shown fields only."""
    guard = [text for name, value in _GUARD.items() for text in (f"-{name}", str(value))]
    return [
        "ffprobe", "-hide_banner", "-v", "error", *guard,
        "-print_format", "json=compact=1", "-show_entries", _SHOWN, f"file:{places.source}",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """How the picture goes over: copied as it is, or encoded at this size."""

    stream: int  # index in the file
    size: tuple[int, int] | None = None  # None: copy

    @property
    def copied(self) -> bool:
        return self.size is None


@dataclass(frozen=True, slots=True)
class Sound:
    """How the sound goes over: copied as it is, or encoded as AAC."""

    stream: int
    encode: bool
    rate: int = 48_000
    channels: int = 2


def _input(places: Places, **more: Any) -> Any:
    return ffmpeg.input(f"file:{places.source}", threads=1, **_GUARD, **more)


def _compile(output: Any, extra: Sequence[str] = ()) -> list[str]:
    argv: list[str] = output.compile(cmd=[*_FFMPEG, *extra], overwrite_output=True)
    return argv


def _escaped(path: str) -> str:
    """A path among the outputs of `tee`."""
    return "".join(f"\\{c}" if c in "\\'|[] " else c for c in path)


def _both(places: Places, name: str) -> str:
    """One encoding, two outputs: the whole file, and its pieces as they come."""
    # The whole file is what was promised: pieces that cannot be made (ADTS in copied sound) are none.
    pieces = "f=hls:onfail=ignore:hls_time=1:hls_list_size=0:hls_playlist_type=event"
    pieces += ":hls_segment_type=fmp4:hls_fmp4_init_filename=init.mp4"
    listed = _escaped(places.output(f"{LIVE}/{PLAYLIST}"))
    whole = _escaped(places.output(name))
    return f"[f=mp4:movflags=+faststart:fflags=+bitexact]{whole}|[{pieces}]{listed}"


def playable(
    places: Places, picture: Picture | None, sound: Sound | None, *, name: str = "playable.mp4"
) -> list[str]:
    """One MP4 with its index in front; tags, chapters, data and subtitles are left behind.

    An encoded picture takes long: what is done of it lies in the folder `live`, to be watched.
    """
    source = _input(places, fflags="+genpts")
    streams = []
    options: dict[str, Any] = {
        "map_metadata": -1,
        "map_chapters": -1,
        "t": allowed.MAX_DURATION_S,
        "movflags": "+faststart",
        "fflags": "+bitexact",
        "max_muxing_queue_size": 4096,
        "f": "mp4",
    }
    if picture is not None:
        stream = source[str(picture.stream)]
        if picture.size is None:
            options |= {"c:v": "copy"}
        else:
            width, height = picture.size
            stream = stream.filter("scale", width, height).filter("setsar", 1)
            stream = stream.filter("format", "yuv420p")
            options |= {
                "c:v": "libx264", "preset": "veryfast", "crf": 25, "maxrate": "2500k",
                "bufsize": "5000k", "force_key_frames": KEY_FRAMES,
                "flags:v": "+bitexact+global_header", "threads": 1,
            }  # fmt: skip
        streams.append(stream)
    if sound is not None:
        stream = source[str(sound.stream)]
        if sound.encode:
            # Gaps in the time stamps become silence, so that sound and picture stay together.
            stream = stream.filter("aresample", sound.rate, **{"async": 1, "first_pts": 0})
            options |= {
                "c:a": "aac", "b:a": "96k" if sound.rate > 16_000 else "48k", "ac": sound.channels,
                "flags:a": "+bitexact+global_header",
            }  # fmt: skip
        else:
            options |= {"c:a": "copy"}
        streams.append(stream)
    if not streams:
        raise ValueError("playable: expected a picture or a sound, got neither")
    if picture is not None and not picture.copied:
        del options["movflags"], options["fflags"]
        if sound is not None and not sound.encode:
            options["tag:a"] = "mp4a"  # `tee` would keep the other container's
        return _compile(
            ffmpeg.output(*streams, _both(places, name), **options | {"f": "tee"}), _PROGRESS
        )
    return _compile(ffmpeg.output(*streams, places.output(name), **options), _PROGRESS)


def poster(
    places: Places,
    stream: int,
    size: tuple[int, int],
    *,
    at_s: float | None,
    name: str = "poster.jpg",
) -> list[str]:
    """One JPEG of this size, from the key frame at or before `at_s` (None: the first picture)."""
    where: dict[str, Any] = {}
    if at_s:
        where = {"ss": f"{at_s:.3f}", "noaccurate_seek": None}
    picture = _input(places, **where)[str(stream)].filter("scale", *size).filter("setsar", 1)
    picture = picture.filter("format", "yuvj420p")
    output = ffmpeg.output(
        picture, places.output(name), f="mjpeg", map_metadata=-1, fflags="+bitexact",
        **{"frames:v": 1, "q:v": 4, "flags:v": "+bitexact", "threads": 1},
    )  # fmt: skip
    return _compile(output)


def samples(places: Places, stream: int) -> list[str]:
    """The sound as mono PCM on standard output, gaps filled with silence, for the peaks."""
    sound = _input(places)[str(stream)].filter(
        "aresample", PEAK_RATE, **{"async": 1, "first_pts": 0}
    )
    output = ffmpeg.output(
        sound, "pipe:1", f="s16le", ac=1, t=allowed.MAX_DURATION_S, **{"c:a": "pcm_s16le"}
    )
    return _compile(output)


def clip(
    places: Places,
    streams: Sequence[int],
    *,
    from_ms: int,
    to_ms: int,
    title: str,
    comment: str,
    name: str,
    form: str,
    list_name: str,
) -> list[str]:
    """An excerpt by copying packets, from the key frame at or before its begin; and their list.

    Its time stamps begin at zero, so that a player shows what is in it; those of the list count
    from `from_ms`, which tells what was really got.
    """
    source = _input(places, ss=f"{from_ms / 1000:.3f}")
    chosen = [source[str(stream)] for stream in streams]
    length: dict[str, Any] = {"c": "copy", "t": f"{(to_ms - from_ms) / 1000:.3f}"}
    more = {"movflags": "+faststart"} if form == "mp4" else {}
    made = ffmpeg.output(
        *chosen, places.output(name), f=form, map_metadata=-1, map_chapters=-1,
        avoid_negative_ts="make_zero", fflags="+bitexact",
        max_muxing_queue_size=4096,
        **{"metadata:g:0": f"title={title}", "metadata:g:1": f"comment={comment}"}, **length, **more,
    )  # fmt: skip
    listed = ffmpeg.output(
        *chosen, places.output(list_name), f="framecrc", fflags="+bitexact", **length
    )
    return _compile(ffmpeg.merge_outputs(made, listed), _PROGRESS)


def still(
    places: Places, stream: int, *, at_ms: int, codec: str, name: str, list_name: str
) -> list[str]:
    """The first whole picture at or after a moment, in its own size; and its time."""
    source = _input(places, ss=f"{at_ms / 1000:.3f}")[str(stream)]
    look = {"q:v": 2} if codec == "mjpeg" else {}
    made = ffmpeg.output(
        source, places.output(name), f="image2pipe", map_metadata=-1, fflags="+bitexact",
        fps_mode="passthrough",
        **{"c:v": codec, "frames:v": 1, "flags:v": "+bitexact", "threads": 1}, **look,
    )  # fmt: skip
    listed = ffmpeg.output(
        source, places.output(list_name), f="framecrc", fflags="+bitexact",
        fps_mode="passthrough", **{"c:v": "rawvideo", "frames:v": 1},
    )  # fmt: skip
    return _compile(ffmpeg.merge_outputs(made, listed))


def sprites(
    places: Places,
    stream: int,
    size: tuple[int, int],
    *,
    every_s: int,
    grid: tuple[int, int],
    name: str,
) -> list[str]:
    """Sheets of small pictures, one every `every_s` seconds, from key frames alone."""
    picture = _input(places, skip_frame="nokey")[str(stream)]
    picture = picture.filter("fps", fps=f"1/{every_s}", start_time=0, round="up")
    picture = picture.filter("scale", *size).filter("setsar", 1).filter("format", "yuvj420p")
    picture = picture.filter("tile", f"{grid[0]}x{grid[1]}")
    output = ffmpeg.output(
        picture, places.output(name), f="image2", map_metadata=-1, fflags="+bitexact",
        t=allowed.MAX_DURATION_S, **{"q:v": 6, "flags:v": "+bitexact", "threads": 1},
    )  # fmt: skip
    return _compile(output, _PROGRESS)
