"""The matrix: which role may do what to objects how near.  One file, read by the code and the tests.

Guarantee: a file with an unknown role, scope, permission, kind of object or right, with a scope
twice or with a hole in it is refused as a whole; what the file does not allow is refused.  All of
it is values and pure functions.
Not covered: finding out whose an object is (`console.owners`), and asking (`console.guard`).

Format: console/matrix.toml, version 1, explained at its head.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from storage.access import Caller, Visible
from storage.rights import Right, Role, Scope
from verify.errors import MalformedError

FILE = Path(__file__).parent / "matrix.toml"
PUBLIC, FIRST, SELF = "public", "first", "self"
RESERVED = frozenset({PUBLIC, FIRST, SELF})
ASK = "access.ask"  # asking takes no approval: it is how one comes by it
KINDS = frozenset(
    [
        "none",
        "list",
        "case",
        "item",
        "upload",
        "view",
        "person",
        "unit",
        "organ",
        "device",
        "roster",
        "rules",
        "approval",
        "token",
    ]
)
WITHOUT_OBJECT = frozenset({"none", "list"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
READING = frozenset({"case.read", "item.read", "item.view", "trail.read"})
"""What a program does not do with private objects on its token's word alone."""
_NEEDS = {Scope.UNIT: Scope.OWN, Scope.ORGAN: Scope.UNIT}  # nothing far without what is nearer


class Decision(StrEnum):
    """What the matrix says; APPROVAL: allowed to who holds an approved request."""

    ALLOW = "allow"
    APPROVAL = "approval"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Permission:
    """Roles and the scopes in which they are allowed, and those where an approval is needed."""

    name: str
    allow: Mapping[Role, frozenset[Scope]]
    approval: Mapping[Role, frozenset[Scope]]
    rights: frozenset[Right] = frozenset()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route.  `rights`: what a program's token needs one of; None: no program may."""

    method: str
    path: str
    permission: str
    object: str
    rights: frozenset[Right] | None


@dataclass(frozen=True, slots=True)
class Matrix:
    permissions: Mapping[str, Permission]
    endpoints: Mapping[tuple[str, str], Endpoint]
    rights: Mapping[Role, frozenset[Right]]  # what a role has where a route asks for a right itself

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """The line of a route; a HEAD without its own is a GET."""
        found = self.endpoints.get((method, path))
        if found is None and method == "HEAD":
            return self.endpoints.get(("GET", path))
        return found


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an object is; all empty: nobody's yet."""

    people: frozenset[str] = field(default_factory=frozenset)
    units: frozenset[str] = field(default_factory=frozenset)
    organs: frozenset[str] = field(default_factory=frozenset)
    private: bool = False
    viewers: frozenset[str] = field(default_factory=frozenset)


# --- deciding -------------------------------------------------------------------------------


def decide(matrix: Matrix, roles: Collection[Role], permission: str, scope: Scope) -> Decision:
    """What these roles together may do to an object so near."""
    found = matrix.permissions[permission]
    if any(scope in found.allow.get(role, ()) for role in roles):
        return Decision.ALLOW
    if any(scope in found.approval.get(role, ()) for role in roles):
        return Decision.APPROVAL
    return Decision.DENY


def anywhere(matrix: Matrix, roles: Collection[Role], permission: str) -> bool:
    """Whether these roles may do it to anything at all."""
    found = matrix.permissions[permission]
    return any(found.allow.get(role) for role in roles)


def relation(caller: Caller, owner: Owner) -> Scope:
    """How near the object is to the caller: the nearest scope that fits.

    What nobody owns yet belongs to the topmost organ, so that somebody can find its owner.
    """
    if caller.person is not None and caller.person in owner.people:
        return Scope.OWN
    if owner.units & caller.units:
        return Scope.UNIT
    if caller.organ in owner.organs:
        return Scope.ORGAN
    if owner.organs & caller.supervised:
        return Scope.SUPERVISED
    if not (owner.people or owner.units or owner.organs) and caller.top:
        return Scope.ORGAN
    return Scope.OUTSIDE


def heads(caller: Caller, scope: Scope) -> bool:
    """Whether the caller is the head of the unit or organ that the object belongs to."""
    if Role.ORGAN_HEAD in caller.roles and scope in (Scope.OWN, Scope.UNIT, Scope.ORGAN):
        return True
    return Role.UNIT_HEAD in caller.roles and scope in (Scope.OWN, Scope.UNIT)


def approvals_needed(matrix: Matrix, caller: Caller, permission: str, owner: Owner) -> int | None:
    """How many approvals of different people this takes: 0, 1, 2, or None where none would help.

    A private object takes one more, unless it is the caller's, names him as a viewer, or he heads
    the unit or organ that it belongs to.
    """
    scope = relation(caller, owner)
    decision = decide(matrix, caller.roles, permission, scope)
    if decision is Decision.DENY:
        return None
    known = caller.person is not None and caller.person in (owner.people | owner.viewers)
    apart = owner.private and permission != ASK and not known and not heads(caller, scope)
    return (decision is Decision.APPROVAL) + apart


def visible(matrix: Matrix, caller: Caller, permission: str) -> Visible:
    """Which rows of a list the caller may see without asking anybody."""
    if caller.person is None:
        apart = permission not in READING
        if caller.organ is None:
            return Visible(everything=True, unowned=True, private=apart)
        return Visible(organs=frozenset({caller.organ}), unowned=caller.top, private=apart)
    found = matrix.permissions[permission]
    scopes = frozenset[Scope]().union(*(found.allow.get(r, frozenset()) for r in caller.roles))
    own_organ = frozenset({caller.organ} if caller.organ is not None else ())
    organs: frozenset[str] = own_organ if Scope.ORGAN in scopes else frozenset()
    if Scope.SUPERVISED in scopes:
        organs |= caller.supervised
    return Visible(
        everything=Scope.OUTSIDE in scopes,
        organs=organs,
        units=caller.units if Scope.UNIT in scopes else frozenset(),
        person=caller.person if Scope.OWN in scopes else None,
        unowned=caller.top and Scope.ORGAN in scopes,
        headed_units=caller.units if Role.UNIT_HEAD in caller.roles else frozenset(),
        headed_organs=own_organ if Role.ORGAN_HEAD in caller.roles else frozenset(),
    )


# --- reading --------------------------------------------------------------------------------


@cache
def shipped() -> Matrix:
    """The matrix of this version."""
    return load(FILE.read_text("utf-8"))


def load(text: str) -> Matrix:
    """The matrix that this text describes; MalformedError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:  # also a name that is there twice
        raise MalformedError(f"matrix: expected TOML, got {exc}") from exc
    if data.keys() - {"version", "permission", "endpoint"} or data.get("version") != 1:
        raise MalformedError(
            f"matrix: expected version = 1, permission and endpoint, got {', '.join(sorted(data))}"
        )
    permissions = {n: _permission(n, v) for n, v in data.get("permission", {}).items()}
    endpoints = {}
    for name, row in data.get("endpoint", {}).items():
        made = _endpoint(name, row, permissions)
        endpoints[made.method, made.path] = made
    return Matrix(permissions, endpoints, _rights(permissions, endpoints))


def _permission(name: str, table: Mapping[str, Any]) -> Permission:
    if name in RESERVED:
        raise MalformedError(f"matrix: expected another name of a permission, got {name}")
    given = dict(table)
    rights = _rights_in(f"permission {name}", given.pop("right", []))
    asked = _scopes(f"permission {name}, approval", given.pop("approval", {}))
    allow = _scopes(f"permission {name}", given)
    for role, scopes in asked.items():
        if both := scopes & allow.get(role, frozenset()):
            raise MalformedError(
                f"permission {name}, {role}: expected each scope once, got {sorted(both)[0]} twice"
            )
    for role, scopes in allow.items():
        for scope in scopes & _NEEDS.keys():
            if _NEEDS[scope] not in scopes:
                raise MalformedError(
                    f"permission {name}, {role}: expected {_NEEDS[scope]} with {scope}, got none"
                )
    return Permission(name, allow, asked, rights)


def _scopes(where: str, table: Mapping[str, Any]) -> Mapping[Role, frozenset[Scope]]:
    found: dict[Role, frozenset[Scope]] = {}
    for role, words in table.items():
        if role not in set(Role):
            raise MalformedError(f"{where}: expected a role, got {role!r:.40}")
        if not isinstance(words, list) or not words or len(set(words)) != len(words):
            raise MalformedError(f"{where}, {role}: expected scopes, each once, got {words!r:.60}")
        if unknown := [word for word in words if word not in set(Scope)]:
            raise MalformedError(f"{where}, {role}: expected a scope, got {unknown[0]!r:.40}")
        found[Role(role)] = frozenset(Scope(word) for word in words)
    return found


def _rights_in(where: str, words: Any) -> frozenset[Right]:
    if not isinstance(words, list) or any(word not in set(Right) for word in words):
        raise MalformedError(f"{where}: expected rights, got {words!r:.60}")
    return frozenset(Right(word) for word in words)


def _endpoint(name: str, row: Any, permissions: Mapping[str, Permission]) -> Endpoint:
    method, _, path = name.partition(" ")
    if method not in METHODS or not path.startswith("/"):
        raise MalformedError(f"matrix: expected METHOD /path, got {name!r:.80}")
    if not isinstance(row, dict) or row.keys() - {"permission", "object", "right"}:
        raise MalformedError(
            f"endpoint {name}: expected permission, object, right, got {row!r:.80}"
        )
    permission, kind = str(row.get("permission")), row.get("object", "none")
    if permission not in permissions and permission not in RESERVED:
        raise MalformedError(f"endpoint {name}: expected a permission, got {permission!r:.40}")
    if kind not in KINDS:
        raise MalformedError(f"endpoint {name}: expected a kind of object, got {kind!r:.40}")
    if kind not in WITHOUT_OBJECT and f"{{{kind}}}" not in path:
        raise MalformedError(f"endpoint {name}: expected {{{kind}}} in the path, got none")
    rights = None
    if row.get("right") == "any":
        rights = frozenset(Right)
    elif "right" in row:
        rights = _rights_in(f"endpoint {name}", row["right"])
    return Endpoint(method, path, permission, kind, rights)


def _rights(
    permissions: Mapping[str, Permission], endpoints: Mapping[tuple[str, str], Endpoint]
) -> Mapping[Role, frozenset[Right]]:
    """The rights that a role's handlers will ask for: of every route it can reach somewhere."""
    found: dict[Role, set[Right]] = {role: set() for role in Role}
    for permission in permissions.values():
        for role in permission.allow:
            found[role] |= permission.rights
    for endpoint in endpoints.values():
        # ADMIN never follows from a route: devices are not jobs, and one right opens both
        asked = (endpoint.rights or frozenset()) - {Right.ADMIN}
        if endpoint.permission == SELF:
            for role in Role:
                found[role] |= asked
        elif endpoint.permission not in (PUBLIC, FIRST):
            reached = permissions[endpoint.permission]
            for role in reached.allow.keys() | reached.approval.keys():
                found[role] |= asked
    return {role: frozenset(rights) for role, rights in found.items()}
