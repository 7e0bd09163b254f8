"""Hostile descriptions become plain values."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media.facts import Facts, clean, parse, working_seconds
from verify.errors import MalformedError


def described(**more: object) -> bytes:
    return json.dumps({"format": {"format_name": "avi", **more}, "streams": []}).encode()


def test_texts_lose_control_bidi_and_format_characters() -> None:
    hostile = "a\x00b\x1b[31m\u202egpj.exe\u200b\u2066x\n\ty\u3000z\U000e0041"
    assert clean(hostile) == "ab[31mgpj.exexy z"


@given(st.text(max_size=2000))
def test_clean_texts_are_short_printable_lines(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= 200
    assert shown == "" or shown.replace(" ", "x").isprintable()


def test_tags_are_few_short_and_clean() -> None:
    tags = {f"k{i:03}": "v" * 5000 for i in range(100)} | {"title\u202e": "\u202etxt.exe"}
    facts = parse(described(tags=tags))
    assert len(facts.tags) <= 32
    assert all(len(value) <= 200 for value in facts.tags.values())
    assert parse(described(tags={"title\u202e": "\u202etxt.exe"})).tags == {"title": "txt.exe"}


@pytest.mark.parametrize("claim", ["nan", "inf", "-5", "1e400", "", "abc", None, [], {}])
def test_numbers_that_are_none_are_left_out(claim: object) -> None:
    assert parse(described(duration=claim)).duration_s is None


def test_a_stream_with_nonsense_keeps_its_place() -> None:
    streams = [
        {
            "index": "x",
            "codec_type": "video",
            "codec_name": "h264\u202e",
            "width": -5,
            "height": 1e99,
        },
        {
            "index": 1,
            "codec_type": "audio",
            "codec_name": "aac",
            "sample_rate": "48000",
            "channels": 2,
        },
        "not a stream",
    ]
    value = {"format": {"format_name": "avi"}, "streams": streams}
    facts = parse(json.dumps(value).encode())
    assert (facts.video[0].codec, facts.video[0].width, facts.video[0].height) == ("", 0, 0)
    assert facts.audio[0].rate == 48000


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
_NAMES = st.sampled_from([
    "index", "codec_type", "codec_name", "width", "height", "tags", "side_data_list", "disposition",
    "sample_rate", "channels", "avg_frame_rate", "level", "duration", "rotation", "rotate",
    "sample_aspect_ratio", "has_b_frames",
])  # fmt: skip


@given(
    st.dictionaries(_NAMES | st.just("format_name"), _JSON, max_size=6),
    st.lists(
        st.dictionaries(_NAMES, _JSON | st.sampled_from(["video", "audio"]), max_size=8), max_size=4
    ),
)
def test_no_description_breaks_the_reader(description: object, streams: object) -> None:
    facts = parse(json.dumps({"format": description, "streams": streams}).encode())
    assert Facts.decode(json.loads(json.dumps(facts.encode()))) == facts


def test_a_header_is_believed_only_as_far_as_its_bytes_reach() -> None:
    hours = Facts("mov,mp4", 100 * 3600.0, 1, (), (), {})
    assert working_seconds(hours, 40_000) == 100
    honest = Facts("mov,mp4", 600.0, 1, (), (), {})
    assert working_seconds(honest, 10**9) == 600
    unknown = Facts("h264", None, 1, (), (), {})
    assert 0 < working_seconds(unknown, 4_000_000) <= 48 * 3600
