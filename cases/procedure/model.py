"""What a procedure is made of: stages, transitions, documents, time points, deadlines, recordings.

Guarantee: values only; nothing here decides.  A `Procedure` that `load` returned has no dangling
references, every stage can be reached and left, and what is mandatory cannot be walked around.
Not covered: whether the procedure is what the law demands.  An agency answers for its data.

Format: docs/formats/procedures.md, version 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cases.calendar import Term

STAGE_CATEGORIES = (
    "initiation", "investigation", "review", "decision", "service", "enforcement", "filing",
)  # fmt: skip
"""启动、调查取证、审核、决定、送达、执行、归档: what reports count by."""

CATEGORIES = ("penalty", "licence", "coercion", "inspection", "levy", "review", "other")

ENDING = ("not_filed", "withdrawn", "terminated", "transferred", "merged")
"""不予立案、撤案、终止、移送、并案: the case goes to its filing without the stages between."""
GOING_BACK = ("returned", "remade")
"""退回补充调查、撤销后重作: an earlier stage is open again; what came after it no longer counts."""
STAYING = ("suspended", "resumed", "split")
"""中止、恢复、分案: the stage stays what it is."""
EXITS = ENDING + GOING_BACK + STAYING

LEVELS = ("must", "may")
"""应当、可以."""
ROLES = (
    "officer", "station_keeper", "reviewer", "unit_head", "organ_head", "archivist", "supervisor",
)  # fmt: skip
"""执法人员、采集站管理员、法制审核员、部门负责人、机关负责人、档案管理员、监督人员: whose part an act may be."""
METHODS = ("photo", "audio", "video", "body_camera", "surveillance")
"""拍照、录音、录像、执法记录仪、监控."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition and how it must have been stated: `x` or `not x`.

    Unstated is neither: nobody walks around a review by saying nothing.
    """

    condition: str
    holds: bool = True

    def __str__(self) -> str:
        return self.condition if self.holds else f"not {self.condition}"


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there before an act: documents, time points, stated conditions."""

    documents: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    conditions: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Something only a person can say, such as «a hearing was asked for»."""

    code: str
    label: Label
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of this procedure 环节.

    It is mandatory always, or as soon as one of `mandatory_when` was stated.
    """

    code: str
    label: Label
    category: str
    mandatory: bool = False
    mandatory_when: tuple[Claim, ...] = ()
    final: bool = False
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from some stages to another; `to` is None for exits that stay."""

    code: str
    label: Label
    origins: tuple[str, ...]
    to: str | None
    needs: Needs = Needs()
    exit: str | None = None
    by: tuple[str, ...] = ()
    """The roles whose part it is to take it here; empty: whoever may act in the case."""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A paper 文书; `needs` must be there before it is issued here."""

    code: str
    label: Label
    stage: str | None
    """None: a paper of exits, which may be made out in any stage."""
    mandatory: bool = False
    mandatory_when: tuple[Claim, ...] = ()
    needs: Needs = Needs()
    prefix: str = ""
    """What its number begins with, such as 罚告字; empty if it has none."""
    by: tuple[str, ...] = ()
    """The roles whose part it is to issue it here; empty: whoever may act in the case."""
    repeatable: bool = False
    """True: a case may have several of them, such as records and lists."""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A moment that recordings and deadlines are measured by 时间点; `after` names earlier ones."""

    code: str
    label: Label
    stage: str
    after: tuple[str, ...] = ()
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a deadline runs from or until: a stage entered, a document issued, a time point."""

    kind: Literal["stage", "document", "point"]
    code: str


@dataclass(frozen=True, slots=True)
class Extension:
    """A document that lengthens a deadline once."""

    document: str
    term: Term


@dataclass(frozen=True, slots=True)
class Deadline:
    """A term between two moments; `pauses` are pairs of points between which it stands still."""

    code: str
    label: Label
    start: Moment
    until: Moment
    term: Term
    extension: Extension | None = None
    pauses: tuple[tuple[str, str], ...] = ()
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is to be recorded: by which of the methods, from which time point to which."""

    code: str
    label: Label
    stage: str
    level: str
    methods: tuple[str, ...]
    start: str
    end: str | None = None
    """None: a capture at the start point is enough (photo)."""
    hole_ms: int | None = None
    """From which length a hole asks for an explanation; None leaves it to the policy."""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Procedure:
    """One version of one procedure.  Stages stand in the order in which they come."""

    name: str
    version: int
    label: Label
    category: str
    enforcement: bool
    """False: work without enforcement powers; it claims nothing of 执法."""
    start: str
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...]
    conditions: tuple[Condition, ...] = ()
    documents: tuple[Document, ...] = ()
    points: tuple[Point, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    recordings: tuple[Requirement, ...] = ()
    basis: str = ""
    _index: dict[tuple[str, str], object] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        for kind, elements in self._elements():
            for element in elements:
                self._index.setdefault((kind, element.code), element)

    def __hash__(self) -> int:
        """Cheap, because what is derived from a procedure is kept by it (`graph`)."""
        return hash((self.name, self.version, self.label))

    def _elements(self) -> Iterator[tuple[str, tuple["Element", ...]]]:
        yield "stage", self.stages
        yield "transition", self.transitions
        yield "condition", self.conditions
        yield "document", self.documents
        yield "point", self.points
        yield "deadline", self.deadlines
        yield "recording", self.recordings

    def stage(self, code: str) -> Stage | None:
        found = self._index.get(("stage", code))
        return found if isinstance(found, Stage) else None

    def transition(self, code: str) -> Transition | None:
        found = self._index.get(("transition", code))
        return found if isinstance(found, Transition) else None

    def document(self, code: str) -> Document | None:
        found = self._index.get(("document", code))
        return found if isinstance(found, Document) else None

    def point(self, code: str) -> Point | None:
        found = self._index.get(("point", code))
        return found if isinstance(found, Point) else None

    def condition(self, code: str) -> Condition | None:
        found = self._index.get(("condition", code))
        return found if isinstance(found, Condition) else None

    def documents_of(self, stage: str) -> tuple[Document, ...]:
        return tuple(document for document in self.documents if document.stage == stage)

    def points_of(self, stage: str) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.stage == stage)


Element = Stage | Transition | Condition | Document | Point | Deadline | Requirement
