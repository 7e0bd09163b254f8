"""The matrix as values: reading it, deciding by it, how near things are, what a list shows."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import console
from console import matrix
from console.matrix import Decision, Owner, approvals_needed, decide, heads, load, relation, visible
from console.tree import Tree, check_parent, tree_of
from storage.access import Caller
from storage.rights import ADMINISTRATORS, Right, Role, Scope
from verify.errors import ConflictError, MalformedError, NotFoundError

SHIPPED = matrix.shipped()
A, B, C, D = "a" * 32, "b" * 32, "c" * 32, "d" * 32
TREE = tree_of(
    [("bureau", None), ("city", "bureau"), ("town", "city"), ("county", "bureau")],
    [("one", "city", None), ("below", "city", "one"), ("deep", "city", "below"), ("two", "city", None)],
)  # fmt: skip


def person(*roles: Role, organ: str = "city", unit: str | None = "one") -> Caller:
    return Caller(
        f"u:{A}", frozenset(), "s", "n", person=A, roles=frozenset(roles), organ=organ, unit=unit,
        units=TREE.below(unit) if unit else frozenset(), supervised=TREE.supervised(organ),
        top=TREE.top == organ,
    )  # fmt: skip


def of(*, people: str = "", unit: str = "", organ: str = "", private: bool = False) -> Owner:
    return Owner(
        frozenset(people.split()), frozenset(unit.split()), frozenset(organ.split()), private
    )


# --- reading --------------------------------------------------------------------------------

ROWS = '[endpoint]\n"GET /x/{item}" = { permission = "p", object = "item", right = ["read"] }\n'
GOOD = f'version = 1\n[permission."p"]\nofficer = ["own"]\n{ROWS}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("version = 1", "version = 2"), "expected version = 1"),
        (GOOD.replace("officer", "boss"), "permission p: expected a role, got 'boss'"),
        (GOOD.replace('["own"]', '["near"]'), "permission p, officer: expected a scope, got 'near'"),
        (GOOD.replace('["own"]', '["own", "own"]'), "expected scopes, each once"),
        (GOOD.replace('["own"]', "[]"), "expected scopes, each once"),
        (GOOD.replace('["own"]', '["unit"]'), "officer: expected own with unit, got none"),
        (GOOD.replace('["own"]', '["own", "organ"]'), "officer: expected unit with organ, got none"),
        (
            GOOD.replace('["own"]', '["own"]\napproval = { officer = ["own"] }'),
            "expected each scope once, got own twice",
        ),
        (GOOD.replace('["own"]', '["own"]\nofficer = ["own"]'), "expected TOML"),
        (GOOD + ROWS.splitlines()[1], "expected TOML"),
        (GOOD.replace('= "p"', '= "q"'), "expected a permission, got 'q'"),
        (GOOD.replace('"item"', '"thing"'), "expected a kind of object, got 'thing'"),
        (GOOD.replace("{item}", "{case}"), "expected {item} in the path, got none"),
        (GOOD.replace('["read"]', '["look"]'), "expected rights"),
        (GOOD.replace("GET /x", "GO /x"), "expected METHOD /path, got 'GO /x"),
        (GOOD.replace("right =", "rigth ="), "expected permission, object, right"),
        (GOOD.replace('"p"]', '"self"]'), "expected another name of a permission, got self"),
    ],
)  # fmt: skip
def test_a_matrix_that_is_not_clear_is_refused_as_a_whole(text: str, message: str) -> None:
    load(GOOD)
    with pytest.raises(MalformedError, match=re.escape(message)):
        load(text)


def test_every_permission_is_asked_for_by_a_route_or_in_a_handler() -> None:
    used = {row.permission for row in SHIPPED.endpoints.values()}
    source = "".join(p.read_text() for p in Path(console.__file__).parent.glob("*.py"))
    asked = {name for name in SHIPPED.permissions if f'"{name}"' in source}
    silent = {name for name, p in SHIPPED.permissions.items() if p.rights}
    assert SHIPPED.permissions.keys() - used - asked - silent == set()


# --- what it must say -----------------------------------------------------------------------


def allowed(role: Role) -> set[str]:
    return {n for n in SHIPPED.permissions if matrix.anywhere(SHIPPED, [role], n)}


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
def test_m15_the_three_administrators_see_no_evidence(role: Role) -> None:
    seen = {n for n in allowed(role) if n.split(".")[0] in ("case", "item", "upload")}
    assert seen == set()
    evidence = ("case.read", "item.read", "item.view")
    for name in evidence:
        for scope in Scope:
            assert decide(SHIPPED, [role], name, scope) is Decision.DENY


def test_m15_the_security_administrator_cannot_read_the_trail_of_what_he_did() -> None:
    assert {"audit.read", "trail.read"} & allowed(Role.SECURITY_ADMIN) == set()
    assert "person.manage" in allowed(Role.SECURITY_ADMIN)


def test_m15_the_audit_administrator_reads_trails_everywhere_and_changes_nothing() -> None:
    assert {"audit.read", "trail.read"} <= allowed(Role.AUDIT_ADMIN)
    changing = {
        row.permission
        for (method, _), row in SHIPPED.endpoints.items()
        if method not in ("GET", "HEAD", "OPTIONS")
    } - matrix.RESERVED
    assert allowed(Role.AUDIT_ADMIN) & changing == set()


def test_m15_only_the_system_administrator_manages_the_server_and_no_people() -> None:
    for role in Role:
        assert ("job.manage" in allowed(role)) == (role is Role.SYSTEM_ADMIN)
        assert ("person.manage" in allowed(role)) == (role is Role.SECURITY_ADMIN)
        assert ("audit.read" in allowed(role)) == (role is Role.AUDIT_ADMIN)


def test_m15_who_may_see_what_follows_the_numbers_of_access() -> None:
    """An own department's head decides; beyond it, an approved request."""
    expected = {
        (Role.OFFICER, Scope.OWN): Decision.ALLOW,
        (Role.OFFICER, Scope.UNIT): Decision.APPROVAL,
        (Role.OFFICER, Scope.ORGAN): Decision.APPROVAL,
        (Role.OFFICER, Scope.OUTSIDE): Decision.DENY,
        (Role.UNIT_HEAD, Scope.UNIT): Decision.ALLOW,
        (Role.UNIT_HEAD, Scope.ORGAN): Decision.APPROVAL,
        (Role.ORGAN_HEAD, Scope.ORGAN): Decision.ALLOW,
        (Role.ORGAN_HEAD, Scope.SUPERVISED): Decision.DENY,
        (Role.SUPERVISOR, Scope.SUPERVISED): Decision.ALLOW,
        (Role.SUPERVISOR, Scope.OUTSIDE): Decision.DENY,
        (Role.STATION_KEEPER, Scope.UNIT): Decision.DENY,
        (Role.PARTY, Scope.OWN): Decision.DENY,
        (Role.WITNESS, Scope.OWN): Decision.DENY,
    }
    for (role, scope), decision in expected.items():
        assert decide(SHIPPED, [role], "item.view", scope) is decision, (role, scope)


def test_rights_follow_from_what_the_roles_may_reach() -> None:
    assert Right.CASE in SHIPPED.rights[Role.OFFICER]
    assert Right.LOG in SHIPPED.rights[Role.AUDIT_ADMIN]
    assert SHIPPED.rights[Role.SECURITY_ADMIN] == {Right.READ}
    assert Right.ADMIN in SHIPPED.rights[Role.SYSTEM_ADMIN]
    assert Right.ADMIN not in SHIPPED.rights[Role.OFFICER]


# --- how near -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "scope"),
    [
        (of(people=A, unit="elsewhere", organ="county"), Scope.OWN),
        (of(unit="one", organ="city"), Scope.UNIT),
        (of(unit="deep", organ="city"), Scope.UNIT),
        (of(unit="two", organ="city"), Scope.ORGAN),
        (of(organ="city"), Scope.ORGAN),
        (of(organ="town"), Scope.SUPERVISED),
        (of(organ="county"), Scope.OUTSIDE),
        (of(organ="bureau"), Scope.OUTSIDE),
        (of(organ="county city"), Scope.ORGAN),
        (of(people=B), Scope.OUTSIDE),
        (of(), Scope.OUTSIDE),
    ],
)
def test_the_nearest_scope_that_fits_counts(owner: Owner, scope: Scope) -> None:
    assert relation(person(Role.OFFICER), owner) is scope


def test_what_nobody_owns_yet_belongs_to_the_topmost_organ() -> None:
    assert relation(person(Role.OFFICER, organ="bureau", unit=None), of()) is Scope.ORGAN
    assert tree_of([("x", None), ("y", None)], []).top is None


def test_m33_a_private_object_takes_one_approval_more() -> None:
    """Its officers, named viewers and heads see it as before."""

    def needed(caller: Caller, owner: Owner) -> int | None:
        return approvals_needed(SHIPPED, caller, "item.view", owner)

    inside = {"unit": "two", "organ": "city"}
    reviewer = person(Role.REVIEWER)
    assert needed(reviewer, of(**inside)) == 0
    assert needed(reviewer, of(**inside, private=True)) == 1
    assert needed(person(Role.OFFICER), of(**inside)) == 1
    assert needed(person(Role.OFFICER), of(**inside, private=True)) == 2
    assert needed(person(Role.OFFICER), of(people=A, private=True)) == 0
    assert needed(person(Role.ORGAN_HEAD), of(**inside, private=True)) == 0
    assert needed(person(Role.UNIT_HEAD), of(unit="deep", private=True)) == 0
    assert needed(person(Role.UNIT_HEAD), of(**inside, private=True)) == 2
    assert needed(person(Role.SUPERVISOR), of(organ="town", private=True)) == 1
    assert needed(person(Role.SYSTEM_ADMIN), of(people=A)) is None
    named = Owner(units=frozenset({"two"}), organs=frozenset({"city"}), private=True,
                  viewers=frozenset({A}))  # fmt: skip
    assert needed(reviewer, named) == 0
    assert needed(person(Role.OFFICER), named) == 1  # the viewer is named, his reach is not longer


def test_a_head_is_head_of_his_unit_and_of_what_lies_below() -> None:
    assert heads(person(Role.UNIT_HEAD), Scope.UNIT)
    assert not heads(person(Role.UNIT_HEAD), Scope.ORGAN)
    assert not heads(person(Role.REVIEWER), Scope.OWN)


def test_a_list_shows_what_the_caller_may_see_one_by_one() -> None:
    seen = visible(SHIPPED, person(Role.SUPERVISOR), "item.read")
    assert (seen.organs, seen.everything) == ({"city", "town"}, False)
    assert seen.units == {"one", "below", "deep"}
    own = visible(SHIPPED, person(Role.OFFICER), "item.read")
    assert (own.person, own.units, own.organs) == (A, frozenset(), frozenset())
    assert visible(SHIPPED, person(Role.SYSTEM_ADMIN), "item.read").nothing
    assert visible(SHIPPED, person(Role.AUDIT_ADMIN), "trail.read").everything
    program = Caller("u:x", frozenset(Right), "t", "n")
    assert visible(SHIPPED, program, "item.read").everything
    bound = Caller("u:x", frozenset(Right), "t", "n", organ="city")
    assert visible(SHIPPED, bound, "item.read").organs == {"city"}


@given(
    role=st.sampled_from(list(Role)), permission=st.sampled_from(sorted(SHIPPED.permissions)),
    unit=st.sampled_from(["one", "below", "two", ""]), organ=st.sampled_from(sorted(TREE.organs)),
    own=st.booleans(),
)  # fmt: skip
def test_lists_and_single_objects_agree(
    role: Role, permission: str, unit: str, organ: str, own: bool
) -> None:
    """A row is in the list exactly if the matrix allows its object without an approval."""
    caller = person(role)
    owner = of(people=A if own else B, unit=unit if organ == "city" else "", organ=organ)
    alone = approvals_needed(SHIPPED, caller, permission, owner) == 0
    seen = visible(SHIPPED, caller, permission)
    listed = (
        seen.everything
        or bool(seen.organs & owner.organs)
        or bool(seen.units & owner.units)
        or seen.person in owner.people
    )
    assert listed == alone


# --- the tree -------------------------------------------------------------------------------


def test_a_circle_of_units_is_refused_and_ends_no_answer() -> None:
    circle = Tree({}, {"x": ("city", "y"), "y": ("city", "x")})
    assert circle.below("x") == {"x", "y"}
    above = {"x": None, "y": "x", "z": "y"}
    check_parent("unit", "z", "x", above)
    with pytest.raises(ConflictError, match="not below it"):
        check_parent("unit", "x", "z", above)
    with pytest.raises(ConflictError):
        check_parent("unit", "x", "x", above)
    with pytest.raises(NotFoundError):
        check_parent("unit", "x", "q", above)
