"""Facts are never refused (M01): what was wrong about them becomes their marks for ever."""

from cases.procedure import marks
from tests.cases.procedure.walks import (
    NO_GROUND,
    Walk,
    decided,
    filed,
    investigated,
    noticed,
    shipped_procedure,
    small,
)


def test_m01_a_decision_that_was_made_without_the_review_is_recorded_with_its_mark() -> None:
    walk = noticed()
    found = walk.fact("entered", "decide", **(NO_GROUND | {"complex_case": True}))
    assert "missing-predecessor:legal_review" in found
    assert "missing-predecessor:review_opinion" in found
    assert "missing-predecessor:legal_review" in walk.fact("document", "decision_paper")
    assert walk.state.current == "decide"
    assert walk.state.document(walk.procedure, "decision_paper") is not None


def test_m01_a_mark_stays_when_what_was_missing_is_added_later() -> None:
    walk = noticed()
    walk.fact("entered", "decide", **(NO_GROUND | {"complex_case": True}))
    before = walk.state.marks
    walk.fact("entered", "legal_review")
    walk.fact("document", "review_opinion")
    assert walk.state.marks[: len(before)] == before
    assert {m.mark for m in before} >= {"missing-predecessor:legal_review"}


def test_m01_what_is_in_order_has_no_mark() -> None:
    walk = noticed()
    assert walk.fact("transition", "notice_to_decision", **NO_GROUND) == ()
    walk.say(collective_discussion=False)
    assert walk.fact("document", "decision_approval") == ()
    assert walk.fact("document", "decision_paper") == ()
    assert walk.fact("transition", "decided") == ()


def test_m01_a_document_older_than_what_should_precede_it_is_out_of_order() -> None:
    walk = decided()
    walk.at("2026-03-02 11:30")  # before the notice, which exists by now
    assert "out-of-order" in walk.fact("document", "decision_paper")


def test_a_transition_from_elsewhere_is_out_of_order_and_moves_the_case_all_the_same() -> None:
    walk = investigated()
    found = walk.fact("transition", "served", penalty_imposed=True)
    assert "out-of-order" in found
    assert {"missing-predecessor:decide", "missing-predecessor:served_at"} <= set(found)
    assert walk.state.current == "enforce"


def test_a_condition_that_was_not_stated_is_marked_by_its_claim() -> None:
    walk = noticed()
    assert "condition-not-met:not complex_case" in walk.fact("transition", "notice_to_decision")


def test_what_the_procedure_does_not_know_is_kept_and_marked() -> None:
    walk = investigated()
    assert walk.fact("document", "love_letter") == ("not-in-procedure",)
    assert walk.fact("point", "moon_rise") == ("not-in-procedure",)
    assert walk.fact("transition", "fly") == ("not-in-procedure",)
    assert walk.fact("entered", "heaven") == ("unknown-stage",)
    assert walk.state.current == "heaven"
    assert walk.state.document(walk.procedure, "love_letter") is not None
    assert walk.state.point(walk.procedure, "moon_rise") is not None


def test_what_happens_after_the_filing_is_marked_after_end() -> None:
    walk = filed()
    assert "after-end" in walk.fact("document", "demand_letter")
    assert "after-end" in walk.fact("point", "arrived")
    assert "after-end" in walk.fact("entered", "serve")


def test_what_happens_after_the_case_was_withdrawn_is_marked_after_end() -> None:
    walk = investigated().issue("withdrawal_approval").take("withdraw")
    assert "after-end" in walk.fact("document", "decision_paper")


def test_what_happens_while_the_case_stands_still_is_marked() -> None:
    walk = investigated().issue("suspension_decision").take("suspend")
    assert walk.fact("document", "interview_record") == (
        "while-suspended",
        "missing-predecessor:record_started",
    )


def test_people_arrive_before_they_open_a_file() -> None:
    walk = Walk(shipped_procedure("inspection"))
    walk.at("2026-03-01 09:00")
    assert walk.fact("point", "arrived") == ()
    assert walk.fact("point", "left") == ()


def test_a_point_before_the_one_it_follows_is_marked() -> None:
    walk = investigated().at("2026-03-05 09:00")
    assert walk.fact("point", "party_signed") == ("missing-predecessor:record_started",)
    walk.at("2026-03-05 10:00").point("record_started")
    assert walk.at("2026-03-05 09:30").fact("point", "party_signed") == ("out-of-order",)


def test_a_point_after_a_skipped_mandatory_stage_is_marked() -> None:
    walk = Walk(shipped_procedure("penalty_summary"))
    assert "missing-predecessor:establish" in walk.fact("point", "served_at")


def test_an_exit_outside_the_procedure_ends_the_case_and_is_marked() -> None:
    walk = Walk(small())
    assert walk.fact("exit", "transferred") == ("not-in-procedure",)
    assert walk.state.outcome is not None
    assert walk.state.outcome.kind == "transferred"


def test_an_exit_that_the_procedure_has_is_not_marked() -> None:
    assert investigated().fact("exit", "withdrawn") == ()


def test_a_case_filed_although_something_is_missing_bears_it_for_ever() -> None:
    walk = investigated()
    walk.fact("entered", "file")
    found = marks.marks_of_filing(walk.procedure, walk.state)
    assert found[0] == "filed-incomplete"
    assert "missing-predecessor:decide" in found
    walk.add("closed", how="act", marks=found)
    assert walk.state.closed is not None
    assert "filed-incomplete" in {m.mark for m in walk.state.marks}


def test_a_case_that_is_whole_is_filed_without_marks() -> None:
    walk = filed()
    assert walk.state.marks == ()
