"""Real files made by ffmpeg, once per run, and the sandbox that this machine allows."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.media.made import Work
from ingest.media.sandbox import Level, Sandbox, detect

VIDEO = "-f lavfi -i testsrc2=s=640x360:r=25:d=2"
SOUND = "-f lavfi -i sine=f=440:d=2:r=44100"
PHONE = "-f lavfi -i sine=f=440:d=2:r=8000"
X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p"

RECIPES = {
    "h264-aac.mp4": f"{VIDEO} {SOUND} {X264} -c:a aac -f mp4",
    "h264-aac-faststart.mp4": f"{VIDEO} {SOUND} {X264} -c:a aac -movflags +faststart -f mp4",
    "h264-aac-fragmented.mp4": f"{VIDEO} {SOUND} {X264} -c:a aac "
    "-movflags empty_moov+default_base_moof+frag_keyframe -f mp4",
    "h264-mp3.mov": f"{VIDEO} {SOUND} {X264} -c:a mp3 -f mov",
    "h264-alone.mp4": f"{VIDEO} {X264} -f mp4",
    "h264-aac.ts": f"{VIDEO} {SOUND} {X264} -c:a aac -f mpegts",
    "h264-aac.mkv": f"{VIDEO} {SOUND} {X264} -c:a aac -f matroska",
    "h264-aac.flv": f"{VIDEO} {SOUND} {X264} -c:a aac -f flv",
    "h264-mp3.avi": f"{VIDEO} {SOUND} {X264} -c:a mp3 -f avi",
    "h264-reordered.avi": f"{VIDEO} -c:v libx264 -bf 2 -pix_fmt yuv420p -f avi",
    "h264-g711.mov": f"{VIDEO} {PHONE} {X264} -c:a pcm_alaw -f mov",
    "h264-g711.avi": f"{VIDEO} {PHONE} {X264} -c:a pcm_mulaw -f avi",
    "h264-pcm.mov": f"{VIDEO} {SOUND} {X264} -c:a pcm_s16le -f mov",
    "h264-adpcm.avi": f"{VIDEO} {PHONE} {X264} -c:a adpcm_ima_wav -f avi",
    "h264-raw": f"{VIDEO} {X264} -f h264",
    "h264-422.mp4": f"{VIDEO} -c:v libx264 -preset ultrafast -pix_fmt yuv422p -f mp4",
    "h264-1440p.mp4": "-f lavfi -i testsrc2=s=2560x1440:r=5:d=1 "
    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mp4",
    "h264-odd.mp4": "-f lavfi -i testsrc2=s=321x241:r=25:d=1 "
    "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -f mp4",
    "h264-vfr.mkv": "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -vf select=not(mod(n\\,3))+lt(n\\,20) "
    f"-vsync vfr {X264} -f matroska",
    "h264-gps.mp4": f"{VIDEO} -f srt -i SUBTITLES {X264} -c:s mov_text -f mp4",
    "hevc-aac.mp4": f"{VIDEO} {SOUND} -c:v libx265 -preset ultrafast -x265-params log-level=none "
    "-pix_fmt yuv420p -c:a aac -f mp4",
    "hevc-g711.ts": f"{VIDEO} {PHONE} -c:v libx265 -preset ultrafast -x265-params log-level=none "
    "-pix_fmt yuv420p -c:a mp2 -ar 44100 -f mpegts",
    "mpeg4-mp3.avi": f"{VIDEO} {SOUND} -c:v mpeg4 -c:a mp3 -f avi",
    "mjpeg.avi": f"{VIDEO} -c:v mjpeg -f avi",
    "mpeg2-mp2.mpg": f"{VIDEO} {SOUND} -c:v mpeg2video -c:a mp2 -f mpeg",
    "vp8-opus.webm": f"{VIDEO} {SOUND} -c:v libvpx -deadline realtime -c:a libopus -f webm",
    "magicyuv.avi": f"{VIDEO} -c:v magicyuv -f avi",
    "sound.mp3": f"{SOUND} -c:a libmp3lame -f mp3",
    "sound.m4a": f"{SOUND} -c:a aac -f ipod",
    "sound.aac": f"{SOUND} -c:a aac -f adts",
    "sound.flac": f"{SOUND} -c:a flac -f flac",
    "sound-pcm.wav": f"{SOUND} -c:a pcm_s16le -f wav",
    "sound-g711.wav": f"{PHONE} -c:a pcm_alaw -f wav",
    "sound-g726.wav": f"{PHONE} -c:a g726 -f wav",
    "sound-adpcm.wav": f"{PHONE} -c:a adpcm_ms -f wav",
    "sound.wma": f"{SOUND} -c:a wmav2 -f asf",
    "still.jpg": "-f lavfi -i testsrc2=s=1024x768 -frames:v 1 -c:v mjpeg -f image2",
    "still.png": "-f lavfi -i testsrc2=s=641x479 -frames:v 1 -c:v png -f image2",
}

Footage = Callable[[str], Path]


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """The file of a recipe.  Stored without its extension: only the bytes may tell what it is."""
    folder = tmp_path_factory.mktemp("footage")

    def get(name: str) -> Path:
        path = folder / name.replace(".", "-")
        if not path.exists():
            subtitles = folder / "subtitles"
            subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\n31.2304N 121.4737E\n")
            recipe = [str(subtitles) if w == "SUBTITLES" else w for w in RECIPES[name].split()]
            command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe, f"file:{path}"]
            subprocess.run(command, check=True, timeout=60)
        return path

    return get


@pytest.fixture(scope="session")
def strongest(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return asyncio.run(detect(tmp_path_factory.mktemp("trial")))


@pytest.fixture(params=[*Level])
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Every level in turn: the build machine allows all three."""
    level: Level = request.param
    return Sandbox(level)


@pytest.fixture
def sandbox(strongest: Sandbox) -> Sandbox:
    return strongest


@pytest.fixture
def work(tmp_path: Path) -> Callable[[Path], Work]:
    """An attempt's own folder for a source."""
    count = iter(range(100))

    def prepare(source: Path) -> Work:
        folder = tmp_path / f"attempt{next(count)}"
        folder.mkdir()
        return Work(source, source.stat().st_size, folder, "ffmpeg version test")

    return prepare
