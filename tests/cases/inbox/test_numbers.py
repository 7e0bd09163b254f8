"""The policy's numbers as the rules take them: clocks by the national calendar, weights of proposals."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cases.calendar import Term
from cases.inbox import numbers
from cases.inbox.queries import sealed_by
from cases.links.facts import Shift
from cases.policy import Policy, shipped

ZONE = "Asia/Shanghai"
HOUR = 3_600_000


def wall(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)  # type: ignore[misc,arg-type]


def remote(start: int) -> list[Shift]:
    return [Shift("p", start - HOUR, start + 4 * HOUR, remote=True)]


def with_term(term: Term | None) -> Policy:
    return replace(shipped(), upload=replace(shipped().upload, term=term))


@pytest.mark.parametrize(
    ("start", "last_day"),
    [
        # Friday; people work on Sunday the 28th
        ((2025, 9, 26, 12), (2025, 9, 29)),
        # Tuesday before eight days off; the Saturday after them is a working day
        ((2025, 9, 30, 12), (2025, 10, 10)),
        # a plain week
        ((2025, 11, 10, 12), (2025, 11, 12)),
        # over a plain weekend
        ((2025, 11, 13, 12), (2025, 11, 17)),
    ],
)
def test_m11_two_working_days_by_the_notices_of_the_state_council(
    start: tuple[int, ...], last_day: tuple[int, ...]
) -> None:
    begin = wall(*start)
    due = numbers.upload_due(begin, begin + HOUR, remote(begin), shipped(), ZONE)
    assert due.due_ms == wall(*last_day) + 24 * HOUR - 1
    assert due.basis == "duty"


def test_m11_the_same_day_and_24_hours_and_days() -> None:
    begin = wall(2025, 11, 10, 12)
    end = begin + HOUR
    for term, due in (
        (None, wall(2025, 11, 11) - 1),
        (Term(24, "h"), end + 24 * HOUR),
        (Term(2, "d"), end + 48 * HOUR),
        (Term(2, "wd"), wall(2025, 11, 13) - 1),
    ):
        found = numbers.upload_due(begin, end, (), with_term(term), ZONE)
        assert (found.due_ms, found.basis) == (due, "recording"), term


def test_a_recording_without_a_time_has_no_clock() -> None:
    assert numbers.upload_due(None, None, (), shipped(), ZONE).due_ms is None


def test_what_had_to_be_linked_by_now_ends_exactly_at_the_term() -> None:
    now = wall(2025, 11, 10, 12)
    last = sealed_by(now, shipped(), ZONE)
    assert numbers.link_due(last, shipped(), ZONE) < now
    assert numbers.link_due(last + 1, shipped(), ZONE) >= now


def test_every_weight_is_given_and_every_pair_has_two_points() -> None:
    assert numbers.of_proposals(shipped()).limit == 3
    assert all(start != end for start, end in numbers.pairs().items())
