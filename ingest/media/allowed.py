"""What may be read at all: containers, decoders, protocols and sizes, in one place.

Guarantee: every argument list of `ingest.media.argv` carries these lists before its input, so a
demuxer or decoder that is not named here never sees a byte (a playlist opens no second file, an
exotic decoder's hole is out of reach).
Not covered: holes in what is named; for those there is the sandbox (`ingest.media.sandbox`).

The lists hold what body cameras, recorders, interview rooms and phones write.  A new name needs a
file that proves the need, and a look at how its code fares with hostile bytes.
"""

from typing import Final

PROTOCOLS: Final = ("file",)

# Names of ffmpeg's demuxers.  dhav: the .dav of Chinese recorders; mpeg: also their .mp4 that is a
# program stream; *_pipe: single pictures (image2 is out: it expands patterns in names).
FORMATS: Final = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "dhav",
    "h264", "hevc", "m4v", "mpegvideo",
    "mp3", "aac", "wav", "w64", "flac", "ogg", "amr", "amrnb", "amrwb", "aiff", "caf",
    "jpeg_pipe", "png_pipe", "bmp_pipe", "webp_pipe",
)  # fmt: skip

PICTURE_FORMATS: Final = {
    "jpeg_pipe": "image/jpeg",
    "png_pipe": "image/png",
    "bmp_pipe": "image/bmp",
    "webp_pipe": "image/webp",
}

# Codec as ffprobe names it -> the decoders that may read it, the preferred one first.
VIDEO: Final = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "mpeg4": ("mpeg4",),
    "mpeg1video": ("mpeg1video",),
    "mpeg2video": ("mpeg2video",),
    "mjpeg": ("mjpeg",),
    "h263": ("h263",),
    "vp8": ("vp8",),
    "vp9": ("vp9",),
    "av1": ("libdav1d",),
    "png": ("png",),
    "bmp": ("bmp",),
    "webp": ("webp",),
}
AUDIO: Final = {
    "aac": ("aac",),
    "mp3": ("mp3float", "mp3"),
    "mp2": ("mp2float", "mp2"),
    "ac3": ("ac3",),
    "opus": ("opus", "libopus"),
    "vorbis": ("vorbis",),
    "flac": ("flac",),
    "alac": ("alac",),
    "amr_nb": ("amrnb",),
    "amr_wb": ("amrwb",),
    "adpcm_g722": ("g722",),
    "adpcm_g726": ("g726",),
    "adpcm_g726le": ("g726le",),
    "adpcm_ima_wav": ("adpcm_ima_wav",),
    "adpcm_ima_qt": ("adpcm_ima_qt",),
    "adpcm_ms": ("adpcm_ms",),
    "gsm_ms": ("gsm_ms",),
    "wmav1": ("wmav1",),
    "wmav2": ("wmav2",),
    "pcm_alaw": ("pcm_alaw",),
    "pcm_mulaw": ("pcm_mulaw",),
    "pcm_u8": ("pcm_u8",),
    "pcm_s8": ("pcm_s8",),
    "pcm_s16le": ("pcm_s16le",),
    "pcm_s16be": ("pcm_s16be",),
    "pcm_s24le": ("pcm_s24le",),
    "pcm_s24be": ("pcm_s24be",),
    "pcm_s32le": ("pcm_s32le",),
    "pcm_s32be": ("pcm_s32be",),
    "pcm_f32le": ("pcm_f32le",),
    "pcm_f32be": ("pcm_f32be",),
}
# Never converted, but ffprobe gives up on a file if it may not open one (GPS as subtitles).
SUBTITLES: Final = {
    "mov_text": ("mov_text",),
    "subrip": ("srt", "subrip"),
    "ass": ("ass", "ssa"),
    "text": ("text",),
    "webvtt": ("webvtt",),
}
DECODERS: Final = tuple(
    dict.fromkeys(
        name for table in (VIDEO, AUDIO, SUBTITLES) for names in table.values() for name in names
    )
)

MAX_DURATION_S: Final = 48 * 3600  # longer claims are refused; no shift lasts that long
MAX_SIDE: Final = 16_384  # pixels
MAX_PIXELS: Final = 64_000_000  # 8K video is 33 million, a phone's still up to 50
MAX_STREAMS: Final = 32
PROBE_OUTPUT: Final = 1 << 20  # bytes of description that are read from ffprobe
