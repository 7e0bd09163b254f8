"""The deadlines of a case: since when they run, when they are over, whether they were met.

Guarantee: while a case is suspended its deadlines stand still, and go on when it is resumed; an
extension counts only if its document was issued in time.  A deadline that stands still has no end
(`due` is None) and is not overdue.
Not covered: what follows from being late.  Nothing is refused because of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from cases.calendar import NATIONAL, Due, LocalDays, Pause, Term, due_with_pauses
from cases.procedure.model import Deadline, Moment, Procedure
from cases.procedure.state import Happening, State


@dataclass(frozen=True, slots=True)
class Running:
    """One deadline of one case.

    overdue: it was met too late, or is not met and over.  A deadline of a case that ended early is
    judged by that end.
    """

    deadline: Deadline
    from_ms: int
    due: Due | None
    met_ms: int | None
    overdue: bool
    ended_ms: int | None = None
    """When an exit made it pointless; None if none did."""


def deadlines(
    procedure: Procedure, state: State, zone: tzinfo, now_ms: int, *, days: LocalDays = NATIONAL
) -> list[Running]:
    """Every deadline that has begun, in the order of the procedure."""
    return [
        running
        for deadline in procedure.deadlines
        if (running := _Clock(procedure, state, zone, now_ms, days).of(deadline)) is not None
    ]


@dataclass(frozen=True, slots=True)
class _Clock:
    procedure: Procedure
    state: State
    zone: tzinfo
    now_ms: int
    days: LocalDays

    def of(self, deadline: Deadline) -> Running | None:
        start = _moment(self.procedure, self.state, deadline.start)
        if start is None:
            return None
        met = _moment(self.procedure, self.state, deadline.until)
        outcome = self.state.outcome
        ended = outcome.happening.at_ms if outcome is not None and met is None else None
        due = self.due(deadline, start.at_ms)
        reached = met.at_ms if met is not None else ended if ended is not None else self.now_ms
        return Running(
            deadline=deadline,
            from_ms=start.at_ms,
            due=due,
            met_ms=None if met is None else met.at_ms,
            overdue=due is not None and reached > due.ms,
            ended_ms=ended,
        )

    def due(self, deadline: Deadline, start_ms: int) -> Due | None:
        pauses = [*self.state.pauses(), *_pauses(self.procedure, self.state, deadline)]
        term, extension = deadline.term, deadline.extension
        due = due_with_pauses(start_ms, term, self.zone, days=self.days, pauses=pauses)
        if due is None or extension is None:
            return due
        document = self.state.document(self.procedure, extension.document)
        if document is None or document.at_ms > due.ms:
            return due
        longer = Term(term.amount + extension.term.amount, term.unit, term.strict)
        return due_with_pauses(start_ms, longer, self.zone, days=self.days, pauses=pauses)


def _moment(procedure: Procedure, state: State, moment: Moment) -> Happening | None:
    if moment.kind == "stage":
        return state.entry_of(procedure, moment.code)
    if moment.kind == "document":
        return state.document(procedure, moment.code)
    return state.point(procedure, moment.code)


def _pauses(procedure: Procedure, state: State, deadline: Deadline) -> Iterator[Pause]:
    """The stretches between the points that the deadline itself names, such as an appraisal."""
    for begin, until in deadline.pauses:
        begun = state.point(procedure, begin)
        if begun is None:
            continue
        over = state.point(procedure, until)
        if over is None:
            yield begun.at_ms, None
        elif over.at_ms > begun.at_ms:
            yield begun.at_ms, over.at_ms
