"""What is kept of a case's recordings, after some changed, is what would be made of them anew."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from cases import acts, judging, recorded, standing, timeline
from cases.judging import Linked
from cases.recorded import OfCase, Recorded
from cases.recording.coverage import judge
from cases.recording.rules import Applied, Point, Rule
from cases.recording.verdicts import Case, Noted, Verdict
from tests.cases.test_acts import ACTOR, Room
from tests.cases.test_kept import room

__all__ = ["room"]  # a fixture

FROM, TO = Point("甲", "start"), Point("乙", "end")
RULES = [
    Applied("L", "1", Rule(str(number), methods, must=True, **more))
    for number, (methods, more) in enumerate((
        (("video",), {"start": FROM, "end": TO}),
        (("photo",), {"start": FROM, "end": TO}),
        (("audio", "video"), {"start": FROM, "end": TO, "all_methods": True}),
        (("photo", "video"), {"start": FROM, "end": TO}),
        (("body_camera",), {"start": FROM, "end": TO, "threshold_ms": 0}),
        (("video",), {"start": FROM, "end": TO, "carriers": ("phone",)}),
        (("video", "photo"), {"start": FROM}),
        (("audio",), {"end": TO}),
        (("photo", "video"), {"stage_category": "investigation"}),
    ))
]  # fmt: skip


@st.composite
def a_row(draw: st.DrawFn) -> tuple[Any, ...]:
    """As `judging.rows_of` gives them."""
    kind = draw(st.sampled_from(["photo", "audio", "video", "video", "other"]))
    start = draw(st.none() | st.integers(0, 60))
    end = None if start is None else start + draw(st.integers(-2, 30))
    return (
        draw(st.sampled_from("abcdefghij")), kind, draw(st.sampled_from(["body_camera", "phone"])),
        draw(st.booleans()), start, end, draw(st.integers(0, 9)),
        draw(st.sampled_from([None, "investigation", "decision"])),
        draw(st.sampled_from([None, "x", "y"])), draw(st.sampled_from([None, "p", "q"])), "[]",
        None, None, None,
    )  # fmt: skip


def verdicts(found: Linked, noted: list[Noted]) -> tuple[Verdict, ...]:
    case = Case(noted, found.recordings, frozenset(), 3, "p")
    return judge(RULES, case, found.verdicts.setdefault("same", {}))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(a_row(), max_size=14),
    st.lists(st.tuples(st.sets(st.integers(0, 20)), st.lists(a_row(), max_size=3)), max_size=4),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=3),
)
def test_verdicts_after_changes_are_those_of_the_recordings_that_are_left(
    rows: list[tuple[Any, ...]],
    changes: list[tuple[set[int], list[tuple[Any, ...]]]],
    times: list[tuple[int, int]],
) -> None:
    noted = [
        Noted(code, str(occasion), at_ms, 1, 2 * occasion + end)
        for occasion, both in enumerate(times)
        for end, (code, at_ms) in enumerate(zip(("start", "end"), both, strict=True))
    ]
    found = judging.linked(rows, None)
    texts = timeline.recordings(rows)[2]
    verdicts(found, noted)
    for places, come in changes:
        gone = [row for at, row in enumerate(rows) if at in places]
        rows = [row for at, row in enumerate(rows) if at not in places] + come
        before = verdicts(found, noted)
        after = judging.relinked(found, gone, come, None)
        anew = judging.linked(rows, None)
        assert verdicts(after, noted) == verdicts(anew, noted)
        assert (after.links, after.untimed) == (anew.links, anew.untimed)
        assert verdicts(found, noted) == before  # who still holds the old one sees no change
        found = after
        text, _, texts = timeline.recordings(rows, before=texts)
        assert text == timeline.recordings(rows)[0]


@pytest.fixture
async def keeper(room: Room) -> "Keeper":
    return Keeper(room, await room.open())


class Keeper:
    """Asks for the recordings as they are kept, and compares."""

    def __init__(self, room: Room, case: str) -> None:
        self.room, self.case, self.known = room, case, Recorded()

    async def seen(self) -> OfCase:
        def both(conn: Connection) -> tuple[OfCase, OfCase]:
            now = standing.read(conn, self.case)
            return self.known.of(conn, now), Recorded().of(conn, now)

        async with self.room.database.read() as conn:
            kept, anew = await conn.run_sync(both)
        assert sorted(map(tuple, kept.rows)) == sorted(map(tuple, anew.rows))
        assert kept.items == anew.items
        assert kept.linked.recordings._groups == anew.linked.recordings._groups
        assert (kept.linked.links, kept.linked.untimed) == (anew.linked.links, anew.linked.untimed)
        return kept

    async def attribute(self, item: str, second: int) -> None:
        start, end = (f"2026-11-02T09:00:{s:02}.000Z" for s in (second, second + 5))
        await self.room.record(
            "item.attributed", f"i:{item}", item=item, kind="video", carrier="phone", sound=True,
            start=start, end=end, marks=[], policy="1", why="register",
        )  # fmt: skip


ITEMS = [f"{number:032x}" for number in range(1, 4)]


async def test_what_entries_touch_is_read_again_and_nothing_else(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, asked = keeper.room, []
    for second, item in enumerate(ITEMS):
        await room.seal(item)
        await keeper.attribute(item, second)
        await room.link(keeper.case, item)
    assert (await keeper.seen()).linked.links == 3
    rows_of = judging.rows_of

    def heard(conn: Connection, case: str, items: Any = None) -> Any:
        asked.append(None if items is None else frozenset(items))
        return rows_of(conn, case, items)

    monkeypatch.setattr(judging, "rows_of", heard)
    await keeper.attribute(ITEMS[1], 30)
    await keeper.seen()
    assert asked[0] == {ITEMS[1]}
    asked.clear()
    await acts.unlink(room.ledger, ACTOR, case=keeper.case, item=ITEMS[0], reason="wrong case")
    assert (await keeper.seen()).items == {*ITEMS[1:]}
    assert asked[0] == {ITEMS[0]}
    await room.link(keeper.case, ITEMS[0])
    await keeper.attribute(ITEMS[2], 40)
    asked.clear()
    assert (await keeper.seen()).items == {*ITEMS}
    assert asked[0] == {ITEMS[0], ITEMS[2]}
    monkeypatch.setattr(recorded, "MOST_TOUCHED", 1)
    for second, item in enumerate(ITEMS):
        await keeper.attribute(item, 45 + second)
    asked.clear()
    await keeper.seen()
    assert asked[0] is None  # too many: all are read


async def test_cases_without_recordings_are_not_kept_without_end(room: Room) -> None:
    known = Recorded(most=300)
    ids = [await room.open(number=f"{n}") for n in range(10)]

    def all_of_them(conn: Connection) -> None:
        for id_ in ids:
            known.of(conn, standing.read(conn, id_))

    async with room.database.read() as conn:
        await conn.run_sync(all_of_them)
        await conn.run_sync(all_of_them)
    assert list(known._cases) == ids[-6:]
