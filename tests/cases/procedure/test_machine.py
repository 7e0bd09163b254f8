"""The one state machine (M01): acts are refused while something is missing."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.procedure import machine
from cases.procedure.clocks import deadlines
from cases.procedure.graph import earlier
from cases.procedure.load import load
from cases.procedure.machine import Missing, NotAllowedError
from cases.procedure.model import Procedure
from cases.procedure.shipped import shipped
from cases.procedure.state import EMPTY, Happening, State, fold
from tests.cases.procedure.walks import (
    NO_GROUND,
    SHANGHAI,
    SMALL,
    Walk,
    decided,
    filed,
    investigated,
    ms,
    noticed,
    served,
    shipped_procedure,
    small,
)
from verify.errors import NotFoundError


def missing(walk: Walk, document: str) -> set[Missing]:
    with pytest.raises(NotAllowedError) as refused:
        walk.issue(document)
    return set(refused.value.missing)


def test_m01_an_ordinary_penalty_goes_from_opening_to_filing() -> None:
    walk = filed()
    assert walk.state.closed is not None
    assert walk.state.marks == ()
    assert [code for code, _ in walk.state.entered] == [
        "register", "investigate", "notify", "decide", "serve", "enforce", "file",
    ]  # fmt: skip


def test_m01_no_document_of_a_later_stage_is_issued_while_the_stage_is_not_reached() -> None:
    walk = investigated()
    assert Missing("stage", "decide") in missing(walk, "decision_paper")


def test_m01_the_notice_comes_before_the_decision() -> None:
    walk = investigated()
    walk.fact("entered", "decide", penalty_intended=True)
    lacks = missing(walk, "decision_paper")
    assert {Missing("stage", "notify"), Missing("document", "penalty_notice")} <= lacks


def test_m01_m22_a_ground_of_article_58_makes_the_review_mandatory() -> None:
    walk = noticed()
    with pytest.raises(NotAllowedError, match="no condition not public_interest"):
        walk.take("notice_to_decision", **(NO_GROUND | {"public_interest": True}))
    walk.take("notice_to_review", **(NO_GROUND | {"public_interest": True}))
    with pytest.raises(NotAllowedError) as refused:
        walk.take("review_passed")
    assert set(refused.value.missing) == {
        Missing("document", "review_opinion"),
        Missing("point", "review_passed_at"),
    }
    walk.issue("review_opinion").point("review_passed_at").take("review_passed")
    assert walk.state.current == "decide"


def test_m01_nobody_walks_around_the_review_by_saying_nothing() -> None:
    walk = noticed()
    with pytest.raises(NotAllowedError) as refused:
        walk.take("notice_to_decision")
    assert Missing("condition", "not complex_case") in refused.value.missing
    walk.fact("entered", "decide")
    assert Missing("stated", "complex_case") in missing(walk, "decision_paper")


def test_m01_a_hearing_that_was_asked_for_is_held() -> None:
    walk = noticed()
    with pytest.raises(NotAllowedError):
        walk.take("notice_to_decision", hearing_requested=True, **NO_GROUND)
    with pytest.raises(NotAllowedError, match="hearing_rights_notice"):
        walk.take("hold_hearing", hearing_requested=True)
    walk.issue("hearing_rights_notice").take("hold_hearing", hearing_requested=True)
    walk.issue("hearing_notice", "hearing_record").take("hearing_to_decision", **NO_GROUND)
    assert walk.state.current == "decide"


def test_m01_a_document_needs_what_it_names() -> None:
    walk = Walk(shipped_procedure("penalty_ordinary"))
    assert missing(walk, "opening_approval") == {Missing("document", "clue_record")}
    assert missing(walk, "scene_record") >= {Missing("point", "arrived")}


def test_a_transition_is_taken_from_where_the_case_stands() -> None:
    walk = Walk(small())
    with pytest.raises(
        NotAllowedError,
        match="transition pass: expected what the procedure demands before, got no current check",
    ):
        walk.take("pass")
    with pytest.raises(NotFoundError, match="expected one of small, got 'fly'"):
        walk.take("fly")
    with pytest.raises(NotFoundError, match="got 'leaf'"):
        walk.issue("leaf")


def test_an_act_is_not_dated_before_the_stage_it_leaves() -> None:
    walk = Walk(small()).issue("paper")
    with pytest.raises(NotAllowedError, match="no time begin"):
        walk.at("2026-03-01 09:00").take("go")


def test_everything_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(NotAllowedError) as refused:
        Walk(shipped_procedure("penalty_ordinary")).take("open")
    assert set(refused.value.missing) == {
        Missing("document", "opening_approval"),
        Missing("document", "clue_record"),
        Missing("condition", "grounds_to_open"),
    }
    assert refused.value.code == "not-allowed"


# ── exits ────────────────────────────────────────────────────────────────────────────────────────


def test_m01_a_case_that_is_not_opened_is_filed_with_its_own_papers_only() -> None:
    walk = Walk(shipped_procedure("penalty_ordinary"))
    walk.issue("clue_record", "decline_approval").take("decline")
    assert walk.state.outcome is not None
    assert walk.state.outcome.kind == "not_filed"
    with pytest.raises(NotAllowedError) as refused:
        walk.file()
    assert set(refused.value.missing) == {
        Missing("document", "closing_report"),
        Missing("document", "volume_catalogue"),
    }
    walk.issue("closing_report", "volume_catalogue").file()


def test_m01_a_withdrawn_case_needs_the_papers_of_the_stages_it_finished() -> None:
    walk = investigated().issue("withdrawal_approval").take("withdraw")
    walk.issue("closing_report", "volume_catalogue").file()
    assert walk.state.closed is not None


def test_m01_after_it_was_withdrawn_no_decision_is_issued() -> None:
    walk = noticed().take("notice_to_decision", **NO_GROUND)
    walk.issue("withdrawal_approval").take("withdraw")
    assert Missing("state", "open") in missing(walk, "decision_paper")


def test_m01_a_suspended_case_stands_still_until_it_is_resumed() -> None:
    walk = investigated().issue("suspension_decision").take("suspend")
    assert walk.state.suspended
    assert walk.state.current == "investigate"
    with pytest.raises(NotAllowedError, match="no state running"):
        walk.take("finish_investigation", penalty_intended=True)
    assert missing(walk, "interview_record") >= {Missing("state", "running")}
    walk.issue("resumption_decision").take("resume")
    assert not walk.state.suspended
    with pytest.raises(NotAllowedError, match="no state suspended"):
        walk.take("resume")
    walk.take("finish_investigation", penalty_intended=True)


def test_a_suspended_case_can_still_be_terminated() -> None:
    walk = investigated().issue("suspension_decision").take("suspend")
    walk.issue("termination_decision").take("terminate")
    assert not walk.state.suspended
    assert walk.state.current == "file"


def test_m01_what_is_returned_goes_back_and_is_reviewed_again() -> None:
    walk = noticed().take("notice_to_review", **(NO_GROUND | {"complex_case": True}))
    walk.issue("review_opinion").point("review_passed_at").take("review_returned")
    assert walk.state.current == "investigate"
    procedure, state = walk.procedure, walk.state
    assert state.document(procedure, "investigation_report") is not None  # it is carried on
    assert state.document(procedure, "penalty_notice") is None  # it no longer counts
    assert len(state.documents) == len([h for h in walk.happenings if h.kind == "document"])
    walk.take("finish_investigation").issue("penalty_notice").take("notice_to_review")
    with pytest.raises(NotAllowedError):
        walk.take("review_passed")
    walk.issue("review_opinion").point("review_passed_at").take("review_passed")


def test_a_document_is_issued_once_unless_it_may_come_again() -> None:
    walk = investigated()  # its report is there
    with pytest.raises(NotAllowedError) as refused:
        walk.issue("investigation_report")
    assert refused.value.missing == (Missing("issued", "investigation_report"),)
    walk.issue("evidence_list", "evidence_list")
    walk.take("finish_investigation", penalty_intended=True).say(hearing_requested=False)
    walk.issue("penalty_notice").point("notice_given")
    walk.take("notice_to_review", **(NO_GROUND | {"complex_case": True}))
    walk.issue("review_opinion").take("review_returned").issue("investigation_report")
    made = decided()
    with pytest.raises(NotAllowedError, match="room for another decision_paper"):
        made.issue("decision_paper")
    assert made.fact("document", "decision_paper") == ("issued-again",)
    assert made.fact("document", "scene_record") == ()


def test_m01_a_decision_to_be_made_anew_opens_the_decision_stage_again() -> None:
    walk = filed()
    first = walk.state.document(walk.procedure, "decision_paper")
    with pytest.raises(NotAllowedError, match="annulment_paper"):
        walk.take("remake")
    walk.fact("document", "annulment_paper")
    walk.take("remake")
    assert walk.state.closed is None
    assert walk.state.current == "decide"
    assert walk.state.document(walk.procedure, "decision_paper") is None
    assert walk.state.document(walk.procedure, "penalty_notice") is not None
    with pytest.raises(NotAllowedError, match="decision_paper"):
        walk.take("decided")
    walk.issue("decision_approval", "decision_paper").take("decided")
    again = walk.state.document(walk.procedure, "decision_paper")
    assert first is not None
    assert again is not None
    assert again.index > first.index
    with pytest.raises(NotAllowedError):
        walk.take("served")
    walk.point("served_at").issue("service_receipt").take("served").take("enforced")
    with pytest.raises(NotAllowedError, match="closing_report"):
        walk.file()
    walk.issue("closing_report", "volume_catalogue").file()


def test_m01_a_split_case_goes_on_and_a_merged_one_ends_and_both_name_the_other() -> None:
    walk = investigated().issue("split_approval")
    machine.check_transition(walk.procedure, walk.state, "split", walk.now)
    walk.add("transition", "split", related="b" * 32)
    assert walk.state.current == "investigate"
    assert walk.state.outcome is None
    walk.issue("merge_approval")
    walk.add("transition", "merge", related="c" * 32)
    assert [h.related for h in walk.state.related] == ["b" * 32, "c" * 32]
    assert walk.state.outcome is not None
    assert walk.state.current == "file"


def test_m01_every_exit_of_the_law_exists_in_the_shipped_procedures() -> None:
    kinds = {t.exit for s in shipped().values() for t in s.procedure.transitions if t.exit}
    assert kinds == {
        "not_filed", "withdrawn", "terminated", "suspended", "resumed", "transferred",
        "returned", "merged", "split", "remade",
    }  # fmt: skip


# ── points and statements ────────────────────────────────────────────────────────────────────────


def test_the_last_correction_of_a_point_counts_and_the_earlier_ones_stay() -> None:
    walk = investigated()
    corrected = walk.at("2026-03-02 08:30").add("point", "arrived", "fact")
    assert walk.state.point(walk.procedure, "arrived") == corrected
    assert [h.code for h in walk.state.points].count("arrived") == 2


def test_the_last_statement_counts() -> None:
    walk = Walk(small())
    assert walk.state.says("x") is None
    walk.say(x=True).say(x=False)
    assert walk.state.says("x") is False


# ── versions ─────────────────────────────────────────────────────────────────────────────────────


def test_m01_a_running_case_keeps_the_version_it_began_with() -> None:
    second = SMALL.replace("version = 1", "version = 2") + (
        '[[document]]\ncode = "second"\nlabel = { zh-CN = "二", en = "Two" }\n'
        'stage = "begin"\nmandatory = true\n'
    )
    old, new = Walk(small()).issue("paper"), Walk(load(second, source="2")).issue("paper")
    old.take("go")
    with pytest.raises(NotAllowedError, match="no document second"):
        new.take("go")
    assert (old.procedure.name, old.procedure.version) == ("small", 1)
    assert (new.procedure.name, new.procedure.version) == ("small", 2)


# ── whatever people do ───────────────────────────────────────────────────────────────────────────


def lacking(procedure: Procedure, state: State, document: str) -> list[str]:
    """What M01 forbids to be missing, said once more and independently of the machine."""
    found = procedure.document(document)
    assert found is not None
    if found.stage is None or (state.outcome is not None and found.stage == state.current):
        return []  # of exits; or of the filing, after one that ended the case early
    entered = {code for code, _ in state.entered}
    issued = {h.code for h in state.documents}
    lacks = []
    for code in earlier(procedure)[found.stage]:
        stage = procedure.stage(code)
        assert stage is not None
        due = stage.mandatory or any(
            state.says(c.condition) is c.holds for c in stage.mandatory_when
        )
        lacks += [code] if due and code not in entered else []
        if code in entered:
            lacks += [
                d.code for d in procedure.documents_of(code) if d.mandatory and d.code not in issued
            ]
    return lacks


def steps(procedure: Procedure) -> st.SearchStrategy[list[tuple[str, str, bool]]]:
    """Mostly what leads on, sometimes anything."""
    tries = [
        *(("transition", t.code) for t in procedure.transitions),
        *(("document", d.code) for d in procedure.documents),
        *(("point", p.code) for p in procedure.points),
        *(("say", c.code) for c in procedure.conditions),
        ("on", ""), ("on", ""), ("on", ""), ("file", ""),
    ]  # fmt: skip
    return st.lists(
        st.tuples(st.sampled_from(tries), st.booleans()).map(lambda t: (*t[0], t[1])),
        min_size=5,
        max_size=60,
    )


def attempt(walk: Walk, kind: str, code: str, yes: bool) -> None:
    """Try an act; «on» does all that the current stage asks for and takes a way out."""
    if kind == "document":
        walk.issue(code)
        assert lacking(walk.procedure, walk.state, code) == []
    elif kind == "point":
        walk.point(code)
    elif kind == "say":
        walk.say(**{code: yes})
    elif kind == "file":
        walk.file()
    elif kind == "transition":
        walk.take(code)
    else:
        for document in walk.procedure.documents_of(walk.state.current or ""):
            for point in document.needs.points:
                walk.point(point)
            walk.issue(document.code)
            assert lacking(walk.procedure, walk.state, document.code) == []
        ways = machine.allowed_transitions(walk.procedure, walk.state)
        for way in [w for w in ways if w.exit is None][:: 1 if yes else -1]:
            said = {c.condition: c.holds for c in way.needs.conditions}
            for point in way.needs.points:
                walk.point(point)
            walk.take(way.code, **said)
            break


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(shipped())))
def test_m01_however_people_act_no_document_is_issued_before_what_is_mandatory(
    data: st.DataObject, name: str
) -> None:
    walk = Walk(shipped_procedure(name))
    for kind, code, yes in data.draw(steps(walk.procedure)):
        with suppress(NotAllowedError):
            attempt(walk, kind, code, yes)
    assert walk.refolded() == walk.state


codes = st.sampled_from(
    ["open", "decided", "served", "remake", "suspend", "resume", "withdraw", "decide", "serve",
     "investigate", "nowhere", "decision_paper", "penalty_notice", "arrived", "left", "transferred",
     "suspended", "something else", ""]
)  # fmt: skip
kinds = st.sampled_from(["transition", "entered", "document", "point", "exit"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(kinds, codes, st.integers(-50, 50)), max_size=30), st.randoms())
def test_m01_facts_are_never_refused_and_fold_to_one_state_in_any_order(
    facts: list[tuple[str, str, int]], random: object
) -> None:
    walk = Walk(shipped_procedure("penalty_ordinary"))
    for kind, code, hours in facts:
        walk.now = ms("2026-03-05 09:00") + hours * 3_600_000
        walk.fact(kind, code)  # type: ignore[arg-type]
    assert walk.refolded() == walk.state
    shuffled = list(walk.happenings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(walk.procedure, shuffled) == walk.state
    half = len(shuffled) // 2
    portions = fold(walk.procedure, shuffled[:half])
    assert fold(walk.procedure, shuffled[half:], portions) == walk.state
    assert len(walk.state.documents) == sum(kind == "document" for kind, _, _ in facts)
    deadlines(walk.procedure, walk.state, SHANGHAI, walk.now)
    machine.allowed_transitions(walk.procedure, walk.state)


def test_nothing_is_allowed_in_a_case_that_was_not_opened() -> None:
    procedure = small()
    with pytest.raises(NotAllowedError, match="no state open"):
        machine.check_issue(procedure, EMPTY, "paper")
    with pytest.raises(NotAllowedError):
        machine.check_file(procedure, EMPTY)
    assert fold(procedure, [Happening("document", 0, 0, "fact", "paper")]).current is None


def test_a_filed_case_is_not_filed_twice_and_issues_nothing() -> None:
    walk = filed()
    with pytest.raises(NotAllowedError):
        walk.file()
    assert Missing("state", "open") in missing(walk, "demand_letter")


def test_the_decision_that_imposes_nothing_is_filed_without_enforcement() -> None:
    walk = served()
    with pytest.raises(NotAllowedError):
        walk.take("served_without_penalty", penalty_imposed=True)
    walk.take("served_without_penalty", penalty_imposed=False)
    walk.issue("closing_report", "volume_catalogue").file()


def test_the_service_needs_its_receipt() -> None:
    with pytest.raises(NotAllowedError, match="service_receipt"):
        decided().point("served_at").take("served", penalty_imposed=True)
