"""Waveform peaks: the loudest and softest value of every twentieth of a second, and of every second.

Guarantee: memory is bounded by the length (151 kB an hour), never by the sound; each pair covers
all its samples: no sample lies outside what is drawn.
Not covered: loudness as people hear it.

Format: docs/formats/peaks.md, version 1.
"""

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.media import allowed, argv
from ingest.media.classify import sound_stream
from ingest.media.facts import Facts, working_seconds
from ingest.media.made import Made, Work
from ingest.media.run import run
from ingest.media.sandbox import Limits, Sandbox
from verify.errors import MalformedError

NAME: Final = "peaks.bin"
MIME: Final = "application/octet-stream"
MAGIC: Final = b"LHPEAKS1"
FINE: Final = 20  # pairs per second
COARSE: Final = 1
_PER_PAIR: Final = argv.PEAK_RATE // FINE
_HEADER: Final = struct.Struct("<8sI")
_LEVEL: Final = struct.Struct("<III")  # pairs per second, number of pairs, offset of the first
_MAX_PAIRS: Final = allowed.MAX_DURATION_S * FINE

Pairs = npt.NDArray[np.int8]


def _pairs(samples: npt.NDArray[np.int16]) -> Pairs:
    """(n, k) samples to (n, 2) pairs, rounded outwards so that nothing sticks out."""
    low = samples.min(axis=1) >> 8
    high = -((-samples.max(axis=1).astype(np.int32)) >> 8)
    return np.stack([low, np.minimum(high, 127)], axis=1).astype(np.int8)


class Peaks:
    """Collects pairs from signed 16-bit mono samples that come in blocks of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._fine = bytearray()

    def feed(self, block: bytes) -> None:
        data = self._rest + block
        whole = len(data) // (2 * _PER_PAIR) * (2 * _PER_PAIR)
        self._rest = data[whole:]
        if whole:
            samples = np.frombuffer(data, dtype="<i2", count=whole // 2)
            self._fine += _pairs(samples.reshape(-1, _PER_PAIR)).tobytes()
        if len(self._fine) > 2 * _MAX_PAIRS:
            raise MalformedError(f"peaks: expected at most {_MAX_PAIRS} pairs, got more")

    def encode(self) -> bytes:
        """The file: header, levels, pairs."""
        if len(self._rest) >= 2:
            samples = np.frombuffer(self._rest, dtype="<i2", count=len(self._rest) // 2)
            self._fine += _pairs(samples.reshape(1, -1)).tobytes()
        self._rest = b""
        fine = np.frombuffer(bytes(self._fine), dtype=np.int8).reshape(-1, 2)
        starts = np.arange(0, len(fine), FINE // COARSE)
        coarse = fine  # empty when there is nothing
        if len(fine):
            low = np.minimum.reduceat(fine[:, 0], starts)
            coarse = np.stack([low, np.maximum.reduceat(fine[:, 1], starts)], axis=1)
        first = _HEADER.size + 2 * _LEVEL.size
        return b"".join([
            _HEADER.pack(MAGIC, 2),
            _LEVEL.pack(FINE, len(fine), first),
            _LEVEL.pack(COARSE, len(coarse), first + fine.nbytes),
            fine.tobytes(),
            coarse.tobytes(),
        ])  # fmt: skip


def decode(data: bytes) -> dict[int, Pairs]:
    """Pairs by pairs per second; MalformedError for anything that is not such a file."""
    if len(data) < _HEADER.size or data[:8] != MAGIC:
        raise MalformedError(f"peaks: expected {MAGIC!r}, got {data[:8]!r}")
    levels: dict[int, Pairs] = {}
    count = _HEADER.unpack_from(data)[1]
    if len(data) < _HEADER.size + count * _LEVEL.size:
        raise MalformedError(f"peaks: expected {count} levels, got {len(data)} bytes")
    for i in range(count):
        rate, pairs, offset = _LEVEL.unpack_from(data, _HEADER.size + i * _LEVEL.size)
        if offset + 2 * pairs > len(data):
            raise MalformedError(
                f"peaks: expected {pairs} pairs at {offset}, got {len(data)} bytes"
            )
        levels[rate] = np.frombuffer(data, np.int8, 2 * pairs, offset).reshape(-1, 2)
    return levels


async def make_peaks(work: Work, facts: Facts, sandbox: Sandbox) -> Made | None:
    """The peaks of the first sound that may be decoded; None where there is none."""
    stream = sound_stream(facts)
    if stream is None:
        return None
    limits = Limits(wall_s=max(60.0, 4 * working_seconds(facts, work.size)), file_size=1 << 20)
    peaks = Peaks()
    command = argv.samples(sandbox.places(work.source, work.folder), stream)
    wrapped = sandbox.wrap(command, work.source, work.folder, limits)
    await run(wrapped, limits, tool="ffmpeg", sink=peaks.feed)
    path = work.folder / NAME
    path.write_bytes(peaks.encode())
    recorded = argv.samples(argv.RECORDED, stream)
    return Made("peaks", path, MIME, work.tool, tuple(recorded[1:]))
