"""Reading a procedure: a TOML text in, the `Procedure` or every problem with its line out.

Guarantee: `load` returns a procedure that fits docs/formats/procedures.md, or raises one
`BadProcedureError` that names all problems found, in the order of their lines.  A text that is too
long or nested too deep is refused before it is parsed.
Not covered: who may bring a procedure into force (`console`), and whether the law agrees with it.

Format: docs/formats/procedures.md, version 1.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from typing import Literal

from cases.calendar import Term
from cases.procedure.graph import faults
from cases.procedure.lines import places
from cases.procedure.model import (
    CATEGORIES,
    EXITS,
    LEVELS,
    METHODS,
    ROLES,
    STAGE_CATEGORIES,
    STAYING,
    Condition,
    Deadline,
    Document,
    Extension,
    Moment,
    Needs,
    Point,
    Procedure,
    Requirement,
    Stage,
    Transition,
)
from cases.procedure.read import MAX_BASIS, MAX_PREFIX, Problem, Problems, Table
from cases.procedure.refer import check_references
from verify.errors import MalformedError

FORMAT = 1
MAX_BYTES, MAX_DEPTH = 256 * 1024, 8
MAX_STAGES, MAX_ELEMENTS = 60, 400
MAX_VERSION, MAX_HOLE_MS = 1_000_000, 86_400_000
_AT = re.compile(r"\(at line (\d+), column \d+\)")


class BadProcedureError(MalformedError):
    """The text is not a procedure; `problems` has every reason with its line."""

    code = "bad-procedure"

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        rest = len(self.problems) - 3
        told = "; ".join(str(problem) for problem in self.problems[:3])
        more = f"; and {rest} more" if rest > 0 else ""
        super().__init__(f"{source}: expected a procedure, got {told}{more}")


def digest(text: bytes | str) -> str:
    """SHA-256 of the text as it is stored, in hex: what a case names its procedure by."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def load(text: bytes | str, *, source: str) -> Procedure:
    """The procedure in the text; `source` names the text in messages."""
    values, problems = _parsed(text, source)
    procedure = _procedure(Table(values, (), problems))
    check_references(procedure, problems)
    for fault in faults(procedure):
        problems.add(fault.path, fault.reason)
    if problems.found:
        raise BadProcedureError(source, problems.found)
    return procedure


def _parsed(text: bytes | str, source: str) -> tuple[dict[str, object], Problems]:
    def refuse(line: int, where: str, reason: str) -> BadProcedureError:
        return BadProcedureError(source, [Problem(line, where, reason)])

    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise refuse(1, "size", f"expected at most {MAX_BYTES} bytes, got {len(data)}")
    try:
        decoded = data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise refuse(line, "text", f"expected UTF-8, got byte {data[exc.start]:#04x}") from None
    found = places(decoded)
    if found.depth > MAX_DEPTH:
        raise refuse(1, "nesting", f"expected at most {MAX_DEPTH} levels, got {found.depth}")
    try:
        return tomllib.loads(decoded), Problems(found)
    except (ValueError, RecursionError) as exc:
        at = _AT.search(str(exc))
        end = decoded.rstrip("\n").count("\n") + 1
        reason = str(exc).split(" (at ")[0].rstrip(".")
        raise refuse(int(at[1]) if at else end, "TOML", f"expected TOML, got: {reason}") from None


def _procedure(table: Table) -> Procedure:
    found = table.number("format", 0, 1_000_000, required=True)
    if found is not None and found != FORMAT:
        table.problem(f"expected version {FORMAT} of the format, got {found}", "format")
    procedure = Procedure(
        name=table.code("name"),
        version=table.number("version", 1, MAX_VERSION, required=True) or 0,
        label=table.label(),
        category=table.choice("category", CATEGORIES),
        enforcement=table.flag("enforcement", default=True),
        start=table.code("start"),
        stages=tuple(map(_stage, table.tables("stage", MAX_STAGES, required=True))),
        transitions=tuple(map(_transition, table.tables("transition", MAX_ELEMENTS))),
        conditions=tuple(map(_condition, table.tables("condition", MAX_ELEMENTS))),
        documents=tuple(map(_document, table.tables("document", MAX_ELEMENTS))),
        points=tuple(map(_point, table.tables("point", MAX_ELEMENTS))),
        deadlines=tuple(map(_deadline, table.tables("deadline", MAX_ELEMENTS))),
        recordings=tuple(map(_recording, table.tables("recording", MAX_ELEMENTS))),
        basis=table.text("basis", MAX_BASIS),
    )
    table.finish()
    return procedure


def _stage(table: Table) -> Stage:
    stage = Stage(
        code=table.code("code"),
        label=table.label(),
        category=table.choice("category", STAGE_CATEGORIES),
        mandatory=table.flag("mandatory"),
        mandatory_when=table.claims("mandatory_when"),
        final=table.flag("final"),
        basis=table.text("basis", MAX_BASIS),
    )
    _once_mandatory(table)
    table.finish()
    return stage


def _once_mandatory(table: Table) -> None:
    if table.values.get("mandatory") is True and "mandatory_when" in table.values:
        table.problem("expected mandatory or mandatory_when, got both", "mandatory_when")


def _transition(table: Table) -> Transition:
    kind = table.choice("exit", EXITS, required=False) or None
    to = table.code("to", required=kind not in STAYING) or None
    if kind in STAYING and to is not None:
        table.problem(f"expected no stage to go to with exit {kind}, got {to}", "to")
        to = None
    transition = Transition(
        code=table.code("code"),
        label=table.label(),
        origins=table.words("from", required=True),
        to=to,
        needs=_needs(table),
        exit=kind,
        by=_roles(table),
        basis=table.text("basis", MAX_BASIS),
    )
    if table.values.get("from") == []:
        table.problem("expected at least one stage, got none", "from")
    table.finish()
    return transition


def _needs(table: Table) -> Needs:
    return Needs(table.words("documents"), table.words("points"), table.claims("conditions"))


def _roles(table: Table) -> tuple[str, ...]:
    roles = table.words("by")
    for number, role in enumerate(roles):
        if role and role not in ROLES:
            table.problem(f"expected one of {', '.join(ROLES)}, got {role!r}", "by", number)
    if table.values.get("by") == []:
        table.problem("expected at least one role, got none", "by")
    return roles


def _condition(table: Table) -> Condition:
    condition = Condition(table.code("code"), table.label(), table.text("basis", MAX_BASIS))
    table.finish()
    return condition


def _document(table: Table) -> Document:
    document = Document(
        code=table.code("code"),
        label=table.label(),
        stage=table.code("stage", required=False) or None,
        mandatory=table.flag("mandatory"),
        mandatory_when=table.claims("mandatory_when"),
        needs=_needs(table),
        prefix=table.text("prefix", MAX_PREFIX),
        by=_roles(table),
        repeatable=table.flag("repeatable"),
        basis=table.text("basis", MAX_BASIS),
    )
    _once_mandatory(table)
    if not table.has("stage") and (document.mandatory or document.mandatory_when):
        table.problem("expected a stage for a mandatory document, got none")
    table.finish()
    return document


def _point(table: Table) -> Point:
    point = Point(
        code=table.code("code"),
        label=table.label(),
        stage=table.code("stage"),
        after=table.words("after"),
        basis=table.text("basis", MAX_BASIS),
    )
    table.finish()
    return point


def _deadline(table: Table) -> Deadline:
    deadline = Deadline(
        code=table.code("code"),
        label=table.label(),
        start=_moment(table, "from"),
        until=_moment(table, "until"),
        term=table.term(strict=table.flag("strict")) or Term(1, "d"),
        extension=_extension(table),
        pauses=tuple(map(_pause, table.tables("pauses", 20))),
        basis=table.text("basis", MAX_BASIS),
    )
    if deadline.extension and deadline.extension.term.unit != deadline.term.unit:
        table.problem(f"expected the unit of {deadline.term}, got {deadline.extension.term}", "extension")  # fmt: skip
    table.finish()
    return deadline


def _moment(table: Table, key: str) -> Moment:
    inner = table.table(key, required=True)
    if inner is None:
        return Moment("stage", "")
    kinds: tuple[Literal["stage", "document", "point"], ...] = ("stage", "document", "point")
    moments = [Moment(kind, inner.code(kind)) for kind in kinds if inner.has(kind)]
    if len(moments) != 1:
        inner.problem(f"expected one of stage, document and point, got {len(moments)}")
    inner.finish()
    return moments[0] if moments else Moment("stage", "")


def _extension(table: Table) -> Extension | None:
    inner = table.table("extension", required=False)
    if inner is None:
        return None
    document, term = inner.code("document"), inner.term()
    inner.finish()
    return None if term is None else Extension(document, term)


def _pause(table: Table) -> tuple[str, str]:
    pause = (table.code("from"), table.code("until"))
    table.finish()
    return pause


def _recording(table: Table) -> Requirement:
    methods = table.words("methods", required=True)
    for number, method in enumerate(methods):
        if method and method not in METHODS:
            table.problem(f"expected one of {', '.join(METHODS)}, got {method!r}", "methods", number)  # fmt: skip
    requirement = Requirement(
        code=table.code("code"),
        label=table.label(),
        stage=table.code("stage"),
        level=table.choice("level", LEVELS),
        methods=methods,
        start=table.code("start"),
        end=table.code("end", required=False) or None,
        hole_ms=table.number("hole_ms", 0, MAX_HOLE_MS, required=False),
        basis=table.text("basis", MAX_BASIS),
    )
    if not table.has("end") and set(methods) - {"photo"}:
        table.problem("expected an end point for methods other than photo, got none")
    table.finish()
    return requirement
