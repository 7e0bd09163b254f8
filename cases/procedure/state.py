"""What has happened in one case, under one procedure: happenings folded into a state.

Guarantee: the state is a function of the set of happenings; in which order or in how many portions
they are folded does not matter.  What counts last is what happened last (`at_ms`, then `index`);
of a time point the last correction (`index`) counts and the earlier ones stay.  Nothing is ever
refused here: an unknown code is kept like a known one.
Not covered: what may be done (`machine`).  Marks are taken as they were recorded and never judged
anew, so a later version of the code does not whiten them.

An exit that goes back (returned, remade) makes what came after that stage count no longer; it is
not forgotten (`entered`, `documents`, `points` have everything).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from cases.calendar import Pause
from cases.procedure.graph import later
from cases.procedure.model import ENDING, GOING_BACK, Claim, Procedure

Kind = Literal[
    "opened", "transition", "entered", "document", "point", "stated", "exit", "related", "closed"
]  # fmt: skip
How = Literal["act", "fact"]


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a case as the machine sees it.

    | kind | code | meaning |
    |---|---|---|
    | opened | – | the case was opened; it stands in the procedure's start |
    | transition | of a transition | it was taken; `stated` are conditions said with it |
    | entered | of a stage | the stage was entered, by whatever way (a fact) |
    | document, point | of it | issued or added; recorded or corrected |
    | stated | – | `stated` was said |
    | exit | of a kind of exit | an exit that the procedure does not have (a fact) |
    | related | of a kind of exit | another case is related by it (merged into this one, split off) |
    | closed | – | the case was filed |
    """

    kind: Kind
    index: int
    at_ms: int
    how: How = "act"
    code: str = ""
    stated: tuple[tuple[str, bool], ...] = ()
    related: str | None = None
    """The other case of merged, split, transferred."""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """An exit: which kind, by which transition (None: outside the procedure), from which stage."""

    kind: str
    happening: Happening
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A permanent mark and the happening that has it."""

    mark: str
    kind: Kind
    code: str
    index: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class State:
    """Where a case stands.  Every tuple is in the order of happening, points in that of entries."""

    opened: Happening | None = None
    entered: tuple[tuple[str, Happening], ...] = ()
    documents: tuple[Happening, ...] = ()
    points: tuple[Happening, ...] = ()
    stated: tuple[tuple[str, bool, Happening], ...] = ()
    exits: tuple[Taken, ...] = ()
    related: tuple[Happening, ...] = ()
    closings: tuple[Happening, ...] = ()
    marks: tuple[Mark, ...] = ()

    # ── as a whole ───────────────────────────────────────────────────────────────────────────────

    @property
    def current(self) -> str | None:
        """The stage that was entered last."""
        return self.entered[-1][0] if self.entered else None

    @property
    def current_since_ms(self) -> int | None:
        return self.entered[-1][1].at_ms if self.entered else None

    @property
    def suspended(self) -> bool:
        open_ended = self.pauses()
        return bool(open_ended) and open_ended[-1][1] is None

    @property
    def outcome(self) -> Taken | None:
        """The exit that ended the case early, unless it was taken up again."""
        last: Taken | None = None
        for exit_ in self.exits:
            if exit_.kind in ENDING:
                last = exit_
            elif exit_.kind in (*GOING_BACK, "resumed"):
                last = None
        return last

    @property
    def closed(self) -> Happening | None:
        """The filing that still stands: none after the decision was taken back to be made anew."""
        if not self.closings:
            return None
        last = self.closings[-1]
        reopened = any(
            exit_.kind in (*GOING_BACK, "resumed") and _when(exit_.happening) > _when(last)
            for exit_ in self.exits
        )
        return None if reopened else last

    def pauses(self) -> list[Pause]:
        """From when to when the case was suspended."""
        found: list[Pause] = []
        since: int | None = None
        for exit_ in self.exits:
            if exit_.kind == "suspended":
                since = exit_.happening.at_ms if since is None else since
            elif since is not None and exit_.kind != "split":
                found.append((since, exit_.happening.at_ms))
                since = None
        return found if since is None else [*found, (since, None)]

    # ── what still counts ────────────────────────────────────────────────────────────────────────

    def entry_of(self, procedure: Procedure, stage: str) -> Happening | None:
        """The first entry into the stage that still counts."""
        return next(
            (
                happening
                for code, happening in self.entered
                if code == stage and self._counts(procedure, stage, happening, itself=False)
            ),
            None,
        )

    def document(self, procedure: Procedure, code: str) -> Happening | None:
        """The first issue of the document that still counts."""
        document = procedure.document(code)
        stage = None if document is None else document.stage
        return next(
            (h for h in self.documents if h.code == code and self._counts(procedure, stage, h)), None
        )  # fmt: skip

    def issued(self, procedure: Procedure, code: str) -> Happening | None:
        """An issue of the document here since the case last went back to its stage or before it."""
        document = procedure.document(code)
        stage = None if document is None else document.stage
        since = max((_when(e.happening) for e in self._back(procedure, stage)), default=(-1, -1))
        return next(
            (
                h
                for h in self.documents
                if h.code == code and h.how == "act" and _when(h) > since
            ),
            None,
        )  # fmt: skip

    def _back(self, procedure: Procedure, stage: str | None) -> Iterator[Taken]:
        """The exits that went back to the stage or before it; of a paper of exits, all."""
        for exit_ in self.exits:
            if exit_.kind in GOING_BACK and (
                stage is None
                or exit_.to == stage
                or stage in later(procedure).get(exit_.to or "", ())
            ):
                yield exit_

    def point(self, procedure: Procedure, code: str) -> Happening | None:
        """The last correction of the time point, if the point still counts."""
        point = procedure.point(code)
        stage = None if point is None else point.stage
        last = next((h for h in reversed(self.points) if h.code == code), None)
        return last if last is not None and self._counts(procedure, stage, last) else None

    def says(self, condition: str) -> bool | None:
        """What was stated last; None if nothing was."""
        return next((value for code, value, _ in reversed(self.stated) if code == condition), None)

    def holds(self, claims: Iterable[Claim], also: Mapping[str, bool] | None = None) -> bool:
        """Whether one of the claims was stated (`also` is said now)."""
        return any(self.claimed(claim, also) for claim in claims)

    def claimed(self, claim: Claim, also: Mapping[str, bool] | None = None) -> bool:
        said = (also or {}).get(claim.condition, self.says(claim.condition))
        return said is claim.holds

    def as_of(self, at_ms: int) -> "State":
        """The state with only what had happened by then.

        The opening stays: a case is often opened in the system after its first papers were made.
        """
        return State(
            opened=self.opened,
            entered=tuple(e for e in self.entered if e[1].at_ms <= at_ms or e[1].kind == "opened"),
            documents=tuple(h for h in self.documents if h.at_ms <= at_ms),
            points=tuple(h for h in self.points if h.at_ms <= at_ms),
            stated=tuple(s for s in self.stated if s[2].at_ms <= at_ms),
            exits=tuple(e for e in self.exits if e.happening.at_ms <= at_ms),
            related=tuple(h for h in self.related if h.at_ms <= at_ms),
            closings=tuple(h for h in self.closings if h.at_ms <= at_ms),
            marks=self.marks,
        )

    def _counts(
        self, procedure: Procedure, stage: str | None, happening: Happening, *, itself: bool = True
    ) -> bool:
        """Whether nothing that went back since has undone it.

        What was remade is undone itself, what was returned is carried on: its papers stay.
        """
        for exit_ in self.exits:
            if exit_.kind in GOING_BACK and exit_.to is not None and stage is not None:
                undone = stage in later(procedure).get(exit_.to, ()) or (
                    itself and exit_.kind == "remade" and stage == exit_.to
                )
                if undone and _when(happening) <= _when(exit_.happening):
                    return False
        return True


EMPTY = State()


def fold(procedure: Procedure, happenings: Iterable[Happening], state: State = EMPTY) -> State:
    """The state after these happenings too."""
    new = list(happenings)
    first = [h for h in new if h.kind == "opened"]
    opened = [*first, *([state.opened] if state.opened else [])]
    return State(
        opened=min(opened, key=_when) if opened else None,
        entered=tuple(
            sorted((*state.entered, *_entries(procedure, new)), key=lambda entry: _when(entry[1]))
        ),
        documents=_ordered(state.documents, new, "document"),
        points=tuple(
            sorted((*state.points, *(h for h in new if h.kind == "point")), key=lambda h: h.index)
        ),
        stated=tuple(
            sorted(
                (*state.stated, *((code, value, h) for h in new for code, value in h.stated)),
                key=lambda statement: _when(statement[2]),
            )
        ),
        exits=tuple(
            sorted(
                (*state.exits, *_exits(procedure, new)), key=lambda exit_: _when(exit_.happening)
            )
        ),
        related=_ordered(state.related, (h for h in new if h.related is not None), None),
        closings=_ordered(state.closings, new, "closed"),
        marks=tuple(
            sorted(
                (
                    *state.marks,
                    *(Mark(m, h.kind, h.code, h.index, h.at_ms) for h in new for m in h.marks),
                ),
                key=lambda mark: mark.index,
            )
        ),
    )


def apply(procedure: Procedure, state: State, happening: Happening) -> State:
    """The state after one more happening."""
    return fold(procedure, [happening], state)


def _when(happening: Happening) -> tuple[int, int]:
    return happening.at_ms, happening.index


def _ordered(
    old: tuple[Happening, ...], new: Iterable[Happening], kind: Kind | None
) -> tuple[Happening, ...]:
    return tuple(sorted((*old, *(h for h in new if kind is None or h.kind == kind)), key=_when))


def _entries(
    procedure: Procedure, happenings: Iterable[Happening]
) -> Iterator[tuple[str, Happening]]:
    for happening in happenings:
        if happening.kind == "opened":
            yield procedure.start, happening
        elif happening.kind == "entered":
            yield happening.code, happening
        elif happening.kind == "transition":
            transition = procedure.transition(happening.code)
            if transition is not None and transition.to is not None:
                yield transition.to, happening


def _exits(procedure: Procedure, happenings: Iterable[Happening]) -> Iterator[Taken]:
    for happening in happenings:
        if happening.kind == "exit":
            yield Taken(happening.code, happening)
        elif happening.kind == "transition":
            transition = procedure.transition(happening.code)
            if transition is not None and transition.exit is not None:
                yield Taken(transition.exit, happening, transition.to)
