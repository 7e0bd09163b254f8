"""Which rules a case is judged by and which of them are due."""

from typing import Any

from cases import judging, occasions
from cases.judging import key_of
from cases.procedure.shipped import shipped
from cases.recording.coverage import judge
from cases.recording.rules import Point, Rule, RuleList
from cases.recording.verdicts import Case, Noted, Verdict
from cases.standing import PointRow, StageRow, Standing
from tests.cases.test_course import NOW, ROW, case

SCENE = Rule("7", ("video",), must=True, start=Point("到达现场", "arrived"), end=Point("离开现场", "left"))  # fmt: skip


def entered(*stages: str) -> list[StageRow]:
    return [
        StageRow(n, "", stage, None, "fact", NOW + n, (), None, None, ())
        for n, stage in enumerate(stages, 10)
    ]


def noted(code: str, ms: int = 0, index: int = 1) -> PointRow:
    return PointRow(index, code, "1", NOW + ms, 0, "person", None, None, ())


def verdicts(now: Standing, lists: Any = (), tracks: Any = ()) -> dict[str, Verdict]:
    rules = occasions.rules_for(now.procedure, now.case.kind, lists, now.case.opened_ms)
    reached = judging._reached(now)
    points = [Noted(p.point, p.occasion, p.at_ms, 0, p.index) for p in now.live_points]
    judged = judge(rules, Case(points, tracks, reached, 2000, "p"))
    return {key_of(v): v for v in occasions.due(now, judged)}


def a_list(*rules: Rule) -> RuleList:
    return RuleList("清单", "1", "", 0, None, rules)


def test_a_list_speaks_where_it_asks_for_the_same_span_as_the_procedure() -> None:
    found = verdicts(case(), [a_list(SCENE)])
    assert "清单/7" in found
    assert "inspection/record_scene" not in found
    assert "inspection/record_identity" in found


def test_nothing_is_due_before_its_stage() -> None:
    assert not any(v.due for v in verdicts(case()).values())


def test_who_notes_nothing_is_asked_for_the_first_rule_of_the_stage() -> None:
    found = verdicts(case(stages=entered("inspect")))
    assert found["inspection/record_scene"].due
    assert not found["inspection/record_identity"].due


def test_who_notes_some_point_is_asked_for_what_it_belongs_to() -> None:
    now = case(stages=entered("inspect"), points=[noted("identity_shown")])
    found = verdicts(now)
    assert found["inspection/record_identity"].due
    assert not found["inspection/record_scene"].due


def test_a_stage_that_need_not_be_entered_asks_for_nothing_until_it_is() -> None:
    procedure = shipped()["penalty_ordinary"].procedure
    now = Standing(ROW, procedure, [], entered("investigate", "notify"), [], [])
    assert not verdicts(now)["penalty_ordinary/record_hearing"].due
    now = Standing(ROW, procedure, [], entered("investigate", "notify", "hear"), [], [])
    assert verdicts(now)["penalty_ordinary/record_hearing"].due


def test_points_that_a_procedure_calls_otherwise_are_found() -> None:
    procedure = shipped()["coercion"].procedure
    rule = Rule("1", ("video",), must=True, start=Point("查封开始", "seizure_started"), end=Point("离开现场", None))  # fmt: skip
    rules = occasions.rules_for(procedure, "coercion", [a_list(rule)], NOW)
    assert occasions.aliases(procedure, rules) == {
        "seizure_started": "measure_taken", "离开现场": "left",
    }  # fmt: skip
