"""Terms and deadlines: when «15 days», «7 working days» or «24 hours» are over, as pure functions.

Guarantee: the starting day does not count, and a term in days ends with the last millisecond of
its last day in the given zone.  Working days are those of the State Council's yearly notices
(调休 included) as `chinesecalendar` knows them, changed by what an agency states itself; a result
that rests on a year without a notice says so (`certain`).
Not covered: which term applies to what (procedure files and policy say that), and months.  Hours
run from the very millisecond: the civil procedure habit of leaving out the hour begun would end
later, and a duty to report is safer told early.

Source: 民事诉讼法 (2023) 85, which 行政诉讼法 101 and 行政复议法 88 take over: the day of the start
is not counted, and a last day that is a holiday moves to the first working day after it.  Statutes
that do not take this over (90 days of 行政处罚法 60, 30 days of 行政强制法 25) leave the last day
where it falls: `Term.strict`.  行政处罚法 85, 行政强制法 69 and 行政许可法 82 count working days.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

import chinese_calendar  # type: ignore[import-untyped]

from verify.errors import MalformedError

Unit = Literal["h", "d", "wd"]
Pause = tuple[int, int | None]
"""From when to when a clock stands still; None is «until now and on»."""

HOUR_MS = 3_600_000
MAX_AMOUNT = 36_500
_TERM = re.compile(r"([1-9][0-9]{0,4})(h|d|wd)")
_UNITS: dict[str, Unit] = {"h": "h", "d": "d", "wd": "wd"}


@dataclass(frozen=True, slots=True)
class Term:
    """A length of time: hours, calendar days or working days.

    A term in calendar days whose last day is a holiday ends with the next working day, unless it
    is `strict`.  Working days end on a working day by themselves, hours when they are over.
    """

    amount: int
    unit: Unit
    strict: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.amount <= MAX_AMOUNT:
            raise MalformedError(
                f"term: expected an amount of 1 to {MAX_AMOUNT}, got {self.amount}"
            )

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


@dataclass(frozen=True, slots=True)
class LocalDays:
    """What an agency states about single days; it goes before the national calendar."""

    holidays: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if both := self.holidays & self.working:
            raise MalformedError(
                f"local days: expected holidays or working days, got both for {min(both)}"
            )

    def announce(self, year: int) -> bool:
        """Whether the whole notice for this year is stated: the holidays on a fixed date are, which
        nobody states one by one."""
        return self.holidays >= {date(year, month, 1) for month in (1, 5, 10)}


NATIONAL = LocalDays()
"""Nothing but the national calendar."""


@dataclass(frozen=True, slots=True)
class Due:
    """The last millisecond that is still in time."""

    ms: int
    certain: bool
    """False: a day was counted in a year whose holidays are not known (taken as Monday-Friday)."""


def parse_term(text: str, *, strict: bool = False) -> Term:
    """Read `15d`, `7wd` or `24h`; MalformedError otherwise."""
    found = _TERM.fullmatch(text)
    if found is None:
        raise MalformedError(f"term: expected such as 15d, 7wd or 24h, got {text!r}")
    return Term(int(found[1]), _UNITS[found[2]], strict)


def working_day(day: date, days: LocalDays = NATIONAL) -> tuple[bool, bool]:
    """Whether people work on this day, and whether that is certain."""
    if day in days.working:
        return True, True
    if day in days.holidays:
        return False, True
    try:
        return bool(chinese_calendar.is_workday(day)), True
    except NotImplementedError:  # the notice for this year is not in the library, but may be stated
        return day.weekday() < 5, days.announce(day.year)


def is_working_day(day: date, days: LocalDays = NATIONAL) -> bool:
    """Whether people work on this day, as far as is known (see `working_day`)."""
    return working_day(day, days)[0]


def local_day(ms: int, zone: tzinfo) -> date:
    """The day on the wall calendar of the zone."""
    try:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone).date()
        )
    except OverflowError:
        raise MalformedError(f"time: expected one before the year 9999, got {ms} ms") from None


def end_of_day_ms(ms: int, zone: tzinfo) -> int:
    """The last millisecond of the day of `ms` in the zone."""
    return _end_of(local_day(ms, zone), zone)


def due_ms(start_ms: int, term: Term, zone: tzinfo, *, days: LocalDays = NATIONAL) -> Due:
    """When a term that began at `start_ms` is over."""
    due = due_with_pauses(start_ms, term, zone, days=days, pauses=())
    assert due is not None  # noqa: S101  (nothing stands still)
    return due


def due_with_pauses(
    start_ms: int, term: Term, zone: tzinfo, *, days: LocalDays, pauses: Sequence[Pause]
) -> Due | None:
    """The same with stretches that do not count; None if the clock stands still for now.

    A day counts unless the clock stands still at its end: the day on which it stops is left out,
    the day on which it goes on is counted.  A term that was over before the clock stopped is over.
    """
    stops = _merged(pauses, start_ms)
    if term.unit == "h":
        return _hours(start_ms, term.amount * HOUR_MS, stops)
    return _days(start_ms, term, zone, days, stops)


def _hours(start_ms: int, length_ms: int, stops: Sequence[Pause]) -> Due | None:
    end = start_ms + length_ms
    for begin, until in stops:
        if begin >= end:
            break
        if until is None:
            return None
        end += until - begin
    return Due(end, certain=True)


def _days(
    start_ms: int, term: Term, zone: tzinfo, days: LocalDays, stops: Sequence[Pause]
) -> Due | None:
    day, left, certain = local_day(start_ms, zone), term.amount, True
    while left:
        day = _after(day)
        end = _end_of(day, zone)
        stop = next((s for s in stops if s[0] <= end and (s[1] is None or end < s[1])), None)
        if stop is not None:
            if stop[1] is None:
                return None
            continue
        if term.unit == "wd":
            works, known = working_day(day, days)
            certain = certain and known
            if not works:
                continue
        left -= 1
    while term.unit == "d" and not term.strict:
        works, known = working_day(day, days)
        certain = certain and known
        if works:
            break
        day = _after(day)
    return Due(_end_of(day, zone), certain)


def _merged(pauses: Iterable[Pause], start_ms: int) -> list[Pause]:
    """The pauses after the start, in order, none touching another."""
    merged: list[Pause] = []
    for begin, until in sorted(pauses, key=lambda pause: pause[0]):
        begins = max(begin, start_ms)
        if until is not None and until <= begins:
            continue
        if merged and (last := merged[-1])[1] is None:
            break
        if merged and (last := merged[-1])[1] is not None and begins <= last[1]:
            merged[-1] = (last[0], None if until is None else max(last[1], until))
        else:
            merged.append((begins, until))
    return merged


def _after(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise MalformedError("term: expected an end before the year 9999, got none") from None


def _end_of(day: date, zone: tzinfo) -> int:
    midnight = datetime.combine(_after(day), time(), tzinfo=zone)
    return int(midnight.timestamp()) * 1000 - 1
