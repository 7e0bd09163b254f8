"""Coverage 全程覆盖: rules, time points and recordings in; one verdict a rule and occasion out.

Guarantee: exact to the millisecond, in UTC, whatever the time zone or the day.  Corrected times
decide; their uncertainty is shown and closes no hole.  Only an approved exemption exempts, and
only an approved explanation explains.  A rule that is merely allowed (可以) is shown like the
others and never asks for anything.
Not covered: which rules apply and whether an occasion arose (the procedure says), and whether a
recording shows what it must show.

Format: docs/formats/rules.md, version 1, section "Coverage".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cases.recording.rules import Applied, Point, Rule
from cases.recording.spans import (
    ALWAYS,
    NEVER,
    Edge,
    Group,
    Piece,
    Recordings,
    Row,
    Union,
    intersect,
)
from cases.recording.verdicts import (
    FIRST_OCCASION,
    Case,
    Exemption,
    Explanation,
    Hole,
    Noted,
    Verdict,
)

Window = tuple[int, int]
"""From when to when a verdict looks at recordings, both included; it may be empty."""
NOTHING = NEVER, ALWAYS

Known = dict[tuple[str, str, str, str | None, int, int], tuple[Verdict, Window]]
"""Verdicts given before and where they looked, by rule, occasion and the indices of its points (-1:
not noted)."""


def judge(rules: Iterable[Applied], case: Case, known: Known | None = None) -> tuple[Verdict, ...]:
    """The verdicts in the order of the rules, the occasions of one in the order of their times.

    `known` is read and added to; it holds as long as nothing of the case but its points changes,
    which must have an index each.
    """
    judge = _Judge(case, {} if known is None else known)
    return tuple(verdict for applied in rules for verdict in judge.rule(applied))


def untouched(known: Known, recordings: Recordings, changes: Sequence[tuple[Group, Row]]) -> Known:
    """The verdicts that hold although these recordings came or went.

    A verdict looks at recordings of the kinds that its rule allows and that touch its time, and at
    which kinds there are at all: these must be the same before and after.
    """
    return {
        key: (verdict, (first, last))
        for key, (verdict, (first, last)) in known.items()
        if not any(
            start <= last
            and end >= first
            and group in recordings.chosen(verdict.rule.methods, verdict.rule.carriers)
            for group, (start, end, *_) in changes
        )
    }


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

    def __init__(self, case: Case, verdicts: Known) -> None:
        self._case, self._verdicts = case, verdicts
        known = case.tracks  # arranged before by who judges the same recordings again and again
        self._recordings = known if isinstance(known, Recordings) else Recordings(known)
        self._points: dict[str, dict[str, list[Noted]]] = {}
        for point in sorted(case.points, key=lambda p: (p.at_ms, p.index)):
            self._points.setdefault(point.code, {}).setdefault(point.occasion, []).append(point)
        self._exemptions: dict[tuple[str, str], list[Exemption]] = {}
        for exemption in case.exemptions:
            key = (exemption.list_name, exemption.code)
            self._exemptions.setdefault(key, []).append(exemption)
        self._explanations: dict[tuple[str, str], list[Explanation]] = {}
        for explanation in case.explanations:
            key = (explanation.list_name, explanation.code)
            self._explanations.setdefault(key, []).append(explanation)

    def rule(self, applied: Applied) -> Iterator[Verdict]:
        """One verdict for each occasion on which a point of the rule is noted, or one for none."""
        rule = applied.rule
        starts, ends = self._noted(rule.start), self._noted(rule.end)
        times: dict[str, int] = {}
        for first, *_ in (*starts.values(), *ends.values()):
            times[first.occasion] = min(first.at_ms, times.get(first.occasion, first.at_ms))
        if not times:
            yield self._known(applied, None, None, None)
        # Of several notes those that ask for the most: between two points the widest interval, and
        # of a single point the time that is hardest to reach past.
        both = rule.start is not None and rule.end is not None
        for occasion in sorted(times, key=lambda o: (times[o], o)):
            start, end = starts.get(occasion), ends.get(occasion)
            yield self._known(
                applied,
                occasion,
                start[0 if both else -1] if start else None,
                end[-1 if both else 0] if end else None,
            )

    def _known(
        self, applied: Applied, occasion: str | None, start: Noted | None, end: Noted | None
    ) -> Verdict:
        key = (
            applied.list_name, applied.list_version, applied.rule.code, occasion,
            -1 if start is None else start.index, -1 if end is None else end.index,
        )  # fmt: skip
        if key not in self._verdicts:
            verdict = self._verdict(applied, occasion, start, end)
            self._verdicts[key] = verdict, _window(applied.rule, start, end)
        return self._verdicts[key][0]

    def _noted(self, point: Point | None) -> dict[str, list[Noted]]:
        """The notes of the point by occasion, in the order of their times."""
        if point is None:
            return {}
        other = self._case.aliases.get(point.key, point.key)
        return self._points.get(point.key) or self._points.get(other, {})

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
            if exemption.occasion == (occasion or FIRST_OCCASION):
                found.reasons.append(f"exemption_{exemption.state}")
        if "exemption_approved" in found.reasons:
            found.verdict = "exempt"

    def _judge(self, applied: Applied, start: Noted | None, end: Noted | None) -> _Found:
        rule = applied.rule
        if rule.start is None and rule.end is None:
            return self._in_stage(rule)
        wanted = ((rule.start, start), (rule.end, end))
        absent = tuple(point.key for point, noted in wanted if point and noted is None)
        if not any(self._recordings.holds(method, rule.carriers) for method in rule.methods):
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
        stage = rule.stage_category
        met = {m for m in rule.methods if self._union(rule, (m,)).in_stage(stage)[0]}
        found = [self._union(rule, way).in_stage(stage) for way in self._ways(rule)]
        items, doubt = _together(found)
        return _met(rule, _Found("missing", [], items, doubt), met, "no_track_in_stage")

    def _one_point(self, rule: Rule, start: Noted | None, end: Noted | None) -> _Found:
        """One point only: one capture by an allowed method that reaches past it."""
        after, before = start.at_ms if start else ALWAYS, end.at_ms if end else NEVER
        met, items, doubt = self._between(rule, after, before)
        found = _Found("missing", ["one_point"], items, doubt)
        return _met(rule, found, met, "no_track_inside")

    def _between(self, rule: Rule, start: int, end: int) -> tuple[set[str], tuple[str, ...], int]:
        """The methods that show some of the time between, the items that do, and their doubt."""
        met = {m for m in rule.methods if self._union(rule, (m,)).shows(start, end)}
        found = [self._union(rule, way).used(start, end) for way in self._ways(rule)]
        return met, *_together(found)

    def _whole(self, applied: Applied, start: Noted, end: Noted) -> _Found:
        """Both points: one photograph between them, or recordings from the first to the last."""
        rule = applied.rule
        met, items, doubt = self._between(rule, start.at_ms, end.at_ms)
        found = _Found("missing", [], items, doubt)
        running = [way for way in self._ways(rule) if way != ("photo",)]
        if running:
            for at, way in enumerate(running):
                pieces = self._union(rule, way).pieces(start.at_ms, end.at_ms)
                found.covered = intersect(found.covered, pieces) if at else pieces
            found.holes = self._holes(applied, start, end, found.covered)
        whole = all(hole.state == "below_threshold" for hole in found.holes)
        if rule.all_methods:
            return _met(rule, found, met, "no_track_inside", whole=whole)
        if "photo" in met:
            found.holes, whole = (), True  # one photograph is enough, so nothing is missing
        return _met(rule, found, met, "no_track_inside", whole=whole)

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
            wide = length + doubt > threshold
            return Hole(start, end, "below_threshold", doubt, uncertain=wide, asked=False)
        said = self._explanations.get((applied.list_name, rule.code))
        certain = length - doubt > threshold
        if not said:
            return Hole(start, end, "unexplained", doubt, uncertain=not certain, asked=False)
        approved = [e for e in said if e.state == "approved"]
        waiting = [e for e in said if e.state in ("approved", "asked")]
        explained = _rest(start, end, approved) <= threshold
        asked = not explained and _rest(start, end, waiting) <= threshold
        state = "explained" if explained else "unexplained"
        return Hole(start, end, state, doubt, uncertain=not certain, asked=asked)


def _window(rule: Rule, start: Noted | None, end: Noted | None) -> Window:
    """Where the verdict looks: nowhere while a point is missing, everywhere without points."""
    if (rule.start and start is None) or (rule.end and end is None):
        return NOTHING
    first, last = start.at_ms if start else ALWAYS, end.at_ms if end else NEVER
    return first, last


def _together(found: Sequence[tuple[tuple[str, ...], int]]) -> tuple[tuple[str, ...], int]:
    """Items of several unions, each once, and the greatest of their uncertainties."""
    if len(found) == 1:
        return found[0]
    items = dict.fromkeys(item for used, _ in found for item in used)
    return tuple(items), max(doubt for _, doubt in found)


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


def _rest(start: int, end: int, said: Iterable[Explanation]) -> int:
    """How much of [start, end) none of the explanations speaks of, altogether.

    Altogether, because a hole cut small by a few instants of explanation is not explained.
    """
    rest, reach = 0, start
    real = (e for e in said if e.start_ms < e.end_ms)
    for explanation in sorted(real, key=lambda e: e.start_ms):
        rest += max(0, min(explanation.start_ms, end) - reach)
        reach = max(reach, min(explanation.end_ms, end))
    return rest + end - reach
