"""Who decides what another asked: nobody his own, the head of where it belongs, once."""

from zoneinfo import ZoneInfo

import pytest

from cases import approvals
from cases.approvals import (
    AlreadyAskedError,
    DecidedError,
    NoHoleError,
    NotHeadError,
    OwnRequestError,
    Stretch,
)
from cases.asked import Asked, Person
from cases.calendar import NATIONAL, parse_term
from storage.rights import Role
from verify.entries import format_time, parse_time
from verify.errors import DeniedError, MalformedError, NotFoundError

NOW = 1_800_000_000_000
ASKER = "a" * 32


def person(*roles: str, id_: str = "b" * 32, organ: str = "city", unit: str = "one") -> Person:
    return Person(id_, "甲", frozenset(roles), organ, unit)


def asked(kind: str = "exemption", decision: str | None = None) -> Asked:
    item = "1" * 32 if kind == "access" else None
    return Asked(
        "e" * 32, kind, "c" * 32, item, f"u:{ASKER}", NOW, decision, "city",
        frozenset({"one", "above"}),
    )  # fmt: skip


def decide(request: Asked | None, who: Person | None, decision: str = "approved") -> object:
    actor = "u:" + (who.id if who else "f" * 32)
    return approvals.decide(
        request, decision=decision, reason=None, until_ms=NOW + 5, actor=actor, person=who
    ).fields


@pytest.mark.parametrize(
    ("kind", "who", "may"),
    [
        ("exemption", person(Role.UNIT_HEAD), True),
        ("interruption", person(Role.UNIT_HEAD, unit="above"), True),
        ("interruption", person(Role.UNIT_HEAD, unit="two"), False),
        ("access", person(Role.ORGAN_HEAD, unit="two"), True),
        ("access", person(Role.ORGAN_HEAD, organ="county"), False),
        ("exemption", person(Role.OFFICER, Role.REVIEWER), False),
        ("policy", person(Role.UNIT_HEAD), False),
        ("policy", person(Role.ORGAN_HEAD, organ="county"), True),
    ],
)
def test_the_head_of_where_it_belongs_decides(kind: str, who: Person, may: bool) -> None:
    if may:
        assert decide(asked(kind), who)
    else:
        with pytest.raises(NotHeadError):
            decide(asked(kind), who)


def test_nobody_decides_his_own_request_and_only_he_withdraws_it() -> None:
    own = person(Role.ORGAN_HEAD, id_=ASKER)
    with pytest.raises(OwnRequestError):
        decide(asked(), own)
    with pytest.raises(DeniedError):
        decide(asked(), person(Role.ORGAN_HEAD), "withdrawn")
    assert decide(asked(), own, "withdrawn")


def test_what_is_decided_is_decided_once() -> None:
    for decision in ("approved", "refused", "withdrawn"):
        with pytest.raises(DecidedError):
            decide(asked(decision=decision), person(Role.ORGAN_HEAD))
    with pytest.raises(NotFoundError):
        decide(None, person(Role.ORGAN_HEAD))
    with pytest.raises(NotHeadError):
        decide(asked(), None)


def test_access_is_approved_for_no_longer_than_was_asked() -> None:
    fields = decide(asked("access"), person(Role.ORGAN_HEAD))
    assert isinstance(fields, dict)
    assert fields["until"] == format_time(NOW)


def test_m05_a_late_exemption_is_marked_and_never_refused() -> None:
    """M05: the deadline marks."""
    for now_ms, marks in ((NOW, None), (NOW + 1, ["late"])):
        draft = approvals.ask_exemption(
            "e" * 32, "c" * 32, rule="l/1", occasion="1", ground="emergency", text="抢险",
            due=NOW, now_ms=now_ms, actor="u:" + ASKER,
        )  # fmt: skip
        assert draft.fields.get("marks") == marks


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (None, "2026-09-25T15:59:59.999Z"),
        ("24h", "2026-09-26T06:00:00.000Z"),
        ("1wd", "2026-09-28T15:59:59.999Z"),  # a Friday; 中秋 falls on the Friday itself
    ],
)
def test_the_deadline_of_an_exemption_runs_from_when_the_recording_should_have_begun(
    term: str | None, expected: str
) -> None:
    start = parse_time("2026-09-25T06:00:00.000Z")
    due = approvals.exemption_due(
        start, None if term is None else parse_term(term), ZoneInfo("Asia/Shanghai"), NATIONAL
    )
    assert format_time(due) == expected


@pytest.mark.parametrize(("start", "end"), [(NOW, NOW), (NOW + 1, NOW)])
def test_an_interruption_ends_after_it_began(start: int, end: int) -> None:
    with pytest.raises(MalformedError):
        approvals.explain(
            "e" * 32, "c" * 32, rule="l/1", start_ms=start, end_ms=end, cause="battery", text="x",
            actor="u:" + ASKER, holes=[Stretch("1", NOW - 5, NOW + 5)],
        )  # fmt: skip


def explained(
    start: int, end: int, *holes: tuple[str, int, int], waiting: tuple[str, int, int] | None = None
) -> tuple[str, int, int]:
    fields = approvals.explain(
        "e" * 32, "c" * 32, rule="l/1", start_ms=NOW + start, end_ms=NOW + end, cause="battery",
        text="x", actor="u:" + ASKER, holes=[Stretch(o, NOW + a, NOW + b) for o, a, b in holes],
        waiting=[Stretch(o, NOW + a, NOW + b) for o, a, b in ([waiting] if waiting else [])],
    ).fields  # fmt: skip
    return (
        str(fields["occasion"]), parse_time(fields["start"]) - NOW, parse_time(fields["end"]) - NOW,
    )  # fmt: skip


def test_an_explanation_says_no_more_than_the_hole_that_it_touches() -> None:
    holes = ("1", 100, 200), ("2", 500, 900)
    assert explained(-NOW, NOW, *holes) == ("2", 500, 900)
    assert explained(150, 300, *holes) == ("1", 150, 200)
    for start, end in ((0, 100), (200, 500), (900, 1000)):
        with pytest.raises(NoHoleError) as refused:
            explained(start, end, *holes)
        assert len(refused.value.holes) == 2
    with pytest.raises(NoHoleError):
        explained(0, 100)


def test_what_waits_is_not_explained_again() -> None:
    with pytest.raises(AlreadyAskedError):
        explained(0, 300, ("1", 100, 200), waiting=("1", 100, 200))
    assert explained(0, 300, ("1", 100, 200), waiting=("1", 100, 150)) == ("1", 100, 200)
    assert explained(0, 300, ("1", 100, 200), waiting=("2", 100, 200)) == ("1", 100, 200)
