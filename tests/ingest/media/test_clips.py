"""E08: an excerpt copies the recording's own packets and says what it really holds."""

import hashlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest import excerpts
from ingest.excerpts import NoClipError, Wanted
from ingest.media import clips
from ingest.media.classify import codecs_of
from ingest.media.facts import Audio, Facts
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox
from ingest.media.wishes import Seen
from storage.objects.port import Class, read_all
from storage.tables import clip, job
from tests.ingest.media.conftest import Footage
from tests.ingest.media.test_stages import House, house
from verify.errors import MalformedError, UnavailableError

__all__ = ["house"]
ACTOR = "u:" + "7" * 32
KEY_MS = 1000
RECIPE = (
    "-f lavfi -i testsrc2=s=320x240:r=25:d=6 -f lavfi -i sine=f=440:d=6:r=44100 -c:v libx264 "
    "-preset ultrafast -g 25 -sc_threshold 0 -bf 2 -pix_fmt yuv420p"
)


def recording(folder: Path, form: str, sound: str = "aac") -> bytes:
    path = folder / f"recording.{form}"
    if not path.exists():
        recipe = [*RECIPE.split(), "-c:a", sound, "-f", form, f"file:{path}"]
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe], check=True, timeout=60)
    return path.read_bytes()


def looked_at(path: Path, *what: str) -> Any:
    command = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def frames(path: Path) -> list[str]:
    """The packets of the picture, each by the hash of its bytes."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", "-c", "copy"]
    done = subprocess.run(
        [*command, "-f", "framehash", "-hash", "sha256", "-"], check=True, capture_output=True
    )
    lines = done.stdout.decode().splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if not line.startswith("#")]


async def cut(house: House, item: str, wanted: Wanted) -> Any:
    id_, _ = await excerpts.ask(house.ledger, ACTOR, item, wanted)
    await house.work()
    return await house.ask(lambda c: c.execute(select(clip).where(clip.c.id == id_)).one())


@pytest.mark.parametrize(
    ("form", "sound", "mime"),
    [
        ("mp4", "aac", "video/mp4"),
        ("mpegts", "aac", "video/mp4"),
        ("matroska", "aac", "video/mp4"),
        ("mov", "pcm_alaw", "video/x-matroska"),
    ],
)
async def test_e08_an_excerpt_has_the_packets_of_the_recording_from_a_key_frame_on(
    house: House, tmp_path: Path, form: str, sound: str, mime: str
) -> None:
    data = recording(tmp_path, form, sound)
    item = await house.seal(data)
    await house.work()
    row = await cut(house, item, Wanted("clip", 2400, 4300, "移送"))
    assert row.made_index is not None
    assert row.from_ms <= 2400, "from a key frame at or before what was asked"
    assert row.from_ms >= (0 if form == "mpegts" else 2 * KEY_MS - 110), "not from further back"
    assert row.to_ms + 45 >= 4300, "to what was asked"
    assert row.to_ms <= 4300 + 4 * 40
    content = await read_all(house.store, Class.WORK, row.key)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (row.size, row.sha256)
    assert (row.mime, row.input) == (mime, hashlib.sha256(data).hexdigest())
    assert "excerpt" in row.name
    assert "copy" in json.loads(row.arguments)
    path, source = tmp_path / "got", tmp_path / f"recording.{form}"
    path.write_bytes(content)
    shown = looked_at(path, "-show_format")["format"]
    assert shown["tags"]["title" if "title" in shown["tags"] else "TITLE"] == row.label
    assert row.label.startswith("EXCERPT of item")
    comment = shown["tags"]["comment" if "comment" in shown["tags"] else "COMMENT"]
    assert comment.startswith(f"Asked for by {ACTOR} at 20")
    assert f"entry {row.asked_index} of the log" in comment
    assert item in row.label
    assert abs(float(shown["duration"]) * 1000 - (row.to_ms - row.from_ms)) <= 120
    if form in ("mp4", "matroska", "mov"):
        got, all_ = frames(path), frames(source)
        begin = all_.index(got[0])
        assert got == all_[begin : begin + len(got)], "the same packets, none left out"
        assert begin == 50
    assert hashlib.sha256(source.read_bytes()).hexdigest() == row.input


async def test_e08_sound_alone_is_cut_and_a_still_is_the_picture_of_its_moment(
    house: House, tmp_path: Path, footage: Footage
) -> None:
    item = await house.seal(footage("sound.mp3").read_bytes())
    film = await house.seal(recording(tmp_path, "mp4"))
    await house.work()
    row = await cut(house, item, Wanted("clip", 500, 1500, "x"))
    assert (row.mime, round(row.from_ms, -2), round(row.to_ms, -2)) == ("audio/mp4", 500, 1500)
    with pytest.raises(NoClipError):
        await excerpts.ask(house.ledger, ACTOR, item, Wanted("png", 1, 1, "x"))
    for kind, at_ms, got_ms, magic in (
        ("png", 3010, 3040, b"\x89PNG"),
        ("jpeg", 6000, 5960, b"\xff\xd8"),
    ):
        still = await cut(house, film, Wanted(kind, at_ms, at_ms, "x"))  # type: ignore[arg-type]
        content = await read_all(house.store, Class.WORK, still.key)
        assert content.startswith(magic)
        assert abs(still.from_ms - got_ms) <= 120, still.from_ms
        path = tmp_path / "still"
        path.write_bytes(content)
        (stream,) = looked_at(path, "-show_streams")["streams"]
        assert (stream["width"], stream["height"]) == (320, 240)
        assert "still" in still.name


async def test_an_excerpt_that_cannot_be_made_fails_and_records_nothing_more(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await house.seal(recording(tmp_path, "mp4"))
    await house.work()

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(clips, "_run", nothing)
    row = await cut(house, item, Wanted("clip", 0, 100, "x"))
    assert row.made_index is None
    states = await house.ask(
        lambda c: c.execute(select(job.c.state).where(job.c.kind == "clip")).all()
    )
    assert [state for (state,) in states] == ["failed"]


@pytest.mark.parametrize(
    ("wanted", "known", "error"),
    [
        (Wanted("clip", 5, 5, "x"), True, MalformedError),
        (Wanted("clip", -1, 5, "x"), True, MalformedError),
        (Wanted("clip", 9000, 9500, "x"), True, MalformedError),
        (Wanted("clip", 0, 5, "  "), True, MalformedError),
        (Wanted("clip", 0, 5, "x"), False, UnavailableError),
    ],
)
def test_what_is_no_range_is_refused(wanted: Wanted, known: bool, error: type[Exception]) -> None:

    facts = Facts("mp3", 6.0, 1, (), (Audio.__new__(Audio),), {})
    with pytest.raises(error):
        excerpts.check(wanted, Seen("native", None, facts, False) if known else None, 6000)


async def test_a_large_recording_that_a_browser_plays_is_known_at_once(
    tmp_path: Path, footage: Footage, sandbox: Sandbox
) -> None:
    """A gigabyte of H.264 and AAC whose index stands at the end: served as it is, by ranges."""
    data = footage("h264-aac.mp4").read_bytes()
    at = data.index(b"mdat") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    path = tmp_path / "large"
    with path.open("wb") as file:  # the padding is a hole: no gigabyte is written
        file.write(data[:at] + (length + (1 << 30)).to_bytes(4, "big") + data[at + 4 : at + length])
        file.seek(1 << 30, 1)
        file.write(data[at + length :])
    folder = tmp_path / "probe"
    folder.mkdir()
    begun = time.monotonic()
    found = await probe(path, folder, sandbox)
    assert found.plan.verdict == "native"
    assert time.monotonic() - begun < 2
    assert found.facts is not None
    assert str(codecs_of(found.facts)).endswith(",mp4a.40.2")
