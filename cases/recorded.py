"""The recordings of cases, arranged for judging and kept until one of them changes.

Guarantee: what `Recorded` gives is what would be read anew in the same snapshot: before every use
the entries since the last look are asked for links and attributions, and the recordings that one of
them touches are read again.  It holds no more than so many recordings, and losing it costs time
only.
Not covered: acts, which always read their rows in their own transaction; whole answers
(`cases.kept`).
"""

import bisect
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from cases import judging, standing
from cases.judging import Judged, Linked
from cases.kept import size_of
from cases.standing import Standing
from cases.timeline import Texts
from storage import bulk

MOST_RECORDINGS = 200_000
MOST_NEWS = 1_000
"""With more such entries since the last look, reading anew is as quick as looking at them."""
MOST_TOUCHED = 100
"""With more recordings touched, all are read: a statement has only so many places for values."""
_CASE = 50
_TOUCHING = "('item.attributed', 'item.late', 'item.linked', 'item.unlinked')"

Told = dict[Hashable, tuple[object, str]]
"""Values of an answer by their keys, each with its text."""


@dataclass(slots=True)
class OfCase:
    """The recordings of one case (`judging.rows_of`), and what was made of them."""

    size: int  # of the log, up to which nothing has touched them
    rows: Sequence[Any]
    items: frozenset[str]
    linked: Linked
    told: dict[Hashable, Told] = field(default_factory=dict)  # by kind, as they were told last
    texts: Texts = field(default_factory=Texts)
    page: tuple[str, str] | None = None  # of the time line: what was asked, and these recordings


class Recorded:
    """Use it from one thread: that of the readers."""

    def __init__(self, most: int = MOST_RECORDINGS) -> None:
        self._most = most
        self._weight = 0
        self._cases: OrderedDict[str, OfCase] = OrderedDict()

    def judged(self, conn: Connection, case: str, now_ms: int) -> tuple[Judged, OfCase]:
        """The coverage of the case, and its recordings."""
        now = standing.read(conn, case)
        found = self.of(conn, now)
        return judging.of_standing(conn, now, found.linked, now_ms), found

    def of(self, conn: Connection, now: Standing) -> OfCase:
        """The recordings of the case, from before but for what entries have touched since."""
        case, size = now.case.id, size_of(conn)
        known, touched = self._cases.get(case), None
        if known is not None and size >= known.size:
            touched = _touched(conn, case, known)
            if touched == frozenset():
                known.size = max(size, known.size)
                if self._cases.get(case) is known:  # others had their turn and may have put it out
                    self._cases.move_to_end(case)
                return known
        if known is None or touched is None:
            rows = _in_order(judging.rows_of(conn, case))
            made = OfCase(size, rows, _items(rows), judging.linked(rows, now.procedure))
        else:
            gone = [row for row in known.rows if row[0] in touched]
            come = judging.rows_of(conn, case, touched)
            kept = [row for row in known.rows if row[0] not in touched]
            for row in come:  # sorting all anew takes longer than finding the place of a few
                bisect.insort(kept, row, key=_place)
            again = judging.relinked(known.linked, gone, come, now.procedure)
            items = (known.items - touched) | _items(come)
            made = OfCase(size, kept, items, again, known.told, known.texts)
        newest = self._cases.get(case)
        if newest is None or size >= newest.size:  # what an older snapshot saw is not kept
            self._weight += _weight(made) - (0 if newest is None else _weight(newest))
            self._cases[case] = made
            self._cases.move_to_end(case)
            self._shrink()
        return made

    def _shrink(self) -> None:
        while len(self._cases) > 1 and self._weight > self._most:
            self._weight -= _weight(self._cases.popitem(last=False)[1])


def _weight(one: OfCase) -> int:
    """As recordings; what a case without any takes is held, too."""
    return len(one.rows) + _CASE


def _in_order(rows: Sequence[Any]) -> Sequence[Any]:
    """By their times, as the time line wants them."""
    return sorted(rows, key=_place)


def _place(row: Sequence[Any]) -> tuple[bool, int, str]:
    return row[4] is None, row[4] or 0, row[0]


def _items(rows: Sequence[Any]) -> frozenset[str]:
    return frozenset(row[0] for row in rows)


def _touched(conn: Connection, case: str, known: OfCase) -> frozenset[str] | None:
    """The recordings of the case that entries since may have changed; None: too many to tell."""
    news = bulk.select(
        conn,
        f'SELECT "chain" FROM entry WHERE "type" IN {_TOUCHING} AND "index" >= ? LIMIT ?',  # noqa: S608
        (known.size, MOST_NEWS),
    )
    if len(news) == MOST_NEWS:
        return None
    chains = {chain for (chain,) in news}
    found = {chain[2:] for chain in chains} & known.items
    if f"c:{case}" in chains:
        links = bulk.select(
            conn,
            'SELECT "item" FROM link WHERE "case" = ? '
            'AND ("linked_index" >= ? OR "unlinked_index" >= ?)',
            (case, known.size, known.size),
        )
        found |= {item for (item,) in links}
    return frozenset(found) if len(found) <= MOST_TOUCHED else None
