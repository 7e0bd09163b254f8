"""What is marked for ever when something happened that the procedure did not allow.

A fact is never refused: the decision *was* served without review, and a system that does not let
it be said is told something else.  What was wrong about it becomes its marks.

Guarantee: every function here returns, whatever the codes are.  A mark is judged by what had
happened by the time of the fact, as far as is recorded now; it is recorded with the fact, and
what is added later does not take it away.
Not covered: raising the marks to the supervisor (`console`).

| mark | meaning |
|---|---|
| `missing-predecessor:X` | X (a stage, document or point) should have been there and is not |
| `out-of-order` | what should have been there came later, or the case stood elsewhere |
| `condition-not-met:X` | the condition X (`x`, `not x`) was not stated |
| `while-suspended` | the case stood still |
| `after-end` | the case was filed, or ended by an exit |
| `not-in-procedure`, `unknown-stage` | the procedure does not know it |
| `issued-again` | the document was issued here before, and is not repeatable |
| `filed-incomplete` | filed although something was missing; the other marks say what |
"""

from collections.abc import Iterator

from cases.procedure.graph import earlier
from cases.procedure.machine import (
    NOTHING,
    Missing,
    Said,
    document_lacks,
    filing_lacks,
    mandatory,
    stages_lack,
    transition_lacks,
)
from cases.procedure.model import Procedure
from cases.procedure.state import State

OUT_OF_ORDER = "out-of-order"
AFTER_END = "after-end"
NOT_IN_PROCEDURE = "not-in-procedure"
UNKNOWN_STAGE = "unknown-stage"
WHILE_SUSPENDED = "while-suspended"
FILED_INCOMPLETE = "filed-incomplete"
ISSUED_AGAIN = "issued-again"
MISSING_PREDECESSOR = "missing-predecessor:"
CONDITION_NOT_MET = "condition-not-met:"


def marks_of_transition(
    procedure: Procedure, state: State, code: str, at_ms: int, stated: Said = NOTHING
) -> tuple[str, ...]:
    """The marks of a transition that happened at `at_ms` all the same."""
    transition = procedure.transition(code)
    if transition is None:
        return (NOT_IN_PROCEDURE,)
    then = state.as_of(at_ms)
    return _marks(procedure, state, transition_lacks(procedure, then, transition, at_ms, stated))


def marks_of_stage(
    procedure: Procedure, state: State, code: str, at_ms: int, stated: Said = NOTHING
) -> tuple[str, ...]:
    """The marks of a stage that was entered at `at_ms`, by whatever way.

    A way that the procedure does not have is marked out of order even if nothing is missing.
    """
    if procedure.stage(code) is None:
        return (UNKNOWN_STAGE,)
    then = state.as_of(at_ms)
    ways = [t for t in procedure.transitions if t.to == code and then.current in t.origins]
    marks = _marks(procedure, state, _stage_lacks(procedure, then, code, stated))
    return marks if ways else tuple(dict.fromkeys((OUT_OF_ORDER, *marks)))


def _stage_lacks(procedure: Procedure, then: State, code: str, stated: Said) -> Iterator[Missing]:
    if then.opened is None or then.closed is not None:
        yield Missing("state", "open")
    if then.suspended:
        yield Missing("state", "running")
    yield from stages_lack(procedure, then, code, stated)


def marks_of_document(
    procedure: Procedure, state: State, code: str, at_ms: int, stated: Said = NOTHING
) -> tuple[str, ...]:
    """The marks of a document that was made out at `at_ms` elsewhere."""
    document = procedure.document(code)
    if document is None:
        return (NOT_IN_PROCEDURE,)
    then = state.as_of(at_ms)
    return _marks(procedure, state, document_lacks(procedure, then, document, stated))


def marks_of_point(procedure: Procedure, state: State, code: str, at_ms: int) -> tuple[str, ...]:
    """The marks of a time point.

    Its own stage may be entered later: people arrive before they open a file.
    """
    point = procedure.point(code)
    if point is None:
        return (NOT_IN_PROCEDURE,)
    then = state.as_of(at_ms)
    return _marks(procedure, state, _point_lacks(procedure, then, point.stage, point.after))


def _point_lacks(
    procedure: Procedure, then: State, stage: str, after: tuple[str, ...]
) -> Iterator[Missing]:
    if then.closed is not None:
        yield Missing("state", "open")
    for code in after:
        if then.point(procedure, code) is None:
            yield Missing("point", code)
    for code in earlier(procedure).get(stage, ()):
        found = procedure.stage(code)
        if found and mandatory(found, then) and then.entry_of(procedure, code) is None:
            yield Missing("stage", code)


def marks_of_exit(procedure: Procedure, state: State, kind: str, at_ms: int) -> tuple[str, ...]:
    """The marks of an exit that the procedure does not have, or not from where the case stood."""
    then = state.as_of(at_ms)
    known = any(t.exit == kind and then.current in t.origins for t in procedure.transitions)
    marks = [] if known else [NOT_IN_PROCEDURE]
    if then.closed is not None:
        marks.append(AFTER_END)
    return tuple(marks)


def marks_of_filing(procedure: Procedure, state: State) -> tuple[str, ...]:
    """The marks of a case that is filed although something is missing: its permanent defects."""
    missing = _marks(procedure, state, filing_lacks(procedure, state))
    return (FILED_INCOMPLETE, *missing) if missing else ()


def _marks(procedure: Procedure, state: State, lacks: Iterator[Missing]) -> tuple[str, ...]:
    """What was missing then, in words of marks; what came later all the same is out of order."""
    return tuple(
        dict.fromkeys(
            _mark(procedure, state, missing) for missing in lacks if missing.kind != "stated"
        )
    )


def _mark(procedure: Procedure, state: State, missing: Missing) -> str:
    if missing.kind == "condition":
        return f"{CONDITION_NOT_MET}{missing.code}"
    if missing.kind == "issued":
        return ISSUED_AGAIN
    if missing.kind == "state" and missing.code == "running":
        return WHILE_SUSPENDED
    if missing.kind == "state" and missing.code == "open" and (state.closed or state.outcome):
        return AFTER_END
    if missing.kind in ("state", "time", "current") or _there(procedure, state, missing):
        return OUT_OF_ORDER
    return f"{MISSING_PREDECESSOR}{missing.code}"


def _there(procedure: Procedure, state: State, missing: Missing) -> bool:
    if missing.kind == "document":
        return state.document(procedure, missing.code) is not None
    if missing.kind == "point":
        return state.point(procedure, missing.code) is not None
    return state.entry_of(procedure, missing.code) is not None
