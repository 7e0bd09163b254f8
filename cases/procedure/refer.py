"""Whether everything that a procedure names is there, and every name stands for one thing.

Guarantee: after `check_references` without problems, no code dangles.  Stages, documents and time
points share one space of names, because marks and requirements speak of them by code alone.
Not covered: order (`graph`).
"""

from collections.abc import Iterable, Mapping, Sequence

from cases.procedure.lines import Path
from cases.procedure.model import Claim, Element, Needs, Procedure
from cases.procedure.read import Problems


def check_references(procedure: Procedure, problems: Problems) -> None:
    """Add a problem for each name that is used twice or not known."""
    _Names(procedure, problems).check()


class _Names:
    def __init__(self, procedure: Procedure, problems: Problems) -> None:
        self.procedure, self.problems = procedure, problems
        self.known = {
            "stage": {e.code for e in procedure.stages},
            "document": {e.code for e in procedure.documents},
            "point": {e.code for e in procedure.points},
            "condition": {e.code for e in procedure.conditions},
        }

    def check(self) -> None:
        self.once(("stage", "document", "point"))
        for kind in ("condition", "transition", "deadline", "recording"):
            self.once((kind,))
        self.one("stage", self.procedure.start, ("start",))
        self.stages_and_transitions()
        self.documents_and_points()
        self.deadlines()
        self.recordings()

    def once(self, kinds: tuple[str, ...]) -> None:
        tables: Mapping[str, Sequence[Element]] = {
            "stage": self.procedure.stages,
            "document": self.procedure.documents,
            "point": self.procedure.points,
            "condition": self.procedure.conditions,
            "transition": self.procedure.transitions,
            "deadline": self.procedure.deadlines,
            "recording": self.procedure.recordings,
        }
        seen: dict[str, tuple[str, int]] = {}
        for kind in kinds:
            for number, element in enumerate(tables[kind]):
                if element.code and element.code in seen:
                    first = seen[element.code]
                    line = self.problems.places.of(*first, "code")
                    self.problems.add((kind, number, "code"), f"duplicate code: expected an unused one, got {element.code} of the {first[0]} on line {line}")  # fmt: skip
                elif element.code:
                    seen[element.code] = (kind, number)

    def one(self, kind: str, code: str | None, path: Path) -> None:
        if code and code not in self.known[kind]:
            self.problems.add(path, f"unknown {kind}: expected one of this procedure, got {code!r}")

    def all(self, kind: str, codes: Iterable[str], path: Path) -> None:
        for number, code in enumerate(codes):
            self.one(kind, code, (*path, number))

    def claims(self, claims: Iterable[Claim], path: Path) -> None:
        self.all("condition", (claim.condition for claim in claims), path)

    def needs(self, needs: Needs, path: Path) -> None:
        self.all("document", needs.documents, (*path, "documents"))
        self.all("point", needs.points, (*path, "points"))
        self.claims(needs.conditions, (*path, "conditions"))

    def stages_and_transitions(self) -> None:
        for number, stage in enumerate(self.procedure.stages):
            self.claims(stage.mandatory_when, ("stage", number, "mandatory_when"))
        for number, transition in enumerate(self.procedure.transitions):
            path: Path = ("transition", number)
            self.all("stage", transition.origins, (*path, "from"))
            self.one("stage", transition.to, (*path, "to"))
            self.needs(transition.needs, path)

    def documents_and_points(self) -> None:
        for number, document in enumerate(self.procedure.documents):
            path: Path = ("document", number)
            self.one("stage", document.stage, (*path, "stage"))
            self.claims(document.mandatory_when, (*path, "mandatory_when"))
            self.needs(document.needs, path)
        for number, point in enumerate(self.procedure.points):
            self.one("stage", point.stage, ("point", number, "stage"))
            self.all("point", point.after, ("point", number, "after"))

    def deadlines(self) -> None:
        for number, deadline in enumerate(self.procedure.deadlines):
            path: Path = ("deadline", number)
            self.one(deadline.start.kind, deadline.start.code, (*path, "from", deadline.start.kind))
            self.one(deadline.until.kind, deadline.until.code, (*path, "until", deadline.until.kind))  # fmt: skip
            if deadline.extension:
                self.one("document", deadline.extension.document, (*path, "extension", "document"))
            for at, pause in enumerate(deadline.pauses):
                for key, code in zip(("from", "until"), pause, strict=True):
                    self.one("point", code, (*path, "pauses", at, key))

    def recordings(self) -> None:
        for number, recording in enumerate(self.procedure.recordings):
            path: Path = ("recording", number)
            self.one("stage", recording.stage, (*path, "stage"))
            self.one("point", recording.start, (*path, "start"))
            self.one("point", recording.end, (*path, "end"))
