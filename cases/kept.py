"""What was reckoned of a case, kept until an entry of the log touches it.

Guarantee: an answer from here is the one that would be reckoned anew in the same snapshot.  Every
change of a case, of its recordings or of what it is judged by is an entry, so the entries since the
last look are read (a few, by their index): one in the case's chain, in that of a recording linked
to it or in the system's makes the value be reckoned again, unless its type is known to change
nothing here.  A snapshot that is older than the value gets one of its own.
Not covered: what hangs on the time of day or on the caller: that belongs in the key.

Values are kept in this process alone, the last used ones, up to a number of bytes.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from storage import bulk

T = TypeVar("T")

FAR = 2000
"""With more entries than this since the last look, reckoning anew is as quick as reading them."""
MOST_BYTES = 64 << 20
HARMLESS = frozenset({
    "view.granted", "view.closed", "clip.asked", "clip.made", "access.denied", "access.asked", "item.stored", "item.derived",
    "proposal.refused", "token.issued", "token.revoked", "user.changed", "credential.changed",
    "roster.set", "roster.withdrawn", "device.user", "scrub.done", "heads.set", "log.recovered",
    "clock.corrected",
})  # fmt: skip
"""Types of entries that change neither the coverage of a case nor its time line."""


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A value with the recordings that it hangs on, and about how many bytes it takes."""

    value: T
    items: frozenset[str]
    weight: int


@dataclass(slots=True)
class _Held:
    made: Made[Any]
    size: int  # of the log, up to which nothing has touched it


class Kept:
    """Values of cases by key; one of these belongs to one database."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._weight = most_bytes, 0
        self._held: OrderedDict[tuple[str, Hashable], _Held] = OrderedDict()

    def of(self, conn: Connection, case: str, key: Hashable, make: Callable[[], Made[T]]) -> T:
        """The value of this case under this key, from before if nothing has touched it since.

        `conn` must show one state from its first statement on, as `Database.read` does.
        """
        size, held = size_of(conn), self._held.get((case, key))
        if held is not None and self._holds(conn, case, held, size):
            if self._held.get((case, key)) is held:  # others had their turn and may have put it out
                self._held.move_to_end((case, key))
            value: T = held.made.value
            return value
        made = make()
        newest = self._held.get((case, key))
        if newest is None or newest.size <= size:
            self._put((case, key), _Held(made, size))
        return made.value

    def _holds(self, conn: Connection, case: str, held: _Held, size: int) -> bool:
        if not 0 <= size - held.size <= FAR:
            return False
        if size > held.size:
            if touched(conn, case, held.made.items, held.size, size):
                return False
            held.size = size
        return True

    def _put(self, at: tuple[str, Hashable], held: _Held) -> None:
        before = self._held.pop(at, None)
        self._weight += held.made.weight - (before.made.weight if before else 0)
        self._held[at] = held
        while self._weight > self._most:
            _, gone = self._held.popitem(last=False)
            self._weight -= gone.made.weight


def touched(conn: Connection, case: str, items: frozenset[str], start: int, stop: int) -> bool:
    """Whether an entry from `start` on, before `stop`, may change what is known of the case."""
    rows = bulk.select(
        conn,
        'SELECT "chain", "type" FROM entry WHERE "index" >= ? AND "index" < ?',
        (start, stop),
    )
    chains = ("sys", f"c:{case}")
    return any(
        type_ not in HARMLESS and (chain in chains or (chain[0] == "i" and chain[2:] in items))
        for chain, type_ in rows
    )


def size_of(conn: Connection) -> int:
    """How many entries the log has in this snapshot; 0 before the first."""
    rows = bulk.select(conn, "SELECT size FROM head WHERE id = 1")
    return int(rows[0][0]) if rows else 0
