"""The seeded month: the three figures of one reporting seed reach their aims."""

import importlib
import tomllib

import pytest

from bench import month
from bench.month import REPORTING, TUNING, judged, run, uncovered
from bench.month_footage import make
from bench.month_world import Odds
from cases.inbox import numbers


def test_m12_a_month_of_a_seed_that_nobody_tuned_on_reaches_its_aims() -> None:
    found = run(REPORTING[0])
    missed = {
        name: (part, whole) for name, part, whole, aim in judged(found) if part * 1000 < aim * whole
    }
    assert not missed
    assert found.recordings >= Odds().recordings
    assert found.absent > 20, "a month in which nothing is absent shows nothing"


def test_the_month_is_measured_with_the_shipped_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    text = numbers.FILE.read_text("utf-8")
    other = text.replace("officer_window = 400", "officer_window = 399")
    other = other.replace('blank_codes = ["000000"]', 'blank_codes = ["0"]')
    monkeypatch.setattr(numbers, "weights", lambda: tomllib.loads(other))
    try:
        again = importlib.reload(month)
        assert again.PROPOSALS.officer_window == 399
        assert again.ATTRIBUTION.blank_codes == {"0"}
    finally:
        monkeypatch.undo()
        importlib.reload(month)


def test_seeds_for_tuning_and_for_reporting_differ() -> None:
    assert not set(TUNING) & set(REPORTING)


def test_a_seed_makes_the_same_month_again() -> None:
    small = Odds(recordings=120, cases=20)
    one, again, other = make(1, small), make(1, small), make(2, small)
    assert (one.facts, one.cases, one.truth) == (again.facts, again.cases, again.truth)
    assert one.facts != other.facts


def test_nothing_that_is_seen_tells_the_truth() -> None:
    """No case id is in what the files say, and items are in no order of their visits."""
    world = make(3, Odds(recordings=120, cases=20))
    ids = {case.id for case in world.cases}
    for facts in world.facts:
        told = f"{facts.name} {facts.device_times} {facts.manifest} {facts.source}"
        assert not any(id_ in told for id_ in ids)
    assert [f.item for f in world.facts] != sorted(f.item for f in world.facts)


def test_the_reckoning_of_holes_by_hand() -> None:
    assert max(uncovered((0, 100), [(-5, 40), (80, 120)])) == 40
    assert max(uncovered((0, 100), [(0, 50), (50, 100)])) == 0
    assert max(uncovered((0, 100), [])) == 100
    assert max(uncovered((0, 100), [(20, 30)])) == 70
    assert max(uncovered((0, 100), [(200, 300)])) == 100
