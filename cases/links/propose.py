"""Proposals 关联建议: to which case a recording belongs, with a score and the reasons (M12).

Guarantee: the same facts give the same proposals in the same order; what was refused or is linked
is not proposed again; every point of a score has a reason.  `confident` says that one confirmation
may do: the first is far enough ahead, nothing speaks against it, and it is known whose it is.
Not covered: linking.  A proposal is never a link; a person confirms it.

Signals: the case number announced with the upload (exact, after full-width forms and brackets are
made one), an officer of the case recording within its time, who had the device then, the place,
the unit.  All weights are policy data, per mille.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cases.links.attribution import Attribution
from cases.links.clock import DAY_MS
from cases.links.words import Reason

_BRACKETS = str.maketrans({
    **dict.fromkeys("([【{〔〖「﹝", "["), **dict.fromkeys(")]】}〕〗」﹞", "]"),
})  # fmt: skip
_METRES_PER_E7_DEGREE = 6_371_008.8 * math.pi / 180 / 10**7


@dataclass(frozen=True, slots=True)
class ProposalPolicy:
    """Weights (their sum is cut at 1000) and limits of the signals; all of it policy data."""

    buffer_ms: int
    number: int
    officer_window: int
    officer_unsure: int
    officer_open: int
    officer: int
    other_officer: int
    """Per mille of what the officer's signal is worth if only the user code names him."""

    unit_window: int
    custody: int
    device: int
    place: int
    place_far: int
    unit: int
    number_elsewhere: int
    other_number: int
    near_m: int
    far_m: int
    broad_ms: int
    """A time of a case longer than this is no visit but how long it was open."""

    floor: int
    confident_score: int
    confident_margin: int
    limit: int
    doubts: frozenset[str] = frozenset()
    """Marks of an attribution under which no proposal is confident."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of a case, of a visit or from opening to closing; `place` if it was elsewhere."""

    start_ms: int
    end_ms: int
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as far as proposals need it: `windows` from its points, stages, opening and closing."""

    id: str
    number: str
    people: tuple[str, ...]
    unit: str | None = None
    organ: str | None = None
    windows: tuple[Window, ...] = ()
    place: tuple[int, int] | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the upload announced, and which cases are out: refused before, or linked already."""

    number: str | None = None
    out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """One case for one item; the score is per mille of what could speak for it."""

    case: str
    score: int
    confident: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class CaseIndex:
    """Cases by number, by officer and day, by unit and day, and by device."""

    cases: Mapping[str, CaseFacts]
    numbers: Mapping[str, Sequence[str]]
    days: Mapping[tuple[str, int], Sequence[str]]
    units: Mapping[tuple[str, int], Sequence[str]]
    devices: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How an item's time lies to a case's."""

    overlap_ms: int = 0
    length_ms: int = 0
    gap_ms: int | None = None
    open: bool = False
    unsure: bool = False
    place: tuple[int, int] | None = None


def normal_number(number: str) -> str:
    """A case number in the one form in which two are compared."""
    text = unicodedata.normalize("NFKC", number).translate(_BRACKETS).upper()
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def index(cases: Iterable[CaseFacts], policy: ProposalPolicy) -> CaseIndex:
    """Make cases ready for many items: every narrow window under each of its days."""
    by_id = {case.id: case for case in cases}
    numbers: dict[str, list[str]] = defaultdict(list)
    days: dict[tuple[str, int], list[str]] = defaultdict(list)
    units: dict[tuple[str, int], list[str]] = defaultdict(list)
    devices: dict[str, list[str]] = defaultdict(list)
    for case in by_id.values():
        numbers[normal_number(case.number)].append(case.id)
        for device in case.devices:
            devices[device].append(case.id)
        for day in _days(case.windows, policy):
            for person in case.people:
                days[person, day].append(case.id)
        visits = [w for w in case.windows if w.end_ms - w.start_ms <= policy.broad_ms]
        for day in _days(visits, policy) if case.unit else ():
            units[case.unit or "", day].append(case.id)
    return CaseIndex(by_id, numbers, days, units, devices)


def propose(
    item: Attribution, wish: Wish, known: CaseIndex, policy: ProposalPolicy
) -> list[Proposal]:
    """The cases an item may belong to, the likeliest first, at most `policy.limit`."""
    scored = []
    for id_ in sorted(_candidates(item, wish, known, policy) - wish.out):
        score, reasons = _score(item, wish, known.cases[id_], known, policy)
        if score >= policy.floor:
            scored.append((-score, id_, reasons))
    scored.sort(key=lambda row: row[:2])
    best = -scored[0][0] if scored else 0
    rival = -scored[1][0] if len(scored) > 1 else 0
    sure = (
        best >= policy.confident_score
        and best - rival >= policy.confident_margin
        and not policy.doubts.intersection(item.marks)
        and not any(r.code in _AGAINST for r in scored[0][2])
    )
    return [
        Proposal(id_, -score, sure and i == 0, reasons)
        for i, (score, id_, reasons) in enumerate(scored[: policy.limit])
    ]


def propose_all(
    items: Iterable[tuple[Attribution, Wish]], cases: Iterable[CaseFacts], policy: ProposalPolicy
) -> dict[str, list[Proposal]]:
    """Proposals of many items against many cases, indexed once."""
    known = index(cases, policy)
    return {item.item: propose(item, wish, known, policy) for item, wish in items}


_AGAINST = frozenset({"number-elsewhere", "other-number", "place-far"})


def _days(windows: Iterable[Window], policy: ProposalPolicy) -> set[int]:
    """The days of the windows, with one more on each side for clocks that are not sure."""
    return {
        day
        for w in windows
        for day in range(
            (w.start_ms - policy.buffer_ms) // DAY_MS - 1,
            (w.end_ms + policy.buffer_ms) // DAY_MS + 2,
        )
    }


def _candidates(
    item: Attribution, wish: Wish, known: CaseIndex, policy: ProposalPolicy
) -> set[str]:
    found: set[str] = set()
    if wish.number:
        found.update(known.numbers.get(normal_number(wish.number), ()))
    if item.device:
        found.update(known.devices.get(item.device, ()))
    for moment in (item.start_ms, item.end_ms, item.other_start_ms):
        if moment is None:
            continue
        day = moment // DAY_MS
        for person in (item.person, *item.others):
            if person:
                found.update(known.days.get((person, day), ()))
        if item.unit:
            found.update(known.units.get((item.unit, day), ()))
    return found


def _score(
    item: Attribution, wish: Wish, case: CaseFacts, known: CaseIndex, policy: ProposalPolicy
) -> tuple[int, tuple[Reason, ...]]:
    fit = _fit(item, case, policy)
    points: list[tuple[int, Reason]] = []
    points += _by_number(wish, case, fit, known, policy)
    points += _by_officer(item, case, fit, policy)
    points += _by_place(item, case, fit, policy)
    if item.device and item.device in case.devices:
        points.append((policy.device, Reason("device")))
    if case.unit and case.unit == item.unit:
        points.append((policy.unit, Reason("unit")))
    total = max(0, min(1000, sum(worth for worth, _ in points)))
    ordered = sorted(points, key=lambda row: -abs(row[0]))
    return total, tuple(reason for _, reason in ordered)


def _by_number(
    wish: Wish, case: CaseFacts, fit: _Fit, known: CaseIndex, policy: ProposalPolicy
) -> list[tuple[int, Reason]]:
    """The announced number, which counts for less where the time of the case is known and another."""
    if not wish.number:
        return []
    number = normal_number(wish.number)
    if number != normal_number(case.number):
        worth = policy.other_number if number in known.numbers else 0
        return [(-worth, Reason("other-number", {"number": wish.number}))]
    if fit.gap_ms is not None and fit.gap_ms > policy.buffer_ms and not fit.unsure:
        return [(policy.number_elsewhere, Reason("number-elsewhere"))]
    return [(policy.number, Reason("number"))]


def _by_officer(
    item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy
) -> list[tuple[int, Reason]]:
    """Who recorded and when; somebody whom only the user code names counts for a part."""
    other = next((p for p in item.others if p in case.people), None)
    if item.person in case.people:
        share, first = 1000, []
    elif other is not None:
        share = policy.other_officer
        first = [(0, Reason("other-officer", {"person": other}))]
    else:
        return _by_unit(item, case, fit, policy)
    if "no-time" in item.marks or item.start_ms is None:
        return [*first, (policy.officer * share // 1000, Reason("officer"))]
    if fit.gap_ms is not None and fit.gap_ms <= policy.buffer_ms:
        part = (
            1000 if fit.overlap_ms >= fit.length_ms else 500 + 500 * fit.overlap_ms // fit.length_ms
        )
        worth = policy.officer_window * part // 1000
        code = (
            Reason("officer-window", {"overlap_ms": fit.overlap_ms})
            if fit.overlap_ms or not fit.gap_ms
            else Reason("officer-near", {"gap_ms": fit.gap_ms})
        )
        points = [(worth * share // 1000, code)]
        if share == 1000 and item.device and "held" in {r.code for r in item.reasons}:
            points.append((policy.custody, Reason("device-custody")))
        return first + points
    if fit.unsure:
        reason = Reason("officer-unsure", {"uncertainty_ms": item.uncertainty_ms})
        return [*first, (policy.officer_unsure * share // 1000, reason)]
    if fit.open:
        return [*first, (policy.officer_open * share // 1000, Reason("officer-open"))]
    return [*first, (policy.officer * share // 1000, Reason("officer"))]


def _by_unit(
    item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy
) -> list[tuple[int, Reason]]:
    """A room's recorder or a colleague's camera, during a visit of a case of the same unit."""
    if not case.unit or item.unit != case.unit or fit.gap_ms is None or not fit.overlap_ms:
        return []
    worth = policy.unit_window * min(fit.overlap_ms, fit.length_ms) // fit.length_ms
    return [(worth, Reason("unit-window"))]


def _by_place(
    item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy
) -> list[tuple[int, Reason]]:
    """The distance to where the case was at that time: near speaks for it, far against it."""
    place = fit.place or case.place
    if item.place is None or place is None:
        return []
    metres = metres_between(item.place, place)
    if metres <= policy.near_m:
        return [(policy.place, Reason("place", {"metres": metres}))]
    if metres >= policy.far_m:
        return [(-policy.place_far, Reason("place-far", {"metres": metres}))]
    part = (policy.far_m - metres) * policy.place // (policy.far_m - policy.near_m)
    return [(part, Reason("place", {"metres": metres}))]


def metres_between(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Whole metres between two places in ten-millionths of a degree, over the ground."""
    lat, lon = (
        other[0] - one[0],
        (other[1] - one[1] + 1_800_000_000) % 3_600_000_000 - 1_800_000_000,
    )
    wide = lon * math.cos(math.radians((one[0] + other[0]) / 2 / 10**7))
    return round(math.hypot(lat, wide) * _METRES_PER_E7_DEGREE)


def _fit(item: Attribution, case: CaseFacts, policy: ProposalPolicy) -> _Fit:
    """How much of the recording lies in a visit of the case, or how far it is from one."""
    if item.start_ms is None or "no-time" in item.marks:
        return _Fit()
    start = item.start_ms
    end = start if item.end_ms is None else max(item.end_ms, start)
    visits = [w for w in case.windows if w.end_ms - w.start_ms <= policy.broad_ms]
    is_open = any(w.start_ms <= end and start <= w.end_ms for w in case.windows)
    if not visits:
        return _Fit(open=is_open)

    def shared(w: Window) -> int:
        """Milliseconds in common; below nought, how far apart."""
        return min(end, w.end_ms) - max(start, w.start_ms)

    best = max(visits, key=shared)
    overlap, gap = max(shared(best), 0), max(-shared(best), 0)
    unsure = gap - item.uncertainty_ms <= policy.buffer_ms
    place = best.place if unsure else None
    return _Fit(overlap, max(end - start, 1), gap, is_open, unsure, place)
