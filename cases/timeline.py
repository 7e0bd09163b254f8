"""The time line of a case: recordings, stages, time points, documents and holes on one axis.

Guarantee: recordings stand at their corrected times with what is known of how far these may be
wrong, each with its marks; a late one has both times; one whose time is not known is counted, never
left out silently.  Arrays instead of objects, ids of people and devices once: ten thousand
recordings are one answer.
Not covered: playing them.
"""

import json
from collections.abc import Sequence
from typing import Any

COLUMNS = (
    "item", "start_ms", "end_ms", "uncertainty_ms", "kind", "carrier", "person", "device", "stage",
    "marks", "late",
)  # fmt: skip
"""What the cells of a recording are; `person` and `device` are places in the lists of that name,
`late` is null or [ended, due, sealed]."""
MOST = 20_000


def recordings(
    rows: Sequence[Any], *, from_ms: int | None = None, to_ms: int | None = None, limit: int = MOST
) -> tuple[dict[str, Any], int | None]:
    """The recordings that touch that time (rows of `judging.rows_of`), for an answer; and where the
    following page begins, if there is one."""
    timed = sorted(
        (row for row in rows if row[4] is not None and _inside(row, from_ms, to_ms)),
        key=lambda row: (row[4], row[0]),
    )
    people, devices, marks = _Places(), _Places(), {"[]": []}  # type: ignore[var-annotated]
    tracks = []
    for row in timed[:limit]:
        item, kind, carrier, _, start, end, doubt, stage, device, person, words, *late = row
        if words not in marks:
            marks[words] = json.loads(words)
        tracks.append((
            item, start, start if end is None else end, doubt, kind, carrier, people.of(person),
            devices.of(device), stage, marks[words], None if late[0] is None else late,
        ))  # fmt: skip
    value = {
        "columns": COLUMNS, "people": people.ids, "devices": devices.ids, "recordings": tracks,
        "untimed": [row[0] for row in rows if row[4] is None],
    }  # fmt: skip
    return value, timed[limit][4] if len(timed) > limit else None


def _inside(row: Sequence[Any], from_ms: int | None, to_ms: int | None) -> bool:
    end = row[4] if row[5] is None else row[5]
    return (from_ms is None or end >= from_ms) and (to_ms is None or row[4] <= to_ms)


class _Places:
    """Ids, each once, and where they stand."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._at: dict[str, int] = {}

    def of(self, id_: str | None) -> int | None:
        if id_ is None:
            return None
        if id_ not in self._at:
            self._at[id_] = len(self.ids)
            self.ids.append(id_)
        return self._at[id_]
