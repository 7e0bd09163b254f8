"""The course of a case as pure rules: numbers, marks, times of acts."""

from typing import Any

import pytest

from cases import course
from cases.course import Moment, Paper, Step
from cases.procedure.machine import NotAllowedError
from cases.procedure.shipped import shipped
from cases.standing import CaseRow, DocumentRow, FilingRow, PointRow, Standing, marks
from verify.entries import format_time
from verify.errors import MalformedError, NotFoundError

NOW = 1_800_000_000_000
ACTOR = "u:" + "1" * 32
ROW = CaseRow(
    "c" * 32, "1", "inspection", "检查", "[]", 0, NOW, 0, "inspection@1", None, None, "[]", "[]",
    None, False, "[]", None, None, None,
)  # fmt: skip


def case(**rows: Any) -> Standing:
    parts: dict[str, Any] = {"points": [], "stages": [], "documents": [], "filings": []} | rows
    return Standing(ROW, shipped()["inspection"].procedure, **parts)


def at(ms: int) -> str:
    return format_time(NOW + ms)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([], "罚告〔2026〕1号"),
        (["罚告〔2026〕9号", "罚告〔2026〕10号"], "罚告〔2026〕11号"),
        (["罚告〔2026〕第8号", "罚告〔2025〕99号", "听告〔2026〕7号", "罚告〔2026〕x号"], "罚告〔2026〕1号"),
    ],
)  # fmt: skip
def test_the_next_number_follows_the_greatest_of_its_prefix_and_year(
    used: list[str], expected: str
) -> None:
    assert course.next_number("罚告", 2026, used) == expected


def test_a_fact_before_the_opening_moves_the_beginning_of_the_case_not_the_fact() -> None:
    told = Step("fact", stage="inspect", at=at(-86_400_000))
    draft = course.step(case(), told, other=None, now_ms=NOW + 5, actor=ACTOR)[0]
    assert draft.fields["stage"] == "inspect"
    assert draft.fields["at"] == at(-86_400_000)
    assert "after-end" not in draft.fields.get("marks", [])


def test_an_act_has_the_time_of_its_recording() -> None:
    paper = Paper("act", "inspection_approval")
    draft = course.issue(case(), paper, document="d" * 32, number=None, now_ms=NOW + 5, actor=ACTOR)
    assert draft.fields["at"] == at(5)
    for told in (Paper("act", "inspection_approval", at=at(0)), Paper("act", "x", item="0" * 32)):
        with pytest.raises(MalformedError):
            course.issue(case(), told, document="d" * 32, number=None, now_ms=NOW, actor=ACTOR)


def test_an_act_that_lacks_something_tells_everything_it_lacks() -> None:
    with pytest.raises(NotAllowedError) as refused:
        course.step(case(), Step("act", transition="approved"), other=None, now_ms=NOW, actor=ACTOR)
    assert [str(m) for m in refused.value.missing] == ["document inspection_approval"]


def test_a_point_that_a_list_asks_for_is_not_marked_as_foreign() -> None:
    told = Moment("seizure_started", at(0))
    foreign = course.point(case(), told, now_ms=NOW, actor=ACTOR)
    asked = course.point(case(), told, now_ms=NOW, actor=ACTOR, listed={"seizure_started"})
    assert foreign.fields["marks"] == ["not-in-procedure"]
    assert "marks" not in asked.fields


def test_a_replaced_point_counts_no_longer_but_its_mark_stays() -> None:
    points = [
        PointRow(1, "left", "1", NOW, 0, "person", None, None, ("missing-predecessor:arrived",)),
        PointRow(2, "arrived", "1", NOW, 0, "person", None, 1, ()),
    ]
    now = case(points=points)
    assert [p.index for p in now.live_points] == [2]
    assert [m.mark for m in marks(now)] == ["missing-predecessor:arrived"]
    with pytest.raises(NotFoundError):
        course.point(now, Moment("left", at(0), replaces=3), now_ms=NOW, actor=ACTOR)


def test_marks_of_all_kinds_stand_in_the_order_of_their_entries() -> None:
    document = DocumentRow(4, "d" * 32, "x", None, "fact", NOW, None, None, None, None, ("a",))
    hole = {"mark": "unexplained-hole", "rule": "inspection/record_scene"}
    now = case(documents=[document], filings=[FilingRow(3, NOW, (hole,), ACTOR, None, None)])
    assert [(m.what, m.mark) for m in marks(now)] == [
        ("filing", "unexplained-hole"), ("document", "a"),
    ]  # fmt: skip
