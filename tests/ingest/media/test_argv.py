"""The argument lists, word for word: what runs is what was decided."""

from ingest.media import allowed, argv
from ingest.media.argv import RECORDED, Picture, Places, Sound

GUARD = {
    "-protocol_whitelist": "file",
    "-format_whitelist": ",".join(allowed.FORMATS),
    "-codec_whitelist": ",".join(allowed.DECODERS),
    "-max_pixels": "64000000",
    "-max_streams": "33",
    "-probesize": "20000000",
    "-analyzeduration": "20000000",
}
START = [
    "ffmpeg", "-nostdin", "-hide_banner", "-v", "error",
    "-filter_threads", "1", "-filter_complex_threads", "1",
]  # fmt: skip
PROGRESS = ["-progress", "pipe:1", "-stats_period", "1"]
ENCODING = (
    "[0:2]scale=1280:720[s0];[s0]setsar=1[s1];[s1]format=yuv420p[s2];"
    "[0:1]aresample=16000:async=1:first_pts=0[s3]"
)
INSIDE = Places("/in/source", "/out")


def without_guard(arguments: list[str]) -> list[str]:
    """The list without the guard, which must stand before the input, whole."""
    source = arguments.index("-i") if "-i" in arguments else len(arguments) - 1
    rest = list(arguments)
    for name, value in GUARD.items():
        at = rest.index(name)
        assert rest[at + 1] == value
        assert arguments.index(name) < source
        del rest[at : at + 2]
    return rest


def test_a_copy_of_picture_and_sound() -> None:
    made = argv.playable(INSIDE, Picture(0), Sound(1, encode=False))
    assert without_guard(made) == [
        *START, *PROGRESS, "-fflags", "+genpts", "-threads", "1", "-i", "file:/in/source",
        "-map", "0:0", "-map", "0:1", "-f", "mp4", "-c:a", "copy", "-c:v", "copy",
        "-fflags", "+bitexact", "-map_chapters", "-1", "-map_metadata", "-1",
        "-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-t", "172800",
        "/out/playable.mp4", "-y",
    ]  # fmt: skip


def test_an_encoded_picture_and_sound() -> None:
    made = argv.playable(
        INSIDE, Picture(2, (1280, 720)), Sound(1, encode=True, rate=16000, channels=1)
    )
    assert without_guard(made) == [
        *START, *PROGRESS, "-fflags", "+genpts", "-threads", "1", "-i", "file:/in/source",
        "-filter_complex",
        ENCODING,
        "-map", "[s2]", "-map", "[s3]", "-f", "tee", "-ac", "1", "-b:a", "48k", "-bufsize", "5000k",
        "-c:a", "aac", "-c:v", "libx264", "-crf", "25",
        "-flags:a", "+bitexact+global_header", "-flags:v", "+bitexact+global_header",
        "-force_key_frames", argv.KEY_FRAMES, "-map_chapters", "-1", "-map_metadata", "-1",
        "-max_muxing_queue_size", "4096", "-maxrate", "2500k",
        "-preset", "veryfast", "-t", "172800", "-threads", "1",
        ("[f=mp4:movflags=+faststart:fflags=+bitexact]/out/playable.mp4"
        "|[f=hls:onfail=ignore:hls_time=1:hls_list_size=0:hls_playlist_type=event:hls_segment_type=fmp4"
        ":hls_fmp4_init_filename=init.mp4]/out/live/index.m3u8"),
        "-y",
    ]  # fmt: skip


def test_a_poster_from_the_key_frame_before_a_moment() -> None:
    made = argv.poster(INSIDE, 0, (640, 360), at_s=12.0)
    assert without_guard(made) == [
        *START, "-noaccurate_seek", "-ss", "12.000", "-threads", "1", "-i", "file:/in/source",
        "-filter_complex", "[0:0]scale=640:360[s0];[s0]setsar=1[s1];[s1]format=yuvj420p[s2]",
        "-map", "[s2]", "-f", "mjpeg", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-frames:v", "1", "-map_metadata", "-1", "-q:v", "4", "-threads", "1",
        "/out/poster.jpg", "-y",
    ]  # fmt: skip


def test_samples_for_the_peaks() -> None:
    made = argv.samples(INSIDE, 1)
    assert without_guard(made) == [
        *START, "-threads", "1", "-i", "file:/in/source",
        "-filter_complex", "[0:1]aresample=8000:async=1:first_pts=0[s0]", "-map", "[s0]",
        "-f", "s16le", "-ac", "1", "-c:a", "pcm_s16le", "-t", "172800", "pipe:1", "-y",
    ]  # fmt: skip


def test_the_probe_shows_few_fields_and_is_guarded() -> None:
    made = without_guard(argv.probe(INSIDE))
    assert made[:4] == ["ffprobe", "-hide_banner", "-v", "error"]
    assert made[-1] == "file:/in/source"
    assert "filename" not in made[-2]


def test_what_is_recorded_names_no_path_of_this_machine() -> None:
    made = argv.playable(RECORDED, Picture(0), Sound(1, encode=True))
    assert "file:source" in made
    assert "./playable.mp4" in made
    assert not any(word.startswith("/") for word in made)


def test_names_of_files_cannot_become_options_or_protocols() -> None:
    made = argv.samples(Places("-y /tmp/x|concat:http://x", "out"), 0)
    assert "file:-y /tmp/x|concat:http://x" in made


def test_the_white_lists_hold_no_door_to_other_files() -> None:
    playlists = {"hls", "concat", "dash", "image2", "imf", "sdp", "rtsp", "lavfi", "tee", "data"}
    assert not playlists & set(allowed.FORMATS)
    assert allowed.PROTOCOLS == ("file",)
    assert not {"magicyuv", "exr", "libopenh264"} & set(allowed.DECODERS)


def test_an_excerpt_copies_and_lists_its_packets() -> None:
    made = argv.clip(
        INSIDE, [0, 1], from_ms=1500, to_ms=4000, title="EXCERPT", comment="for u:1", name="clip.mp4",
        form="mp4", list_name="packets",
    )  # fmt: skip
    assert without_guard(made) == [
        *START, *PROGRESS, "-ss", "1.500", "-threads", "1", "-i", "file:/in/source",
        "-map", "0:0", "-map", "0:1", "-f", "mp4", "-avoid_negative_ts", "make_zero", "-c", "copy",
        "-fflags", "+bitexact", "-map_chapters", "-1", "-map_metadata", "-1",
        "-max_muxing_queue_size", "4096", "-metadata:g:0", "title=EXCERPT",
        "-metadata:g:1", "comment=for u:1", "-movflags", "+faststart", "-t", "2.500", "/out/clip.mp4",
        "-map", "0:0", "-map", "0:1", "-f", "framecrc", "-c", "copy", "-fflags", "+bitexact",
        "-t", "2.500", "/out/packets", "-y",
    ]  # fmt: skip


def test_small_pictures_come_from_key_frames() -> None:
    made = argv.sprites(INSIDE, 0, (160, 90), every_s=10, grid=(12, 10), name="sheet%04d.jpg")
    assert made[made.index("-skip_frame") :][:2] == ["-skip_frame", "nokey"]
    assert made.index("-skip_frame") < made.index("-i")
    look = made[made.index("-filter_complex") + 1]
    assert "fps=" in look
    assert "scale=160:90" in look
    assert "tile=12x10" in look
