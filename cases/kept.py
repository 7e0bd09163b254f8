"""What was reckoned of a case, kept until an entry comes that could change it.

Guarantee: what `Kept` gives is what reckoning anew would give: before every use the log is asked
for entries since, and what one of them could have touched is dropped.  It holds no more than so many
recordings, and losing it costs time only.
Not covered: acts, which always read their rows in their own transaction.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from cases import judging, standing, versions
from cases import policy as policies
from cases.judging import Judged, Linked
from cases.standing import Standing
from storage import bulk

MOST_RECORDINGS = 200_000
_MOST_NEWS = 1_000  # entries looked at one by one; more of them, and it is read anew
_MOST_ANSWERS = 8
_TOUCHING = "('item.attributed', 'item.late', 'item.linked', 'item.unlinked')"


Parts = dict[Hashable, tuple[object, str]]
"""Pieces of text, each with what it was made of."""


@dataclass(slots=True)
class _OfCase:
    """The recordings of one case as of a size of the log, and answers made of them."""

    size: int
    rows: Sequence[Any]
    items: frozenset[str]
    linked: Linked
    parts: Parts = field(default_factory=dict)
    answers: OrderedDict[Hashable, tuple[Hashable, bytes]] = field(default_factory=OrderedDict)


class Kept:
    """Use it from one thread: that of the readers."""

    def __init__(self, most: int = MOST_RECORDINGS) -> None:
        self._most = most
        self._cases: OrderedDict[str, _OfCase] = OrderedDict()

    def judged(self, conn: Connection, case: str, now_ms: int) -> tuple[Judged, Sequence[Any]]:
        """The coverage of the case, and the rows of its recordings."""
        now = standing.read(conn, case)
        found = self._recordings(conn, now)
        return judging.of_standing(conn, now, found.linked, now_ms), found.rows

    def answer(
        self,
        conn: Connection,
        case: str,
        now_ms: int,
        what: Hashable,
        made: Callable[[Judged, Sequence[Any], Parts], bytes],
    ) -> bytes:
        """The bytes that `made` gives of the coverage and the recordings, made once.

        `made` may keep pieces of its text in the third, which last as long as the recordings do.
        """
        row = standing.case_row(conn, case)
        stamp = _stamp(conn, row, now_ms)
        known = self._cases.get(case)
        if known is not None and self._fresh(conn, case, known):
            before = known.answers.get(what)
            if before is not None and before[0] == stamp:
                known.answers.move_to_end(what)
                return before[1]
        judged, rows = self.judged(conn, case, now_ms)
        body = made(judged, rows, self._cases[case].parts)
        answers = self._cases[case].answers
        answers[what] = stamp, body
        while len(answers) > _MOST_ANSWERS:
            answers.popitem(last=False)
        return body

    def _recordings(self, conn: Connection, now: Standing) -> _OfCase:
        case = now.case.id
        known = self._cases.get(case)
        if known is None or not self._fresh(conn, case, known):
            size = _size(conn)  # before the rows: what comes between is looked at the next time
            rows = judging.rows_of(conn, case)
            items = frozenset(row[0] for row in rows)
            known = _OfCase(size, rows, items, judging.linked(rows, now.procedure))
            self._cases[case] = known
            self._shrink()
        self._cases.move_to_end(case)
        return known

    def _fresh(self, conn: Connection, case: str, known: _OfCase) -> bool:
        """Whether no entry since touched the recordings of the case."""
        size = _size(conn)
        if size == known.size:
            return True
        news = bulk.select(
            conn,
            f'SELECT "chain" FROM entry WHERE "type" IN {_TOUCHING} AND "index" >= ? LIMIT ?',  # noqa: S608
            (known.size, _MOST_NEWS),
        )
        if len(news) == _MOST_NEWS:
            return False
        if any(c == f"c:{case}" or c[2:] in known.items for (c,) in news):
            return False
        known.size = size
        return True

    def _shrink(self) -> None:
        while len(self._cases) > 1 and sum(len(c.rows) for c in self._cases.values()) > self._most:
            self._cases.popitem(last=False)


def _size(conn: Connection) -> int:
    rows = bulk.select(conn, 'SELECT "size" FROM head WHERE "id" = 1')
    return int(rows[0][0]) if rows else 0


def _stamp(conn: Connection, row: standing.CaseRow, now_ms: int) -> Hashable:
    """Everything but the recordings that an answer depends on: the case's own entries, the lists,
    the policy in force."""
    last = bulk.select(
        conn,
        'SELECT "index" FROM entry WHERE "chain" = ? ORDER BY "seq" DESC LIMIT 1',
        (f"c:{row.id}",),
    )
    holding = versions.chosen(versions.lists(conn), row.organ, row.opened_ms)
    policy = policies.in_force(conn, now_ms)
    return last[0][0] if last else None, tuple(one.id for one in holding), policy.version
