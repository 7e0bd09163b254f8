"""Posters and peaks of real files, and the peaks' format byte by byte."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import peaks as waves
from ingest.media.facts import Facts
from ingest.media.made import Work
from ingest.media.peaks import Peaks, decode, make_peaks
from ingest.media.poster import make_poster
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox
from tests.ingest.media.conftest import Footage
from verify.errors import MalformedError

Prepare = Callable[[Path], Work]


async def facts_of(source: Path, sandbox: Sandbox, folder: Path) -> Facts:
    found = await probe(source, folder, sandbox)
    assert found.facts is not None
    return found.facts


def jpeg_size(data: bytes) -> tuple[int, int]:
    at = data.index(b"\xff\xc0") + 5
    height, width = struct.unpack_from(">HH", data, at)
    return width, height


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("h264-aac.mp4", (640, 360)),
        ("h264-1440p.mp4", (640, 360)),
        ("hevc-aac.mp4", (640, 360)),
        ("h264-odd.mp4", (320, 240)),
        ("h264-raw", (640, 360)),
        ("still.jpg", (640, 480)),
        ("still.png", (640, 478)),
    ],
)
async def test_a_poster_fits_into_640_pixels(
    name: str,
    size: tuple[int, int],
    footage: Footage,
    sandbox: Sandbox,
    work: Prepare,
    tmp_path: Path,
) -> None:
    source = footage(name)
    made = await make_poster(work(source), await facts_of(source, sandbox, tmp_path), sandbox)
    assert made is not None
    data = made.path.read_bytes()
    assert data[:3] == b"\xff\xd8\xff"
    assert jpeg_size(data) == size


async def test_a_rotated_recording_gets_an_upright_poster(
    footage: Footage, sandbox: Sandbox, work: Prepare, tmp_path: Path
) -> None:
    source = tmp_path / "turned"
    source.write_bytes(turned(footage("h264-aac.mp4").read_bytes()))
    facts = await facts_of(source, sandbox, tmp_path)
    assert facts.video[0].rotation in (90, 270)
    made = await make_poster(work(source), facts, sandbox)
    assert made is not None
    assert jpeg_size(made.path.read_bytes()) == (360, 640)


def turned(mp4: bytes) -> bytes:
    """The same MP4 with a quarter turn in the matrix of its first track."""
    data = bytearray(mp4)
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, at, 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    return bytes(data)


async def test_a_header_that_claims_too_much_still_gives_a_poster(
    footage: Footage, sandbox: Sandbox, work: Prepare, tmp_path: Path
) -> None:
    source = footage("h264-aac.ts")
    facts = await facts_of(source, sandbox, tmp_path)
    lying = Facts(facts.format, 36_000.0, facts.streams, facts.video, facts.audio, facts.tags)
    made = await make_poster(work(source), lying, sandbox)
    assert made is not None


async def test_sound_has_no_poster_and_pictures_have_no_peaks(
    footage: Footage, sandbox: Sandbox, work: Prepare, tmp_path: Path
) -> None:
    sound, still = footage("sound.mp3"), footage("still.jpg")
    assert await make_poster(work(sound), await facts_of(sound, sandbox, tmp_path), sandbox) is None
    assert await make_peaks(work(still), await facts_of(still, sandbox, tmp_path), sandbox) is None


@pytest.mark.parametrize("name", ["sound-g711.wav", "h264-aac.mp4", "hevc-g711.ts", "sound.mp3"])
async def test_peaks_of_a_tone_follow_its_length(
    name: str, footage: Footage, sandbox: Sandbox, work: Prepare, tmp_path: Path
) -> None:
    source = footage(name)
    made = await make_peaks(work(source), await facts_of(source, sandbox, tmp_path), sandbox)
    assert made is not None
    levels = decode(made.path.read_bytes())
    assert set(levels) == {20, 1}
    assert len(levels[20]) == pytest.approx(40, abs=2)
    assert len(levels[1]) == pytest.approx(2, abs=1)
    middle = levels[20][5:35]
    assert (middle[:, 0] < -10).all()  # ffmpeg's sine has an amplitude of an eighth
    assert (middle[:, 1] > 10).all()


def encoded(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]", step: int = 777) -> bytes:
    peaks, data = Peaks(), samples.astype("<i2").tobytes()
    for at in range(0, len(data), step):
        peaks.feed(data[at : at + step])
    return peaks.encode()


def test_the_bytes_are_those_of_the_format() -> None:
    samples = np.zeros(8000 + 400 + 3, np.int16)
    samples[0], samples[1], samples[8000], samples[8402] = 32767, -32768, 255, -1
    data = encoded(samples)
    assert data[:8] == b"LHPEAKS1"
    assert struct.unpack_from("<7I", data, 8) == (2, 20, 22, 36, 1, 2, 36 + 44)
    assert len(data) == 36 + 44 + 4
    fine = [tuple(pair) for pair in decode(data)[20].tolist()]
    assert fine == [(-128, 127), *[(0, 0)] * 19, (0, 1), (-1, 0)]
    assert decode(data)[1].tolist() == [[-128, 127], [-1, 1]]


@given(st.lists(st.integers(-32768, 32767), max_size=2000), st.integers(1, 1500))
def test_no_sample_lies_outside_its_pair(values: list[int], step: int) -> None:
    samples = np.array(values, np.int16)
    fine = decode(encoded(samples, step))[20].astype(np.int32)
    assert len(fine) == -(-len(values) // 400)
    for i, (low, high) in enumerate(fine):
        part = samples[400 * i : 400 * (i + 1)].astype(np.int32)
        assert low * 256 <= part.min()
        assert part.max() <= high * 256 + (255 if high == 127 else 0)


def test_silence_without_a_sample_is_an_empty_waveform() -> None:
    levels = decode(encoded(np.zeros(0, np.int16)))
    assert [len(levels[20]), len(levels[1])] == [0, 0]


def test_an_endless_sound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "_MAX_PAIRS", 100)
    peaks = Peaks()
    peaks.feed(bytes(800 * 100))
    with pytest.raises(MalformedError, match="at most 100 pairs"):
        peaks.feed(bytes(800))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"LHPEAKS",
        b"LHPEAKS2" + bytes(40),
        b"LHPEAKS1\x02\0\0\0",
        b"LHPEAKS1\xff\xff\xff\xff" + bytes(50),
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(data)
    whole = bytearray(encoded(np.zeros(8000, np.int16)))
    whole[16] += 1  # one pair more than there is
    with pytest.raises(MalformedError):
        decode(bytes(whole[: len(whole) - 1]))
