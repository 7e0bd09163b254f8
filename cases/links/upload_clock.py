"""Clocks of the inbox: when a recording must be in, and when it must be linked (M11).

Guarantee: an upload clock runs from the end of the duty that holds the recording; without a roster
or a shift that fits it runs from the recording's end and says which (`basis`).  An item is late if it was sealed after
`due_ms`, whoever linked it whenever.  A term in days ends with the last millisecond of its last
day in the given zone; the day of the start does not count as a working day.
Not covered: which policy holds where and when (policy data), and holidays (the caller's calendar).

Source: same day after work, 24 hours after the duty, two working days, and the exception for
remote places differ by place; an agency names one policy for the duty and one for remote ones.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from cases.links.clock import zone_of
from cases.links.facts import Shift
from verify.errors import MalformedError

Kind = Literal["same_day", "hours", "working_days"]
Basis = Literal["duty", "no-shift", "recording", "sealed", "unknown"]
IsWorkingDay = Callable[[date], bool]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS = 3_600_000
_LONGEST_HOLIDAY = 366


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """One way to reckon: by the end of the day, after so many hours or so many working days.

    `remote` takes its place for duties in remote places; None if there is no exception.
    """

    kind: Kind
    amount: int = 0
    remote: "ClockPolicy | None" = None

    def __post_init__(self) -> None:
        if self.kind not in ("same_day", "hours", "working_days"):
            raise MalformedError(
                f"clock policy: expected same_day, hours or working_days, got {self.kind!r:.40}"
            )
        if self.kind != "same_day" and self.amount < 1:
            raise MalformedError(f"clock policy: expected at least one, got {self.amount}")

    def __str__(self) -> str:
        return self.kind if self.kind == "same_day" else f"{self.kind}:{self.amount}"


@dataclass(frozen=True, slots=True)
class Clock:
    """When it is due, what it runs from, and under which policy; None if no time is known."""

    due_ms: int | None
    ended_ms: int | None
    basis: Basis
    policy: str


def clock(
    start_ms: int | None,
    end_ms: int | None,
    shifts: Iterable[Shift],
    policy: ClockPolicy,
    *,
    zone: str,
    is_working_day: IsWorkingDay,
    remote: bool = False,
) -> Clock:
    """When a recording of this person must be in; `shifts` are this person's.

    The duty that holds the start counts, else the one with most of the recording in it.  A
    recording that outlasts its duty prolongs it.  `remote` is the exception where no duty says it.
    """
    if start_ms is None:
        return Clock(None, None, "unknown", str(policy))
    end = start_ms if end_ms is None else max(end_ms, start_ms)
    known = list(shifts)
    duty = _duty(start_ms, end, known)
    rule = policy.remote if policy.remote and (remote or (duty and duty.remote)) else policy
    ended = end if duty is None else max(end, duty.end_ms)
    due = due_ms(ended, rule, zone=zone, is_working_day=is_working_day)
    return Clock(due, ended, "duty" if duty else "no-shift" if known else "recording", str(rule))


def link_clock(
    sealed_ms: int, policy: ClockPolicy, *, zone: str, is_working_day: IsWorkingDay
) -> Clock:
    """When an item must be linked or said to belong to no case, from its sealing."""
    due = due_ms(sealed_ms, policy, zone=zone, is_working_day=is_working_day)
    return Clock(due, sealed_ms, "sealed", str(policy))


def late(due: Clock, at_ms: int) -> bool:
    """Whether something done at `at_ms` came after it was due; a clock without a time is not."""
    return due.due_ms is not None and at_ms > due.due_ms


def due_ms(ended_ms: int, policy: ClockPolicy, *, zone: str, is_working_day: IsWorkingDay) -> int:
    """The last millisecond that is still in time."""
    if policy.kind == "hours":
        return ended_ms + policy.amount * _HOUR_MS
    day = (_EPOCH + timedelta(milliseconds=ended_ms)).astimezone(zone_of(zone)).date()
    if policy.kind == "working_days":
        for _ in range(policy.amount):
            day = _next_working(day, is_working_day)
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone_of(zone))
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1) - 1


def _next_working(day: date, is_working_day: IsWorkingDay) -> date:
    for _ in range(_LONGEST_HOLIDAY):
        day += timedelta(days=1)
        if is_working_day(day):
            return day
    raise MalformedError(f"calendar: expected a working day within a year, got none before {day}")


def _duty(start: int, end: int, shifts: Iterable[Shift]) -> Shift | None:
    touching = [s for s in shifts if s.start_ms <= end and start < s.end_ms]
    if not touching:
        return None
    return max(
        touching,
        key=lambda s: (s.start_ms <= start, min(s.end_ms, end) - max(s.start_ms, start), s.end_ms),
    )
