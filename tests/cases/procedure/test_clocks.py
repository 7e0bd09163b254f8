"""The deadlines of a case (M20): 90 days, 7 working days, 30 + 30 days, 24 hours, with pauses."""

from datetime import date

import pytest

from cases.calendar import LocalDays, local_day
from cases.procedure.clocks import Running, deadlines
from tests.cases.procedure.walks import (
    NO_GROUND,
    SHANGHAI,
    Walk,
    filed,
    investigated,
    ms,
    shipped_procedure,
)


def running(walk: Walk, code: str, now: str, **more: LocalDays) -> Running:
    found = deadlines(walk.procedure, walk.state, SHANGHAI, ms(now), **more)
    return next(r for r in found if r.deadline.code == code)


def last_day(clock: Running) -> date:
    assert clock.due is not None
    return local_day(clock.due.ms, SHANGHAI)


def test_m20_the_decision_is_due_ninety_days_after_the_opening() -> None:
    walk = investigated()
    clock = running(walk, "decision_in_90_days", "2026-05-31 23:59")
    assert (last_day(clock), clock.met_ms, clock.overdue) == (date(2026, 5, 31), None, False)
    assert running(walk, "decision_in_90_days", "2026-06-01 00:00").overdue


def test_a_deadline_does_not_exist_before_it_begins() -> None:
    walk = Walk(shipped_procedure("penalty_ordinary"))
    assert deadlines(walk.procedure, walk.state, SHANGHAI, walk.now) == []


def test_a_deadline_that_was_met_is_not_overdue_however_late_it_is_asked() -> None:
    clock = running(filed(), "decision_in_90_days", "2027-01-01 09:00")
    assert clock.met_ms is not None
    assert not clock.overdue


def test_a_deadline_that_was_met_too_late_stays_overdue() -> None:
    walk = investigated().take("finish_investigation", penalty_intended=True)
    walk.say(hearing_requested=False, collective_discussion=False).issue("penalty_notice")
    walk.take("notice_to_decision", **NO_GROUND).issue("decision_approval")
    walk.at("2026-06-02 09:00").issue("decision_paper")  # late, and not refused
    clock = running(walk, "decision_in_90_days", "2026-06-03 09:00")
    assert clock.met_ms == ms("2026-06-02 09:00")
    assert clock.overdue


def test_m20_a_suspension_stops_the_clock_and_the_resumption_lets_it_go_on() -> None:
    walk = investigated().issue("suspension_decision").at("2026-03-12 15:00").take("suspend")
    still = running(walk, "decision_in_90_days", "2026-12-31 09:00")
    assert (still.due, still.overdue) == (None, False)
    walk.at("2026-04-01 08:00").issue("resumption_decision").at("2026-04-01 10:00").take("resume")
    clock = running(walk, "decision_in_90_days", "2026-06-10 09:00")
    assert last_day(clock) == date(2026, 6, 20)  # 31 May and the twenty days that stood still


def test_a_case_that_ended_early_is_judged_by_its_end() -> None:
    walk = investigated().issue("withdrawal_approval").at("2026-04-01 09:00").take("withdraw")
    clock = running(walk, "decision_in_90_days", "2026-12-31 09:00")
    assert (clock.ended_ms, clock.met_ms, clock.overdue) == (ms("2026-04-01 09:00"), None, False)


def test_m20_registered_evidence_is_handled_within_seven_working_days() -> None:
    walk = investigated().at("2026-09-24 16:00").point("preserved_at")
    clock = running(walk, "handle_registered_evidence", "2026-09-25 09:00")
    assert last_day(clock) == date(2026, 10, 12)
    assert clock.due is not None
    assert clock.due.certain
    local = LocalDays(holidays=frozenset({date(2026, 10, 12)}))
    clock = running(walk, "handle_registered_evidence", "2026-09-25 09:00", days=local)
    assert last_day(clock) == date(2026, 10, 13)


def seized(at: str = "2026-03-02 12:00", *, urgent: bool = False) -> Walk:
    walk = Walk(shipped_procedure("coercion"), "2026-03-02 08:00")
    if urgent:
        walk.take("act_at_once", urgent=True)
    else:
        walk.say(urgent=False).issue("measure_request").take("report")
        walk.issue("measure_approval").take("approved")
    walk.issue("seizure_decision").take("ordered").point("arrived", "identity_shown")
    return walk.at(at).point("measure_taken")


def test_m20_what_is_seized_is_held_thirty_days_and_no_holiday_makes_it_longer() -> None:
    walk = seized("2026-09-04 09:00")
    assert last_day(running(walk, "seizure_30_days", "2026-09-05 09:00")) == date(2026, 10, 4)


def test_m20_an_extension_in_time_gives_thirty_days_more_once() -> None:
    walk = seized()
    walk.at("2026-03-30 09:00").fact("document", "extension_decision")
    walk.at("2026-03-31 09:00").fact("document", "extension_decision")
    assert last_day(running(walk, "seizure_30_days", "2026-04-02 09:00")) == date(2026, 5, 1)


def test_m20_an_extension_that_came_too_late_gives_nothing() -> None:
    walk = seized()
    walk.at("2026-04-02 09:00").fact("document", "extension_decision")
    clock = running(walk, "seizure_30_days", "2026-04-02 10:00")
    assert (last_day(clock), clock.overdue) == (date(2026, 4, 1), True)


def test_m20_the_time_of_an_appraisal_does_not_count() -> None:
    walk = seized().at("2026-03-10 09:00").point("appraisal_started")
    assert running(walk, "seizure_30_days", "2026-12-01 09:00").due is None
    walk.at("2026-03-20 09:00").point("appraisal_ended")
    assert last_day(running(walk, "seizure_30_days", "2026-03-21 09:00")) == date(2026, 4, 11)


@pytest.mark.parametrize(
    ("now", "overdue"), [("2026-03-03 12:00", False), ("2026-03-03 12:01", True)]
)
def test_m20_an_urgent_measure_is_reported_within_twenty_four_hours(
    now: str, *, overdue: bool
) -> None:
    assert running(seized(urgent=True), "urgent_report_24h", now).overdue is overdue
