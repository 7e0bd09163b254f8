"""Who may be what: three administrators, nobody gives himself a role, no circles."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import AccountTakenError, DutySeparationError, OwnRightsError
from console.people_rules import Person, Place, check_roles, set_organ, set_person, set_unit
from console.tree import tree_of
from storage.rights import ADMINISTRATORS, Role
from verify import schema
from verify.errors import ConflictError, EvidenceError, MalformedError, NotFoundError

A, B, ONE, TWO, OTHER = "a" * 32, "b" * 32, "1" * 32, "2" * 32, "3" * 32
CITY, COUNTY = "c" * 32, "d" * 32
TREE = tree_of(
    [(CITY, None), (COUNTY, CITY)], [(ONE, CITY, None), (TWO, CITY, ONE), (OTHER, COUNTY, None)]
)
PLACE = Place(TREE, frozenset({TWO}))
LIN = Person(A, "lin", "林", CITY, ONE, frozenset({Role.OFFICER}))


def put(after: Person, before: Person | None = None, **how: Any) -> dict[str, Any]:
    how = {
        "place": PLACE, "same_account": None, "same_subject": None, "by": f"u:{B}", "reason": "r",
    } | how  # fmt: skip
    draft = set_person(after, before=before, **how)
    schema.check(draft.type, draft.chain, draft.fields)
    return dict(draft.fields)


@given(st.sets(st.sampled_from(list(Role)), max_size=4))
def test_m15_nobody_is_two_administrators_nor_one_and_anything_else(roles: set[Role]) -> None:
    """三员分立"""
    apart = not roles & ADMINISTRATORS or len(roles) == 1
    if apart:
        check_roles(roles)
        return
    with pytest.raises(DutySeparationError):
        check_roles(roles)


@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(ADMINISTRATORS), 2)))
def test_m15_two_administrators_in_one_person_are_refused_by_name(one: Role, other: Role) -> None:
    with pytest.raises(DutySeparationError, match=f"expected {min(one, other)} and nothing beside"):
        put(replace(LIN, roles=frozenset({one, other})))


@pytest.mark.parametrize(
    "change",
    [
        {"roles": frozenset({Role.ORGAN_HEAD})}, {"roles": frozenset()}, {"unit": None},
        {"organ": None, "unit": None}, {"ended_ms": 1},
    ],
)  # fmt: skip
def test_nobody_gives_himself_roles_a_place_or_an_end(change: dict[str, Any]) -> None:
    before = replace(LIN, roles=frozenset({Role.SECURITY_ADMIN}))
    put(replace(before, **change), before)  # another may
    with pytest.raises(OwnRightsError):
        put(replace(before, **change), before, by=f"u:{A}")
    put(replace(before, name="林林"), before, by=f"u:{A}")  # his name is his own


def test_a_new_person_is_not_made_by_himself() -> None:
    with pytest.raises(OwnRightsError):
        put(LIN, by=f"u:{A}")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"account": "Lin"}, MalformedError),
        ({"account": "l"}, MalformedError),
        ({"account": "lin lin"}, MalformedError),
        ({"account": "-lin"}, MalformedError),
        ({"account": "ｌｉｎ"}, MalformedError),
        ({"name": " "}, MalformedError),
        ({"name": "a\nb"}, MalformedError),
        ({"certificate": "\u202e"}, MalformedError),
        ({"subject": ""}, MalformedError),
        ({"certificate_from_ms": 5, "certificate_until_ms": 5}, MalformedError),
        ({"organ": B}, NotFoundError),
        ({"unit": B}, NotFoundError),
        ({"unit": OTHER}, ConflictError),
        ({"organ": None}, ConflictError),
        ({"unit": TWO}, ConflictError),  # dissolved
    ],
)
def test_a_person_who_cannot_be_is_refused(
    change: dict[str, Any], error: type[EvidenceError]
) -> None:
    with pytest.raises(error):
        put(replace(LIN, **change))


def test_who_was_in_a_unit_when_it_was_dissolved_may_be_changed_otherwise() -> None:
    before = replace(LIN, unit=TWO)
    put(replace(before, name="林林"), before)


@pytest.mark.parametrize("account", ["lin", "张三", "a.b-c_d@example", "x2"])
def test_accounts_may_be_written_in_chinese(account: str) -> None:
    assert put(replace(LIN, account=account))["account"] == account


def test_an_account_and_a_subject_are_one_persons() -> None:
    put(replace(LIN, name="x"), LIN, same_account=A, same_subject=A)
    with pytest.raises(AccountTakenError):
        put(LIN, same_account=B)
    with pytest.raises(AccountTakenError):
        put(replace(LIN, subject="s"), same_subject=B)


def test_the_same_again_is_no_entry_and_a_reason_is_needed() -> None:
    with pytest.raises(ConflictError, match="expected a change"):
        put(LIN, LIN)
    with pytest.raises(MalformedError, match="reason"):
        put(LIN, reason=" ")


def test_the_entry_says_the_whole_state_and_nothing_that_is_not() -> None:
    assert put(LIN) == {
        "person": A, "account": "lin", "name": "林", "organ": CITY, "unit": ONE,
        "roles": ["officer"], "reason": "r",
    }  # fmt: skip
    whole = replace(LIN, certificate="沪-1", certificate_from_ms=0, certificate_until_ms=1, ended_ms=2,
                    subject="s")  # fmt: skip
    assert put(whole)["certificate_until"] == "1970-01-01T00:00:00.001Z"


# --- organs and units -------------------------------------------------------------------------


def organ(id_: str, parent: str | None, name: str = "n") -> None:
    draft = set_organ(id_, name=name, code=None, parent=parent, tree=TREE, by="u:x", reason=None)
    schema.check(draft.type, draft.chain, draft.fields)


def unit(id_: str, of: str = CITY, parent: str | None = None, **how: Any) -> None:
    how = {"name": "n", "ended": False, "people": 0, "reason": "r"} | how
    draft = set_unit(id_, organ=of, parent=parent, tree=TREE, by="u:x", **how)
    schema.check(draft.type, draft.chain, draft.fields)


def test_organs_supervise_without_a_circle() -> None:
    organ(B, CITY)
    organ(COUNTY, None)
    for parent in (CITY, COUNTY):
        with pytest.raises(ConflictError):
            organ(CITY, parent)
    with pytest.raises(NotFoundError):
        organ(B, A)
    with pytest.raises(MalformedError):
        organ(B, None, name="")


def test_units_lie_in_one_organ_without_a_circle_and_end_empty() -> None:
    unit(B, parent=ONE)
    unit(ONE, ended=True)
    for how in ({"id_": ONE, "parent": TWO}, {"id_": ONE, "parent": ONE}, {"id_": ONE, "of": COUNTY},
                {"id_": ONE, "ended": True, "people": 1}):  # fmt: skip
        with pytest.raises(ConflictError):
            unit(**how)
    for how in ({"id_": B, "parent": OTHER}, {"id_": B, "of": A}, {"id_": B, "parent": A}):
        with pytest.raises(NotFoundError):
            unit(**how)
