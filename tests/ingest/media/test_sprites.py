"""Small pictures along a recording: the picture of its time at its place on the sheet."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.media.made import Made, Work
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox
from ingest.media.sprites import MAGIC, make_sprites, read_head
from tests.ingest.media.conftest import Footage
from verify.errors import MalformedError

PER_SECOND = 4  # by how much the picture grows brighter


def brighter(folder: Path, seconds: int, keys: int) -> Path:
    """A picture whose brightness says how late it is."""
    path = folder / "brighter"
    source = f"nullsrc=s=64x48:r=5:d={seconds},geq=lum='16+T*{PER_SECOND}':cb=128:cr=128"
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:v", "libx264",
        "-preset", "ultrafast", "-g", str(keys), "-sc_threshold", "0", "-pix_fmt", "yuv420p",
        "-f", "mp4", f"file:{path}",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=60)
    return path


def shades(sheet: bytes, folder: Path) -> tuple[bytes, int]:
    """The sheet as grey bytes, and its width."""
    path = folder / "sheet.jpg"
    path.write_bytes(sheet)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    grey = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return grey, 64 * 12


async def made_of(work: Work, sandbox: Sandbox) -> Made | None:
    folder = work.folder / "probe"
    folder.mkdir()
    found = await probe(work.source, folder, sandbox)
    assert found.facts is not None
    return await make_sprites(work, found.facts, sandbox)


@pytest.mark.parametrize(("seconds", "keys", "wrong_s"), [(52, 10, 3), (52, 1000, 60)])
async def test_each_picture_is_near_its_time(
    tmp_path: Path,
    sandbox: Sandbox,
    work: Callable[[Path], Work],
    seconds: int,
    keys: int,
    wrong_s: int,
) -> None:
    """With key frames close together, within some seconds; with one only, the one there is."""
    made = await made_of(work(brighter(tmp_path, seconds, keys)), sandbox)
    assert made is not None
    data = made.path.read_bytes()
    head = read_head(data)
    assert head.index == {
        "every_ms": 10_000, "width": 64, "height": 48, "columns": 12, "rows": 10, "count": 6,
        "sheets": 1,
    }  # fmt: skip
    ((start, end),) = head.places
    assert end == len(data)
    grey, width = shades(data[start:end], tmp_path)
    assert len(grey) == width * 48 * 10
    if keys > 100:
        return
    for place in range(6):
        shade = grey[24 * width + place * 64 + 32]
        late_s = shade * 219 / 255 / PER_SECOND  # shown in full range
        assert 10 * place - wrong_s <= late_s <= 10 * place + 1, (place, late_s)


async def test_sound_and_stills_have_none(
    footage: Footage, sandbox: Sandbox, work: Callable[[Path], Work]
) -> None:
    assert await made_of(work(footage("sound.mp3")), sandbox) is None
    assert await made_of(work(footage("still.jpg")), sandbox) is None


@pytest.mark.parametrize(
    "data", [b"", b"LHSPRIT2" + bytes(4), MAGIC + b"\xff" * 4, MAGIC[:8] + b"\x09\0\0\0{}"]
)
def test_a_file_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_head(data)
