"""Many recordings that wait, as rows: an officer's visits with a score of recordings each.

The rows are those of `bench.scale_world`; the cases, the visits and whatever is done about the
recordings go through the API.
"""

from dataclasses import dataclass
from typing import Any

from bench.scale_world import Person, Recording, id_of, rows_of, write
from storage import tables
from storage.rights import Role
from tests.console.desk import DAY, HOUR, Desk

MINUTE = 60_000
CAMERA = 7


@dataclass(frozen=True, slots=True)
class Officer(Person):
    """A person of the house instead of one of the bench's agency."""

    known_as: str = ""

    @property
    def id(self) -> str:
        return self.known_as


async def heap(desk: Desk, officer: str, visits: int, each: int) -> list[str]:
    """`visits` cases of the officer, each with a visit at which his camera recorded `each` times."""
    whose = Officer(CAMERA, 0, Role.OFFICER, officer)
    begin, cases = desk.now - (visits + 2) * 4 * HOUR, list[str]()
    recordings: list[Recording] = []
    for visit in range(visits):
        start = begin + visit * 4 * HOUR
        case = await desk.case(f"沪司检〔2026〕{visit + 1000}号", [officer])
        await desk.visit(case, start, start + HOUR)
        cases.append(case)
        for n in range(each):
            at = start + n * MINUTE
            recordings.append(Recording(
                key=f"heap:{visit}:{n}", person=whose, camera=whose, kind="video",
                start_ms=at, end_ms=at + 50_000, sealed_ms=desk.now - DAY + n,
                sealed_index=10_000_000 + 3 * (visit * each + n),
            ))  # fmt: skip
    rows: dict[Any, Any] = dict(rows_of(recordings))
    rows[tables.waiting] = [
        (r.id, officer, None, None, r.sealed_index, r.sealed_ms, r.end_ms + DAY, None)
        for r in recordings
    ]
    rows[tables.source] = [(id_of("device", CAMERA), "记录仪 7", "device", 1, None)]
    await desk.house.database.write(lambda conn: write(conn, rows))
    return cases
