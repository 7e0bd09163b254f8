"""Coverage 全程覆盖: rules, time points and recordings in; one verdict a rule and occasion out.

Guarantee: exact to the millisecond, in UTC, whatever the time zone or the day.  Corrected times
decide; their uncertainty is shown and closes no hole.  Only an approved exemption exempts, and
only an approved explanation explains.  A rule that is merely allowed (可以) is shown like the
others and never asks for anything.
Not covered: which rules apply and whether an occasion arose (the procedure says), and whether a
recording shows what it must show.

Format: docs/formats/rules.md, version 1, section "Coverage".
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cases.recording.rules import Applied, Rule
from cases.recording.spans import Edge, Piece, Recordings, Track, Union, intersect

VERDICTS = ("complete", "partial", "missing", "exempt", "unjudgeable")
STATES = ("asked", "approved", "refused")


@dataclass(frozen=True, slots=True)
class Noted:
    """A time point of the case.  Of several of one code and occasion, the last noted counts."""

    code: str
    occasion: str
    at_ms: int
    uncertainty_ms: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Exemption:
    """免予记录 of a rule; without an occasion, of all its occasions."""

    list_name: str
    code: str
    state: str
    occasion: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """中断说明: why nothing was recorded in [start_ms, end_ms)."""

    list_name: str
    code: str
    start_ms: int
    end_ms: int
    state: str


@dataclass(frozen=True, slots=True)
class Case:
    """What coverage is judged from, and the policy it is judged under."""

    points: Sequence[Noted]
    tracks: Sequence[Track]
    stages_reached: frozenset[str]
    threshold_ms: int
    policy_version: str
    exemptions: Sequence[Exemption] = ()
    explanations: Sequence[Explanation] = ()


@dataclass(frozen=True, slots=True)
class Hole:
    """Where nothing was recorded, in [start_ms, end_ms).

    `uncertainty_ms` is how much longer or shorter it may be; `uncertain` says that this could
    carry it across the threshold.  `asked` says that an explanation waits for its approver.
    """

    start_ms: int
    end_ms: int
    state: str  # explained, unexplained or below_threshold
    uncertainty_ms: int
    uncertain: bool
    asked: bool

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule of one list says of one occasion of the case.  `due` is False while the
    rule's stage is not reached and none of its points is noted."""

    list_name: str
    list_version: str
    policy_version: str
    rule: Rule
    occasion: str | None
    verdict: str
    due: bool
    required: tuple[int, int] | None = None
    covered: tuple[tuple[int, int], ...] = ()
    holes: tuple[Hole, ...] = ()
    missing_ms: int = 0
    missing_points: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    met_by: tuple[str, ...] = ()
    uncertainty_ms: int = 0
    reasons: tuple[str, ...] = ()


def judge(rules: Iterable[Applied], case: Case) -> tuple[Verdict, ...]:
    """The verdicts in the order of the rules, the occasions of one in the order of their times."""
    judge = _Judge(case)
    return tuple(verdict for applied in rules for verdict in judge.rule(applied))


def unexplained(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts for which filing asks the leader's name (M04): due, 应当, and a recording is
    missing, cannot be judged, or has a hole above the threshold that nobody explained."""
    return tuple(
        v
        for v in verdicts
        if v.due
        and v.rule.must
        and (
            v.verdict in ("missing", "unjudgeable")
            or (
                v.verdict == "partial"
                # A method that must be there and is not leaves no hole to explain.
                and (
                    any(hole.state == "unexplained" for hole in v.holes)
                    or any(reason.startswith("method_missing") for reason in v.reasons)
                )
            )
        )
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """How many verdicts of each kind, over the rules that are due; the seconds that are missing."""

    must: dict[str, int]
    may: dict[str, int]
    not_due: int
    missing_ms: int
    unexplained: int


def summary(verdicts: Sequence[Verdict]) -> Summary:
    """Counts for a list of cases; 可以 and rules not yet due are counted apart."""
    must = Counter(v.verdict for v in verdicts if v.due and v.rule.must)
    may = Counter(v.verdict for v in verdicts if v.due and not v.rule.must)
    return Summary(
        {verdict: must[verdict] for verdict in VERDICTS},
        {verdict: may[verdict] for verdict in VERDICTS},
        sum(not v.due for v in verdicts),
        sum(v.missing_ms for v in verdicts if v.due and v.rule.must and v.verdict != "exempt"),
        len(unexplained(verdicts)),
    )


# --- judging ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """A verdict in the making."""

    verdict: str
    reasons: list[str]
    items: tuple[str, ...] = ()
    uncertainty_ms: int = 0
    covered: list[Piece] = field(default_factory=list)
    holes: tuple[Hole, ...] = ()
    met_by: tuple[str, ...] = ()
    missing_points: tuple[str, ...] = ()


class _Judge:
    """The case, arranged once for all rules."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._recordings = Recordings(case.tracks)
        last: dict[tuple[str, str], Noted] = {}
        for point in sorted(case.points, key=lambda p: p.index):
            last[point.code, point.occasion] = point
        self._points: dict[str, dict[str, Noted]] = {}
        for (code, occasion), point in last.items():
            self._points.setdefault(code, {})[occasion] = point
        self._exemptions: dict[tuple[str, str], list[Exemption]] = {}
        for exemption in case.exemptions:
            key = (exemption.list_name, exemption.code)
            self._exemptions.setdefault(key, []).append(exemption)
        self._explanations: dict[tuple[str, str], list[Explanation]] = {}
        for explanation in case.explanations:
            key = (explanation.list_name, explanation.code)
            self._explanations.setdefault(key, []).append(explanation)

    def rule(self, applied: Applied) -> Iterable[Verdict]:
        """One verdict for each occasion on which a point of the rule is noted, or one for none."""
        rule = applied.rule
        starts = self._points.get(rule.start.key, {}) if rule.start else {}
        ends = self._points.get(rule.end.key, {}) if rule.end else {}
        times: dict[str, int] = {}
        for noted in (*starts.values(), *ends.values()):
            times[noted.occasion] = min(noted.at_ms, times.get(noted.occasion, noted.at_ms))
        for occasion in sorted(times, key=lambda o: (times[o], o)) or [None]:
            start = starts.get(occasion) if occasion is not None else None
            end = ends.get(occasion) if occasion is not None else None
            yield self._verdict(applied, occasion, start, end)

    def _verdict(
        self, applied: Applied, occasion: str | None, start: Noted | None, end: Noted | None
    ) -> Verdict:
        rule, case = applied.rule, self._case
        found = self._judge(applied, start, end)
        self._exempt(applied, occasion, found)
        both = start is not None and end is not None and end.at_ms >= start.at_ms
        return Verdict(
            applied.list_name,
            applied.list_version,
            case.policy_version,
            rule,
            occasion,
            found.verdict,
            occasion is not None
            or rule.stage_category is None
            or rule.stage_category in case.stages_reached,
            (start.at_ms, end.at_ms) if start and end and both else None,
            tuple((piece.start_ms, piece.end_ms) for piece in found.covered),
            found.holes,
            sum(hole.length_ms for hole in found.holes if hole.state != "below_threshold"),
            found.missing_points,
            found.items,
            found.met_by,
            max([found.uncertainty_ms, *(p.uncertainty_ms for p in (start, end) if p)]),
            tuple(found.reasons),
        )

    def _exempt(self, applied: Applied, occasion: str | None, found: _Found) -> None:
        """An approved exemption stands for what is not there; a whole recording needs none."""
        if found.verdict == "complete":
            return
        for exemption in self._exemptions.get((applied.list_name, applied.rule.code), ()):
            if exemption.occasion in (None, occasion):
                found.reasons.append(f"exemption_{exemption.state}")
        if "exemption_approved" in found.reasons:
            found.verdict = "exempt"

    def _judge(self, applied: Applied, start: Noted | None, end: Noted | None) -> _Found:
        rule = applied.rule
        if rule.start is None and rule.end is None:
            return self._in_stage(rule)
        wanted = ((rule.start, start), (rule.end, end))
        absent = tuple(point.key for point, noted in wanted if point and noted is None)
        if not any(self._union(rule, (method,)).tracks for method in rule.methods):
            found = _Found("missing", ["no_track"], missing_points=absent)
            if start and end and start.at_ms < end.at_ms:
                found.holes = self._holes(applied, start, end, [])
            return found
        if absent:
            return _Found("unjudgeable", ["point_missing"], missing_points=absent)
        if start is None or end is None:
            return self._one_point(rule, start, end)
        if end.at_ms < start.at_ms:
            return _Found("unjudgeable", ["end_before_start"])
        return self._whole(applied, start, end)

    def _union(self, rule: Rule, methods: Iterable[str]) -> Union:
        return self._recordings.union(methods, rule.carriers)

    def _ways(self, rule: Rule) -> list[tuple[str, ...]]:
        """The sets of methods whose unions are looked at: each alone if all are asked, otherwise
        photographs and all that runs."""
        if rule.all_methods:
            return [(method,) for method in rule.methods]
        running = tuple(method for method in rule.methods if method != "photo")
        return [way for way in (("photo",) if "photo" in rule.methods else (), running) if way]

    def _in_stage(self, rule: Rule) -> _Found:
        """No points: one capture by an allowed method, linked to the rule's stage."""
        items: dict[str, int] = {}
        met = []
        for method in rule.methods:
            for track in self._union(rule, (method,)).tracks:
                if rule.stage_category in (None, track.stage):
                    items[track.item] = max(items.get(track.item, 0), track.uncertainty_ms)
                    met.append(method)
        found = _Found("missing", [], tuple(items), max(items.values(), default=0))
        return _met(rule, found, set(met), "no_track_in_stage")

    def _one_point(self, rule: Rule, start: Noted | None, end: Noted | None) -> _Found:
        """One point only: one capture by an allowed method that reaches past it."""
        items: dict[str, int] = {}
        met = []
        for method in rule.methods:
            for track in self._union(rule, (method,)).tracks:
                after = start is None or track.end_ms > start.at_ms or _taken(track, start.at_ms)
                before = end is None or track.start_ms < end.at_ms or _taken(track, end.at_ms)
                if after and before:
                    items[track.item] = max(items.get(track.item, 0), track.uncertainty_ms)
                    met.append(method)
        found = _Found("missing", ["one_point"], tuple(items), max(items.values(), default=0))
        return _met(rule, found, set(met), "no_track_inside")

    def _whole(self, applied: Applied, start: Noted, end: Noted) -> _Found:
        """Both points: one photograph between them, or recordings from the first to the last."""
        rule = applied.rule
        items: dict[str, None] = {}
        doubt, photo, seen = 0, False, set()
        pieces: list[Piece] | None = None
        for way in self._ways(rule):
            union = self._union(rule, way)
            if way == ("photo",):
                used, unsure = union.inside(start.at_ms, end.at_ms)
                photo = bool(used)
            else:
                used, unsure = union.used(start.at_ms, end.at_ms)
                covered = union.pieces(start.at_ms, end.at_ms)
                pieces = covered if pieces is None else intersect(pieces, covered)
                if start.at_ms == end.at_ms and union.touches(start.at_ms):
                    used = used or ("",)
            if used:
                seen.update(way)
            items.update(dict.fromkeys(item for item in used if item))
            doubt = max(doubt, unsure)
        found = _Found("missing", [], tuple(items), doubt, pieces or [])
        if pieces is not None and (rule.all_methods or not photo):
            found.holes = self._holes(applied, start, end, pieces)
        return _weigh(rule, found, photo=photo, seen=seen, runs=pieces is not None)

    def _holes(
        self, applied: Applied, start: Noted, end: Noted, pieces: Sequence[Piece]
    ) -> tuple[Hole, ...]:
        """What the pieces leave open between the two points."""
        first, last = Edge(start.uncertainty_ms, ""), Edge(end.uncertainty_ms, "")
        opens = [(start.at_ms, first), *((piece.end_ms, piece.ends) for piece in pieces)]
        closes = [*((piece.start_ms, piece.begins) for piece in pieces), (end.at_ms, last)]
        return tuple(
            self._hole(applied, a, b, left, right)
            for (a, left), (b, right) in zip(opens, closes, strict=True)
            if a < b
        )

    def _hole(self, applied: Applied, start: int, end: int, left: Edge, right: Edge) -> Hole:
        rule, length = applied.rule, end - start
        threshold = self._case.threshold_ms if rule.threshold_ms is None else rule.threshold_ms
        # Two edges of one clock are off together, so the hole between them is as long as it seems.
        together = left.clock != "" and left.clock == right.clock
        doubt = 0 if together else left.uncertainty_ms + right.uncertainty_ms
        if length <= threshold:
            return Hole(start, end, "below_threshold", doubt, length + doubt > threshold, False)
        said = self._explanations.get((applied.list_name, rule.code), ())
        approved = [e for e in said if e.state == "approved"]
        waiting = [e for e in said if e.state in ("approved", "asked")]
        explained = _longest_rest(start, end, approved) <= threshold
        asked = not explained and _longest_rest(start, end, waiting) <= threshold
        state = "explained" if explained else "unexplained"
        return Hole(start, end, state, doubt, length - doubt <= threshold, asked)


def _weigh(rule: Rule, found: _Found, *, photo: bool, seen: set[str], runs: bool) -> _Found:
    """The verdict on what was found between two points."""
    open_holes = any(hole.state != "below_threshold" for hole in found.holes)
    whole = runs and not open_holes and bool(seen - {"photo"})
    if rule.all_methods:
        return _met(rule, found, seen, "no_track_inside", whole=not open_holes)
    if photo or whole:
        found.verdict = "complete"
        found.met_by = (("photo",) if photo else ()) + (("running",) if whole else ())
    elif seen:
        found.verdict = "partial"
    else:
        found.reasons.append("no_track_inside")
    return found


def _met(rule: Rule, found: _Found, met: set[str], reason: str, *, whole: bool = True) -> _Found:
    """The verdict where each method is either there or not."""
    lacking = [method for method in rule.methods if method not in met] if rule.all_methods else []
    found.met_by = tuple(method for method in rule.methods if method in met)
    if not met:
        found.reasons.append(reason)
        return found
    found.reasons += [f"method_missing:{method}" for method in lacking]
    found.verdict = "partial" if lacking or not whole else "complete"
    return found


def _taken(track: Track, at_ms: int) -> bool:
    return track.kind == "photo" and track.start_ms == at_ms


def _longest_rest(start: int, end: int, said: Iterable[Explanation]) -> int:
    """The longest part of [start, end) that none of the explanations speaks of."""
    longest, reach = 0, start
    for explanation in sorted(said, key=lambda e: e.start_ms):
        longest = max(longest, min(explanation.start_ms, end) - reach)
        reach = max(reach, explanation.end_ms)
        if reach >= end:
            return longest
    return max(longest, end - reach)
