"""Filing a case: with a hole that nobody explained only under a leader's name."""

import pytest

from cases import filing, policy
from cases.asked import Person
from cases.filing import NotALeaderError, UnexplainedHoleError
from cases.judging import Judged
from cases.procedure.machine import NotAllowedError
from cases.recording.spans import Track
from cases.recording.verdicts import Verdict
from cases.standing import Standing
from storage.rights import Role
from tests.cases.test_course import ACTOR, NOW, ROW, case
from tests.cases.test_judging import SCENE, a_list, entered, noted, verdicts

HEAD = Person("b" * 32, "负责人甲", frozenset({Role.UNIT_HEAD}), "city", "one")


def judged(now: Standing, found: dict[str, Verdict]) -> Judged:
    return Judged(now, policy.shipped(), ("inspection@1",), tuple(found.values()), 0, 0)


def bare(*tracks: Track) -> Judged:
    """A case without a procedure, one list in force."""
    points = [noted("arrived"), noted("left", 600_000, 2)]
    now = Standing(ROW, None, points, [], [], [])
    return judged(now, verdicts(now, [a_list(SCENE)], tracks))


def track(start: int, end: int) -> Track:
    return Track("1" * 32, "video", "body_camera", True, NOW + start, NOW + end)


def test_m04_a_hole_takes_a_leaders_name_and_leaves_a_defect() -> None:
    """M04 at its core."""
    found = bare(track(-1, 200_000), track(240_000, 600_000))
    with pytest.raises(UnexplainedHoleError) as refused:
        filing.close(found, leader=None, reason=None, last_seq=5, actor=ACTOR)
    assert "清单/7 partial 40000 ms" in str(refused.value)
    draft = filing.close(
        found, leader=HEAD, above=frozenset({"one"}), reason="", last_seq=5, actor=ACTOR
    )
    assert [d["missing_ms"] for d in draft.fields["defects"]] == [40_000]
    assert (draft.fields["leader_name"], draft.fields["last_seq"]) == ("负责人甲", 5)


def test_a_whole_recording_takes_nobodys_name() -> None:
    draft = filing.close(
        bare(track(-1, 600_000)), leader=None, reason=None, last_seq=1, actor=ACTOR
    )
    assert draft.fields["defects"] == []
    assert "leader" not in draft.fields


def test_only_the_head_of_the_organ_or_of_a_unit_above_the_case_is_a_leader() -> None:
    above = frozenset({"one", "over-one"})
    organ_head = Person("b" * 32, "丙", frozenset({Role.ORGAN_HEAD}), "city", None)
    over = Person("b" * 32, "丁", frozenset({Role.UNIT_HEAD}), "city", "over-one")
    for person, organ, units, leads in (
        (HEAD, "city", above, True), (over, "city", above, True),
        (HEAD, "city", frozenset({"two"}), False), (HEAD, "city", frozenset(), False),
        (HEAD, None, frozenset(), False), (organ_head, "city", frozenset(), True),
        (organ_head, None, frozenset(), True), (organ_head, "county", above, False),
        (Person("b" * 32, "乙", frozenset({Role.OFFICER}), "city", "one"), "city", above, False),
    ):  # fmt: skip
        assert filing.leads(person, organ, units) is leads
    officer = Person("b" * 32, "乙", frozenset({Role.OFFICER}), "city", "one")
    with pytest.raises(NotALeaderError):
        filing.close(bare(), leader=officer, reason=None, last_seq=1, actor=ACTOR)


def test_a_case_that_its_procedure_does_not_let_go_is_not_filed_with_any_name() -> None:
    now = case(stages=entered("inspect"))
    with pytest.raises(NotAllowedError):
        filing.close(judged(now, {}), leader=HEAD, reason=None, last_seq=1, actor=ACTOR)
