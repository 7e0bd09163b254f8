"""When a recording must be in (M11), with a calendar of 调休 made by hand."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.links.facts import Shift
from cases.links.upload_clock import Clock, ClockPolicy, clock, due_ms, late, link_clock
from verify.errors import MalformedError

HOUR, MINUTE = 3_600_000, 60_000
ZONE, OFFICER = "Asia/Shanghai", "officer"
HOLIDAYS = {date(2026, 10, day) for day in range(1, 8)} | {date(2026, 9, 25)}
WORKED = {date(2026, 9, 20), date(2026, 10, 10)}  # a Sunday and a Saturday made working days
SAME_DAY, DAY_LATER = ClockPolicy("same_day"), ClockPolicy("hours", 24)
TWO_DAYS = ClockPolicy("working_days", 2)


def local(day: int, hour: int, minute: int = 0, month: int = 9) -> int:
    """Milliseconds of a time in Shanghai in autumn 2026."""
    return int(datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000 - 8 * HOUR


def is_working_day(day: date) -> bool:
    return day in WORKED or (day.weekday() < 5 and day not in HOLIDAYS)


def due(policy: ClockPolicy, start: int, end: int, *shifts: Shift, remote: bool = False) -> Clock:
    return clock(
        start, end, shifts, policy, zone=ZONE, is_working_day=is_working_day, remote=remote
    )


def end_of(day: int, month: int = 9) -> int:
    return local(day, 0, month=month) + 24 * HOUR - 1


def test_m11_the_clock_runs_from_the_end_of_the_duty_that_holds_the_recording() -> None:
    duty = Shift(OFFICER, local(22, 8), local(22, 18))
    found = due(DAY_LATER, local(22, 9), local(22, 10), Shift(OFFICER, 0, 1), duty)
    assert found == Clock(local(23, 18), local(22, 18), "duty", "hours:24")


def test_m11_without_a_roster_it_runs_from_the_recordings_end_and_says_so() -> None:
    found = due(DAY_LATER, local(22, 9), local(22, 10))
    assert (found.due_ms, found.basis) == (local(23, 10), "recording")


def test_m11_where_no_shift_of_the_roster_fits_it_runs_from_the_recordings_end_too() -> None:
    other = Shift(OFFICER, local(21, 8), local(21, 18))
    found = due(DAY_LATER, local(22, 9), local(22, 10), other)
    assert (found.due_ms, found.basis) == (local(23, 10), "no-shift")


def test_m11_a_recording_that_outlasts_its_duty_prolongs_it() -> None:
    duty = Shift(OFFICER, local(22, 8), local(22, 18))
    found = due(DAY_LATER, local(22, 17, 30), local(22, 19), duty)
    assert (found.ended_ms, found.basis) == (local(22, 19), "duty")


def test_m11_a_duty_over_midnight_ends_on_the_next_day() -> None:
    duty = Shift(OFFICER, local(22, 20), local(23, 2))
    assert due(SAME_DAY, local(22, 23), local(22, 23, 30), duty).due_ms == end_of(23)


def test_m11_same_day_ends_with_the_local_day_not_the_day_of_utc() -> None:
    assert due(SAME_DAY, local(22, 6), local(22, 7)).due_ms == end_of(22)
    assert due(SAME_DAY, local(22, 23), local(22, 23, 30)).due_ms == end_of(22)


@pytest.mark.parametrize(
    ("ended", "last"),
    [
        (local(21, 12), (23, 9)),  # Monday: Tuesday, Wednesday
        (local(18, 12), (21, 9)),  # Friday: the Sunday that is worked, Monday
        (local(24, 12), (29, 9)),  # Thursday: Friday is a holiday, so Monday, Tuesday
        (local(30, 12), (9, 10)),  # before the seven days: Thursday the 8th, Friday the 9th
        (local(9, 12, month=10), (12, 10)),  # Friday: the Saturday that is worked, Monday
    ],
)
def test_m11_working_days_follow_the_calendar_with_exchanged_days(
    ended: int, last: tuple[int, int]
) -> None:
    assert due(TWO_DAYS, ended - HOUR, ended).due_ms == end_of(*last)


def test_m11_the_exception_for_remote_places_comes_from_the_duty_or_the_caller() -> None:
    policy = ClockPolicy("same_day", remote=ClockPolicy("hours", 72))
    duty = Shift(OFFICER, local(22, 8), local(22, 18), remote=True)
    by_duty = due(policy, local(22, 9), local(22, 10), duty)
    assert (by_duty.due_ms, by_duty.policy) == (local(25, 18), "hours:72")
    assert due(policy, local(22, 9), local(22, 10), remote=True).due_ms == local(25, 10)
    assert due(SAME_DAY, local(22, 9), local(22, 10), remote=True).due_ms == end_of(22)


def test_m11_late_is_what_was_sealed_after_it_was_due() -> None:
    found = due(DAY_LATER, local(22, 9), local(22, 10))
    assert found.due_ms is not None
    assert not late(found, found.due_ms)
    assert late(found, found.due_ms + 1)


def test_m11_a_recording_without_a_time_has_no_clock_and_is_not_late() -> None:
    found = clock(None, None, [], SAME_DAY, zone=ZONE, is_working_day=is_working_day)
    assert (found.due_ms, found.basis, late(found, 2**50)) == (None, "unknown", False)


def test_m11_the_link_clock_runs_from_the_sealing() -> None:
    found = link_clock(local(18, 12), TWO_DAYS, zone=ZONE, is_working_day=is_working_day)
    assert (found.due_ms, found.ended_ms, found.basis) == (end_of(21), local(18, 12), "sealed")


def test_of_two_duties_that_of_the_start_counts() -> None:
    early, next_one = (
        Shift(OFFICER, local(22, 8), local(22, 12)),
        Shift(OFFICER, local(22, 12), local(22, 18)),
    )
    assert due(DAY_LATER, local(22, 11, 50), local(22, 13), early, next_one).ended_ms == local(
        22, 13
    )
    before = due(DAY_LATER, local(22, 7, 50), local(22, 8, 20), early, next_one)
    assert (before.ended_ms, before.basis) == (local(22, 12), "duty")


@pytest.mark.parametrize(("kind", "amount"), [("weeks", 1), ("hours", 0), ("working_days", -1)])
def test_a_policy_that_means_nothing_is_refused(kind: str, amount: int) -> None:
    with pytest.raises(MalformedError, match="clock policy: expected"):
        ClockPolicy(kind, amount)  # type: ignore[arg-type]


def test_a_calendar_without_working_days_is_refused_and_does_not_hang() -> None:
    with pytest.raises(MalformedError, match="calendar: expected a working day"):
        due_ms(0, TWO_DAYS, zone=ZONE, is_working_day=lambda day: False)


@given(
    st.integers(local(1, 0), local(30, 0, month=11)), st.integers(0, 1000),
    st.sampled_from([SAME_DAY, DAY_LATER, TWO_DAYS]),
)  # fmt: skip
def test_m11_nothing_is_due_before_it_ended_and_later_ends_are_due_no_earlier(
    ended: int, more: int, policy: ClockPolicy
) -> None:
    first, second = (
        due_ms(t, policy, zone=ZONE, is_working_day=is_working_day)
        for t in (ended, ended + more * MINUTE)
    )
    assert ended <= first <= second
