"""Every shipped procedure can be walked to its filing, and every exit of it can be taken (M01)."""

from collections.abc import Iterator
from itertools import product

import pytest

from cases.procedure import machine
from cases.procedure.model import ENDING, Claim, Transition
from cases.procedure.shipped import shipped
from tests.cases.procedure.walks import Walk, shipped_procedure


def say(walk: Walk, claims: tuple[Claim, ...]) -> None:
    if claims:
        walk.say(**{claim.condition: claim.holds for claim in claims})


def write(walk: Walk, code: str) -> None:
    """Issue a document with all it needs."""
    if walk.state.document(walk.procedure, code) is not None:
        return
    document = walk.procedure.document(code)
    assert document is not None
    for need in document.needs.documents:
        write(walk, need)
    walk.point(*document.needs.points)
    say(walk, document.needs.conditions)
    walk.issue(code)


def answers(walk: Walk) -> Iterator[Walk]:
    """The case with each answer to what its current stage asks and nobody has said."""
    asked = [
        claim.condition
        for document in walk.procedure.documents_of(walk.state.current or "")
        for claim in document.mandatory_when
        if walk.state.says(claim.condition) is None
    ]
    asked = list(dict.fromkeys(asked))
    for said in product((True, False), repeat=len(asked)):
        yield walk.branch().say(**dict(zip(asked, said, strict=True))) if asked else walk


def settle(walk: Walk) -> None:
    """Write all that the current stage demands."""
    for document in walk.procedure.documents_of(walk.state.current or ""):
        if machine.mandatory(document, walk.state):
            write(walk, document.code)


def go(walk: Walk, way: Transition) -> None:
    say(walk, way.needs.conditions)
    if way.exit is None:
        settle(walk)
    for code in way.needs.documents:
        write(walk, code)
    walk.point(*way.needs.points).take(way.code)


def file(walk: Walk) -> None:
    settle(walk)
    walk.file()


def ways(walk: Walk) -> list[Transition]:
    return [t for t in machine.allowed_transitions(walk.procedure, walk.state) if t.exit is None]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_m01_every_ordinary_way_leads_to_the_filing_without_a_mark(name: str) -> None:
    waiting, filed, taken = list(answers(Walk(shipped_procedure(name)))), 0, set()
    while waiting:
        walk = waiting.pop()
        for way in ways(walk):
            if contradicts(walk, way):
                continue
            branch = walk.branch()
            go(branch, way)
            taken.add(way.code)
            waiting += answers(branch)
        if not ways(walk):
            file(walk)
            assert walk.state.closed is not None
            assert walk.state.marks == ()
            filed += 1
    assert filed
    assert taken == {t.code for t in walk.procedure.transitions if t.exit is None}


def contradicts(walk: Walk, way: Transition) -> bool:
    """Whether the way asks for the opposite of what was said on the way here."""
    return any(
        walk.state.says(claim.condition) not in (None, claim.holds)
        for claim in way.needs.conditions
    )


@pytest.mark.parametrize("name", sorted(shipped()))
def test_m01_every_exit_can_be_taken_from_where_it_is_offered(name: str) -> None:
    waiting, tried = list(answers(Walk(shipped_procedure(name)))), set()
    while waiting:
        walk = waiting.pop()
        for exit_ in walk.procedure.transitions:
            place = (exit_.code, walk.state.current)
            if exit_.exit in (None, "resumed") or walk.state.current not in exit_.origins or place in tried:  # fmt: skip
                continue
            tried.add(place)
            leave(walk.branch(), exit_)
        for way in ways(walk):
            if not contradicts(walk, way):
                branch = walk.branch()
                go(branch, way)
                waiting += answers(branch)
    offered = {
        (t.code, origin)
        for t in walk.procedure.transitions
        for origin in t.origins
        if t.exit not in (None, "resumed")
    }
    assert tried == offered


def leave(walk: Walk, exit_: Transition) -> None:
    go(walk, exit_)
    if exit_.exit in ENDING:
        file(walk)
        assert walk.state.closed is not None
    elif exit_.exit == "suspended":
        (back,) = [t for t in walk.procedure.transitions if t.exit == "resumed"]
        go(walk, back)
        assert not walk.state.suspended
    elif exit_.to is not None:
        assert walk.state.current == exit_.to
    assert walk.refolded() == walk.state
