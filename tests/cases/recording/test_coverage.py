"""What a verdict says: M02 to M05 at their core, and every branch of the semantics."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from cases.recording.coverage import judge
from cases.recording.rules import Applied, Point, Rule
from cases.recording.spans import Track
from cases.recording.verdicts import (
    Case,
    Exemption,
    Explanation,
    Noted,
    Verdict,
    narrowed,
    summary,
    unexplained,
)

LIST, VERSION, POLICY = "清单", "2026-1", "policy-3"
NINE = int(datetime(2026, 3, 2, 1, tzinfo=UTC).timestamp() * 1000)  # 09:00 in China
SECOND = 1000
SEIZURE = Rule(
    "7",
    ("video", "body_camera"),
    must=True,
    categories=("coercion",),
    stage="实施查封",
    stage_category="enforcement",
    start=Point("查封开始", "seizure_started"),
    end=Point("查封结束", "seizure_ended"),
)
POINTS = (
    Noted("seizure_started", "1", NINE),
    Noted("seizure_ended", "1", NINE + 600 * SECOND),
)


def track(
    item: str, start: float, end: float, *, kind: str = "video", carrier: str = "body_camera",
    sound: bool = True, doubt: int = 0, stage: str | None = None, clock: str = "",
) -> Track:  # fmt: skip
    """A recording from second `start` to second `end` after nine."""
    first, last = NINE + int(start * SECOND), NINE + int(end * SECOND)
    return Track(item, kind, carrier, sound, first, last, doubt, stage, clock)


def photo(item: str, at: float, **more: object) -> Track:
    return track(item, at, at, kind="photo", **more)  # type: ignore[arg-type]


def case(*tracks: Track, **more: object) -> Case:
    base = Case(POINTS, tracks, frozenset({"enforcement"}), 2000, POLICY)
    return replace(base, **more)  # type: ignore[arg-type]


def one(rule: Rule, found: Case) -> Verdict:
    (verdict,) = judge([Applied(LIST, VERSION, rule)], found)
    return verdict


def seconds(spans: object) -> list[tuple[float, float]]:
    return [((a - NINE) / SECOND, (b - NINE) / SECOND) for a, b in spans]  # type: ignore[attr-defined]


def holes(verdict: Verdict) -> list[tuple[float, float, str]]:
    return [(*seconds([(hole.start_ms, hole.end_ms)])[0], hole.state) for hole in verdict.holes]


# --- the tests of the domain --------------------------------------------------------------------


def test_m02_a_seizure_without_a_recording_is_missing_at_once_and_complete_after_linking() -> None:
    bare = one(SEIZURE, case())
    assert (bare.verdict, bare.missing_ms, bare.due) == ("missing", 600_000, True)
    linked = one(SEIZURE, case(track("a", -5, 605)))
    assert (linked.verdict, linked.missing_ms, linked.items) == ("complete", 0, ("a",))
    assert (linked.list_name, linked.list_version, linked.rule.code) == (LIST, VERSION, "7")
    assert linked.policy_version == POLICY


def test_m02_no_recording_at_all_is_missing_even_before_a_point_is_noted() -> None:
    verdict = one(SEIZURE, case(points=()))
    assert verdict.verdict == "missing"
    assert verdict.missing_points == ("seizure_started", "seizure_ended")
    assert verdict.occasion is None


def test_m03_three_files_with_a_hole_of_forty_seconds_are_partial_and_the_hole_is_located() -> None:
    files = (track("a", 0, 200), track("b", 200, 400), track("c", 440, 600))
    verdict = one(SEIZURE, case(*files))
    assert verdict.verdict == "partial"
    assert holes(verdict) == [(400, 440, "unexplained")]
    assert verdict.missing_ms == 40_000
    assert seconds(verdict.covered) == [(0, 400), (440, 600)]
    assert verdict.items == ("a", "b", "c")


def test_m04_only_an_approved_explanation_of_the_whole_hole_explains_it() -> None:
    files = (track("a", 0, 400), track("c", 440, 600))

    def told(start: float, end: float, state: str, code: str = "7") -> Verdict:
        said = Explanation(LIST, code, NINE + int(start * 1000), NINE + int(end * 1000), state)
        return one(SEIZURE, case(*files, explanations=(said,)))

    assert unexplained([one(SEIZURE, case(*files))])
    asked = told(400, 440, "asked")
    assert (asked.holes[0].state, asked.holes[0].asked) == ("unexplained", True)
    assert unexplained([asked])
    assert unexplained([told(400, 440, "refused")])
    assert unexplained([told(400, 440, "approved", code="8")])
    assert unexplained([told(400, 437, "approved")])
    good = told(400, 440, "approved")
    # The hole stays a hole: the verdict is partial for ever, but filing asks nobody any more.
    assert (good.verdict, good.holes[0].state, good.missing_ms) == ("partial", "explained", 40_000)
    assert unexplained([good]) == ()
    # What is left over after a correction of the clock is measured like any other hole.
    assert unexplained([told(401, 439, "approved")]) == ()


def test_m04_several_explanations_explain_a_hole_together() -> None:
    said = [
        Explanation(LIST, "7", NINE + a * 1000, NINE + b * 1000, "approved")
        for a, b in ((420, 440), (390, 421))
    ]
    files = (track("a", 0, 400), track("c", 440, 600))
    assert one(SEIZURE, case(*files, explanations=tuple(said))).holes[0].state == "explained"


@pytest.mark.parametrize("state", ["asked", "refused"])
def test_m05_without_approval_the_item_stays_missing(state: str) -> None:
    verdict = one(SEIZURE, case(exemptions=(Exemption(LIST, "7", state),)))
    assert verdict.verdict == "missing"
    assert f"exemption_{state}" in verdict.reasons
    assert unexplained([verdict])


def test_m05_an_approved_exemption_exempts_and_a_whole_recording_needs_none() -> None:
    approved = (Exemption(LIST, "7", "approved"),)
    verdict = one(SEIZURE, case(exemptions=approved))
    assert verdict.verdict == "exempt"
    assert unexplained([verdict]) == ()
    assert one(SEIZURE, case(track("a", 0, 600), exemptions=approved)).verdict == "complete"


def test_m05_an_exemption_is_for_its_list_rule_and_occasion() -> None:
    for other in (Exemption("别的", "7", "approved"), Exemption(LIST, "8", "approved"), Exemption(LIST, "7", "approved", "2")):  # fmt: skip
        assert one(SEIZURE, case(exemptions=(other,))).verdict == "missing"
    approved = (Exemption(LIST, "7", "approved", "1"),)
    assert one(SEIZURE, case(exemptions=approved)).verdict == "exempt"
    assert one(SEIZURE, case(exemptions=approved, points=())).verdict == "exempt"
    later = tuple(replace(p, occasion="2", at_ms=p.at_ms + 3_600_000) for p in POINTS)
    found = case(exemptions=(Exemption(LIST, "7", "approved"),), points=(*POINTS, *later))
    verdicts = judge([Applied(LIST, VERSION, SEIZURE)], found)
    assert [v.verdict for v in verdicts] == ["exempt", "missing"]


# --- points and occasions -----------------------------------------------------------------------


def test_recordings_without_a_point_cannot_be_judged_and_the_point_is_named() -> None:
    verdict = one(SEIZURE, case(track("a", 0, 600), points=POINTS[:1]))
    assert (verdict.verdict, verdict.missing_points) == ("unjudgeable", ("seizure_ended",))
    assert verdict.required is None
    assert unexplained([verdict])


def test_an_end_before_its_start_cannot_be_judged() -> None:
    turned = (replace(POINTS[0], at_ms=NINE + 1), replace(POINTS[1], at_ms=NINE))
    verdict = one(SEIZURE, case(track("a", 0, 600), points=turned))
    assert (verdict.verdict, verdict.reasons) == ("unjudgeable", ("end_before_start",))


def test_of_a_point_noted_twice_the_first_start_and_the_last_end_count_in_whatever_order() -> None:
    sooner = replace(POINTS[1], at_ms=NINE + 300 * SECOND, index=9)
    later = replace(POINTS[0], at_ms=NINE + 60 * SECOND, index=10)
    for points in permutations((*POINTS, sooner, later)):
        verdict = one(SEIZURE, case(track("a", 60, 300), points=points))
        assert (verdict.verdict, verdict.required) == ("partial", (NINE, NINE + 600_000))
    wider = replace(POINTS[1], at_ms=NINE + 700 * SECOND, index=9)
    verdict = one(SEIZURE, case(track("a", 0, 600), points=(*POINTS, wider)))
    assert holes(verdict) == [(600, 700, "unexplained")]


def test_a_single_point_noted_again_asks_for_no_less() -> None:
    start, end = replace(SEIZURE, end=None), replace(SEIZURE, start=None)
    for rule, points in ((start, (0, 600)), (end, (600, 0))):
        code = "seizure_started" if rule is start else "seizure_ended"
        noted = [
            Noted(code, "1", NINE + at * SECOND, index=index) for index, at in enumerate(points)
        ]
        found = track("a", 0, 600) if rule is start else track("a", 1, 600)
        for order in (noted, noted[::-1]):
            assert one(rule, case(found, points=tuple(order))).verdict == "missing"


def test_less_is_required_only_where_an_interval_with_a_hole_becomes_shorter() -> None:
    whole, half = track("a", 0, 600), track("a", 0, 300)

    def judged(found: Track, end: int, **more: object) -> tuple[Verdict, ...]:
        points = (POINTS[0], replace(POINTS[1], at_ms=NINE + end * SECOND, **more))
        return (one(SEIZURE, case(found, points=points)),)

    assert narrowed(judged(half, 600), judged(half, 300))
    assert narrowed(judged(half, 600), judged(half, 590))
    assert narrowed(judged(half, 600), judged(half, -1)), "nothing is required any more"
    assert narrowed(judged(half, 600), (one(SEIZURE, case(half, points=POINTS[:1])),))
    assert not narrowed(judged(whole, 600), judged(whole, 300)), "there was no hole"
    assert not narrowed(judged(half, 600), judged(half, 700)), "more is required"
    may = tuple(replace(v, rule=replace(v.rule, must=False)) for v in judged(half, 600))
    assert not narrowed(may, judged(half, 300))


def test_each_occasion_has_its_own_verdict_in_the_order_of_their_times() -> None:
    earlier = tuple(replace(p, occasion="2", at_ms=p.at_ms - 3_600_000) for p in POINTS)
    found = case(track("a", 0, 600), points=(*POINTS, *earlier))
    verdicts = judge([Applied(LIST, VERSION, SEIZURE)], found)
    assert [(v.occasion, v.verdict) for v in verdicts] == [("2", "missing"), ("1", "complete")]


def test_a_free_point_is_met_by_a_point_noted_under_the_same_words() -> None:
    rule = replace(SEIZURE, start=Point("封条加贴完毕"), end=None)
    noted = (Noted("封条加贴完毕", "1", NINE),)
    assert one(rule, case(track("a", -10, 5), points=noted)).verdict == "complete"
    assert one(rule, case(track("a", -10, 0), points=noted)).verdict == "missing"


def test_one_point_asks_for_one_capture_that_reaches_past_it() -> None:
    rule = replace(SEIZURE, start=None)
    assert one(rule, case(track("a", 599.999, 700))).verdict == "complete"
    assert one(rule, case(track("a", 600, 700))).verdict == "missing"
    snap = replace(rule, methods=("photo",))
    assert one(snap, case(photo("p", 600))).verdict == "complete"
    assert one(snap, case(photo("p", 600.001))).verdict == "missing"
    assert "one_point" in one(rule, case(track("a", 0, 1))).reasons


def test_a_rule_without_points_asks_for_one_capture_in_its_stage() -> None:
    rule = replace(SEIZURE, start=None, end=None, methods=("photo", "video"))
    assert one(rule, case(photo("p", 0, stage="enforcement"))).verdict == "complete"
    elsewhere = one(rule, case(photo("p", 0, stage="service"), photo("q", 0)))
    assert (elsewhere.verdict, elsewhere.reasons) == ("missing", ("no_track_in_stage",))
    anywhere = replace(rule, stage_category=None)
    assert one(anywhere, case(photo("p", 0, stage="service"))).items == ("p",)


def test_a_rule_is_not_due_before_its_stage_but_its_verdict_is_shown() -> None:
    early = one(SEIZURE, case(points=(), stages_reached=frozenset({"investigation"})))
    assert (early.verdict, early.due) == ("missing", False)
    assert unexplained([early]) == ()
    # A point that was noted says that it happened, whatever the stage.
    assert one(SEIZURE, case(stages_reached=frozenset())).due
    assert one(replace(SEIZURE, stage_category=None), case(points=())).due


# --- methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "found", "met"),
    [
        ("video", track("a", 0, 600, carrier="phone"), True),
        ("video", track("a", 0, 600, kind="audio"), False),
        ("audio", track("a", 0, 600, kind="audio", carrier="recorder"), True),
        ("audio", track("a", 0, 600, sound=True), True),
        ("audio", track("a", 0, 600, sound=False), False),
        ("body_camera", track("a", 0, 600), True),
        ("body_camera", track("a", 0, 600, carrier="phone"), False),
        ("body_camera", track("a", 0, 600, kind="audio"), False),
        ("surveillance", track("a", 0, 600, carrier="surveillance"), True),
        ("surveillance", track("a", 0, 600), False),
        ("photo", photo("a", 0), True),
        ("photo", photo("a", 600), True),
        ("photo", photo("a", 600.001), False),
        ("photo", photo("a", -0.001), False),
        ("photo", track("a", 0, 600), False),
    ],
)
def test_what_meets_a_method(method: str, found: Track, met: bool) -> None:
    rule = replace(SEIZURE, methods=(method,))
    assert one(rule, case(found)).verdict == ("complete" if met else "missing")


def test_several_methods_are_alternatives_and_share_one_union() -> None:
    rule = replace(SEIZURE, methods=("audio", "video"))
    halves = (track("a", 0, 300, kind="audio"), track("b", 300, 600, sound=False))
    assert one(rule, case(*halves)).verdict == "complete"
    assert one(replace(rule, methods=("video",)), case(*halves)).verdict == "partial"


def test_one_photograph_is_enough_where_photographs_are_allowed() -> None:
    rule = replace(SEIZURE, methods=("photo", "video"))
    verdict = one(rule, case(track("a", 0, 100), photo("p", 50)))
    assert (verdict.verdict, verdict.holes, verdict.missing_ms) == ("complete", (), 0)
    assert verdict.met_by == ("photo", "video")
    assert one(rule, case(track("a", 0, 100), photo("p", 700))).verdict == "partial"


def test_methods_joined_by_and_are_asked_each_for_itself() -> None:
    rule = replace(SEIZURE, methods=("audio", "video"), all_methods=True)
    silent = track("a", 0, 600, sound=False)
    lacking = one(rule, case(silent))
    assert (lacking.verdict, lacking.reasons) == ("partial", ("method_missing:audio",))
    assert lacking.missing_ms == 600_000
    short = one(rule, case(silent, track("s", 100, 600, kind="audio")))
    assert (short.verdict, holes(short)) == ("partial", [(0, 100, "unexplained")])
    assert one(rule, case(silent, track("s", 0, 600, kind="audio"))).verdict == "complete"
    assert one(rule, case(track("a", 0, 600, sound=True))).verdict == "complete"


def test_a_photograph_that_must_be_there_beside_a_recording_leaves_no_hole_but_a_reason() -> None:
    rule = replace(SEIZURE, methods=("photo", "video"), all_methods=True)
    verdict = one(rule, case(track("a", 0, 600)))
    assert (verdict.verdict, verdict.holes) == ("partial", ())
    assert verdict.reasons == ("method_missing:photo",)
    assert unexplained([verdict])
    assert one(rule, case(track("a", 0, 600), photo("p", 1))).verdict == "complete"


def test_a_named_carrier_narrows_the_methods() -> None:
    rule = replace(SEIZURE, methods=("video",), carriers=("body_camera",))
    assert one(rule, case(track("a", 0, 600, carrier="phone"))).verdict == "missing"
    assert one(rule, case(track("a", 0, 600))).verdict == "complete"


def test_recordings_elsewhere_are_missing_with_the_whole_interval_as_hole() -> None:
    verdict = one(SEIZURE, case(track("a", 600, 700), track("b", -10, 0)))
    assert (verdict.verdict, verdict.reasons) == ("missing", ("no_track_inside",))
    assert holes(verdict) == [(0, 600, "unexplained")]
    assert verdict.items == ()


# --- thresholds and uncertainty -----------------------------------------------------------------


def test_holes_up_to_the_threshold_are_listed_and_do_not_count() -> None:
    verdict = one(SEIZURE, case(track("a", 0, 100), track("b", 102, 600)))
    assert (verdict.verdict, verdict.missing_ms) == ("complete", 0)
    assert holes(verdict) == [(100, 102, "below_threshold")]
    wider = one(SEIZURE, case(track("a", 0, 100), track("b", 102.001, 600)))
    assert (wider.verdict, wider.missing_ms) == ("partial", 2001)


def test_a_threshold_of_the_list_goes_before_the_policys() -> None:
    files = (track("a", 0, 100), track("b", 104, 600))
    assert one(replace(SEIZURE, threshold_ms=4000), case(*files)).verdict == "complete"
    assert one(replace(SEIZURE, threshold_ms=0), case(track("a", 0.001, 600))).verdict == "partial"


def test_uncertainty_is_shown_and_never_closes_a_hole() -> None:
    files = (track("a", 0, 400, doubt=30_000), track("c", 440, 600, doubt=15_000))
    verdict = one(SEIZURE, case(*files))
    assert (verdict.verdict, verdict.missing_ms, verdict.uncertainty_ms) == (
        "partial",
        40_000,
        30_000,
    )
    assert (verdict.holes[0].uncertainty_ms, verdict.holes[0].uncertain) == (45_000, True)
    sure = one(SEIZURE, case(*(replace(file, uncertainty_ms=500) for file in files)))
    assert (sure.holes[0].uncertainty_ms, sure.holes[0].uncertain) == (1000, False)


def test_a_small_hole_that_may_be_wider_says_so() -> None:
    files = (track("a", 0, 400), track("c", 401, 600, doubt=1001))
    assert one(SEIZURE, case(*files)).holes[0].uncertain
    assert (
        not one(SEIZURE, case(files[0], replace(files[1], uncertainty_ms=1000))).holes[0].uncertain
    )


def test_recordings_of_one_clock_are_off_together_so_the_hole_between_them_is_certain() -> None:
    files = [track(i, a, b, doubt=60_000, clock="dev") for i, a, b in (("a", 0, 400), ("c", 440, 600))]  # fmt: skip
    hole = one(SEIZURE, case(*files)).holes[0]
    assert (hole.uncertainty_ms, hole.uncertain) == (0, False)


def test_a_point_that_is_uncertain_makes_the_hole_beside_it_uncertain() -> None:
    points = (replace(POINTS[0], uncertainty_ms=9000), POINTS[1])
    verdict = one(SEIZURE, case(track("a", 10, 600), points=points))
    assert (verdict.holes[0].uncertainty_ms, verdict.holes[0].uncertain) == (9000, True)
    assert verdict.uncertainty_ms == 9000


# --- days ---------------------------------------------------------------------------------------


def test_a_recording_across_midnight_and_the_new_year_is_one() -> None:
    eve = int(datetime(2026, 12, 31, 15, 59, tzinfo=UTC).timestamp() * 1000)  # 23:59 in China
    points = (Noted("seizure_started", "1", eve), Noted("seizure_ended", "1", eve + 120_000))
    halves = (
        Track("a", "video", "body_camera", True, eve, eve + 60_000),
        Track("b", "video", "body_camera", True, eve + 60_000, eve + 120_000),
    )
    assert one(SEIZURE, case(*halves, points=points)).verdict == "complete"


def test_an_interval_of_one_instant_is_met_by_a_recording_that_shows_it() -> None:
    points = (POINTS[0], replace(POINTS[1], at_ms=NINE))
    assert one(SEIZURE, case(track("a", -1, 0.001), points=points)).verdict == "complete"
    assert one(SEIZURE, case(track("a", -1, 0), points=points)).verdict == "missing"


def test_an_interval_below_the_threshold_still_needs_a_recording() -> None:
    points = (POINTS[0], replace(POINTS[1], at_ms=NINE + 500))
    verdict = one(SEIZURE, case(track("a", 5, 6), points=points))
    assert verdict.verdict == "missing"


def test_empty_and_turned_recordings_count_for_nothing() -> None:
    assert one(SEIZURE, case(track("a", 5, 5), track("b", 9, 3))).verdict == "missing"


# --- reports ------------------------------------------------------------------------------------


def test_a_rule_that_is_merely_allowed_is_shown_and_asks_for_nothing() -> None:
    verdict = one(replace(SEIZURE, must=False), case())
    assert verdict.verdict == "missing"
    assert unexplained([verdict]) == ()


def test_the_summary_counts_what_is_due() -> None:
    verdicts = [
        one(SEIZURE, case(track("a", 0, 560))),
        one(SEIZURE, case(exemptions=(Exemption(LIST, "7", "approved"),))),
        one(replace(SEIZURE, must=False), case()),
        one(SEIZURE, case(points=(), stages_reached=frozenset())),
    ]
    found = summary(verdicts)
    assert found.must == {"complete": 0, "partial": 1, "missing": 0, "exempt": 1, "unjudgeable": 0}
    assert found.may["missing"] == 1
    assert (found.not_due, found.missing_ms, found.unexplained) == (1, 40_000, 1)


def test_a_hole_is_not_explained_by_cutting_it_small() -> None:
    files = (track("a", 0, 400), track("c", 403, 600))
    said = Explanation(LIST, "7", NINE + 401_500, NINE + 401_501, "approved")
    assert one(SEIZURE, case(*files, explanations=(said,))).holes[0].state == "unexplained"


def test_a_point_may_be_noted_under_the_procedures_own_code() -> None:
    points = (replace(POINTS[0], code="measure_taken"), POINTS[1])
    found = case(track("a", 0, 600), points=points, aliases={"seizure_started": "measure_taken"})
    assert one(SEIZURE, found).verdict == "complete"
