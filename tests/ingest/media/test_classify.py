"""The decision table on real files: what each is, and that what is made of it plays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.media import classify as rules
from ingest.media.classify import Plan, Reason, as_encoded, classify, fit
from ingest.media.facts import Audio, Facts, Video
from ingest.media.made import Work
from ingest.media.playable import make_playable
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox
from tests.ingest.media.conftest import Footage

NATIVE = {
    "h264-aac.mp4": "video/mp4",
    "h264-aac-faststart.mp4": "video/mp4",
    "h264-aac-fragmented.mp4": "video/mp4",
    "h264-mp3.mov": "video/mp4",
    "h264-alone.mp4": "video/mp4",
    "h264-gps.mp4": "video/mp4",
    "vp8-opus.webm": "video/webm",
    "sound.mp3": "audio/mpeg",
    "sound.m4a": "audio/mp4",
    "sound.flac": "audio/flac",
    "sound-pcm.wav": "audio/wav",
}
IMAGES = {"still.jpg": "image/jpeg", "still.png": "image/png"}
# name -> verdict, is the picture copied (None: no picture), is the sound copied
MADE: dict[str, tuple[str, bool | None, bool | None]] = {
    "h264-aac.ts": ("remux", True, True),
    "h264-aac.mkv": ("remux", True, True),
    "h264-vfr.mkv": ("remux", True, None),
    "h264-aac.flv": ("remux", True, True),
    "h264-mp3.avi": ("remux", True, True),
    "h264-raw": ("remux", True, None),
    "h264-g711.mov": ("remux", True, False),
    "h264-g711.avi": ("remux", True, False),
    "h264-pcm.mov": ("remux", True, False),
    "h264-adpcm.avi": ("remux", True, False),
    "sound.aac": ("remux", None, True),
    "h264-reordered.avi": ("transcode", False, None),
    "h264-422.mp4": ("transcode", False, None),
    "h264-1440p.mp4": ("transcode", False, None),
    "h264-odd.mp4": ("transcode", False, None),
    "hevc-aac.mp4": ("transcode", False, True),
    "hevc-g711.ts": ("transcode", False, False),
    "mpeg4-mp3.avi": ("transcode", False, True),
    "mjpeg.avi": ("transcode", False, None),
    "mpeg2-mp2.mpg": ("transcode", False, False),
    "sound-g711.wav": ("transcode", None, False),
    "sound-g726.wav": ("transcode", None, False),
    "sound-adpcm.wav": ("transcode", None, False),
    "sound.wma": ("transcode", None, False),
}


@pytest.mark.parametrize(("name", "mime"), [*NATIVE.items()])
async def test_what_a_browser_plays_is_served_as_it_is(
    name: str, mime: str, footage: Footage, sandbox: Sandbox, tmp_path: Path
) -> None:
    found = await probe(footage(name), tmp_path, sandbox)
    assert found.plan == Plan("native", mime=mime)


@pytest.mark.parametrize(("name", "mime"), [*IMAGES.items()])
async def test_stills_are_images(
    name: str, mime: str, footage: Footage, sandbox: Sandbox, tmp_path: Path
) -> None:
    found = await probe(footage(name), tmp_path, sandbox)
    assert found.plan == Plan("image", mime=mime)


@pytest.mark.parametrize("name", [*MADE])
async def test_the_rest_gets_a_copy_that_plays(
    name: str, footage: Footage, sandbox: Sandbox, work: Callable[[Path], Work], tmp_path: Path
) -> None:
    found = await probe(footage(name), tmp_path, sandbox)
    plan, facts = found.plan, found.facts
    assert facts is not None
    verdict, picture, sound = MADE[name]
    assert plan.verdict == verdict
    assert (plan.picture and plan.picture.copied) == picture
    assert (plan.sound and not plan.sound.encode) == sound
    assert plan.lane == ("heavy" if picture is False else "quick")

    told: list[float] = []
    task = work(footage(name))
    made = await make_playable(task, plan, facts, sandbox, told.append)
    again = await probe(made.path, tmp_path, sandbox)
    assert again.facts is not None
    assert (made.mime, again.plan.verdict) == (again.plan.mime, "native")
    assert len(again.facts.video) == (picture is not None)
    assert len(again.facts.audio) == (sound is not None)
    claimed = facts.duration_s or 2.0
    assert again.facts.duration_s == pytest.approx(claimed, abs=0.15)
    assert all(0 <= fraction < 1 for fraction in told)
    head = made.path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")
    assert str(task.folder) not in " ".join(made.arguments)
    if picture is False:
        assert again.facts.video[0].height <= 720


H264 = Video(0, "h264", "High", 41, "yuv420p", 1920, 1080, 0, 1.0, 25.0, reordered=True)
AAC = Audio(1, "aac", "LC", 48000, 2)


def facts(video: object = H264, audio: object = AAC, **more: object) -> Facts:
    value = {
        "format": "mov,mp4,m4a,3gp,3g2,mj2", "duration_s": 60.0, "streams": 2, "tags": {},
        "video": (video,) if isinstance(video, Video) else video or (),
        "audio": (audio,) if isinstance(audio, Audio) else audio or (),
    }  # fmt: skip
    return Facts(**(value | more))  # type: ignore[arg-type]


def changed(**more: object) -> Video:
    fields = {name: getattr(H264, name) for name in Video.__slots__}
    return Video(**(fields | more))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (facts(), "native"),
        (facts(changed(width=1080, height=1920)), "native"),  # a phone held upright
        (facts(changed(pixels="yuvj420p")), "native"),
        (facts(changed(level=62)), "transcode"),
        (facts(changed(profile="High 10", pixels="yuv420p10le")), "transcode"),
        (facts(changed(width=3840, height=2160)), "transcode"),
        (facts(changed(rate=120.0)), "transcode"),
        (facts(changed(codec="av1")), "transcode"),  # in MP4; in WebM it is native
        (facts(audio=Audio(1, "aac", "Main", 48000, 2)), "remux"),
        (facts(format="wmv9"), "none"),
    ],
)
def test_the_edges_of_what_is_native(found: Facts, verdict: str) -> None:
    assert classify(found).verdict == verdict


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (facts(duration_s=48 * 3600 + 1.0), Reason.TOO_LONG),
        (facts(changed(width=16385)), Reason.TOO_LARGE),
        (facts(changed(width=16000, height=16000)), Reason.TOO_LARGE),
        (facts(streams=33), Reason.TOO_MANY),
        (facts(changed(codec="magicyuv")), Reason.CODEC),
        (facts(changed(codec="")), Reason.CODEC),
        (facts(None, Audio(0, "dts", "", 48000, 2)), Reason.CODEC),
        (facts(None, None), Reason.NOTHING),
        (facts(changed(width=0)), Reason.BROKEN),
        (facts(format="hls"), Reason.FORMAT),
    ],
)
def test_refusals_have_their_reason(found: Facts, reason: Reason) -> None:
    assert classify(found) == Plan("none", reason=reason)


def test_sound_that_may_not_be_decoded_is_left_out_and_told() -> None:
    plan = classify(facts(audio=Audio(1, "", "", 48000, 2)))
    assert plan.silent
    assert (plan.verdict, plan.sound) == ("remux", None)


def test_of_several_pictures_the_first_that_may_be_read_is_taken() -> None:
    pictures = (changed(stream=0, codec="magicyuv"), changed(stream=2, codec="hevc"))
    plan = classify(facts(video=pictures, audio=(), streams=3))
    assert plan.picture is not None
    assert plan.picture.stream == 2


@pytest.mark.parametrize(
    ("video", "size"),
    [
        (changed(), (1280, 720)),
        (changed(rotation=90), (720, 1280)),
        (changed(width=1080, height=1920), (720, 1280)),
        (changed(width=321, height=241), (320, 240)),
        (changed(width=720, height=576, aspect=16 / 15), (768, 576)),
        (changed(width=3, height=1), (4, 2)),
        (changed(width=16384, height=2), (1280, 2)),
        (changed(width=640, height=480, aspect=1e9), (1280, 96)),
    ],
)
def test_sizes_fit_are_even_and_keep_their_shape(video: Video, size: tuple[int, int]) -> None:
    assert fit(video) == size


def test_a_copy_that_failed_is_encoded_whole() -> None:
    plan = as_encoded(classify(facts(format="mpegts")), facts(format="mpegts"))
    assert (plan.verdict, plan.lane) == ("transcode", "heavy")
    assert plan.picture is not None
    assert plan.sound is not None
    assert plan.picture.size == (1280, 720)
    assert plan.sound.encode


def test_every_reason_is_a_stable_code() -> None:
    assert {reason.value for reason in rules.Reason} == {
        "empty", "not-media", "format-not-allowed", "codec-not-allowed", "too-long",
        "too-large-picture", "too-many-streams", "too-much-description", "nothing-to-play",
        "broken", "timed-out", "not-probed", "not-converted",
    }  # fmt: skip
