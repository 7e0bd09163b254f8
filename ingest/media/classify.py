"""What has to be done with a recording so that people can see or hear it: a pure decision.

    native     a browser plays the original as it is; nothing is made
    remux      the picture is copied into an MP4 (the sound copied or encoded): quick
    transcode  the picture is encoded as H.264, at most 720p: heavy; sound alone as AAC: quick
    image      a still; shown as it is
    none       it cannot be shown, and `reason` says why

Guarantee: the same facts give the same verdict.  «Native» is what Chromium plays without
proprietary additions of a platform: no HEVC, no G.711.
Not covered: whether the packets hold what the header says; a conversion that fails is told then.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from ingest.media import allowed
from ingest.media.argv import Picture, Sound
from ingest.media.facts import Audio, Facts, Video

Verdict = Literal["native", "remux", "transcode", "image", "none"]
Lane = Literal["quick", "heavy"]


class Reason(StrEnum):
    """Why a recording cannot be shown; stable codes, worded as `media.reason.<code>`."""

    EMPTY = "empty"
    NOT_MEDIA = "not-media"
    FORMAT = "format-not-allowed"
    CODEC = "codec-not-allowed"
    TOO_LONG = "too-long"
    TOO_LARGE = "too-large-picture"
    TOO_MANY = "too-many-streams"
    TOO_MUCH = "too-much-description"
    NOTHING = "nothing-to-play"
    BROKEN = "broken"
    TIMED_OUT = "timed-out"
    NOT_PROBED = "not-probed"  # the examination itself failed every time
    NOT_CONVERTED = "not-converted"  # the conversion failed every time


@dataclass(frozen=True, slots=True)
class Plan:
    """The verdict and how to carry it out.  `mime` is that of the original when served as it is."""

    verdict: Verdict
    reason: Reason | None = None
    mime: str | None = None
    picture: Picture | None = None
    sound: Sound | None = None
    silent: bool = False  # there is sound, but none that may be decoded: the copy is without it

    @property
    def lane(self) -> Lane:
        """Where its conversion waits: only encoding a picture is heavy."""
        return "heavy" if self.picture is not None and not self.picture.copied else "quick"


_MP4: Final = "mov"
_MATROSKA: Final = "matroska"
_NO_ORDER: Final = {"avi", "h264"}  # say when a packet is decoded, not when it is shown
_H264_PROFILES: Final = {"Constrained Baseline", "Baseline", "Main", "High"}
_H264_LEVEL: Final = 52
_PLAIN_PIXELS: Final = {"yuv420p", "yuvj420p"}
_MAX_NATIVE: Final = 1920 * 1088
_MAX_NATIVE_SIDE: Final = 1920
_MAX_RATE: Final = 61.0
_BOX: Final = (1280, 720)
_AAC_PROFILES: Final = {"", "LC", "HE-AAC", "HE-AACv2"}
_WEBM_VIDEO: Final = {"vp8", "vp9", "av1"}
_WEBM_AUDIO: Final = {"opus", "vorbis"}
_SOUND_FILES: Final = {  # container -> codecs a browser plays in it, and the type it is served as
    "mp3": ({"mp3"}, "audio/mpeg"),
    "wav": ({"pcm_s16le", "pcm_u8"}, "audio/wav"),
    "flac": ({"flac"}, "audio/flac"),
    "ogg": ({"opus", "vorbis", "flac"}, "audio/ogg"),
    _MP4: ({"aac", "mp3"}, "audio/mp4"),
}


def _refused(reason: Reason) -> Plan:
    return Plan("none", reason=reason)


def fit(video: Video, box: tuple[int, int] = _BOX) -> tuple[int, int]:
    """The size shown (rotated, square pixels), shrunk into the box or its upright twin, even."""
    width, height = max(1.0, video.width * min(max(video.aspect, 0.1), 10)), float(video.height)
    if video.rotation in (90, 270):
        width, height = height, width
    wide, high = box if width >= height else (box[1], box[0])
    scale = min(1.0, wide / width, high / height)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _container(facts: Facts) -> str:
    return facts.format.split(",", 1)[0]


def _is_audible(audio: Audio) -> bool:
    return audio.codec in allowed.AUDIO and audio.rate > 0


def _is_native_aac(audio: Audio) -> bool:
    return audio.codec == "mp3" or (audio.codec == "aac" and audio.profile in _AAC_PROFILES)


def _is_native_h264(video: Video) -> bool:
    return (
        video.codec == "h264"
        and video.pixels in _PLAIN_PIXELS
        and video.profile in _H264_PROFILES
        and 0 < video.level <= _H264_LEVEL
        and video.width * video.height <= _MAX_NATIVE
        and max(video.width, video.height) <= _MAX_NATIVE_SIDE
        and (video.rate is None or video.rate <= _MAX_RATE)
    )


def _is_native_webm(video: Video) -> bool:
    return (
        video.codec in _WEBM_VIDEO
        and video.pixels in _PLAIN_PIXELS
        and video.width * video.height <= _MAX_NATIVE
    )


def _encoded(audio: Audio) -> Sound:
    return Sound(
        audio.stream,
        encode=True,
        rate=16_000 if 0 < audio.rate <= 16_000 else 48_000,
        channels=1 if audio.channels == 1 else 2,
    )


def _sound(audio: Audio | None) -> Sound | None:
    if audio is None:
        return None
    return Sound(audio.stream, encode=False) if _is_native_aac(audio) else _encoded(audio)


def _only_sound(container: str, audio: Audio) -> Plan:
    codecs, mime = _SOUND_FILES.get(container, (set(), ""))
    if audio.codec in codecs and (audio.codec != "aac" or _is_native_aac(audio)):
        return Plan("native", mime=mime)
    sound = _sound(audio)
    return Plan("remux" if sound and not sound.encode else "transcode", sound=sound)


def _moving(container: str, video: Video, audio: Audio | None, *, silent: bool) -> Plan:
    webm = audio is None or audio.codec in _WEBM_AUDIO
    if container == _MATROSKA and _is_native_webm(video) and webm and not silent:
        return Plan("native", mime="video/webm")
    sound = _sound(audio)
    # Where nothing says when a reordered picture is shown, a copy would lose frames.
    guesses = video.reordered and container in _NO_ORDER
    if guesses or not _is_native_h264(video):
        return Plan(
            "transcode", picture=Picture(video.stream, fit(video)), sound=sound, silent=silent
        )
    if container == _MP4 and (sound is None or not sound.encode) and not silent:
        return Plan("native", mime="video/mp4")
    return Plan("remux", picture=Picture(video.stream), sound=sound, silent=silent)


def _too_large(video: Video) -> bool:
    return (
        max(video.width, video.height) > allowed.MAX_SIDE
        or video.width * video.height > allowed.MAX_PIXELS
    )


def _refusal(facts: Facts) -> Reason | None:
    """What rules a file out whatever its streams hold."""
    if _container(facts) not in allowed.FORMATS:
        return Reason.FORMAT
    if facts.streams > allowed.MAX_STREAMS:
        return Reason.TOO_MANY
    if facts.duration_s is not None and facts.duration_s > allowed.MAX_DURATION_S:
        return Reason.TOO_LONG
    if any(_too_large(video) for video in facts.video):
        return Reason.TOO_LARGE
    return None


def _showing(facts: Facts, video: Video, audio: Audio | None) -> Plan:
    container = _container(facts)
    if not (video.width and video.height):
        return _refused(Reason.BROKEN)
    if container in allowed.PICTURE_FORMATS:
        return Plan("image", mime=allowed.PICTURE_FORMATS[container])
    return _moving(container, video, audio, silent=audio is None and bool(facts.audio))


def classify(facts: Facts) -> Plan:
    """Decide; every refusal has its reason."""
    if (reason := _refusal(facts)) is not None:
        return _refused(reason)
    video = next((one for one in facts.video if one.codec in allowed.VIDEO), None)
    audio = next((one for one in facts.audio if _is_audible(one)), None)
    if video is not None:
        return _showing(facts, video, audio)
    if audio is not None and not facts.video:
        return _only_sound(_container(facts), audio)
    return _refused(Reason.CODEC if facts.video or facts.audio else Reason.NOTHING)


def as_encoded(plan: Plan, facts: Facts) -> Plan:
    """The same with everything encoded: what is tried when copying packets failed."""
    picture = plan.picture
    if picture is not None and picture.copied:
        video = next(one for one in facts.video if one.stream == picture.stream)
        picture = Picture(picture.stream, fit(video))
    sound = plan.sound
    if sound is not None and not sound.encode:
        sound = _encoded(next(one for one in facts.audio if one.stream == sound.stream))
    return Plan("transcode", picture=picture, sound=sound, silent=plan.silent)


def sound_stream(facts: Facts) -> int | None:
    """The stream whose waveform is drawn: the first that may be decoded."""
    return next((audio.stream for audio in facts.audio if _is_audible(audio)), None)


def picture_of(facts: Facts) -> Video | None:
    """The stream the poster is taken from: the first that may be decoded."""
    return next((v for v in facts.video if v.codec in allowed.VIDEO and v.width and v.height), None)


_AVC: Final = {
    "Constrained Baseline": "42E0", "Baseline": "4200", "Main": "4D40", "High": "6400",
}  # fmt: skip
_MP4A: Final = {"HE-AAC": "mp4a.40.5", "HE-AACv2": "mp4a.40.29"}


def codecs_of(facts: Facts) -> str | None:
    """The `codecs` that a page asks its browser about (RFC 6381); None where one is not known."""
    names: list[str] = []
    for video in facts.video[:1]:
        if video.codec == "h264" and video.profile in _AVC:
            names.append(f"avc1.{_AVC[video.profile]}{video.level:02X}")
        elif video.codec == "vp8":
            names.append("vp8")
        else:
            return None
    for audio in facts.audio[:1]:
        name = _MP4A.get(audio.profile, "mp4a.40.2") if audio.codec == "aac" else audio.codec
        if audio.codec not in {"aac", "mp3", "opus", "vorbis", "flac"}:
            return None
        names.append(name)
    return ",".join(names) or None
