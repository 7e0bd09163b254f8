"""Proposals (M12): one signal at a time, and precision and recall on a synthetic day."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.month import PROPOSALS
from cases.links.attribution import Attribution
from cases.links.caseindex import CaseFacts, Window, index, normal_number
from cases.links.propose import Proposal, Wish, metres_between, propose, propose_all
from cases.links.words import LANGUAGES, Reason, say

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NINE = int(datetime(2026, 11, 23, 1, tzinfo=UTC).timestamp()) * 1000
HERE, FAR = (397_000_000, 1_162_000_000), (397_500_000, 1_162_000_000)
NOTHING = Wish()
ONE, TWO, THREE = "officer-1", "officer-2", "officer-3"


def recorded(
    start: int, minutes: int = 10, person: str | None = ONE, **more: object
) -> Attribution:
    """A recording of an officer with nothing wrong about it."""
    plain = Attribution(
        item="item", device="cam", person=person, unit="unit", organ="organ", start_ms=start,
        end_ms=start + minutes * MINUTE, kind="video", carrier="body_camera", sound=True,
        time_source="file-name", offset_ms=0, uncertainty_ms=2 * SECOND, marks=(),
        reasons=(Reason("held"),),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def case(id_: str, start: int | None, *people: str, minutes: int = 60, **more: object) -> CaseFacts:
    """A case with one visit, or with none."""
    visits = () if start is None else (Window(start, start + minutes * MINUTE),)
    plain = CaseFacts(id_, f"X监罚〔2026〕{id_}号", people or (ONE, TWO), "unit", "organ", visits)
    return replace(plain, **more)  # type: ignore[arg-type]


def offered(item: Attribution, *cases: CaseFacts, wish: Wish = NOTHING) -> list[Proposal]:
    found = propose_all([(item, wish)], cases, PROPOSALS)[item.item]
    assert all(
        say(reason, language) for p in found for reason in p.reasons for language in LANGUAGES
    )
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert not any(p.confident for p in found[1:])
    return found


def test_m12_an_officer_within_the_time_of_his_case_is_enough_for_one_confirmation() -> None:
    (found, *_) = offered(recorded(NINE), case("1", NINE - MINUTE), case("2", NINE + 5 * HOUR))
    assert (found.case, found.confident) == ("1", True)
    assert {r.code for r in found.reasons} == {"officer-window", "device-custody", "unit"}


@pytest.mark.parametrize(
    ("gap", "code"),
    [(5 * MINUTE, "officer-near"), (5 * MINUTE + 3 * SECOND, "officer")],
)
def test_m12_five_minutes_beside_a_visit_still_belong_to_it(gap: int, code: str) -> None:
    (found,) = offered(recorded(NINE - 10 * MINUTE - gap), case("1", NINE))
    assert code in {r.code for r in found.reasons}
    assert found.confident is False


def test_m12_a_clock_that_is_not_sure_reaches_further_and_says_how_far() -> None:
    item = recorded(NINE - HOUR, uncertainty_ms=50 * MINUTE)
    (found,) = offered(item, case("1", NINE))
    assert "officer-unsure" in {r.code for r in found.reasons}
    assert not found.confident


@pytest.mark.parametrize(
    "written",
    [
        "X监罚〔2026〕1号",
        "X监罚(2026)1号",
        "\uff38监罚\uff082026\uff09\uff11号",
        "x监罚【2026】 1 号",
    ],
)
def test_m12_the_announced_number_counts_however_its_brackets_and_digits_are_written(
    written: str,
) -> None:
    item = recorded(NINE, person=None)
    (found, *_) = offered(item, case("1", None, TWO), case("11", None), wish=Wish(written))
    assert (found.case, found.reasons[0].code) == ("1", "number")


def test_m12_a_number_whose_case_was_elsewhere_gives_way_to_the_case_of_that_time() -> None:
    """Filed under the number of another case of the same officer."""
    wrong, right = case("1", NINE + 26 * HOUR), case("2", NINE)
    first, second = offered(recorded(NINE), wrong, right, wish=Wish(wrong.number))
    assert (first.case, second.case) == ("2", "1")
    assert "other-number" in {r.code for r in first.reasons}
    assert second.reasons[0].code == "number-elsewhere"


def test_m12_a_number_without_any_time_is_not_sure_beside_a_case_of_that_time() -> None:
    named, timed = case("1", None), case("2", NINE)
    found = offered(recorded(NINE), named, timed, wish=Wish(named.number))
    assert not any(p.confident for p in found)


def test_m12_of_two_cases_at_one_time_the_place_decides() -> None:
    near, far = case("1", NINE, place=HERE), case("2", NINE, place=FAR)
    first, second = offered(recorded(NINE, place=HERE), far, near)
    assert (first.case, first.confident, second.case) == ("1", True, "2")
    assert second.reasons[-1].code == "place-far" or "place-far" in {r.code for r in second.reasons}


def test_m12_without_a_place_two_cases_at_one_time_are_left_to_a_person() -> None:
    found = offered(recorded(NINE), case("1", NINE), case("2", NINE))
    assert len(found) == 2
    assert not any(p.confident for p in found)


def test_m12_back_to_back_the_visit_that_holds_more_of_it_comes_first() -> None:
    before, after = case("1", NINE - HOUR), case("2", NINE + 3 * MINUTE)
    (first, *_) = offered(recorded(NINE + 2 * MINUTE), before, after)
    assert first.case == "2"


def test_m12_a_visit_elsewhere_is_compared_with_its_own_place() -> None:
    office = Window(NINE, NINE + HOUR, FAR)
    (found,) = offered(recorded(NINE, place=FAR), case("1", None, place=HERE, windows=(office,)))
    assert ("place", 0) in {(r.code, r.params.get("metres")) for r in found.reasons}


def test_m12_who_only_the_user_code_names_counts_for_less_and_is_named() -> None:
    item = recorded(NINE, person=THREE, others=(ONE,))
    (found,) = offered(item, case("1", NINE))
    (sure,) = offered(recorded(NINE), case("1", NINE))
    assert found.score < sure.score
    assert ("other-officer", ONE) in {(r.code, r.params.get("person")) for r in found.reasons}


def test_m12_a_rooms_recorder_is_matched_by_unit_and_time() -> None:
    (found,) = offered(recorded(NINE, person=None, reasons=()), case("1", NINE))
    assert "unit-window" in {r.code for r in found.reasons}


def test_m12_a_device_of_the_case_counts() -> None:
    (found,) = offered(recorded(NINE, person=None), case("1", None, THREE, devices=("cam",)))
    assert "device" in {r.code for r in found.reasons}


def test_m12_what_was_refused_is_never_proposed_again() -> None:
    cases = [case("1", NINE), case("2", NINE)]
    found = offered(recorded(NINE), *cases, wish=Wish(cases[0].number, frozenset({"1"})))
    assert [p.case for p in found] == ["2"]


def test_m12_nobodys_recording_is_never_sure() -> None:
    one = case("1", NINE)
    item = recorded(NINE, person=None, marks=("no-person",))
    (found,) = offered(item, one, wish=Wish(one.number))
    assert not found.confident


def test_m12_a_recording_that_nothing_speaks_for_gets_no_proposal() -> None:
    assert offered(recorded(NINE, person=THREE, unit="other"), case("1", NINE)) == []
    assert offered(recorded(NINE, start_ms=None, end_ms=None), case("1", NINE + 90 * DAY)) == []


def test_m12_how_long_a_case_was_open_is_no_visit() -> None:
    opened = Window(NINE - 20 * DAY, NINE + 20 * DAY)
    span = (opened.start_ms, opened.end_ms)
    (found,) = offered(recorded(NINE), case("1", None, windows=(opened,), open_ms=span))
    assert {r.code for r in found.reasons} == {"officer-open", "unit"}
    assert not found.confident


@pytest.mark.parametrize(
    "span", [(NINE + MINUTE, NINE + 20 * DAY), (NINE - 20 * DAY, NINE + MINUTE), None]
)
def test_m12_only_what_lies_between_opening_and_filing_was_recorded_while_the_case_was_open(
    span: tuple[int, int] | None,
) -> None:
    around = Window(NINE - 20 * DAY, NINE + 20 * DAY)
    (found,) = offered(recorded(NINE), case("1", None, windows=(around,), open_ms=span))
    assert {r.code for r in found.reasons} == {"officer-around", "unit"}


def test_m12_a_user_code_that_means_nobody_leaves_no_proposal_sure() -> None:
    (sure,) = offered(recorded(NINE), case("1", NINE))
    (found,) = offered(recorded(NINE, marks=("unknown-user",)), case("1", NINE))
    assert (sure.confident, found.confident) == (True, False)


def test_metres_are_right_to_the_percent() -> None:
    assert metres_between(HERE, HERE) == 0
    assert abs(metres_between((0, 0), (10_000_000, 0)) - 111_195) < 1112
    assert abs(metres_between((600_000_000, 0), (600_000_000, 10_000_000)) - 55_597) < 556
    assert metres_between((0, 1_799_999_000), (0, -1_799_999_000)) < 30


@given(st.text(max_size=30))
def test_the_one_form_of_a_number_stays_as_it_is(number: str) -> None:
    assert normal_number(normal_number(number)) == normal_number(number)


@given(st.randoms(use_true_random=False))
def test_m12_the_order_in_which_cases_are_given_changes_nothing(rng: random.Random) -> None:
    cases = [
        case(str(n), NINE + rng.randint(-4, 4) * HOUR, rng.choice([ONE, TWO]), place=HERE)
        for n in range(12)
    ]
    item, wish = recorded(NINE, place=rng.choice([HERE, FAR, None])), Wish(cases[0].number)
    first = offered(item, *cases, wish=wish)
    rng.shuffle(cases)
    assert offered(item, *cases, wish=wish) == first


def test_m12_a_case_of_another_day_is_not_even_looked_at() -> None:
    cases = [case(str(n), NINE + n * DAY) for n in range(30)]
    known = index(cases, buffer_ms=PROPOSALS.buffer_ms, broad_ms=PROPOSALS.broad_ms)
    assert set(known.days[ONE, NINE // DAY]) == {"0", "1"}
    assert propose(recorded(NINE), NOTHING, known, PROPOSALS)[0].case == "0"


def a_day() -> tuple[Sequence[CaseFacts], dict[str, Attribution], dict[str, str | None]]:
    """Six officers in three pairs, each with four visits one after the other, and what lies between.

    Every visit is recorded by both; the second recorder's clock is four seconds off, which is
    known to two.  Between visits there are recordings that belong to no case.
    """
    cases, items, truth = [], {}, dict[str, str | None]()
    for pair in range(3):
        people = (f"lead-{pair}", f"second-{pair}")
        for visit in range(4):
            start, id_ = NINE + visit * 2 * HOUR, f"{pair}{visit}"
            place = (HERE[0] + 100_000 * (pair * 4 + visit), HERE[1])
            cases.append(case(id_, start, *people, minutes=50, place=place))
            for who, off in zip(people, (0, 4 * SECOND), strict=True):
                for part in range(5):
                    item = f"{who}-{visit}-{part}"
                    at = start - MINUTE + part * 10 * MINUTE + off
                    items[item] = recorded(at, person=who, item=item, place=place if part else None)
                    truth[item] = id_
            item = f"between-{pair}-{visit}"
            items[item] = recorded(start + 80 * MINUTE, 5, person=people[0], item=item)
            truth[item] = None
    return cases, items, truth


def test_m12_precision_and_recall_on_a_synthetic_day() -> None:
    cases, items, truth = a_day()
    found = propose_all([(item, Wish()) for item in items.values()], cases, PROPOSALS)
    sure = {item: p[0].case for item, p in found.items() if p and p[0].confident}
    right = sum(truth[item] == case_ for item, case_ in sure.items())
    belonging = sum(true is not None for true in truth.values())
    assert belonging == 120
    assert right / len(sure) == 1, "precision"
    assert right / belonging == 1, "recall"
