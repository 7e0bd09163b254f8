"""The picture of a case's coverage: what stands in it, and that nothing of it can act."""

import re
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from cases.recording.rules import Point, Rule
from cases.recording.verdicts import Hole, Verdict
from console.i18n import LANGUAGES, Speech
from console.strip import MOST_LANES, Lane, strip

START = 1_800_000_000_000
HOSTILE = '"><script>alert(1)</script>'


def rule(*, must: bool = True) -> Rule:
    return Rule(
        code="1", methods=("video",), must=must, matter="现场检查", stage="",
        stage_category=None, start=Point("到达", "arrived"), end=Point("离开", "left"),
        threshold_ms=None,
    )  # fmt: skip


def verdict(*holes: tuple[int, int, str], seconds: int = 60, begin: int = START) -> Verdict:
    return Verdict(
        "清单", "1", "p", rule(), "1", "partial" if holes else "complete", True,
        required=(begin, begin + seconds * 1000),
        covered=((begin, begin + 10_000),),
        holes=tuple(
            Hole(begin + a * 1000, begin + b * 1000, state, 0, False, False)
            for a, b, state in holes
        ),
        missing_ms=sum(b - a for a, b, _ in holes) * 1000,
    )  # fmt: skip


def drawn(*lanes: Lane, language: str = "en") -> ElementTree.Element:
    picture = strip(lanes, Speech(language, ZoneInfo("Asia/Shanghai")))
    assert picture is not None
    return ElementTree.fromstring(str(picture))  # noqa: S314  # our own


def texts(picture: ElementTree.Element) -> list[str]:
    return [(one.text or "").strip() for one in picture.iter() if one.text and one.text.strip()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hole_is_hatched_and_named_in_both_languages(language: str) -> None:
    picture = drawn(Lane("现场检查", "x", verdict((10, 50, "unexplained"))), language=language)
    hatched = [r for r in picture.iter() if r.get("fill") == "url(#none)"]
    assert len(hatched) == 1
    assert any(re.search(r"\b40\b", text) for text in texts(picture))


def test_an_explained_hole_looks_another_way_than_one_that_is_not() -> None:
    lane = Lane("a", "x", verdict((10, 20, "explained"), (30, 40, "unexplained")))
    dashed = [
        r.get("stroke-dasharray") for r in drawn(lane).iter() if r.get("fill") == "url(#none)"
    ]
    assert dashed == ["4 3", None]


def test_texts_cannot_act() -> None:
    picture = drawn(Lane(HOSTILE, HOSTILE, verdict()))
    assert not [one for one in picture.iter() if one.tag.endswith("script")]
    assert any("<script>" in text or "…" in text for text in texts(picture))
    assert not any(name.startswith("on") for one in picture.iter() for name in one.attrib)


def test_a_short_bar_has_one_text_for_both_ends() -> None:
    picture = drawn(
        Lane("a", "x", verdict(seconds=3600)), Lane("b", "x", verdict(seconds=4))
    )  # fmt: skip
    ranged = [text for text in texts(picture) if "–" in text]
    assert len(ranged) == 1


def test_nothing_is_drawn_where_no_time_is_known_and_lanes_are_bounded() -> None:
    none = Verdict("l", "1", "p", rule(), "1", "unjudgeable", True)
    assert strip([Lane("a", "x", none)], Speech("en", ZoneInfo("UTC"))) is None
    many = drawn(*(Lane("a", "x", verdict()) for _ in range(MOST_LANES + 5)))
    assert texts(many).count("a") == MOST_LANES
