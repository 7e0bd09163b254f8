"""The flowchart: well-formed, complete, safe to put into a page, the same without colours."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from cases.procedure import words
from cases.procedure.draw import status, svg
from cases.procedure.layout import Box
from cases.procedure.load import load
from cases.procedure.measure import width, wrap
from cases.procedure.model import Procedure
from cases.procedure.shipped import shipped
from tests.cases.procedure.walks import (
    NO_GROUND,
    SMALL,
    Walk,
    filed,
    investigated,
    noticed,
    shipped_procedure,
)

NS = "{http://www.w3.org/2000/svg}"
CHARTS = [(name, language) for name in sorted(shipped()) for language in ("zh-CN", "en")]


def texts(drawing: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(drawing).iter(f"{NS}text")]  # noqa: S314


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(("name", "language"), CHARTS)
def test_the_chart_is_well_formed_and_has_every_label(name: str, language: str) -> None:
    procedure = shipped_procedure(name)
    drawing = svg(procedure, None, language)
    shown = squeezed("".join(texts(drawing)))
    for element in (
        procedure, *procedure.stages, *procedure.transitions, *procedure.documents, *procedure.points
    ):  # fmt: skip
        assert squeezed(element.label.text(language)) in shown, element.label
    names = words.CATEGORY if procedure.enforcement else words.WITHOUT_POWERS
    assert all(squeezed(label.text(language)) in shown for label in names.values())


def test_whose_part_an_act_is_stands_below_it() -> None:
    shown = texts(svg(shipped_procedure("penalty_ordinary"), None, "zh-CN"))
    assert shown.count("由法制审核员办理") == 3
    assert "by: legal reviewer" in texts(svg(shipped_procedure("legal_review"), None, "en"))


@pytest.mark.parametrize(("name", "language"), CHARTS)
def test_the_chart_has_a_title_a_description_and_nothing_from_outside(
    name: str, language: str
) -> None:
    drawing = svg(shipped_procedure(name), None, language)
    root = ET.fromstring(drawing)  # noqa: S314
    assert root.get("lang") == language
    assert [child.tag for child in root][:2] == [f"{NS}title", f"{NS}desc"]
    assert all(root[n].text for n in (0, 1))
    tags = {e.tag.removeprefix(NS) for e in root.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "g", "text", "path", "circle", "polygon"}
    keys = {key for e in root.iter() for key in e.attrib}
    assert not any(key.startswith("on") or "href" in key or key in ("style", "id") for key in keys)


@pytest.mark.parametrize(("name", "language"), CHARTS)
def test_no_text_runs_out_of_the_chart_or_out_of_its_box(name: str, language: str) -> None:
    root = ET.fromstring(svg(shipped_procedure(name), None, language))  # noqa: S314
    right = float(root.get("width") or 0)
    boxes = [
        Box(*(float(e.get(k) or 0) for k in ("x", "y", "width", "height")))
        for e in root.iter(f"{NS}rect")
        if e.get("rx")
    ]
    for text in root.iter(f"{NS}text"):
        if text.get("text-anchor"):
            continue
        x, y = float(text.get("x") or 0), float(text.get("y") or 0)
        bold = text.get("font-weight") is not None
        end = x + width(text.text or "", float(text.get("font-size") or 0), bold=bold)
        inside = [
            b for b in boxes if b.x <= x <= b.x + b.width and b.y <= y <= b.y + b.height
        ]  # fmt: skip
        assert end <= (inside[0].x + inside[0].width if inside else right), text.text


@pytest.mark.parametrize(("name", "language"), CHARTS)
def test_no_box_lies_on_another_and_no_line_crosses_one(name: str, language: str) -> None:
    root = ET.fromstring(svg(shipped_procedure(name), None, language))  # noqa: S314
    boxes = [
        Box(*(float(e.get(k) or 0) for k in ("x", "y", "width", "height")))
        for e in root.iter(f"{NS}rect")
        if e.get("rx")
    ]
    for n, a in enumerate(boxes):
        for b in boxes[n + 1 :]:
            assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y  # fmt: skip
    for line in root.findall(f"{NS}g/{NS}path"):
        spots = [tuple(map(float, s)) for s in re.findall(r"([\d.]+) ([\d.]+)", line.get("d") or "")]  # fmt: skip
        for (x1, y1), (x2, y2) in pairwise(spots):
            for b in boxes:
                middle = ((x1 + x2) / 2, (y1 + y2) / 2)
                assert not (b.x < middle[0] < b.x + b.width and b.y < middle[1] < b.y + b.height)


def test_labels_that_look_like_markup_are_only_text() -> None:
    text = SMALL.replace('en = "Go"', 'en = "<script>alert(1)</script> & \'\\"]]>"')
    drawing = svg(load(text, source="x"), None, "en")
    assert "<script" not in drawing
    assert "<script>alert(1)</script>" in squeezed("".join(texts(drawing)))


def statuses(walk: Walk) -> dict[str, str]:
    return {s.code: status(walk.procedure, walk.state, s) for s in walk.procedure.stages}


def test_the_state_of_a_case_stands_on_the_chart_in_words_and_signs() -> None:
    walk = noticed().take("notice_to_decision", **NO_GROUND)
    assert statuses(walk) == {
        "register": "done", "investigate": "done", "notify": "done", "hear": "skipped",
        "legal_review": "skipped", "decide": "current", "serve": "open", "enforce": "open",
        "file": "open",
    }  # fmt: skip
    drawing = svg(walk.procedure, walk.state, "en")
    shown = "".join(texts(drawing))
    assert all(word in shown for word in ("· done", "· current", "· skipped", "· not begun"))
    assert drawing != svg(walk.procedure, None, "en")


def test_a_mandatory_stage_that_was_left_out_is_shown_as_such() -> None:
    walk = investigated()
    walk.fact("entered", "decide", penalty_intended=True)
    assert statuses(walk)["notify"] == "missing"
    shown = "".join(texts(svg(walk.procedure, walk.state, "zh-CN")))
    assert "应经过而未经过" in shown
    assert re.search(r"标记 \d+ 项", shown)


def test_marks_suspension_filing_and_rework_are_shown_in_words() -> None:
    walk = investigated().issue("suspension_decision").take("suspend")
    assert statuses(walk)["investigate"] == "suspended"
    shown = "".join(texts(svg(walk.procedure, walk.state, "en")))
    assert "current, suspended" in shown
    assert "Suspended · has happened" in shown
    walk = filed()
    assert statuses(walk)["file"] == "filed"
    walk.fact("document", "annulment_paper")
    walk.fact("transition", "remake")
    found = statuses(walk)
    assert (found["decide"], found["serve"], found["notify"]) == ("current", "again", "done")
    walk.fact("document", "service_receipt")
    assert "marks: " in "".join(texts(svg(walk.procedure, walk.state, "en")))


@pytest.mark.parametrize("verdict", sorted(words.VERDICT))
def test_a_verdict_of_coverage_stands_in_its_stage_as_a_word(verdict: str) -> None:
    procedure = shipped_procedure("inspection")
    for language in ("zh-CN", "en"):
        drawing = svg(procedure, None, language, coverage={"inspect": verdict})
        assert words.VERDICT[verdict].text(language) in texts(drawing)


def test_a_procedure_without_powers_claims_nothing_of_enforcement() -> None:
    procedure = shipped_procedure("mediation")
    english = " ".join(texts(svg(procedure, None, "en")))
    chinese = "".join(texts(svg(procedure, None, "zh-CN")))
    assert "Not an enforcement procedure" in english
    assert "Enforcement" not in english.replace("Not an enforcement procedure", "")
    assert "本程序不属于行政执法" in chinese
    assert "执法" not in chinese.replace("本程序不属于行政执法", "")
    assert "执行" not in chinese


@pytest.mark.parametrize("procedure", [s.procedure for s in shipped().values()])
def test_the_same_procedure_gives_the_same_bytes(procedure: Procedure) -> None:
    assert svg(procedure, None, "en") == svg(procedure, None, "en")


# ── measuring and breaking ───────────────────────────────────────────────────────────────────────


def test_chinese_counts_double_and_breaks_anywhere_but_before_a_closing_mark() -> None:
    assert width("案", 10) == 10
    assert width("a", 10) < 7
    assert wrap("调查取证，告知听证", 45, 10) == ["调查取", "证，告知", "听证"]


def test_words_stay_whole_and_the_star_stays_with_them() -> None:
    assert wrap("Record of the hearing\xa0*", 90, 10) == ["Record of the", "hearing\xa0*"]


def test_a_word_that_is_too_long_is_broken_rather_than_running_over() -> None:
    lines = wrap("x" * 50, 60, 10)
    assert "".join(lines) == "x" * 50
    assert all(width(line, 10) <= 60 for line in lines)
