"""Which rules a case is judged by, and which of them are due: what the law of the case demands.

Guarantee: the rules are those of the lists that were in force when the case was opened and those of
its procedure; where a list asks for the same span as the procedure, the list speaks.
Not covered: whether they were followed (`cases.judging`).

A rule without any noted point is due only as far as its stage says: a stage that was entered and
has no noted point at all is asked for its first 应当 rule (and those that begin with the same
point), since somebody who notes nothing must not be better off; the rest of its rules wait for
their occasion, which a case need not have.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cases.procedure.machine import mandatory
from cases.procedure.model import Procedure, Requirement
from cases.recording.rules import Applied, Point, Rule, RuleList, applied
from cases.recording.verdicts import Verdict
from cases.standing import Standing


def rules_for(
    procedure: Procedure | None, kind: str, lists: Sequence[RuleList], at_ms: int
) -> list[Applied]:
    """The rules of the lists, and those of the procedure that no list speaks of."""
    category = kind if procedure is None else procedure.category
    found = list(applied(lists, category=category, at_ms=at_ms))
    if procedure is not None:
        spans = {_span(one.rule) for one in found}
        own = [_rule(procedure, needed) for needed in procedure.recordings]
        version = str(procedure.version)
        found += [
            Applied(procedure.name, version, rule) for rule in own if _span(rule) not in spans
        ]
    return found


ALIASES: Mapping[str, str] = {
    "seizure_started": "measure_taken", "preservation_started": "preserved_at",
    "service_ended": "served_at", "hearing_entered": "hearing_started",
    "hearing_left": "hearing_ended",
}  # fmt: skip
"""A point of the lists -> what a shipped procedure calls it, where it has another code for it."""


def aliases(procedure: Procedure | None, rules: Iterable[Applied]) -> dict[str, str]:
    """Under which code this procedure notes a point of the rules that it does not know as such: by
    the table above, or by the very words of its own label."""
    if procedure is None:
        return {}
    labels = {point.label.zh: point.code for point in procedure.points}
    found: dict[str, str] = {}
    for one in rules:
        for point in (one.rule.start, one.rule.end):
            if point is not None and procedure.point(point.key) is None:
                other = labels.get(point.text, ALIASES.get(point.key, ""))
                if procedure.point(other) is not None:
                    found[point.key] = other
    return found


def _span(rule: Rule) -> tuple[str | None, str | None]:
    start, end = rule.start, rule.end
    return None if start is None else start.code, None if end is None else end.code


def _rule(procedure: Procedure, needed: Requirement) -> Rule:
    stage = procedure.stage(needed.stage)

    def point(code: str | None) -> Point | None:
        known = None if code is None else procedure.point(code)
        return None if code is None else Point(known.label.zh if known else code, code)

    return Rule(
        code=needed.code, methods=needed.methods, must=needed.level == "must",
        matter=needed.label.zh, stage=stage.label.zh if stage else "",
        stage_category=stage.category if stage else None, start=point(needed.start),
        end=point(needed.end), threshold_ms=needed.hole_ms,
    )  # fmt: skip


# --- which are due --------------------------------------------------------------------------


def due(now: Standing, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts, with `due` as the head of this module says."""
    found = list(verdicts)
    noted = {p.point for p in now.live_points}
    busy = {group(now, v) for v in found if _points(v.rule) & noted}
    first: dict[tuple[str, str], str] = {}
    for verdict in found:
        if verdict.rule.must and verdict.rule.start is not None:
            first.setdefault(group(now, verdict), verdict.rule.start.key)
    asked = [(v, _due(now, v, busy, first)) for v in found]
    return tuple(v if v.due == wanted else replace(v, due=wanted) for v, wanted in asked)


def _due(
    now: Standing,
    verdict: Verdict,
    busy: set[tuple[str, str]],
    first: Mapping[tuple[str, str], str],
) -> bool:
    start = verdict.rule.start
    if verdict.occasion is not None or not verdict.due or start is None:
        return verdict.due
    mine = group(now, verdict)
    if now.procedure is not None and (stage := now.procedure.stage(mine[1])) is not None:
        entered = now.state.entry_of(now.procedure, stage.code) is not None
        if not entered and not mandatory(stage, now.state):
            return False
    return mine not in busy and first.get(mine) == start.key


def _points(rule: Rule) -> set[str]:
    return {point.key for point in (rule.start, rule.end) if point is not None}


def group(now: Standing, verdict: Verdict) -> tuple[str, str]:
    """The list, and the stage of the procedure (or its category) that the rule belongs to."""
    start = verdict.rule.start
    if now.procedure is not None and start is not None and start.code is not None:
        point = now.procedure.point(start.code)
        if point is not None and point.stage is not None:
            return verdict.list_name, point.stage
    return verdict.list_name, verdict.rule.stage_category or ""
