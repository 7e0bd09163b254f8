"""The time line of a case: recordings, stages, time points, documents and holes on one axis.

Guarantee: recordings stand at their corrected times with what is known of how far these may be
wrong, each with its marks; a late one has both times; one whose time is not known is counted, never
left out silently.  Arrays instead of objects, ids of people and devices once: ten thousand
recordings are one answer.
Not covered: playing them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

COLUMNS = (
    "item", "start_ms", "end_ms", "uncertainty_ms", "kind", "carrier", "person", "device", "stage",
    "marks", "late",
)  # fmt: skip
"""What the cells of a recording are; `person` and `device` are places in the lists of that name,
`late` is null or [ended, due, sealed]."""
MOST = 20_000
_TIME_AND_ITEM, _PERSON, _DEVICE = itemgetter(4, 0), itemgetter(9), itemgetter(8)


@dataclass(slots=True)
class Texts:
    """The recordings as they were told last; the places of people and devices are in them, so they
    hold as long as these are the same."""

    people: Sequence[str] = ()
    devices: Sequence[str] = ()
    rows: Sequence[Any] = ()
    of_row: Mapping[int, str] = field(default_factory=dict)
    """By `id` of its row, which is no other's while `rows` has it: hashing the cells takes longer
    than all else here."""


def recordings(
    rows: Sequence[Any],
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = MOST,
    before: Texts | None = None,
) -> tuple[str, int | None, Texts]:
    """The recordings that touch that time (rows of `judging.rows_of`), as JSON members of an
    answer; where the following page begins, if there is one; and what makes the next as quick."""
    timed = [row for row in rows if row[4] is not None]
    if from_ms is not None or to_ms is not None:
        timed = [row for row in timed if _inside(row, from_ms, to_ms)]
    timed.sort(key=_TIME_AND_ITEM)
    shown = timed[:limit]
    people = sorted({*map(_PERSON, shown)} - {None})
    devices = sorted({*map(_DEVICE, shown)} - {None})
    known: Mapping[int, str] = {}
    if before is not None and (before.people, before.devices) == (people, devices):
        known = before.of_row
    tell = _telling(people, devices)
    texts = [known.get(id(row)) or tell(row) for row in shown]
    value = {
        "columns": COLUMNS, "people": people, "devices": devices,
        "untimed": sorted(row[0] for row in rows if row[4] is None),
    }  # fmt: skip
    text = f'{to_text(value)[1:-1]},"recordings":[{",".join(texts)}]'
    next_ms = timed[limit][4] if len(timed) > limit else None
    return (
        text,
        next_ms,
        Texts(people, devices, shown, dict(zip(map(id, shown), texts, strict=True))),
    )


def _telling(people: Sequence[str], devices: Sequence[str]) -> Callable[[Any], str]:
    """How a row is told: people and devices by their places."""
    person_at = {id_: at for at, id_ in enumerate(people)}
    device_at = {id_: at for at, id_ in enumerate(devices)}

    def tell(row: Any) -> str:
        item, kind, carrier, _, start, end, doubt, stage, device, person, marks, *late = row
        return to_text((
            item, start, start if end is None else end, doubt, kind, carrier, person_at.get(person),
            device_at.get(device), stage, json.loads(marks or "[]"),
            None if late[0] is None else late,
        ))  # fmt: skip

    return tell


def to_text(value: Any) -> str:
    """JSON as answers have it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _inside(row: Sequence[Any], from_ms: int | None, to_ms: int | None) -> bool:
    end = row[4] if row[5] is None else row[5]
    return (from_ms is None or end >= from_ms) and (to_ms is None or row[4] <= to_ms)
