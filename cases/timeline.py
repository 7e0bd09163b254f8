"""The time line of a case: recordings, stages, time points, documents and holes on one axis.

Guarantee: recordings stand at their corrected times with what is known of how far these may be
wrong, each with its marks; a late one has both times; one whose time is not known is counted, never
left out silently.  One narrow query each, arrays instead of objects: ten thousand recordings are
one answer.
Not covered: playing them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from cases import judging, standing
from storage import bulk

COLUMNS = (
    "item", "start_ms", "end_ms", "uncertainty_ms", "kind", "carrier", "person", "device", "stage",
    "marks", "late",
)  # fmt: skip
"""What the cells of a recording are; `late` is null or [ended, due, sealed]."""
MOST = 20_000


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One answer; the recordings as arrays in the order of `COLUMNS`."""

    judged: judging.Judged
    tracks: Sequence[Sequence[Any]]
    untimed: Sequence[str]
    next_ms: int | None  # where the following page begins, if there is one


def read(
    conn: Connection,
    case: str,
    *,
    now_ms: int,
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = MOST,
) -> TimeLine:
    """The time line from `from_ms` to `to_ms`: what touches that time."""
    now = standing.read(conn, case)
    judged = judging.of_standing(conn, now, now_ms)
    rows = bulk.select(
        conn,
        'SELECT k."item", a."start_ms", COALESCE(a."end_ms", a."start_ms"), a."uncertainty_ms", '
        'a."kind", a."carrier", a."person", a."device", k."stage", a."marks", l."ended_ms", '
        'l."due_ms", l."sealed_ms" FROM link k LEFT JOIN attribution a ON a."item" = k."item" '
        'LEFT JOIN late l ON l."item" = k."item" '
        'WHERE k."case" = ? AND k."unlinked_index" IS NULL',
        (case,),
    )
    untimed = [row[0] for row in rows if row[1] is None]
    timed = sorted(
        (row for row in rows if row[1] is not None and _inside(row, from_ms, to_ms)),
        key=lambda row: (row[1], row[0]),
    )
    shown, rest = timed[:limit], timed[limit:]
    marks: dict[str, Any] = {"[]": []}
    tracks = []
    for *cells, words, ended, due, sealed in shown:
        if words not in marks:
            marks[words] = json.loads(words)
        tracks.append((*cells, marks[words], None if ended is None else (ended, due, sealed)))
    return TimeLine(judged, tracks, untimed, rest[0][1] if rest else None)


def _inside(row: Sequence[Any], from_ms: int | None, to_ms: int | None) -> bool:
    return (from_ms is None or row[2] >= from_ms) and (to_ms is None or row[1] <= to_ms)
