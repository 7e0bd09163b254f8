"""Files that are not what they say: built here byte by byte, or real ones with a lie in the header."""

import struct
import zlib

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile %s\n"


def png(width: int, height: int) -> bytes:
    """A picture of a few hundred bytes that claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""),
    ])  # fmt: skip


def huge_jpeg(still: bytes) -> bytes:
    """The same picture, said to be 65,500 pixels wide and high."""
    data = bytearray(still)
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def claims_seconds(mp4: bytes, seconds: int) -> bytes:
    """The same MP4, whose headers claim this duration; its packets are as they were."""
    data = bytearray(mp4)
    for box in (b"mvhd", b"mdhd"):
        at = -1
        while (at := data.find(box, at + 1)) > 0:
            scale = int(struct.unpack_from(">I", data, at + 16)[0])
            struct.pack_into(">I", data, at + 20, min(scale * seconds, 0xFFFF_FFFE))
    return bytes(data)


def endless_wav(wav: bytes) -> bytes:
    """The same sound, said to be 4 GiB long."""
    data = bytearray(wav)
    struct.pack_into("<I", data, data.index(b"data") + 4, 0xFFFF_FFF0)
    return bytes(data)


def without_index(mp4: bytes) -> bytes:
    """What a camera leaves whose battery died: no moov."""
    return mp4[: mp4.rindex(b"moov") - 4]
