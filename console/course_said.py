"""The course of a case as the API says it, in one language: stages, papers, marks, verdicts.

Guarantee: codes stand beside the words, so that a program needs no language; a code that we have no
word for says itself.
Not covered: deciding anything.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cases import judging
from cases.approvals import Stretch
from cases.marks import Mark
from cases.procedure.clocks import Running
from cases.procedure.machine import Missing
from cases.procedure.marks import CONDITION_NOT_MET, MISSING_PREDECESSOR
from cases.procedure.model import Procedure
from cases.recording.verdicts import Hole, Verdict
from cases.standing import (
    NOT,
    CaseRow,
    DocumentRow,
    FilingRow,
    Marked,
    PointRow,
    StageRow,
    Standing,
)
from console import shown
from console.i18n import Speech
from verify.entries import format_time

OR = " or "


def label(procedure: Procedure | None, kind: str, code: str, speech: Speech) -> str:
    """What the procedure calls it; the code where it has no name."""
    if procedure is not None:
        finders = {
            "stage": procedure.stage, "point": procedure.point, "document": procedure.document,
            "transition": procedure.transition, "condition": procedure.condition,
        }  # fmt: skip
        found = finders[kind](code) if kind in finders else None
        if found is not None:
            return found.label.text(speech.language)
    return shown.visible(code)


def missing(procedure: Procedure | None, lacks: Iterable[Missing], speech: Speech) -> list[Any]:
    """What an act lacks, each with a sentence."""
    return [
        {"kind": lack.kind, "code": lack.code, "text": _lack(procedure, lack, speech)}
        for lack in dict.fromkeys(lacks)
    ]


def _lack(procedure: Procedure | None, lack: Missing, speech: Speech) -> str:
    if lack.kind == "state":
        return speech.choice("lacks.state", lack.code)
    of = {"current": "stage", "time": "stage", "stated": "condition", "issued": "document"}
    kind = of.get(lack.kind, lack.kind)
    codes = lack.code.removeprefix(NOT).split(OR)
    what = speech("format.or").join(label(procedure, kind, code, speech) for code in codes)
    name = lack.kind + (".not" if lack.code.startswith(NOT) else "")
    key = f"lacks.{name}"
    return speech(key if speech.has(key) else "lacks.other", what=what)


def mark_text(procedure: Procedure | None, mark: str, speech: Speech) -> str:
    """A mark in words, with the names of what it speaks of."""
    for begin in (MISSING_PREDECESSOR, CONDITION_NOT_MET):
        if mark.startswith(begin):
            code = mark.removeprefix(begin)
            kinds = ("condition",) if begin == CONDITION_NOT_MET else ("document", "point", "stage")
            plain = code.removeprefix(NOT)
            names = [label(procedure, kind, plain, speech) for kind in kinds]
            what = next((name for name in names if name != shown.visible(plain)), names[0])
            return speech(f"mark.{begin.removesuffix(':')}", what=what)
    return speech.choice("mark", mark)


def mark(procedure: Procedure | None, value: Marked, speech: Speech) -> dict[str, Any]:
    return {
        "mark": value.mark, "text": mark_text(procedure, value.mark, speech), "what": value.what,
        "of": _of_mark(procedure, value, speech), "code": value.code, "at": format_time(value.at_ms), "index": value.index,
    }  # fmt: skip


def _of_mark(procedure: Procedure | None, value: Marked, speech: Speech) -> str:
    """What bears the mark, in words: which document, point or stage, or what was asked."""
    kind = speech.choice("marked", value.what)
    if not value.code:
        return kind
    kinds = ("transition", "stage") if value.what == "stage" else (value.what,)
    plain = shown.visible(value.code)
    names = [label(procedure, one, value.code, speech) for one in kinds]
    name = next((one for one in names if one != plain), plain)
    return speech("marked.with", kind=kind, name=name)


def _marks(procedure: Procedure | None, marks: Iterable[str], speech: Speech) -> list[Any]:
    return [{"mark": m, "text": mark_text(procedure, m, speech)} for m in marks]


def placed(row: CaseRow | Any) -> dict[str, Any]:
    """Where a case belongs: for lists and for the case itself."""
    external = row.external_system
    return {
        "procedure": row.procedure, "organ": row.organ, "unit": row.unit,
        "people": json.loads(row.people), "parties": json.loads(row.parties),
        "place": None if row.place is None else json.loads(row.place),
        "private": bool(row.private), "viewers": json.loads(row.viewers),
        "external": None if external is None else {"system": external, "key": row.external_key},
        "filed": row.closed_index is not None, "changed_index": row.changed_index,
    }  # fmt: skip


def row(value: Any, speech: Speech) -> dict[str, Any]:
    """A case of a list."""
    return {
        "id": value.id, "number": value.number, "kind": value.kind,
        "kind_text": speech.choice("kind", value.kind), "title": value.title,
        "officers": json.loads(value.officers), "opened": format_time(value.opened_ms),
        "opened_index": value.opened_index,
    } | placed(value)  # fmt: skip


def procedure(value: Procedure, speech: Speech) -> dict[str, Any]:
    return {
        "name": value.name, "version": value.version, "title": value.label.text(speech.language),
        "category": value.category, "enforcement": value.enforcement,
    }  # fmt: skip


def vocabulary(value: Procedure | None, speech: Speech) -> dict[str, Any]:
    """What can be noted of a case or done in it, by the names of its procedure."""
    if value is None:
        return {"stages": [], "points": [], "documents": [], "conditions": []}

    def named(element: Any, **more: Any) -> dict[str, Any]:
        return {"code": element.code, "label": element.label.text(speech.language)} | more

    return {
        "stages": [named(one) for one in value.stages],
        "points": [named(one) for one in value.points],
        "documents": [named(one, stage=one.stage, by=list(one.by)) for one in value.documents],
        "conditions": [named(one) for one in value.conditions],
    }


def stage_now(now: Standing, speech: Speech) -> dict[str, Any] | None:
    """Where the case stands."""
    code, known = now.current, now.procedure
    if code is None:
        return None
    stage = None if known is None else known.stage(code)
    state = now.state
    outcome = None if known is None else state.outcome
    since = state.current_since_ms
    return {
        "code": code, "label": label(known, "stage", code, speech),
        "category": None if stage is None else stage.category,
        "since": None if since is None else format_time(since),
        "suspended": state.suspended,
        "outcome": None if outcome is None else outcome.kind,
        "outcome_text": None if outcome is None else speech.choice("exit", outcome.kind),
        "filed": state.closed is not None if known is not None else bool(now.filings),
    }  # fmt: skip


def deadline(value: Running, speech: Speech) -> dict[str, Any]:
    return {
        "code": value.deadline.code, "label": value.deadline.label.text(speech.language),
        "from": format_time(value.from_ms),
        "due": None if value.due is None else format_time(value.due.ms),
        "certain": value.due is None or value.due.certain,
        "met": None if value.met_ms is None else format_time(value.met_ms),
        "overdue": value.overdue,
    }  # fmt: skip


def point(
    known: Procedure | None, value: PointRow, speech: Speech, *, live: bool
) -> dict[str, Any]:
    return {
        "index": value.index, "point": value.point, "label": label(known, "point", value.point, speech),
        "occasion": value.occasion, "at": format_time(value.at_ms),
        "uncertainty_ms": value.uncertainty_ms, "source": value.source, "text": value.text,
        "replaces": value.replaces, "replaced": not live,
        "marks": _marks(known, value.marks, speech),
    }  # fmt: skip


def stage(known: Procedure | None, value: StageRow, speech: Speech) -> dict[str, Any]:
    return {
        "index": value.index, "transition": value.transition or None, "stage": value.stage,
        "label": label(known, "stage", value.stage, speech), "exit": value.exit,
        "exit_text": None if value.exit is None else speech.choice("exit", value.exit),
        "how": value.how, "at": format_time(value.at_ms), "stated": list(value.stated),
        "other": value.other, "reason": value.reason, "marks": _marks(known, value.marks, speech),
    }  # fmt: skip


def document(known: Procedure | None, value: DocumentRow, speech: Speech) -> dict[str, Any]:
    return {
        "id": value.id, "index": value.index, "kind": value.kind,
        "label": label(known, "document", value.kind, speech), "stage": value.stage,
        "how": value.how, "at": format_time(value.at_ms), "number": value.number,
        "title": value.title, "source": value.source, "item": value.item,
        "marks": _marks(known, value.marks, speech),
    }  # fmt: skip


def filing(value: FilingRow) -> dict[str, Any]:
    return {
        "index": value.index, "at": format_time(value.at_ms), "defects": list(value.defects),
        "by": value.by, "leader": value.leader, "leader_name": value.leader_name,
    }  # fmt: skip


# --- verdicts -------------------------------------------------------------------------------


def seconds(ms: int) -> str:
    """40, 0.25: seconds without noughts at the end."""
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".")


def clock(ms: int, speech: Speech) -> str:
    """The time of day in the server's zone, to the second or as exactly as it is."""
    at = datetime.fromtimestamp(ms // 1000, speech.zone)
    text = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{text}.{ms % 1000:03}" if ms % 1000 else text


def hole(value: Hole, speech: Speech) -> dict[str, Any]:
    key = "asked" if value.asked else value.state
    return {
        "start": format_time(value.start_ms), "end": format_time(value.end_ms),
        "ms": value.length_ms, "state": value.state, "asked": value.asked,
        "uncertainty_ms": value.uncertainty_ms, "uncertain": value.uncertain,
        "text": speech(f"hole.{key}"),
    }  # fmt: skip


def stretch(value: Stretch) -> dict[str, Any]:
    """A hole that may be explained."""
    return {
        "occasion": value.occasion, "start": format_time(value.start_ms),
        "end": format_time(value.end_ms),
    }  # fmt: skip


def verdict_text(known: Procedure | None, value: Verdict, speech: Speech) -> str:
    """«partial (40 s are missing, 10:20:00–10:20:40)»."""
    word = speech(f"verdict.{value.verdict}")
    told: list[str] = []
    holes = [h for h in value.holes if h.state != "below_threshold"]
    if value.verdict == "partial" and holes:
        spans = [f"{clock(h.start_ms, speech)}–{clock(h.end_ms, speech)}" for h in holes[:3]]
        told.append(speech(
            "verdict.seconds", seconds=seconds(value.missing_ms),
            spans=speech.listed(spans + (["…"] if len(holes) > 3 else [])),
        ))  # fmt: skip
    if value.missing_points and value.verdict in ("unjudgeable", "missing"):
        names = [_point_name(known, value, code, speech) for code in value.missing_points]
        told.append(speech("verdict.points", points=speech.listed(names)))
    told += [
        speech("verdict.method", method=speech.choice("method", reason.partition(":")[2]))
        for reason in value.reasons
        if reason.startswith("method_missing:")
    ]
    told += [speech("verdict.order") for reason in value.reasons if reason == "end_before_start"]
    if not told:
        return word
    return speech("verdict.with", verdict=word, told=speech("format.semicolon").join(told))


def _point_name(known: Procedure | None, value: Verdict, code: str, speech: Speech) -> str:
    """The procedure's name of a point, else the list's own words."""
    if known is None or known.point(code) is None:
        for point in (value.rule.start, value.rule.end):
            if point is not None and point.key == code:
                return shown.visible(point.text)
    return label(known, "point", code, speech)


def verdict(known: Procedure | None, value: Verdict, speech: Speech) -> dict[str, Any]:
    rule = value.rule
    required = value.required
    return {
        "rule": judging.key_of(value), "list": value.list_name, "version": value.list_version,
        "code": rule.code, "must": rule.must, "matter": _matter(known, value, speech),
        "stage": rule.stage, "stage_category": rule.stage_category,
        "methods": list(rule.methods), "occasion": value.occasion, "verdict": value.verdict,
        "text": verdict_text(known, value, speech), "due": value.due,
        "required": None if required is None else [format_time(ms) for ms in required],
        "holes": [hole(h, speech) for h in value.holes], "missing_ms": value.missing_ms,
        "missing_points": list(value.missing_points), "item_count": len(value.items),
        "items": list(value.items[: judging.MOST_ITEMS]), "met_by": list(value.met_by),
        "uncertainty_ms": value.uncertainty_ms, "reasons": list(value.reasons),
    }  # fmt: skip


def _matter(known: Procedure | None, value: Verdict, speech: Speech) -> str:
    rule = value.rule
    if known is not None and value.list_name == known.name:
        found = [r for r in known.recordings if r.code == rule.code]
        if found:
            return found[0].label.text(speech.language)
    return rule.matter or rule.stage or rule.occasion or rule.content or rule.code


def lacking(known: Procedure | None, verdicts: Sequence[Verdict], speech: Speech) -> list[Any]:
    """What stands between a case and its filing without a leader's name."""
    return [
        {
            "rule": judging.key_of(v), "occasion": v.occasion, "verdict": v.verdict,
            "missing_ms": v.missing_ms, "matter": _matter(known, v, speech),
            "text": verdict_text(known, v, speech),
        }
        for v in verdicts
    ]  # fmt: skip


def recorded(index: int, leaf: bytes, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"index": index, "leaf": leaf.hex()} | dict(more or {})


def marked(value: Mark, spoken: Speech) -> dict[str, Any]:
    """A mark as it reads now, the same for everybody who sees the case."""
    return {
        "id": value.id, "item": value.item, "start": format_time(value.start_ms),
        "end": format_time(value.end_ms), "category": value.category,
        "category_text": spoken.choice("mark.category", value.category), "text": value.text,
        "source": value.source, "index": value.text_index,
    }  # fmt: skip
