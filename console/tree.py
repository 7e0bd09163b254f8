"""Organs and units as a tree, as values: who supervises whom, what lies below a unit.

Guarantee: answers end, also on data with a circle in it (a rule refuses to make one).
Not covered: names, and people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from verify.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Tree:
    """`organs`: organ -> the one that supervises it; `units`: unit -> (organ, unit above it)."""

    organs: Mapping[str, str | None] = field(default_factory=dict)
    units: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)

    def below(self, unit: str) -> frozenset[str]:
        """The unit and all below it; empty if there is no such unit."""
        if unit not in self.units:
            return frozenset()
        return _closure(unit, {id_: above for id_, (_, above) in self.units.items()})

    def of_organ(self, organ: str) -> frozenset[str]:
        """All units of an organ."""
        return frozenset(id_ for id_, (its, _) in self.units.items() if its == organ)

    def supervised(self, organ: str) -> frozenset[str]:
        """The organs below this one, without itself."""
        return _closure(organ, self.organs) - {organ}

    @property
    def top(self) -> str | None:
        """The organ that all others stand under, if there is exactly one such."""
        tops = [id_ for id_, parent in self.organs.items() if parent not in self.organs]
        return tops[0] if len(tops) == 1 else None


def _closure(start: str, above: Mapping[str, str | None]) -> frozenset[str]:
    children: dict[str, list[str]] = {}
    for id_, parent in above.items():
        if parent is not None:
            children.setdefault(parent, []).append(id_)
    seen, todo = {start}, [start]
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in seen:
                seen.add(child)
                todo.append(child)
    return frozenset(seen)


def check_parent(what: str, id_: str, parent: str | None, above: Mapping[str, str | None]) -> None:
    """Raise unless `parent` is known and does not itself stand below `id_`."""
    if parent is None:
        return
    if parent not in above:
        raise NotFoundError(f"{what} above: expected a known id, got {parent:.40}")
    if parent in _closure(id_, above):
        raise ConflictError(f"{what} {id_}: expected one above that is not below it, got {parent}")


def tree_of(
    organs: Iterable[tuple[str, str | None]], units: Iterable[tuple[str, str, str | None]]
) -> Tree:
    """The tree of rows (organ, parent) and (unit, organ, parent)."""
    return Tree(dict(organs), {unit: (organ, parent) for unit, organ, parent in units})
