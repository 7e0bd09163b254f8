"""Every reason and every mark has its sentence in both languages."""

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from cases.links import words
from cases.links.attribution import MARKS
from cases.links.clock import Basis
from cases.links.words import LANGUAGES, MARK_WORDS, WORDS, Reason, length, say, say_mark
from verify.errors import MalformedError


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", WORDS)
def test_both_languages_name_the_same_parameters(code: str) -> None:
    chinese, english = WORDS[code]
    assert fields_of(chinese) == fields_of(english)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert english.isascii()
    assert not re.search(r"[,;:()]", chinese), "Chinese sentences have Chinese punctuation"


def test_every_mark_has_words_and_no_words_are_without_a_mark() -> None:
    assert set(MARK_WORDS) == set(MARKS)
    assert all(say_mark(mark, language) for mark in MARKS for language in LANGUAGES)


def test_reasons_are_said_with_their_numbers() -> None:
    reason = Reason("officer-window", {"overlap_ms": 754_000})
    assert say(reason, "zh-CN") == "本案执法人员在本案时段内录制\uff0c重合 12 分 34 秒"
    assert say(reason, "en").endswith("within its time, 12 min 34 s in common")
    assert say(Reason("time-from", {"source": "file-name"}), "zh-CN") == "时间取自文件名"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (-90_000, "-1 min 30 s"), (3_600_000, "1 h"),
        (3_599_999, "1 h"), (7_320_000, "2 h 2 min"), (90_000_000, "1 d 1 h"), (59_600, "1 min"),
    ],
)  # fmt: skip
def test_lengths_of_time_are_said_in_two_units_at_most(ms: int, text: str) -> None:
    assert length(ms, "en") == text


def test_an_unknown_code_mark_or_language_is_refused() -> None:
    for refused in (
        lambda: say(Reason("nonsense"), "en"), lambda: say(Reason("held"), "fr"),
        lambda: say_mark("nonsense", "en"), lambda: say_mark("lent", "fr"),
    ):  # fmt: skip
        with pytest.raises(MalformedError, match="expected"):
            refused()


def test_there_are_no_words_that_nothing_says() -> None:
    folder = Path(words.__file__).parent
    code = "".join(f.read_text() for f in folder.glob("*.py") if f.name != "words.py")
    bases = get_args(Basis)
    for reason in WORDS:
        assert f'"{reason}"' in code or reason.removeprefix("clock-") in bases, reason
    assert {f"clock-{basis}" for basis in bases} <= set(WORDS)
