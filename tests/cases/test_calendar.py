"""Terms and deadlines against dates that were looked up by hand (M20: date table with holidays)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.calendar import (
    NATIONAL,
    Due,
    LocalDays,
    Term,
    due_ms,
    due_with_pauses,
    end_of_day_ms,
    is_working_day,
    local_day,
    parse_term,
    working_day,
)
from verify.errors import MalformedError

SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(text: str) -> int:
    """A time on the wall clock of Shanghai, such as 2026-09-30 17:20."""
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M"
    moment = datetime.strptime(text, form).replace(tzinfo=SHANGHAI)
    return round(moment.timestamp() * 1000)


def last_day(start: str, term: str, *, strict: bool = False) -> str:
    due = due_ms(ms(start), parse_term(term, strict=strict), SHANGHAI)
    assert due.certain
    assert due.ms == end_of_day_ms(due.ms, SHANGHAI)
    return local_day(due.ms, SHANGHAI).isoformat()


# National Day 2026: holidays 1-7 October; 20 September and 10 October are worked instead.
# Spring Festival 2026: holidays 15-23 February; 14 and 28 February are worked instead.
# New Year 2026: holidays 1-3 January; Sunday 4 January is worked instead.
@pytest.mark.parametrize(
    ("start", "term", "expected"),
    [
        ("2026-03-02 09:00", "15d", "2026-03-17"),  # the day of the start does not count
        ("2026-03-02 00:00", "15d", "2026-03-17"),  # … whether begun at midnight
        ("2026-03-02 23:59", "15d", "2026-03-17"),  # … or just before it
        ("2026-09-16 10:00", "15d", "2026-10-08"),  # 1 October moves to the first working day
        ("2026-09-25 10:00", "15d", "2026-10-10"),  # the last day is a Saturday that is worked
        ("2026-09-24 16:00", "7wd", "2026-10-12"),  # 25-27 off; 28 29 30, 8 9 10, 12
        ("2026-02-12 16:00", "7wd", "2026-02-28"),  # 13, 14 (worked), 24 25 26 27, 28 (worked)
        ("2026-02-06 08:30", "10d", "2026-02-24"),  # 16 February lies in the Spring Festival
        ("2025-12-30 12:00", "3wd", "2026-01-05"),  # 31, Sunday 4 January is worked, 5
        ("2025-12-25 12:00", "7d", "2026-01-04"),  # New Year's Day moves to a worked Sunday
        ("2026-04-30 18:00", "1wd", "2026-05-06"),  # 1-5 May are off
        ("2026-05-08 18:00", "1wd", "2026-05-09"),  # a Saturday that is worked
        ("2024-02-28 10:00", "1d", "2024-02-29"),  # leap year
        ("2026-03-02 09:00", "90d", "2026-06-01"),  # 31 May is a Sunday
        ("2026-03-02 09:00", "20wd", "2026-03-30"),
    ],
)
def test_m20_the_last_day_is_the_one_of_the_date_table(
    start: str, term: str, expected: str
) -> None:
    assert last_day(start, term) == expected


@pytest.mark.parametrize(
    ("start", "term", "expected"),
    [
        ("2026-09-16 10:00", "15d", "2026-10-01"),
        ("2026-03-02 09:00", "90d", "2026-05-31"),
        ("2026-09-04 09:00", "30d", "2026-10-04"),  # 查封扣押: the holiday gives no longer hold
    ],
)
def test_a_strict_term_ends_where_it_falls(start: str, term: str, expected: str) -> None:
    assert last_day(start, term, strict=True) == expected


def test_hours_run_from_the_very_moment_and_over_holidays() -> None:
    due = due_ms(ms("2026-09-30 17:20"), parse_term("24h"), SHANGHAI)
    assert due == Due(ms("2026-10-01 17:20"), True)


def test_a_term_in_days_ends_with_the_last_millisecond_of_the_day() -> None:
    due = due_ms(ms("2026-03-02 09:00"), Term(1, "d"), SHANGHAI)
    assert due.ms == ms("2026-03-03 23:59:59.999000")


def test_the_zone_decides_which_day_it_is() -> None:
    moment = ms("2026-03-03 07:00")  # still 2 March in UTC
    assert local_day(moment, UTC).isoformat() == "2026-03-02"
    in_utc = due_ms(moment, Term(1, "d"), UTC)
    assert in_utc.ms == round(datetime(2026, 3, 4, tzinfo=UTC).timestamp() * 1000) - 1


def test_a_day_of_a_zone_with_summer_time_ends_at_its_own_midnight() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = round(datetime(2026, 3, 29, 12, tzinfo=berlin).timestamp() * 1000)
    begin = round(datetime(2026, 3, 29, tzinfo=berlin).timestamp() * 1000)
    assert end_of_day_ms(noon, berlin) - begin + 1 == 23 * 3_600_000


@pytest.mark.parametrize(
    ("start", "term", "expected"),
    [
        ("2026-12-31 10:00", "1wd", "2027-01-01"),  # nobody knows yet: Friday counts as worked
        ("2026-12-25 10:00", "15d", "2027-01-11"),  # 9 January 2027 is a Saturday
        ("2003-01-02 10:00", "1wd", "2003-01-03"),  # before the first year that is known
    ],
)
def test_a_year_without_a_notice_counts_monday_to_friday_and_says_so(
    start: str, term: str, expected: str
) -> None:
    due = due_ms(ms(start), parse_term(term), SHANGHAI)
    assert (local_day(due.ms, SHANGHAI).isoformat(), due.certain) == (expected, False)


def test_terms_that_ask_no_calendar_are_certain_in_any_year() -> None:
    assert due_ms(ms("2031-03-02 09:00"), parse_term("30d", strict=True), SHANGHAI).certain
    assert due_ms(ms("2031-03-02 09:00"), parse_term("24h"), SHANGHAI).certain


def test_what_the_agency_states_goes_before_the_national_calendar() -> None:
    local = LocalDays(
        holidays=frozenset({date(2026, 3, 4)}), working=frozenset({date(2026, 10, 1)})
    )
    assert local_day(due_ms(ms("2026-03-02 09:00"), Term(2, "wd"), SHANGHAI, days=local).ms,
                     SHANGHAI) == date(2026, 3, 5)  # fmt: skip
    assert is_working_day(date(2026, 10, 1), local)
    assert not is_working_day(date(2026, 10, 1))


def test_a_stated_day_is_certain_even_where_the_calendar_is_not() -> None:
    stated = LocalDays(holidays=frozenset({date(2027, 1, 1)}))
    assert working_day(date(2027, 1, 1), stated) == (False, True)
    assert working_day(date(2027, 1, 4), stated) == (True, False)


def test_a_day_cannot_be_stated_both_ways() -> None:
    with pytest.raises(MalformedError, match="got both for 2026-03-04"):
        LocalDays(frozenset({date(2026, 3, 4)}), frozenset({date(2026, 3, 4)}))


@pytest.mark.parametrize("text", ["", "15", "d", "0d", "-1d", "1.5d", "15 d", "15m", "100000d", "１d", "99999d"])  # fmt: skip
def test_other_words_are_no_term(text: str) -> None:
    with pytest.raises(MalformedError, match="term: expected"):
        parse_term(text)


def test_a_year_whose_notice_the_agency_states_is_certain() -> None:
    """2027: until it is announced weekends only, and that is told; then by what was stated."""
    start, term = ms("2026-12-28 09:00"), parse_term("7wd")
    due = due_ms(start, term, SHANGHAI)
    assert (local_day(due.ms, SHANGHAI).isoformat(), due.certain) == ("2027-01-06", False)
    off = frozenset(date.fromisoformat(f"2027-{day}") for day in ("01-01", "05-01", "10-01"))
    stated = LocalDays(holidays=off, working=frozenset({date(2027, 1, 3)}))
    due = due_ms(start, term, SHANGHAI, days=stated)
    assert (local_day(due.ms, SHANGHAI).isoformat(), due.certain) == ("2027-01-06", True)
    part = LocalDays(holidays=frozenset({date(2027, 1, 1)}))
    assert not due_ms(start, term, SHANGHAI, days=part).certain


def test_an_end_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(MalformedError, match="9999"):
        due_ms(ms("9999-12-30 09:00"), Term(3, "d"), SHANGHAI)


def paused(term: str, *pauses: tuple[str, str | None]) -> Due | None:
    stretches = [(ms(a), None if b is None else ms(b)) for a, b in pauses]
    return due_with_pauses(
        ms("2026-03-02 09:00"), parse_term(term), SHANGHAI, days=NATIONAL, pauses=stretches
    )


def test_days_on_which_the_clock_stands_still_are_not_counted() -> None:
    due = paused("15d", ("2026-03-05 15:00", "2026-03-09 10:00"))
    assert due is not None
    assert local_day(due.ms, SHANGHAI) == date(2026, 3, 23)  # 17 + 4 is a Saturday


def test_a_pause_within_one_day_costs_nothing() -> None:
    assert paused("15d", ("2026-03-05 10:00", "2026-03-05 15:00")) == paused("15d")


def test_hours_are_lengthened_by_exactly_the_pause() -> None:
    assert paused("24h", ("2026-03-02 10:00", "2026-03-02 10:30")) == Due(
        ms("2026-03-03 09:30"), True
    )


def test_a_clock_that_stands_still_has_no_end_unless_it_was_over_before() -> None:
    assert paused("15d", ("2026-03-05 15:00", None)) is None
    assert paused("24h", ("2026-03-02 15:00", None)) is None
    assert paused("24h", ("2026-03-05 15:00", None)) == paused("24h")
    assert paused("1d", ("2026-03-05 15:00", None)) == paused("1d")


def test_pauses_that_overlap_are_counted_once_and_those_before_the_start_never() -> None:
    assert paused(
        "15d",
        ("2026-02-01 09:00", "2026-02-20 09:00"),
        ("2026-03-05 15:00", "2026-03-08 10:00"),
        ("2026-03-06 15:00", "2026-03-09 10:00"),
    ) == paused("15d", ("2026-03-05 15:00", "2026-03-09 10:00"))


@given(
    start=st.integers(min_value=ms("2005-01-01 00:00"), max_value=ms("2026-06-01 00:00")),
    amount=st.integers(min_value=1, max_value=60),
)
def test_working_days_end_on_a_working_day_and_never_before_calendar_days(
    start: int, amount: int
) -> None:
    working = due_ms(start, Term(amount, "wd"), SHANGHAI)
    assert is_working_day(local_day(working.ms, SHANGHAI))
    assert working.ms >= due_ms(start, Term(amount, "d", strict=True), SHANGHAI).ms
    rolled = due_ms(start, Term(amount, "d"), SHANGHAI)
    assert is_working_day(local_day(rolled.ms, SHANGHAI))
