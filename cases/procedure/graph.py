"""What comes before what in a procedure, and what is wrong with its graph.

Stages stand in their order.  A transition without exit goes to a later stage, so that the ordinary
way never turns; what goes back is named as such (`returned`, `remade`).  A stage comes *before*
another if the ordinary way leads from it to that one.

Guarantee: in a graph without faults every stage is reached from the start and leads to a final
one, and no ordinary way leads past a mandatory stage (past a stage that is mandatory when X holds:
only by a transition that demands «not X»).
Not covered: whether a person can fulfil all conditions at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cases.procedure.lines import Path
from cases.procedure.model import GOING_BACK, Claim, Procedure, Transition

Edges = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place of the procedure's file."""

    path: Path
    reason: str


@lru_cache(maxsize=128)
def later(procedure: Procedure) -> Mapping[str, frozenset[str]]:
    """For each stage those that the ordinary way leads to from it (never itself)."""
    edges = _edges(procedure, (t for t in procedure.transitions if t.exit is None))
    return {stage.code: reached(edges, stage.code) - {stage.code} for stage in procedure.stages}


@lru_cache(maxsize=128)
def earlier(procedure: Procedure) -> Mapping[str, tuple[str, ...]]:
    """For each stage those that come before it, in order."""
    after = later(procedure)
    return {
        stage.code: tuple(s.code for s in procedure.stages if stage.code in after[s.code])
        for stage in procedure.stages
    }


def reached(edges: Edges, start: str, *, but: str | None = None) -> frozenset[str]:
    """All that can be reached from `start`, itself included, without passing through `but`."""
    if start == but:
        return frozenset()
    seen, waiting = {start}, [start]
    while waiting:
        for to in edges.get(waiting.pop(), ()):
            if to not in seen and to != but:
                seen.add(to)
                waiting.append(to)
    return frozenset(seen)


def _edges(procedure: Procedure, transitions: Iterable[Transition]) -> Edges:
    known = {stage.code for stage in procedure.stages}
    edges: dict[str, set[str]] = {}
    for transition in transitions:
        if transition.to in known:
            for origin in transition.origins:
                edges.setdefault(origin, set()).add(transition.to)
    return edges


def faults(procedure: Procedure) -> Iterator[Fault]:
    """Everything wrong with the graph; unknown stages are left to whoever checks references."""
    place = {stage.code: number for number, stage in reversed(list(enumerate(procedure.stages)))}
    turned = list(_turns(procedure, place))
    yield from turned
    yield from _ends(procedure)
    if procedure.start in place:
        yield from _reach(procedure)
        if not turned:  # with turns in the ordinary way «before» means nothing
            yield from _bypasses(procedure)
            yield from _deadlocks(procedure)


def _turns(procedure: Procedure, place: Mapping[str, int]) -> Iterator[Fault]:
    for number, transition in enumerate(procedure.transitions):
        to = place.get(transition.to or "")
        if to is None:
            continue
        for at, origin in enumerate(transition.origins):
            if origin not in place:
                continue
            path = ("transition", number, "from", at)
            if transition.exit is None and to <= place[origin]:
                yield Fault(path, f"cycle without exit: expected a stage before {transition.to}, got {origin}; a way back is an exit, {' or '.join(GOING_BACK)}")  # fmt: skip
            elif transition.exit in GOING_BACK and to > place[origin]:
                yield Fault(path, f"expected a stage from {transition.to} on, got {origin}: {transition.exit} goes back")  # fmt: skip


def _ends(procedure: Procedure) -> Iterator[Fault]:
    final = False
    for number, stage in enumerate(procedure.stages):
        final = final or stage.final
        if stage.final and stage.category != "filing":
            yield Fault(("stage", number, "final"), f"expected category filing of a final stage, got {stage.category!r}")  # fmt: skip
    if not final:
        yield Fault((), "no filing stage: expected a final stage of category filing, got none")


def _reach(procedure: Procedure) -> Iterator[Fault]:
    edges = _edges(procedure, procedure.transitions)
    from_start = reached(edges, procedure.start)
    final = {stage.code for stage in procedure.stages if stage.final}
    for number, stage in enumerate(procedure.stages):
        if not stage.code:
            continue
        path = ("stage", number)
        if stage.code not in from_start:
            yield Fault(path, f"unreachable stage: no way leads from {procedure.start} to {stage.code}")  # fmt: skip
        if not stage.final and not edges.get(stage.code):
            yield Fault(path, f"stage with no way out: no transition leads from {stage.code}")
        elif final and not reached(edges, stage.code) & final:
            yield Fault(path, f"cycle without exit: from {stage.code} no final stage can be reached")  # fmt: skip


def _bypasses(procedure: Procedure) -> Iterator[Fault]:
    after = later(procedure)
    ordinary = [t for t in procedure.transitions if t.exit is None]
    free: dict[Claim | None, Edges] = {None: _edges(procedure, ordinary)}
    for number, stage in enumerate(procedure.stages):
        claims: tuple[Claim | None, ...] = (None,) if stage.mandatory else stage.mandatory_when
        for claim in claims:
            if claim is not None and claim not in free:
                # what can still be taken while the claim is true
                denied = Claim(claim.condition, not claim.holds)
                free[claim] = _edges(procedure, (t for t in ordinary if denied not in t.needs.conditions))  # fmt: skip
            past = reached(free[claim], procedure.start, but=stage.code)
            if hit := next((s.code for s in procedure.stages if s.code in past & after[stage.code]), None):  # fmt: skip
                when = "" if claim is None else f" when «{claim}»"
                yield Fault(("stage", number), f"mandatory stage{when}: expected no way around {stage.code}, got one to {hit}")  # fmt: skip


def _deadlocks(procedure: Procedure) -> Iterator[Fault]:
    """Nothing may need what can only come later."""
    before = earlier(procedure)
    for number, transition in enumerate(procedure.transitions):
        for origin in transition.origins:
            if origin not in before or transition.exit in ("resumed", "remade"):
                continue
            allowed = {origin, *before[origin]}
            for at, code in enumerate(transition.needs.documents):
                document = procedure.document(code)
                if document and _known(procedure, document.stage) and document.stage not in allowed:
                    yield Fault(("transition", number, "documents", at), f"expected a document of {origin} or before, got {code} of {document.stage}")  # fmt: skip
    for number, document in enumerate(procedure.documents):
        if document.stage is None or document.stage not in before:
            continue
        allowed = {document.stage, *before[document.stage]}
        for at, code in enumerate(document.needs.documents):
            other = procedure.document(code)
            if other and _known(procedure, other.stage) and other.stage not in allowed:
                yield Fault(("document", number, "documents", at), f"expected a document of {document.stage} or before, got {code} of {other.stage}")  # fmt: skip
    yield from _rings(procedure)


def _known(procedure: Procedure, stage: str | None) -> bool:
    return stage is not None and procedure.stage(stage) is not None


def _rings(procedure: Procedure) -> Iterator[Fault]:
    needs = {d.code: d.needs.documents for d in procedure.documents}
    after = {p.code: p.after for p in procedure.points}
    for kind, key, edges in (("document", "documents", needs), ("point", "after", after)):
        for number, code in enumerate(edges):
            if any(code in reached(edges, need) for need in edges[code]):
                yield Fault((kind, number, key), f"cycle: {code} needs itself")
