"""Proposals 关联建议: to which case a recording belongs, with a score and the reasons (M12).

Guarantee: the same facts give the same proposals in the same order; what was refused or is linked
is not proposed again; every point of a score has a reason.  `confident` says that one confirmation
may do: the first is far enough ahead, its time fits if any other's does, and it is known whose it
is.
Not covered: linking.  A proposal is never a link; a person confirms it.

Signals: the case number announced with the upload (exact, after full-width forms and brackets are
made one), an officer of the case recording within its time, who had the device then, the place,
the unit.  All weights are policy data, per mille.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cases.links.attribution import Attribution
from cases.links.caseindex import CaseFacts, CaseIndex, Ready, index, normal_number
from cases.links.clock import DAY_MS
from cases.links.words import Reason

_METRES = 6_371_008.8 * math.pi / 180 / 10**7  # of one ten-millionth of a degree of latitude
_IN_TIME = frozenset({"officer-window", "officer-near", "officer-unsure", "unit-window"})


@dataclass(frozen=True, slots=True)
class ProposalPolicy:
    """Weights and limits of the signals; all of it policy data, weights per mille."""

    buffer_ms: int
    """A recording this far from a visit still belongs to it."""

    broad_ms: int
    """A window longer than this is no visit but how long the case was open."""

    number: int
    number_untimed: int
    """The number alone, where the case has no visit that could speak for it."""

    number_elsewhere: int
    """The number, where the case has visits and the recording lies in none."""

    other_number: int
    """Taken off where the number of another case was announced."""

    officer_window: int
    touching: int
    """Per mille of `officer_window` for a recording of which next to nothing lies in the window."""

    officer_unsure: int
    officer_open: int
    officer: int
    other_officer: int
    """Per mille of an officer's signal if only the device's user code names him."""

    unit_window: int
    custody: int
    device: int
    unit: int
    place: int
    place_far: int
    near_m: int
    far_m: int
    floor: int
    """Less than this is not proposed."""

    confident_score: int
    confident_margin: int
    limit: int
    doubts: frozenset[str] = frozenset()
    """Marks of an attribution under which no proposal is confident."""


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
class _Fit:
    """How an item's time lies to the visit of a case that it has most in common with."""

    overlap_ms: int = 0
    buffered_ms: int = 0  # in common with the visit and the buffer around it
    length_ms: int = 1
    gap_ms: int | None = None  # None: the case has no visit
    open: bool = False  # it touches a window of the case
    between: bool = False  # it lies between opening and filing
    unsure: bool = False  # within the visit, as far as the clock is sure
    place: tuple[int, int] | None = None


_Points = list[tuple[int, Reason]]
_Scored = tuple[int, str, tuple[Reason, ...]]


def propose(
    item: Attribution, wish: Wish, known: CaseIndex, policy: ProposalPolicy
) -> list[Proposal]:
    """The cases an item may belong to, the likeliest first, at most `policy.limit`."""
    number = normal_number(wish.number) if wish.number else ""
    scored: list[_Scored] = []
    for id_ in _candidates(item, number, known) - wish.out:
        score, reasons = _score(item, number, known.cases[id_], known, policy)
        if score >= policy.floor:
            scored.append((score, id_, reasons))
    scored.sort(key=lambda row: (-row[0], row[1]))
    sure = _sure(item, scored, policy)
    return [
        Proposal(id_, score, sure and i == 0, reasons)
        for i, (score, id_, reasons) in enumerate(scored[: policy.limit])
    ]


def propose_all(
    items: Iterable[tuple[Attribution, Wish]], cases: Iterable[CaseFacts], policy: ProposalPolicy
) -> dict[str, list[Proposal]]:
    """Proposals of many items against many cases, indexed once."""
    known = index(cases, buffer_ms=policy.buffer_ms, broad_ms=policy.broad_ms)
    return {item.item: propose(item, wish, known, policy) for item, wish in items}


def metres_between(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Whole metres between two places in ten-millionths of a degree, over the ground."""
    lat, lon = other[0] - one[0], (other[1] - one[1] + 1_800_000_000) % 3_600_000_000
    wide = (lon - 1_800_000_000) * math.cos(math.radians((one[0] + other[0]) / 2 / 10**7))
    return round(math.hypot(lat, wide) * _METRES)


def _sure(item: Attribution, scored: Sequence[_Scored], policy: ProposalPolicy) -> bool:
    """Whether one confirmation may do for the first.

    It is not enough to be ahead: a first whose time does not fit, beside one whose time does, is
    what a wrong number looks like.
    """
    if not scored or policy.doubts.intersection(item.marks):
        return False
    first, rest = scored[0], scored[1:]
    if first[0] < policy.confident_score:
        return False
    if rest and first[0] - rest[0][0] < policy.confident_margin:
        return False
    return _in_time(first) or not any(_in_time(row) for row in rest)


def _in_time(row: _Scored) -> bool:
    return any(reason.code in _IN_TIME for reason in row[2])


def _candidates(item: Attribution, number: str, known: CaseIndex) -> set[str]:
    found = set(known.numbers.get(number, ())) if number else set()
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
    item: Attribution, number: str, ready: Ready, known: CaseIndex, policy: ProposalPolicy
) -> tuple[int, tuple[Reason, ...]]:
    case, fit = ready.case, _fit(item, ready, policy)
    points = _by_number(number, ready, fit, known, policy)
    points += _by_officer(item, case, fit, policy)
    points += _by_place(item, case, fit, policy)
    if item.device and item.device in case.devices:
        points.append((policy.device, Reason("device")))
    if case.unit and case.unit == item.unit:
        points.append((policy.unit, Reason("unit")))
    points.sort(key=lambda row: -abs(row[0]))
    total = max(0, min(1000, sum(worth for worth, _ in points)))
    return total, tuple(reason for _, reason in points)


def _by_number(
    number: str, ready: Ready, fit: _Fit, known: CaseIndex, policy: ProposalPolicy
) -> _Points:
    """The announced number, which counts for less where no time of the case speaks for it."""
    if not number:
        return []
    if number != ready.number:
        worth = policy.other_number if number in known.numbers else 0
        return [(-worth, Reason("other-number", {"number": number}))]
    if fit.gap_ms is None:
        return [(policy.number_untimed, Reason("number"))]
    if fit.gap_ms > policy.buffer_ms and not fit.unsure:
        return [(policy.number_elsewhere, Reason("number-elsewhere"))]
    return [(policy.number, Reason("number"))]


def _by_officer(item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy) -> _Points:
    """Who recorded and when; somebody whom only the user code names counts for a part."""
    share, first = 1000, list[tuple[int, Reason]]()
    if item.person not in case.people:
        other = next((p for p in item.others if p in case.people), None)
        if other is None:
            return _by_unit(item, case, fit, policy)
        share, first = policy.other_officer, [(0, Reason("other-officer", {"person": other}))]
    worth, reason = _in_window(item, fit, policy)
    first.append((worth * share // 1000, reason))
    held = share == 1000 and any(r.code == "held" for r in item.reasons)
    if held and reason.code in _IN_TIME:
        first.append((policy.custody, Reason("device-custody")))
    return first


def _in_window(item: Attribution, fit: _Fit, policy: ProposalPolicy) -> tuple[int, Reason]:
    """What an officer's time is worth: in a visit, near one, perhaps in one, while it was open."""
    if fit.gap_ms is None or not (fit.unsure or fit.gap_ms <= policy.buffer_ms):
        if fit.open:
            return policy.officer_open, Reason("officer-open" if fit.between else "officer-around")
        return policy.officer, Reason("officer")
    if fit.gap_ms > policy.buffer_ms:
        return policy.officer_unsure, Reason(
            "officer-unsure", {"uncertainty_ms": item.uncertainty_ms}
        )
    part = policy.touching + (1000 - policy.touching) * fit.buffered_ms // fit.length_ms
    worth = policy.officer_window * part // 1000
    if fit.overlap_ms or not fit.gap_ms:
        return worth, Reason("officer-window", {"overlap_ms": fit.overlap_ms})
    return worth, Reason("officer-near", {"gap_ms": fit.gap_ms})


def _by_unit(item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy) -> _Points:
    """A room's recorder or a colleague's camera, during a visit of a case of the same unit."""
    if not case.unit or item.unit != case.unit or not fit.overlap_ms:
        return []
    return [(policy.unit_window * fit.buffered_ms // fit.length_ms, Reason("unit-window"))]


def _by_place(item: Attribution, case: CaseFacts, fit: _Fit, policy: ProposalPolicy) -> _Points:
    """The distance to where the case was at that time: near speaks for it, far against it."""
    place = fit.place or case.place
    if item.place is None or place is None:
        return []
    metres = metres_between(item.place, place)
    if metres >= policy.far_m:
        return [(-policy.place_far, Reason("place-far", {"metres": metres}))]
    part = min(policy.far_m - metres, policy.far_m - policy.near_m)
    worth = policy.place * part // (policy.far_m - policy.near_m)
    return [(worth, Reason("place", {"metres": metres}))]


def _fit(item: Attribution, ready: Ready, policy: ProposalPolicy) -> _Fit:
    """How much of the recording lies in a visit of the case, or how far it is from one."""
    if item.start_ms is None or "no-time" in item.marks:
        return _Fit()
    start = item.start_ms
    end = start + 1 if item.end_ms is None else max(item.end_ms, start + 1)
    is_open = any(w.start_ms <= end and start <= w.end_ms for w in ready.case.windows)
    opened = ready.case.open_ms
    between = opened is not None and opened[0] <= start and end <= opened[1]
    best, shared = None, 0
    for visit in ready.visits:
        # Milliseconds in common; below nought, how far apart.
        common = min(end, visit.end_ms) - max(start, visit.start_ms)
        if best is None or common > shared:
            best, shared = visit, common
    if best is None:
        return _Fit(open=is_open, between=between)
    around = (best.start_ms - policy.buffer_ms, best.end_ms + policy.buffer_ms)
    buffered, gap = min(end, around[1]) - max(start, around[0]), max(-shared, 0)
    unsure = gap - item.uncertainty_ms <= policy.buffer_ms
    if item.other_start_ms is not None and unsure and gap > policy.buffer_ms:
        unsure = _near_other(item.other_start_ms, end - start, ready, policy)
    place = best.place if unsure else None
    return _Fit(
        max(shared, 0), max(buffered, 0), end - start, gap, is_open, between, unsure, place
    )  # fmt: skip


def _near_other(start: int, length: int, ready: Ready, policy: ProposalPolicy) -> bool:
    """Whether the second reading of the time, not just anything between the two, meets a visit."""
    return any(
        visit.start_ms - policy.buffer_ms <= start + length
        and start <= visit.end_ms + policy.buffer_ms
        for visit in ready.visits
    )
