"""The course of a case: time points, stages, exits, documents.

Two kinds that never mix.  An *act* is done here and now: a stage entered, a document issued and
numbered; it is refused while something is missing.  A *fact* happened: it is recorded whatever it
is, and what was wrong about it becomes its marks for ever.

Guarantee: every function is pure, the standing of the case goes in.  An act has the time of its
recording, so none can be dated back.  A fact is refused only where the request itself is malformed
or speaks of what is not there.
Not covered: reading and recording (`cases.course_acts`); who may do it (`console`); recordings
(`cases.judging`); filing (`cases.filing`).

Format: docs/formats/entries.md, version 1 (case.point, case.stage, document.issued,
document.added).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cases.procedure import machine, marks
from cases.procedure.machine import NotAllowedError
from cases.procedure.model import EXITS, Procedure
from cases.recording.verdicts import FIRST_OCCASION
from cases.rules import MAX_NUMBER, MAX_REASON, MAX_STAGE, MAX_TITLE, line, paragraph
from cases.standing import RELATED, PointRow, Standing, claims
from storage.ledger import Draft
from verify.entries import format_time, parse_time
from verify.errors import ConflictError, MalformedError, NotFoundError

SOURCES = ("person", "document", "recording", "device", "system")
IN_FUTURE = "in-future"
NUMBER_TAKEN = "number-taken"
NARROWED = "narrowed"
"""A correction after which a rule requires less time than before, where a recording had a hole."""
MAX_UNCERTAINTY_MS = 366 * 86_400_000


class NoProcedureError(ConflictError):
    """The case has no procedure, so nothing says what may be done in it here; note it as a fact."""

    code = "no-procedure"


class DocumentNumberTakenError(ConflictError):
    """Another document of this organ has this number."""

    code = "document-number-taken"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time point as it is told."""

    point: str
    at: str
    source: str = "person"
    uncertainty_ms: int = 0
    occasion: str | None = None
    text: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A transition, a stage or an exit as it is told; `at` is for facts only."""

    how: str
    transition: str | None = None
    stage: str | None = None
    exit: str | None = None
    at: str | None = None
    stated: Sequence[str] = ()
    other: str | None = None
    source: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it is told; `at`, `source` and `item` are for facts only."""

    how: str
    kind: str
    at: str | None = None
    number: str | None = None
    title: str | None = None
    source: str | None = None
    item: str | None = None
    stated: Sequence[str] = ()


# --- rules ----------------------------------------------------------------------------------


def point(
    now: Standing,
    told: Moment,
    *,
    now_ms: int,
    actor: str,
    listed: Collection[str] = (),
    narrowed: bool = False,
) -> Draft:
    """Something happened at a time.  Never refused.

    `listed` are the points that the rule lists of the case ask for: whoever notes one that the
    procedure does not name does as he is asked.  `narrowed` says that this correction makes an
    interval shorter that had a hole.
    """
    at_ms = parse_time(told.at)
    if told.source not in SOURCES:
        raise MalformedError(f"source: expected {', '.join(SOURCES)}, got {told.source!r:.40}")
    if not 0 <= told.uncertainty_ms <= MAX_UNCERTAINTY_MS:
        raise MalformedError(f"uncertainty: expected less than a year, got {told.uncertainty_ms}")
    code = line("point", told.point, MAX_TITLE)
    fields: dict[str, Any] = {
        "case": now.case.id, "point": code, "at": told.at, "source": told.source,
    }  # fmt: skip
    if told.uncertainty_ms:
        fields["uncertainty_ms"] = told.uncertainty_ms
    if told.occasion is not None:
        fields["occasion"] = line("occasion", told.occasion, MAX_STAGE)
    if told.text is not None:
        fields["text"] = paragraph("text", told.text, MAX_REASON)
    if told.replaces is not None:
        if told.replaces not in {p.index for p in now.points}:
            raise NotFoundError(f"replaces: expected a point of the case, got {told.replaces}")
        fields["replaces"] = told.replaces
    found: list[str] = []
    if now.procedure is not None:
        found += marks.marks_of_point(now.procedure, now.state_with(at_ms), code, at_ms)
        if code in listed and now.procedure.point(code) is None:
            found.remove(marks.NOT_IN_PROCEDURE)
    if narrowed:
        found.append(NARROWED)
    return Draft("case.point", f"c:{now.case.id}", actor, _marked(fields, found, at_ms, now_ms))


def corrected(now: Standing, told: Moment) -> Standing:
    """The case as it will stand with this point, for judging."""
    index = 1 + max((p.index for p in now.points), default=0)
    noted = PointRow(
        index, told.point.strip(), (told.occasion or FIRST_OCCASION).strip(), parse_time(told.at),
        told.uncertainty_ms, told.source, None, told.replaces, (),
    )  # fmt: skip
    return replace(now, points=[*now.points, noted])


def step(
    now: Standing,
    told: Step,
    *,
    other: Standing | None,
    now_ms: int,
    actor: str,
    roles: Collection[str] | None = None,
    there: bool = True,
) -> list[Draft]:
    """The case goes on, comes back or ends: by an act, which must be allowed, or as a fact.

    `roles` are those of the person who acts (None: a program).  Without `there` nothing is written
    into the `other` case.
    """
    if told.how == "act":
        fields, found, at_ms = _act_of_stage(now, told, now_ms, roles)
    else:
        fields, found, at_ms = _fact_of_stage(now, told, now_ms)
    if told.stated:
        fields["stated"] = [line("condition", word, MAX_TITLE) for word in told.stated]
    if told.reason is not None:
        fields["reason"] = paragraph("reason", told.reason, MAX_REASON)
    drafts = []
    if other is not None:
        if other.case.id == now.case.id:
            raise MalformedError("other: expected another case, got the same")
        fields["other"] = other.case.id
        drafts = [_related(other, now, fields, actor)] if there else []
    fields = _marked(fields, found, at_ms, now_ms)
    return [Draft("case.stage", f"c:{now.case.id}", actor, fields), *drafts]


def _act_of_stage(
    now: Standing, told: Step, now_ms: int, roles: Collection[str] | None
) -> tuple[dict[str, Any], list[str], int]:
    procedure = _procedure(now)
    if told.transition is None or told.at is not None:
        raise MalformedError("stage: expected a transition and no time for an act, got another")
    if (asked := procedure.transition(told.transition)) is not None:
        machine.check_part(asked, roles)
    machine.check_transition(
        procedure, now.state, told.transition, now_ms, dict(claims(told.stated))
    )
    taken = procedure.transition(told.transition)
    assert taken is not None  # noqa: S101  (checked)
    if taken.exit in ("merged", "split") and told.other is None:
        raise NotAllowedError(
            f"transition {told.transition}", (machine.Missing("state", "other case"),)
        )
    fields: dict[str, Any] = {
        "case": now.case.id, "transition": told.transition, "stage": taken.to or now.current or "",
        "how": "act", "at": format_time(now_ms),
    }  # fmt: skip
    return fields | ({} if taken.exit is None else {"exit": taken.exit}), [], now_ms


def _fact_of_stage(now: Standing, told: Step, now_ms: int) -> tuple[dict[str, Any], list[str], int]:
    at_ms = now_ms if told.at is None else parse_time(told.at)
    if told.transition is None and told.stage is None and told.exit is None:
        raise MalformedError("stage: expected a transition, a stage or an exit, got none")
    if told.exit is not None and told.exit not in EXITS:
        raise MalformedError(f"exit: expected one of {', '.join(EXITS)}, got {told.exit!r:.40}")
    stated, procedure = dict(claims(told.stated)), now.procedure
    state = now.state_with(at_ms)
    known = None if procedure is None else procedure.transition(told.transition or "")
    exit_ = told.exit if known is None else known.exit or told.exit
    stage = (known.to if known is not None else told.stage) or now.current or ""
    found: tuple[str, ...] = ()
    if procedure is not None and told.transition is not None:
        found += marks.marks_of_transition(procedure, state, told.transition, at_ms, stated)
    if procedure is not None and known is None and told.stage is not None:
        found += marks.marks_of_stage(procedure, state, told.stage, at_ms, stated)
    if procedure is not None and known is None and told.exit is not None:
        found += marks.marks_of_exit(procedure, state, told.exit, at_ms)
    transition = told.transition
    if known is None and (told.stage is not None or told.exit is not None):
        transition = None
    fields = {
        "case": now.case.id,
        "transition": "" if transition is None else line("transition", transition, MAX_STAGE),
        "stage": line("stage", stage, MAX_TITLE) if stage else "", "how": "fact",
        "at": format_time(at_ms), "source": _source(told.source),
    }  # fmt: skip
    return fields | ({} if exit_ is None else {"exit": exit_}), list(found), at_ms


def _related(other: Standing, now: Standing, fields: Mapping[str, Any], actor: str) -> Draft:
    """In the other case: this one was merged into it, split from it, transferred to it."""
    told = {
        "case": other.case.id, "transition": RELATED, "stage": other.current or "",
        "how": fields["how"], "at": fields["at"], "other": now.case.id,
    }  # fmt: skip
    if "exit" in fields:
        told["exit"] = fields["exit"]
    return Draft("case.stage", f"c:{other.case.id}", actor, told)


def issue(
    now: Standing,
    told: Paper,
    *,
    document: str,
    number: str | None,
    now_ms: int,
    actor: str,
    roles: Collection[str] | None = None,
) -> Draft:
    """Issue a document here: gated by the procedure, numbered, at the time of the act."""
    procedure = _procedure(now)
    if told.at is not None or told.item is not None:
        raise MalformedError("document: expected no time and no item for an act, got one")
    if (asked := procedure.document(told.kind)) is not None:
        machine.check_part(asked, roles)
    machine.check_issue(procedure, now.state, told.kind, dict(claims(told.stated)))
    kind = procedure.document(told.kind)
    assert kind is not None  # noqa: S101  (checked)
    fields: dict[str, Any] = {
        "case": now.case.id, "document": document, "kind": told.kind,
        "stage": kind.stage or now.current or "", "at": format_time(now_ms),
    }  # fmt: skip
    if number is not None:
        fields["number"] = line("number", number, MAX_NUMBER)
    if told.title is not None:
        fields["title"] = line("title", told.title, MAX_TITLE)
    return Draft("document.issued", f"c:{now.case.id}", actor, fields)


def add(
    now: Standing, told: Paper, *, document: str, number_taken: bool, now_ms: int, actor: str
) -> Draft:
    """A document exists, wherever it came from.  Never refused."""
    at_ms = now_ms if told.at is None else parse_time(told.at)
    kind = line("document kind", told.kind, MAX_TITLE)
    fields: dict[str, Any] = {
        "case": now.case.id, "document": document, "kind": kind, "at": format_time(at_ms),
        "source": _source(told.source),
    }  # fmt: skip
    known = None if now.procedure is None else now.procedure.document(kind)
    if known is not None and known.stage is not None:
        fields["stage"] = known.stage
    for name, limit in (("number", MAX_NUMBER), ("title", MAX_TITLE)):
        if (value := getattr(told, name)) is not None:
            fields[name] = line(name, value, limit)
    if told.item is not None:
        fields["item"] = told.item
    found = [NUMBER_TAKEN] if number_taken else []
    if now.procedure is not None:
        found += marks.marks_of_document(
            now.procedure, now.state_with(at_ms), kind, at_ms, dict(claims(told.stated))
        )
    return Draft("document.added", f"c:{now.case.id}", actor, _marked(fields, found, at_ms, now_ms))


def next_number(prefix: str, year: int, used: Sequence[str]) -> str:
    """The next number of this prefix in this year: 罚告字〔2026〕8号."""
    shape = re.compile(re.escape(f"{prefix}〔{year}〕") + r"([0-9]{1,9})号")
    found = [int(match[1]) for text in used if (match := shape.fullmatch(text))]
    return f"{prefix}〔{year}〕{max(found, default=0) + 1}号"


def _procedure(now: Standing) -> Procedure:
    if now.procedure is None:
        raise NoProcedureError(f"case {now.case.id}: expected a procedure, got none")
    return now.procedure


def _source(told: str | None) -> str:
    source = told or "person"
    if source not in SOURCES:
        raise MalformedError(f"source: expected {', '.join(SOURCES)}, got {source!r:.40}")
    return source


def _marked(
    fields: dict[str, Any], found: Sequence[str], at_ms: int, now_ms: int
) -> dict[str, Any]:
    all_ = list(dict.fromkeys([*found, *([IN_FUTURE] if at_ms > now_ms else [])]))
    return fields | {"marks": all_} if all_ else fields
