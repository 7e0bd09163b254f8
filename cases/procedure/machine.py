"""The one state machine of all procedures: which acts may be done in a case now.

Two things are kept apart.  An *act* is done here (a document issued, a transition taken, the case
filed): it is refused while something is missing, with everything that is missing.  A *fact*
happened in the world and is never refused (`marks`).

Guarantee: after a check that returns, every mandatory stage before was entered, every mandatory
document of the stages entered before exists, and so does what the procedure names as needed.
Not covered: who may act in a case at all (`console`), but whose part an act is: a procedure may
name the roles.  Deadlines never gate an act (`clocks`): a late decision is late, not impossible.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from cases.procedure.graph import earlier
from cases.procedure.model import ENDING, Document, Needs, Procedure, Stage, Transition
from cases.procedure.state import State
from verify.errors import ConflictError, DeniedError, NotFoundError

Said = Mapping[str, bool]
NOTHING: Said = {}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something an act lacks.

    kind: `document`, `point`, `stage` (to have been entered), `condition` (its claim, `x` or
    `not x`), `stated` (the condition, said either way), `issued` (nothing: the document is there and
    may be issued once), `current` (the case stands elsewhere; the code is one stage or «a or b»), `state`
    (`open`, `running`, `suspended`) or `time` (the current stage was entered later than that).
    """

    kind: str
    code: str

    def __str__(self) -> str:
        return (
            f"room for another {self.code}" if self.kind == "issued" else f"{self.kind} {self.code}"
        )


class NotAllowedError(ConflictError):
    """An act that the procedure does not allow yet; `missing` is everything that it lacks."""

    code = "not-allowed"

    def __init__(self, what: str, missing: tuple[Missing, ...]) -> None:
        self.what, self.missing = what, missing
        listed = ", ".join(map(str, missing))
        super().__init__(f"{what}: expected what the procedure demands before, got no {listed}")


class NotYourPartError(DeniedError):
    """The procedure gives this act to other roles; `roles` are those."""

    code = "not-your-part"

    def __init__(self, what: str, roles: tuple[str, ...]) -> None:
        self.what, self.roles = what, roles
        super().__init__(f"{what}: expected a person who is {' or '.join(roles)}, got another")


# ── acts: refused while something is missing ─────────────────────────────────────────────────────


def check_transition(
    procedure: Procedure, state: State, code: str, at_ms: int, stated: Said = NOTHING
) -> None:
    """Return if the transition may be taken now; `stated` is said along with it."""
    transition = procedure.transition(code)
    if transition is None:
        raise NotFoundError(f"transition: expected one of {procedure.name}, got {code!r}")
    _refuse(f"transition {code}", transition_lacks(procedure, state, transition, at_ms, stated))


def check_issue(
    procedure: Procedure, state: State, document: str, stated: Said = NOTHING
) -> None:  # fmt: skip
    """Return if the document may be issued (printed, numbered, sealed) here now."""
    found = procedure.document(document)
    if found is None:
        raise NotFoundError(f"document: expected one of {procedure.name}, got {document!r}")
    _refuse(f"document {document}", document_lacks(procedure, state, found, stated))


def check_part(act: Transition | Document, roles: Collection[str] | None) -> None:
    """Return if the act may be done by a person with these roles; None: a program acts."""
    if act.by and roles is not None and not set(act.by) & set(roles):
        what = "transition" if isinstance(act, Transition) else "document"
        raise NotYourPartError(f"{what} {act.code}", act.by)


def check_file(procedure: Procedure, state: State) -> None:
    """Return if the case may be filed 归档."""
    _refuse("filing", filing_lacks(procedure, state))


def allowed_transitions(procedure: Procedure, state: State) -> tuple[Transition, ...]:
    """The ways out of the current stage, whether everything they need is there or not."""
    return tuple(
        t
        for t in procedure.transitions
        if state.current in t.origins and not any(_standing(state, t))
    )


def _refuse(what: str, lacks: Iterator[Missing]) -> None:
    missing = tuple(dict.fromkeys(lacks))
    if missing:
        raise NotAllowedError(what, missing)


# ── what is missing ──────────────────────────────────────────────────────────────────────────────


def transition_lacks(
    procedure: Procedure, state: State, transition: Transition, at_ms: int, stated: Said = NOTHING
) -> Iterator[Missing]:
    """Everything that the transition lacks."""
    yield from _standing(state, transition)
    current = state.current
    if current not in transition.origins:
        yield Missing("current", " or ".join(transition.origins))
    elif state.current_since_ms is not None and at_ms < state.current_since_ms:
        yield Missing("time", current or "")
    yield from _needs(procedure, state, transition.needs, stated)
    if transition.exit is None and transition.to is not None:
        if current in transition.origins and current is not None:
            yield from _papers_of(procedure, state, current, stated)
        yield from stages_lack(procedure, state, transition.to, stated, but=current)


def document_lacks(
    procedure: Procedure, state: State, document: Document, stated: Said = NOTHING
) -> Iterator[Missing]:
    """Everything that the issue of the document lacks."""
    left = state.outcome is not None and document.stage not in (None, state.current)
    if state.opened is None or state.closed is not None or left:
        yield Missing("state", "open")
    if state.suspended and document.code not in _papers_while_suspended(procedure):
        yield Missing("state", "running")
    if not document.repeatable and state.issued(procedure, document.code) is not None:
        yield Missing("issued", document.code)
    yield from _needs(procedure, state, document.needs, stated)
    if document.stage is not None:
        if state.entry_of(procedure, document.stage) is None:
            yield Missing("stage", document.stage)
        yield from _so_far(procedure, state, document.stage, stated)


def filing_lacks(procedure: Procedure, state: State) -> Iterator[Missing]:
    """Everything that the filing lacks.

    After an exit that ended the case early, the stages that it left out are not asked for, nor the
    rest of the papers of the stage it was taken in.
    """
    if state.opened is None or state.closed is not None:
        yield Missing("state", "open")
    if state.suspended:
        yield Missing("state", "running")
    current = procedure.stage(state.current or "")
    if current is None or not current.final:
        yield Missing("current", " or ".join(s.code for s in procedure.stages if s.final))
        return
    yield from _papers_of(procedure, state, current.code)
    yield from _so_far(procedure, state, current.code, NOTHING)


def _so_far(procedure: Procedure, state: State, stage: str, stated: Said) -> Iterator[Missing]:
    """What is missing before the stage; after an early end only what was finished must be whole."""
    outcome = state.outcome
    if outcome is None:
        yield from stages_lack(procedure, state, stage, stated)
        return
    before = [code for code, h in state.entered if h.index != outcome.happening.index]
    left = before[-1] if before else None
    for code in earlier(procedure).get(stage, ()):
        if code != left and state.entry_of(procedure, code) is not None:
            yield from _papers_of(procedure, state, code, stated)


def _standing(state: State, transition: Transition) -> Iterator[Missing]:
    """Open, running or suspended, as the transition needs it."""
    if state.opened is None or (state.closed is not None and transition.exit != "remade"):
        yield Missing("state", "open")
    if transition.exit == "resumed":
        if not state.suspended:
            yield Missing("state", "suspended")
    elif state.suspended and transition.exit not in ENDING:
        yield Missing("state", "running")


def _needs(procedure: Procedure, state: State, needs: Needs, stated: Said) -> Iterator[Missing]:
    for code in needs.documents:
        if state.document(procedure, code) is None:
            yield Missing("document", code)
    for code in needs.points:
        if state.point(procedure, code) is None:
            yield Missing("point", code)
    for claim in needs.conditions:
        if not state.claimed(claim, stated):
            yield Missing("condition", str(claim))


def mandatory(element: Stage | Document, state: State, stated: Said = NOTHING) -> bool:
    """Whether the stage or document must be there, as far as has been stated."""
    return element.mandatory or state.holds(element.mandatory_when, stated)


def _papers_of(
    procedure: Procedure, state: State, stage: str, stated: Said = NOTHING
) -> Iterator[Missing]:
    for document in procedure.documents_of(stage):
        if state.document(procedure, document.code) is not None:
            continue
        if mandatory(document, state, stated):
            yield Missing("document", document.code)
        else:
            yield from _unsaid(document, state, stated)


def stages_lack(
    procedure: Procedure, state: State, stage: str, stated: Said, but: str | None = None
) -> Iterator[Missing]:
    """The mandatory stages before this one, and the mandatory papers of those that were entered."""
    for code in earlier(procedure).get(stage, ()):
        found = procedure.stage(code)
        if found is None or code == but:
            continue
        entered = state.entry_of(procedure, code) is not None
        demanded = mandatory(found, state, stated)
        if demanded and not entered:
            yield Missing("stage", code)
        if not demanded and not entered:
            yield from _unsaid(found, state, stated)
        if entered or demanded:
            yield from _papers_of(procedure, state, code, stated)


def _unsaid(element: Stage | Document, state: State, stated: Said) -> Iterator[Missing]:
    """What must be said, either way, before the element may be left out: silence excuses nothing."""
    for claim in element.mandatory_when:
        if claim.condition not in stated and state.says(claim.condition) is None:
            yield Missing("stated", claim.condition)


def _papers_while_suspended(procedure: Procedure) -> frozenset[str]:
    """What resuming or ending needs may be made out while the case stands still."""
    return frozenset(
        code
        for t in procedure.transitions
        if t.exit == "resumed" or t.exit in ENDING
        for code in t.needs.documents
    )
