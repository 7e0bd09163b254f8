"""Coverage against a reckoning that knows no intervals: it looks at every instant by itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.recording.coverage import judge
from cases.recording.rules import METHODS, Applied, Point, Rule
from cases.recording.spans import Track
from cases.recording.verdicts import Case, Explanation, Noted, Verdict

DAY = 120  # instants of a generated day; what happens at one happens at any


# --- the other reckoning ------------------------------------------------------------------------


def is_method(track: Track, method: str) -> bool:
    if method == "photo":
        return track.kind == "photo"
    if method == "audio":
        return track.kind == "audio" or (track.kind == "video" and track.sound)
    if track.kind != "video":
        return False
    return method == "video" or track.carrier == method


def reckon(rule: Rule, case: Case) -> tuple[str, list[tuple[int, int, str]], set[str]]:
    """Verdict, holes and items by asking each instant who shows it."""
    start = next(p.at_ms for p in case.points if p.code == "start")
    end = next(p.at_ms for p in case.points if p.code == "end")
    usable = [track for track in case.tracks if not rule.carriers or track.carrier in rule.carriers]
    if end < start:
        anything = [t for t in usable if (t.kind == "photo" or t.end_ms > t.start_ms) and any(is_method(t, m) for m in rule.methods)]  # fmt: skip
        return ("unjudgeable" if anything else "missing"), [], set()
    seen: dict[str, set[int]] = {}
    items: set[str] = set()
    for method in rule.methods:
        seen[method] = set()
        for track in usable:
            if not is_method(track, method):
                continue
            if track.kind == "photo":
                shown = {track.start_ms} & set(range(start, end + 1))
            else:
                # An interval that is one instant is that instant.
                shown = set(range(track.start_ms, track.end_ms)) & set(range(start, max(end, start + 1)))  # fmt: skip
            seen[method] |= shown
            items |= {track.item} if shown else set()
    running = [method for method in rule.methods if method != "photo"]
    asked = set(range(start, end))
    if rule.all_methods:
        open_ = {at for at in asked if any(at not in seen[method] for method in running)}
        enough = all(seen.values())
    else:
        open_ = {at for at in asked if not any(at in seen[method] for method in running)}
        if not running or seen.get("photo"):
            open_ = set()
        enough = True
    holes = [(a, b, state(rule, case, a, b)) for a, b in runs(open_)]
    if not any(seen.values()):
        return "missing", holes, items
    whole = enough and all(kind == "below_threshold" for _, _, kind in holes)
    return ("complete" if whole else "partial"), holes, items


def runs(instants: set[int]) -> Iterator[tuple[int, int]]:
    for _, group in groupby(enumerate(sorted(instants)), lambda pair: pair[1] - pair[0]):
        members = [instant for _, instant in group]
        yield members[0], members[-1] + 1


def state(rule: Rule, case: Case, start: int, end: int) -> str:
    threshold = case.threshold_ms if rule.threshold_ms is None else rule.threshold_ms
    if end - start <= threshold:
        return "below_threshold"
    silent = set(range(start, end))
    for said in case.explanations:
        if said.code == rule.code and said.state == "approved":
            silent -= set(range(said.start_ms, said.end_ms))
    return "explained" if len(silent) <= threshold else "unexplained"


# --- generated days -----------------------------------------------------------------------------

instant = st.integers(0, DAY)
carriers = st.sampled_from(["body_camera", "surveillance", "phone", "unknown"])


@st.composite
def a_track(draw: st.DrawFn) -> Track:
    start, kind = draw(instant), draw(st.sampled_from(["photo", "audio", "video", "video"]))
    end = start if kind == "photo" else start + draw(st.integers(-2, 50))
    return Track(
        draw(st.sampled_from("abcdefghij")), kind, draw(carriers), draw(st.booleans()), start, end,
        draw(st.integers(0, 9)), None, draw(st.sampled_from(["", "x", "y"])),
    )  # fmt: skip


@st.composite
def a_rule(draw: st.DrawFn) -> Rule:
    wanted = draw(st.sets(st.sampled_from(METHODS), min_size=1))
    return Rule(
        "1",
        tuple(method for method in METHODS if method in wanted),
        must=True,
        all_methods=len(wanted) > 1 and draw(st.booleans()),
        start=Point("甲", "start"),
        end=Point("乙", "end"),
        carriers=draw(st.sampled_from([(), (), ("body_camera",), ("surveillance", "phone")])),
        threshold_ms=draw(st.sampled_from([None, 0, 7])),
    )


@st.composite
def a_case(draw: st.DrawFn) -> Case:
    said = st.builds(
        Explanation, st.just("L"), st.just("1"), instant, instant,
        st.sampled_from(["approved", "approved", "asked"]),
    )  # fmt: skip
    return Case(
        (Noted("start", "1", draw(instant)), Noted("end", "1", draw(instant))),
        tuple(draw(st.lists(a_track(), max_size=9))),
        frozenset(),
        draw(st.integers(0, 5)),
        "p",
        explanations=tuple(draw(st.lists(said, max_size=3))),
    )


def judged(rule: Rule, case: Case) -> Verdict:
    (verdict,) = judge([Applied("L", "1", rule)], case)
    return verdict


@settings(max_examples=300, deadline=None)
@given(a_rule(), a_case())
def test_verdict_holes_and_items_are_those_of_the_instants(rule: Rule, case: Case) -> None:
    verdict = judged(rule, case)
    kind, holes, items = reckon(rule, case)
    assert verdict.verdict == kind
    if kind != "unjudgeable" and verdict.required is not None and rule.methods != ("photo",):
        assert [(h.start_ms, h.end_ms, h.state) for h in verdict.holes] == holes
        assert verdict.missing_ms == sum(b - a for a, b, s in holes if s != "below_threshold")
    if verdict.required is not None:
        assert set(verdict.items) == items


@settings(max_examples=60, deadline=None)
@given(a_rule(), a_case(), st.randoms(use_true_random=False))
def test_the_order_of_the_recordings_says_nothing(rule: Rule, case: Case, random: Random) -> None:
    tracks = list(case.tracks)
    random.shuffle(tracks)
    assert judged(rule, replace(case, tracks=tuple(tracks))) == judged(rule, case)


@settings(max_examples=60, deadline=None)
@given(a_rule(), a_case(), st.integers(0, 10**13))
def test_a_day_later_the_verdict_is_the_same_a_day_later(rule: Rule, case: Case, by: int) -> None:
    moved = replace(
        case,
        points=[replace(p, at_ms=p.at_ms + by) for p in case.points],
        tracks=[replace(t, start_ms=t.start_ms + by, end_ms=t.end_ms + by) for t in case.tracks],
        explanations=[replace(e, start_ms=e.start_ms + by, end_ms=e.end_ms + by) for e in case.explanations],
    )  # fmt: skip
    here, there = judged(rule, case), judged(rule, moved)
    assert there.verdict == here.verdict
    assert [(h.start_ms - by, h.end_ms - by, h.state) for h in there.holes] == [
        (h.start_ms, h.end_ms, h.state) for h in here.holes
    ]


@settings(max_examples=60, deadline=None)
@given(a_rule(), a_case(), a_track())
def test_another_recording_never_makes_a_hole(rule: Rule, case: Case, more: Track) -> None:
    before, after = judged(rule, case), judged(rule, replace(case, tracks=(*case.tracks, more)))
    if before.verdict == "complete":
        assert after.verdict == "complete"
    if before.verdict == "partial":
        assert after.verdict != "missing"
        assert after.missing_ms <= before.missing_ms


@settings(max_examples=60, deadline=None)
@given(a_rule(), a_case(), st.integers(0, 10**6))
def test_uncertainty_decides_nothing(rule: Rule, case: Case, doubt: int) -> None:
    unsure = replace(case, tracks=[replace(t, uncertainty_ms=doubt) for t in case.tracks])
    here, there = judged(rule, case), judged(rule, unsure)
    assert (here.verdict, here.missing_ms) == (there.verdict, there.missing_ms)
    assert [(h.start_ms, h.end_ms, h.state) for h in here.holes] == [
        (h.start_ms, h.end_ms, h.state) for h in there.holes
    ]


# --- whole days with wrong clocks, midnight, and a changed time zone ------------------------------

SHANGHAI, URUMQI = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Urumqi")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(12))
def test_a_day_with_wrong_clocks_is_right_to_the_second(seed: int) -> None:
    """Two devices, each wrong by its own seconds and set to another zone at some hour, film from
    the evening into the next day in files that overlap or leave gaps; the truth is kept apart as
    the set of seconds that were filmed."""
    random = Random(seed)
    begin = datetime(2026, random.randint(1, 12), 28, 12, tzinfo=UTC) + timedelta(seconds=random.randrange(7200))  # fmt: skip
    length = random.randrange(4 * 3600, 8 * 3600)  # 20:00 in China until after its midnight
    filmed: set[int] = set()
    tracks = []
    for device in ("dev-a", "dev-b"):
        offset = timedelta(seconds=random.randint(-90_000, 90_000))
        zone_changes_at = random.randrange(length)
        at = random.randrange(-600, 3600)
        while at < length + 600:
            stop = at + random.randrange(1, 1800)
            filmed |= set(range(at, stop))
            zone = SHANGHAI if at < zone_changes_at else URUMQI
            start, end = (
                written(begin + timedelta(seconds=second), zone, offset) for second in (at, stop)
            )
            tracks.append(
                Track(
                    f"{device}-{at}", "video", "body_camera", True,
                    corrected(start, zone, offset), corrected(end, zone, offset), 1500, None, device,
                )
            )  # fmt: skip
            at = stop + random.choice([0, 0, -30, 1, 2, 3, 40, 900])
    points = (
        Noted("start", "1", milliseconds(begin)),
        Noted("end", "1", milliseconds(begin) + length * 1000),
    )
    rule = Rule("1", ("video",), must=True, start=Point("甲", "start"), end=Point("乙", "end"))
    verdict = judged(rule, Case(points, tracks, frozenset(), 2000, "p"))
    open_ = {second for second in range(length) if second not in filmed}
    truth = [(a, b) for a, b in runs(open_)]
    zero = milliseconds(begin)
    assert [((h.start_ms - zero) / 1000, (h.end_ms - zero) / 1000) for h in verdict.holes] == truth
    assert verdict.missing_ms == 1000 * sum(b - a for a, b in truth if b - a > 2)
    assert verdict.verdict == ("partial" if any(b - a > 2 for a, b in truth) else "complete")


def written(true: datetime, zone: ZoneInfo, offset: timedelta) -> str:
    """What a device writes: its wrong clock, in its own zone, without saying which."""
    return (true + offset).astimezone(zone).strftime("%Y%m%d%H%M%S")


def corrected(text: str, zone: ZoneInfo, offset: timedelta) -> int:
    read = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    return milliseconds(read - offset)


def milliseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


# --- work, counted --------------------------------------------------------------------------------


class Looked(int):
    """A time that counts how often it is compared."""

    count = 0

    def __lt__(self, other: int) -> bool:
        Looked.count += 1
        return int(self) < int(other)

    def __gt__(self, other: int) -> bool:
        Looked.count += 1
        return int(self) > int(other)


def compared(rules: int, tracks: int) -> int:
    """How many comparisons of times it takes to judge so many rules over so many recordings."""
    random = Random(7)
    found = [
        Track(f"{n}", "video", "body_camera", True, Looked(start), Looked(start + 9_000), clock="c")
        for n in range(tracks)
        for start in [random.randrange(tracks * 10_000)]
    ]
    points, applied = [], []
    for n in range(rules):
        start = random.randrange(tracks * 5_000)
        points += [Noted(f"s{n}", "1", start), Noted(f"e{n}", "1", start + 20_000)]
        rule = Rule(str(n + 1), ("video",), must=True, start=Point("甲", f"s{n}"), end=Point("乙", f"e{n}"))  # fmt: skip
        applied.append(Applied("L", "1", rule))
    Looked.count = 0
    judge(applied, Case(points, found, frozenset(), 2000, "p"))
    return Looked.count


def test_recordings_are_sorted_once_and_each_further_rule_only_searches() -> None:
    few, many = compared(1, 4000), compared(41, 4000)
    assert few < 4000 * 30  # one sort, one sweep
    assert many - few < 40 * 300  # forty searches, where forty sorts would be two million
    assert compared(1, 8000) < 2.5 * few
