"""What a case was told, and what follows from it: the model that the server is held against.

Written from the rule, not from the code: a document of a stage may be issued here only when every
mandatory stage before it has been entered and has its mandatory documents, by an act or as a fact,
and nothing went back behind it since.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.console.stateful.law import Element, Law

BACK = ("returned", "remade")
ENDS = ("not_filed", "withdrawn", "terminated", "transferred", "merged")
When = tuple[int, int]  # time, then the place in the log


@dataclass(frozen=True)
class Told:
    """One accepted call."""

    kind: str  # entered, document, exit
    code: str
    when: When
    to: str | None = None  # of an exit: where it leads
    index: int = 0


@dataclass
class Point:
    code: str
    occasion: str
    at_ms: int
    index: int


@dataclass
class CaseModel:
    """One case."""

    id: str
    law: Law | None
    number: str
    told: list[Told] = field(default_factory=list)
    said: list[tuple[When, str, bool]] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    replaced: set[int] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    filed: list[int] = field(default_factory=list)
    filed_ms: int = 0

    # --- what was told ----------------------------------------------------------------------

    def enter(self, stage: str, when: When) -> None:
        self.told.append(Told("entered", stage, when))

    def say(self, stated: Iterable[str], when: When) -> None:
        for word in stated:
            name = word.removeprefix("not ")
            self.said.append((when, name, name == word))

    def transition(self, code: str, stated: Sequence[str], when: When) -> None:
        """A transition of the procedure was taken, by an act or in fact."""
        assert self.law is not None
        found = self.law.one("transition", code)
        self.say(stated, when)
        if found is None:
            return
        if "to" in found:
            self.enter(found["to"], when)
        if "exit" in found:
            self.told.append(Told("exit", found["exit"], when, found.get("to")))

    @property
    def live_points(self) -> dict[tuple[str, str], list[int]]:
        """When each point was on each occasion, by all that was said and not corrected."""
        found: dict[tuple[str, str], list[int]] = {}
        for point in self.points:
            if point.index not in self.replaced:
                found.setdefault((point.code, point.occasion), []).append(point.at_ms)
        return found

    @property
    def current(self) -> str | None:
        entered = sorted((t for t in self.told if t.kind == "entered"), key=lambda t: t.when)
        return entered[-1].code if entered else None

    @property
    def suspended(self) -> bool:
        exits = sorted((t for t in self.told if t.kind == "exit"), key=lambda t: t.when)
        open_ = False
        for exit_ in exits:
            if exit_.code != "split":
                open_ = exit_.code == "suspended"
        return open_

    # --- what follows -----------------------------------------------------------------------

    def says(self, claim: str, also: Mapping[str, bool]) -> bool:
        """Whether this claim (`x` or `not x`) is what was stated last."""
        name = claim.removeprefix("not ")
        last = also.get(name)
        if last is None:
            last = max(((w, v) for w, n, v in self.said if n == name), default=(None, None))[1]
        return last is (name == claim)

    def demanded(self, element: Element, also: Mapping[str, bool]) -> bool:
        """Whether the law asks for this stage or document here."""
        return bool(element.get("mandatory")) or any(
            self.says(claim, also) for claim in element.get("mandatory_when", [])
        )

    def stands(self, kind: str, code: str, stage: str) -> bool:
        """Whether this was told and nothing has gone back behind it since."""
        return any(
            not self._undone(told, stage)
            for told in self.told
            if (told.kind, told.code) == (kind, code)
        )

    def _undone(self, told: Told, stage: str) -> bool:
        assert self.law is not None
        for exit_ in self.told:
            if exit_.kind != "exit" or exit_.code not in BACK or exit_.to is None:
                continue
            behind = stage in self.law.after(exit_.to) or (
                told.kind == "document" and exit_.code == "remade" and stage == exit_.to
            )
            if behind and told.when <= exit_.when:
                return True
        return False

    def lacks(self, stage: str, also: Mapping[str, bool]) -> list[str]:
        """The mandatory stages before this one that were not entered, and the mandatory documents
        that the mandatory stages before it have not got."""
        assert self.law is not None
        found = []
        for code in self.law.before(stage):
            before = self.law.one("stage", code)
            assert before is not None
            if not self.demanded(before, also):
                continue
            if not self.stands("entered", code, code):
                found.append(f"stage {code}")
            found += [
                f"document {document['code']}"
                for document in self.law.all("document")
                if document.get("stage") == code
                and self.demanded(document, also)
                and not self.stands("document", document["code"], code)
            ]
        return found

    def ended(self) -> bool:
        """Whether the case left the ordinary way for good: what it left out is not asked for."""
        over = False
        for exit_ in sorted((t for t in self.told if t.kind == "exit"), key=lambda t: t.when):
            if exit_.code in ENDS:
                over = True
            elif exit_.code in (*BACK, "resumed"):
                over = False
        return over
