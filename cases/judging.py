"""Coverage of a case: its rows become what `cases.recording.coverage` judges, and verdicts come out.

Guarantee: the rules are those of the lists that were in force when the case was opened and those of
its procedure; where a list asks for the same span as the procedure, the list speaks.  A verdict
names its list's version and the policy's.  Nothing is written here but by `record`.
Not covered: whether what was recorded shows what it must show.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from cases import policy as policies
from cases import standing, versions
from cases.inbox import sql
from cases.occasions import aliases, due, group, rules_for
from cases.policy import Policy
from cases.procedure.model import STAGE_CATEGORIES, Procedure
from cases.recording.coverage import Known, judge, untouched
from cases.recording.spans import Group, Recordings, Row
from cases.recording.verdicts import (
    FIRST_OCCASION,
    Case,
    Exemption,
    Explanation,
    Noted,
    Verdict,
)
from cases.standing import Standing
from storage import bulk
from storage.ledger import Draft, Event, Ledger, random_id
from verify.errors import MalformedError, NotFoundError

MOST_ITEMS = 20
"""How many items a verdict names; `item_count` says how many there are."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The coverage of a case as it is now."""

    standing: Standing
    policy: Policy
    rules: tuple[str, ...]  # name@version of every list that was applied
    verdicts: tuple[Verdict, ...]
    tracks: int
    untimed: int  # linked recordings whose times are not known


def key_of(verdict: Verdict) -> str:
    """What a person names a rule by: `list/code`."""
    return f"{verdict.list_name}/{verdict.rule.code}"


def split_key(key: str) -> tuple[str, str]:
    """The list and the code of `list/code`."""
    name, _, code = key.rpartition("/")
    return name, code


_WORST = ("missing", "unjudgeable", "partial", "exempt", "complete")


def by_stage(found: "Judged") -> Mapping[str, str]:
    """The worst verdict of each stage of the procedure, over what is due and 应当."""
    worst: dict[str, str] = {}
    for verdict in found.verdicts:
        _, stage = group(found.standing, verdict)
        if verdict.due and verdict.rule.must:
            other = worst.get(stage, verdict.verdict)
            worst[stage] = min(other, verdict.verdict, key=_WORST.index)
    return worst


# --- rows -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Linked:
    """The recordings of a case, arranged for judging."""

    recordings: Recordings
    links: int
    untimed: int  # of them those whose times are not known
    verdicts: dict[Any, Known] = field(default_factory=dict)  # by what else they depend on


def read(conn: Connection, case: str, now_ms: int) -> Judged:
    """The coverage of the case; NotFoundError."""
    now = standing.read(conn, case)
    return of_standing(conn, now, linked(rows_of(conn, case), now.procedure), now_ms)


def of_standing(conn: Connection, now: Standing, found: Linked, now_ms: int) -> Judged:
    """The same for a case that was read, with its recordings."""
    row, policy = now.case, policies.in_force(conn, now_ms)
    lists = versions.lists_for(
        conn, row.organ, row.opened_ms, opened=row.opened_index, closed=row.closed_index
    )
    rules = rules_for(now.procedure, row.kind, lists, row.opened_ms)
    asked, said = _asked(conn, row.id)
    case = Case(
        points=[
            Noted(p.point, p.occasion, p.at_ms, p.uncertainty_ms, p.index) for p in now.live_points
        ],
        tracks=found.recordings, stages_reached=_reached(now), threshold_ms=policy.coverage.hole_ms,
        policy_version=policy.version, exemptions=asked, explanations=said,
        aliases=aliases(now.procedure, rules),
    )  # fmt: skip
    depends = case.stages_reached, case.threshold_ms, policy.version, *asked, *said
    if depends not in found.verdicts:
        found.verdicts.clear()
        found.verdicts[depends] = {}
    verdicts = due(now, judge(rules, case, found.verdicts[depends]))
    names = tuple(dict.fromkeys(f"{one.list_name}@{one.list_version}" for one in rules))
    return Judged(now, policy, names, verdicts, found.links, found.untimed)


def _reached(now: Standing) -> frozenset[str]:
    """The categories of the stages that were entered; all where no procedure says which there are."""
    if now.procedure is None:
        return frozenset(STAGE_CATEGORIES)
    stages = [now.procedure.stage(code) for code, _ in now.state.entered]
    return frozenset(stage.category for stage in stages if stage is not None)


_LINKED = (
    'SELECT k."item", a."kind", a."carrier", a."sound", a."start_ms", a."end_ms", '
    'a."uncertainty_ms", k."stage", a."device", a."person", a."marks", l."ended_ms", '
    'l."due_ms", l."sealed_ms" FROM link k LEFT JOIN attribution a ON a."item" = k."item" '
    'LEFT JOIN late l ON l."item" = k."item" '
    'WHERE k."case" = ? AND k."unlinked_index" IS NULL'
)


def rows_of(conn: Connection, case: str, items: Collection[str] | None = None) -> Sequence[Any]:
    """The linked recordings: item, kind, carrier, sound, start, end, uncertainty, stage of the link,
    device, person, marks, and of a late one when it ended, was due and was in.  Of these items
    only, if a list is given."""
    if items is None:
        return bulk.select(conn, _LINKED, (case,))
    return sql.rows(conn, f'{_LINKED} AND k."item" IN {sql.LIST}', case, items)


def linked(rows: Sequence[Any], procedure: Procedure | None) -> Linked:
    """What `rows_of` found, for judging."""
    groups: dict[Group, list[Row]] = {}
    for of, row in (timed := _timed(rows, procedure)):
        groups.setdefault(of, []).append(row)
    return Linked(Recordings.of(groups), len(rows), _untimed(rows, timed))


def relinked(
    before: Linked, gone: Sequence[Any], come: Sequence[Any], procedure: Procedure | None
) -> Linked:
    """The same after some rows went and others came: what these do not touch is not done again."""
    old, new = _timed(gone, procedure), _timed(come, procedure)
    recordings = before.recordings.changed(old, new)
    verdicts: dict[Any, Known] = {}
    if recordings.groups == before.recordings.groups:
        changes = (*old, *new)
        verdicts = {
            key: untouched(known, recordings, changes) for key, known in before.verdicts.items()
        }
    links = before.links - len(gone) + len(come)
    untimed = before.untimed - _untimed(gone, old) + _untimed(come, new)
    return Linked(recordings, links, untimed, verdicts)


def _timed(rows: Sequence[Any], procedure: Procedure | None) -> list[tuple[Group, Row]]:
    """Those that can be judged: of a known time, and not only paper."""
    stages = {stage: _category(procedure, stage) or "" for stage in {row[7] for row in rows}}
    found: list[tuple[Group, Row]] = []
    for item, kind, carrier, sound, start, end, doubt, stage, device, *_ in rows:
        if kind != "other" and _has_time(kind, start, end):
            row = (
                start,
                start if kind == "photo" else end,
                doubt,
                device or "",
                item,
                stages[stage],
            )
            found.append(((kind, carrier, bool(sound)), row))
    return found


def _has_time(kind: str | None, start: int | None, end: int | None) -> bool:
    return start is not None and (kind == "photo" or (end is not None and end > start))


def _untimed(rows: Sequence[Any], timed: Sequence[Any]) -> int:
    """How many rows have no time; `timed` are those of them that can be judged."""
    if len(rows) == len(timed):
        return 0
    return sum(not _has_time(row[1], row[4], row[5]) for row in rows)


def _category(procedure: Procedure | None, stage: str | None) -> str | None:
    """The category of the stage that a link names: by its code in the procedure, or itself."""
    known = None if procedure is None or stage is None else procedure.stage(stage)
    if known is not None:
        return known.category
    return stage if stage in STAGE_CATEGORIES else None


_STATES = {None: "asked", "approved": "approved", "refused": "refused"}


def _asked(conn: Connection, case: str) -> tuple[list[Exemption], list[Explanation]]:
    """Exemptions and explanations as they stand; what was withdrawn is as if it had not been."""
    rows = bulk.select(
        conn,
        'SELECT "kind", "rule", "occasion", "start_ms", "end_ms", "decision" FROM approval '
        "WHERE \"case\" = ? AND \"kind\" IN ('interruption', 'exemption')",
        (case,),
    )
    exemptions, explanations = [], []
    for kind, rule, occasion, start, end, decision in rows:
        state = _STATES.get(decision)
        if state is None:
            continue
        name, code = split_key(rule)
        if kind == "exemption":
            exemptions.append(Exemption(name, code, state, occasion or FIRST_OCCASION))
        else:
            explanations.append(Explanation(name, code, start, end, state))
    return exemptions, explanations


# --- saying and recording -------------------------------------------------------------------


def value(verdict: Verdict) -> dict[str, Any]:
    """A verdict for entries and programs."""
    found: dict[str, Any] = {
        "rule": key_of(verdict), "list": verdict.list_name, "version": verdict.list_version,
        "code": verdict.rule.code, "must": verdict.rule.must, "occasion": verdict.occasion,
        "verdict": verdict.verdict, "due": verdict.due,
        "required": None if verdict.required is None else list(verdict.required),
        "holes": [
            {
                "start_ms": h.start_ms, "end_ms": h.end_ms, "state": h.state, "asked": h.asked,
                "uncertainty_ms": h.uncertainty_ms, "uncertain": h.uncertain,
            }
            for h in verdict.holes
        ],
        "missing_ms": verdict.missing_ms, "missing_points": list(verdict.missing_points),
        "items": list(verdict.items[:MOST_ITEMS]), "item_count": len(verdict.items),
        "met_by": list(verdict.met_by), "uncertainty_ms": verdict.uncertainty_ms,
        "reasons": list(verdict.reasons),
    }  # fmt: skip
    return found


def draft(found: Judged, *, why: str, actor: str) -> Draft:
    """The entry that keeps these verdicts."""
    case = found.standing.case
    fields: dict[str, Any] = {
        "case": case.id, "verdicts": [value(v) for v in found.verdicts],
        "rules": list(found.rules), "policy": found.policy.version, "why": why,
    }  # fmt: skip
    if case.procedure is not None:
        fields["procedure"] = case.procedure
    return Draft("coverage.judged", f"c:{case.id}", actor, fields)


async def record(ledger: Ledger, actor: str, case: str, *, why: str, now_ms: int) -> Event:
    """Judge the case and keep the verdicts."""

    def decide(conn: Connection) -> list[Draft]:
        return [draft(read(conn, case, now_ms), why=why, actor=actor)]

    return (await ledger.record(f"judge:{random_id()}", decide))[0]


def known_rule(found: Judged, rule: str, occasion: str | None = None) -> Verdict:
    """The verdict of that rule (on that occasion, where one is named); NotFoundError."""
    for verdict in found.verdicts:
        if key_of(verdict) == rule and occasion in (None, verdict.occasion):
            return verdict
    raise NotFoundError(f"rule: expected one that applies to the case, got {rule!r:.120}")


def open_holes(
    found: Judged, rule: str, occasion: str | None = None
) -> Iterator[tuple[str, int, int]]:
    """Occasion, start and end of the holes of that rule that nobody explained."""
    for verdict in found.verdicts:
        if key_of(verdict) == rule and occasion in (None, verdict.occasion):
            for hole in verdict.holes:
                if hole.state == "unexplained":
                    yield verdict.occasion or FIRST_OCCASION, hole.start_ms, hole.end_ms


def only_occasion(found: Judged, rule: str) -> str:
    """The one on which points of the rule are noted, the first where none is; MalformedError if
    there are several: what is asked of one must not reach those that come later."""
    noted = [v.occasion for v in found.verdicts if key_of(v) == rule and v.occasion is not None]
    if len(noted) > 1:
        raise MalformedError(f"occasion: expected one of {', '.join(noted):.200}, got none")
    return noted[0] if noted else FIRST_OCCASION


def should_start(found: Judged, verdict: Verdict) -> int:
    """When the recording that a rule asks for should have begun; the opening where nobody noted it."""
    start = verdict.rule.start
    times = [
        p.at_ms
        for p in found.standing.live_points
        if start is not None and p.point == start.key and verdict.occasion in (None, p.occasion)
    ]
    return min(times, default=found.standing.case.opened_ms)
