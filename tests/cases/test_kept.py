"""What is kept of a case is what would be reckoned anew."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection

from cases import kept, recorded, standing
from cases.kept import HARMLESS, Kept, Made
from cases.recorded import Recorded
from storage.clock import SystemClock
from storage.database import Database
from storage.ledger import Ledger
from tests.cases.test_acts import SOURCE, Room
from verify.schema import TYPES

ITEM, OTHER = "1" * 31 + "2", "1" * 31 + "3"


class Reckoner:
    """Counts how often it is asked."""

    def __init__(self, room: Room, case: str, most_bytes: int = 1000) -> None:
        self.room, self.case, self.kept, self.times = room, case, Kept(most_bytes), 0

    def _make(self) -> Made[int]:
        self.times += 1
        return Made(self.times, frozenset({ITEM}), 100)

    def ask(self, conn: Connection, key: str = "a") -> int:
        return self.kept.of(conn, self.case, key, self._make)

    async def asked(self, key: str = "a") -> int:
        async with self.room.database.read() as conn:
            return await conn.run_sync(self.ask, key)


@pytest.fixture
async def room(migrated_url: str) -> AsyncIterator[Room]:
    database = await Database.open(migrated_url)
    try:
        ledger = Ledger(database, SystemClock())
        await ledger.begin("log.example/cases", "log.example/cases+00000000+AAAA")
        ledger.open()
        made = Room(database, ledger)
        await made.record(
            "source.enrolled", f"s:{SOURCE}", source=SOURCE, name="记录仪7", kind="device"
        )
        yield made
    finally:
        await database.close()


async def test_it_is_reckoned_once_while_nothing_touches_the_case(room: Room) -> None:
    reckoner = Reckoner(room, await room.open())
    assert await reckoner.asked() == 1
    await room.open("沪城管罚〔2026〕18号")
    await room.seal(OTHER)
    await room.record("token.revoked", "sys", token="7" * 32, reason="x")
    assert await reckoner.asked() == 1
    assert await reckoner.asked("b") == 2


async def test_an_entry_of_the_case_its_recordings_or_the_system_makes_it_anew(room: Room) -> None:
    reckoner = Reckoner(room, await room.open())
    await room.seal(ITEM)
    assert await reckoner.asked() == 1
    await room.link(reckoner.case, ITEM)
    assert await reckoner.asked() == 2
    attributed = {
        "kind": "video", "carrier": "body_camera", "sound": True, "marks": [], "policy": "p",
        "why": "sealed",
    }  # fmt: skip
    await room.record("item.attributed", f"i:{ITEM}", item=ITEM, **attributed)
    assert await reckoner.asked() == 3
    await room.record("item.attributed", f"i:{OTHER}", item=OTHER, **attributed)
    assert await reckoner.asked() == 3
    await room.record("organ.set", "sys", organ="6" * 32, name="司法局")
    assert await reckoner.asked() == 4


async def test_somebody_who_looks_changes_nothing(room: Room) -> None:
    reckoner = Reckoner(room, await room.open())
    await room.seal(ITEM)
    assert await reckoner.asked() == 1
    await room.record("access.denied", f"c:{reckoner.case}", person="u:x", right="read",
                      case=reckoner.case)  # fmt: skip
    assert await reckoner.asked() == 1


async def test_an_older_state_is_answered_from_that_state(room: Room) -> None:
    reckoner = Reckoner(room, await room.open())
    async with room.database.read() as old:
        await old.exec_driver_sql("SELECT size FROM head")  # from here on it sees this state
        await room.open("沪城管罚〔2026〕18号")
        assert await reckoner.asked() == 1
        assert await old.run_sync(reckoner.ask) == 2
    assert await reckoner.asked() == 1  # and the newer answer stays


async def test_after_many_entries_it_is_reckoned_anew(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FAR", 1)
    reckoner = Reckoner(room, await room.open())
    assert await reckoner.asked() == 1
    await room.open("沪城管罚〔2026〕18号")
    assert await reckoner.asked() == 1
    await room.open("沪城管罚〔2026〕19号")
    await room.open("沪城管罚〔2026〕20号")
    assert await reckoner.asked() == 2


async def test_no_more_is_kept_than_there_is_room_for(room: Room) -> None:
    reckoner = Reckoner(room, await room.open(), most_bytes=250)
    assert [await reckoner.asked(key) for key in "abab"] == [1, 2, 1, 2]
    assert await reckoner.asked("c") == 3
    assert await reckoner.asked("b") == 2
    assert await reckoner.asked("a") == 4


async def test_what_another_request_throws_out_meanwhile_is_still_answered(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoner, recordings = Reckoner(room, await room.open()), Recorded()

    def of(conn: Connection) -> object:
        return recordings.of(conn, standing.read(conn, reckoner.case)).rows

    async def both() -> tuple[int, object]:
        async with room.database.read() as conn:
            return await conn.run_sync(reckoner.ask), await conn.run_sync(of)

    before = await both()
    await room.open("沪城管罚〔2026〕18号")
    # While the entries since are read, others have their turn.
    monkeypatch.setattr(kept, "touched", lambda *_: reckoner.kept._held.clear())
    monkeypatch.setattr(recorded, "_touched", lambda *_: recordings._cases.clear())
    assert await both() == before


def test_what_is_called_harmless_is_a_type_of_entry() -> None:
    assert TYPES.keys() >= HARMLESS
