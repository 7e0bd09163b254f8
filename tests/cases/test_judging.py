"""Which rules a case is judged by and which of them are due."""

from typing import Any

from cases import judging, occasions, versions
from cases.judging import key_of
from cases.procedure.shipped import shipped
from cases.recording.coverage import judge
from cases.recording.rules import Point, Rule, RuleList
from cases.recording.verdicts import Case, Noted, Verdict
from cases.standing import PointRow, StageRow, Standing
from cases.versions import ListRow
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


# --- which lists ----------------------------------------------------------------------------


def in_force(*rows: ListRow, opened: int, closed: int | None = None) -> list[str]:
    found = versions.chosen(rows, "o", NOW, opened=opened, closed=closed)
    return [f"{row.name}@{row.version}" for row in found]


def recorded(
    version: str, index: int, valid_from_ms: int = 0, name: str = "清单", organ: str | None = None
) -> ListRow:
    return ListRow(version, name, version, organ, valid_from_ms, None, index)


def test_a_version_that_is_recorded_later_does_not_replace_the_one_that_a_case_began_with() -> None:
    old, later = recorded("1", 5), recorded("2", 50, valid_from_ms=100)
    assert in_force(old, later, opened=10) == ["清单@1"]
    assert in_force(old, later, opened=60) == ["清单@2"]
    assert in_force(old, recorded("2", 50, organ="o"), opened=10) == ["清单@1"]


def test_a_case_without_a_list_of_that_name_is_reached_by_one_that_is_recorded_later() -> None:
    other, later = recorded("1", 5, name="别的"), recorded("2", 50)
    assert in_force(other, later, opened=10) == ["别的@1", "清单@2"]
    assert in_force(recorded("1", 5, valid_from_ms=NOW + 1), later, opened=10) == ["清单@2"]


def test_a_filed_case_is_judged_by_lists_that_were_there_when_it_was_filed() -> None:
    later = recorded("2", 50)
    assert in_force(later, opened=10, closed=40) == []
    assert in_force(later, opened=10, closed=60) == ["清单@2"]
