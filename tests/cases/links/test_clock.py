"""Clocks of devices (M10): corrected times, what they may be off by, and what is said of it."""

import contextlib
from bisect import bisect_right
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cases.links.clock import DAY_MS, Corrected, Measurement, corrected, device_ms, drifts
from verify.errors import MalformedError

DAY = 24 * 3_600_000
HOUR, MINUTE, SECOND = 3_600_000, 60_000, 1000
LIMIT = 3 * SECOND
MORNING = int(datetime(2026, 11, 23, 0, tzinfo=UTC).timestamp()) * 1000


def at(device: int, *measured: Measurement, handed: int | None = None) -> Corrected:
    return corrected(
        device, measured, limit_ms_per_day=LIMIT, default_uncertainty_ms=5 * MINUTE,
        handed_ms=handed,
    )  # fmt: skip


def test_m10_a_device_that_was_never_measured_keeps_its_time_and_says_so() -> None:
    found = at(MORNING)
    assert (found.ms, found.offset_ms, found.basis) == (MORNING, 0, "unmeasured")
    assert found.uncertainty_ms == 5 * MINUTE


def test_m10_the_measurement_at_the_dock_afterwards_is_the_anchor() -> None:
    found = at(MORNING + 20 * SECOND, Measurement(MORNING + DAY, 20 * SECOND, 500))
    assert (found.ms, found.offset_ms, found.basis) == (MORNING, 20 * SECOND, "after")
    assert 500 + 3 * SECOND <= found.uncertainty_ms <= 500 + 3 * SECOND + 5


def test_m10_between_two_that_agree_the_offset_is_interpolated() -> None:
    found = at(
        MORNING + 11 * SECOND,
        Measurement(MORNING - DAY // 2, 10 * SECOND, 100),
        Measurement(MORNING + DAY // 2, 12 * SECOND, 100),
    )
    assert (found.offset_ms, found.basis, found.over_limit) == (11 * SECOND, "between", False)
    assert found.uncertainty_ms < 2 * SECOND


def test_m10_after_the_last_measurement_the_doubt_grows_with_every_day() -> None:
    last = Measurement(MORNING, 0, 500)
    doubts = [at(MORNING + days * DAY, last).uncertainty_ms for days in (1, 2, 30)]
    assert doubts == sorted(doubts)
    assert doubts[2] >= 30 * LIMIT
    assert at(MORNING + DAY, last).basis == "before"


def test_m10_a_drift_over_three_seconds_a_day_is_flagged() -> None:
    slow, fast = (Measurement(MORNING + DAY, offset, 0) for offset in (3 * SECOND, 3001))
    start = Measurement(MORNING, 0, 0)
    assert [d.over_limit for d in drifts([start, slow], limit_ms_per_day=LIMIT)] == [False]
    (drift,) = drifts([fast, start], limit_ms_per_day=LIMIT)
    assert (drift.over_limit, drift.step_ms, drift.per_day_ms) == (True, 3001, 3001)
    assert at(MORNING + HOUR, start, fast).over_limit


def test_m10_a_dock_that_sets_the_clock_is_no_drift() -> None:
    start = Measurement(MORNING, 90 * SECOND, 100, set_ms=0)
    end = Measurement(MORNING + DAY, 1 * SECOND, 100)
    assert not any(d.over_limit for d in drifts([start, end], limit_ms_per_day=LIMIT))
    assert at(MORNING + DAY // 2, start, end).basis == "between"


def test_m10_a_clock_set_in_between_is_read_by_the_anchor_after_and_the_doubt_tells_both() -> None:
    """The zone was changed at noon: the same digits may be before or after."""
    before, after = Measurement(MORNING, 0, 500), Measurement(MORNING + 10 * HOUR, HOUR, 500)
    device = MORNING + 5 * HOUR
    found = at(device, before, after)
    assert (found.basis, found.ms, found.other_ms) == ("set", device - HOUR, device)
    assert found.ms + found.uncertainty_ms >= device
    assert found.step_ms == HOUR


def test_m10_of_a_clock_set_in_between_an_impossible_reading_does_not_count() -> None:
    """Read by the clock as it was after, the recording would be later than its hand-over."""
    before, after = Measurement(MORNING, HOUR, 500), Measurement(MORNING + 10 * HOUR, 0, 500)
    found = at(MORNING + 10 * HOUR + 40 * MINUTE, before, after)
    assert (found.basis, found.ms) == ("before-set", MORNING + 9 * HOUR + 40 * MINUTE)
    assert found.other_ms is None


def test_m10_a_clock_that_fell_back_to_its_factory_date_is_put_right_by_the_next_dock() -> None:
    factory = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1000
    noon = MORNING + 4 * HOUR
    docks = [
        Measurement(MORNING - 14 * HOUR, 0, 500),
        Measurement(MORNING + 10 * HOUR, factory - noon, 500, set_ms=0),
    ]
    found = at(factory + 30 * MINUTE, *docks, handed=MORNING + 11 * HOUR)
    assert (found.ms, found.basis) == (noon + 30 * MINUTE, "after-set")
    assert found.uncertainty_ms < 3 * SECOND


def test_m10_a_time_that_no_measurement_makes_possible_is_named_and_unsure() -> None:
    docks = [Measurement(MORNING, 0, 500), Measurement(MORNING + DAY, 0, 500)]
    found = at(MORNING + 40 * DAY, *docks, handed=MORNING + DAY + HOUR)
    assert found.basis == "inconsistent"
    assert found.uncertainty_ms >= 38 * DAY


def test_m10_years_of_measurements_give_the_same_as_the_two_around() -> None:
    years = [Measurement(MORNING + n * DAY, n % 5 * 100, 500) for n in range(-1000, 3)]
    device = MORNING + 5 * HOUR
    assert at(device, *years) == at(device, *years[1000:1002])


@given(st.data())
def test_m10_the_error_never_exceeds_the_stated_uncertainty(data: st.DataObject) -> None:
    """While the true drift is within the limit and nobody sets the clock."""
    steps = data.draw(st.lists(st.integers(HOUR, 4 * DAY), min_size=1, max_size=6))
    times, offsets = [MORNING], [data.draw(st.integers(-40 * DAY, 40 * DAY))]
    for step in steps:
        most = LIMIT * step // DAY_MS
        times.append(times[-1] + step)
        offsets.append(offsets[-1] + data.draw(st.integers(-most, most)))

    def offset(when: int) -> int:
        i = min(max(bisect_right(times, when), 1), len(times) - 1)
        span, move = times[i] - times[i - 1], offsets[i] - offsets[i - 1]
        return offsets[i - 1] + move * (when - times[i - 1]) // span

    measured = []
    for when in data.draw(st.lists(st.sampled_from(times), min_size=1, unique=True)):
        sure = data.draw(st.integers(1, 3000))
        error = data.draw(st.integers(1 - sure, sure - 1))
        measured.append(Measurement(when, offset(when) + error, sure))
    true = data.draw(st.integers(times[0], times[-1]))
    handed = data.draw(st.none() | st.integers(0, DAY).map(lambda later: true + later))
    if handed is not None:
        measured = [m for m in measured if m.at_ms <= handed]
        assume(measured)
    found = at(true + offset(true), *measured, handed=handed)
    assert abs(found.ms - true) <= found.uncertainty_ms
    assert not found.over_limit


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-11-23T08:00:00", 0), ("2026-11-23 08:00:00", 0), ("20261123080000", 0),
        ("2026:11:23 08:00:00", 0), ("2026-11-23T08:00:00Z", 8), ("20261123T080000Z", 8),
        ("2026-11-23T08:00:00+08:00", 0), ("2026-11-23T08:00:00.000000Z", 8),
        ("2026-11-23T08:00:00-0330", 11.5),
    ],
)  # fmt: skip
def test_m10_times_of_devices_are_read_in_their_zone_or_their_own(text: str, hours: float) -> None:
    assert device_ms(text, "Asia/Shanghai") == MORNING + round(hours * HOUR)
    assert device_ms(text, "+08:00") == MORNING + round(hours * HOUR)


def test_m10_fractions_of_a_second_are_kept_to_the_millisecond() -> None:
    assert device_ms("2026-11-23T00:00:00.1239Z", "Z") == MORNING + 123


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01T00:00:00", "2026-11-23", "20261123", "00000000000000", "9" * 14],
)
def test_m10_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(MalformedError, match="device time: expected"):
        device_ms(text, "Asia/Shanghai")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "+25:00", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused_by_name(zone: str) -> None:
    with pytest.raises(MalformedError, match="zone: expected"):
        device_ms("2026-11-23T08:00:00", zone)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_named_error(text: str) -> None:
    with contextlib.suppress(MalformedError):
        assert isinstance(device_ms(text, "Asia/Shanghai"), int)
