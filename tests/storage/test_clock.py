"""`at` never goes back unseen: jumps stop recording, a person's correction goes on."""

from pathlib import Path

import pytest
from sqlalchemy import select

from storage import clock
from storage.clock import SystemClock
from storage.database import Database
from storage.errors import ClockJumpedError, NotComparedError
from storage.ledger import Ledger
from storage.replay import replay
from storage.tables import head
from tests.storage.samples import START_MS, ManualClock, act, database_of, dump, enrolled, opened
from tests.storage.test_replay import records
from verify.entries import format_time

MINUTE = 60_000
names = iter(range(10**6))


async def at(ledger: Ledger) -> int:
    n = next(names)
    return int((await act(ledger, enrolled(f"{n:032x}", f"{n}"))).at_ms)


def test_the_system_clock_reads_all_three() -> None:
    system = SystemClock()
    one, two = clock.read(system), clock.read(system)
    assert one.boot_id == two.boot_id
    assert abs(one.base_ms - two.base_ms) < 1000
    assert one.boot_ms <= two.boot_ms


async def test_at_is_the_later_of_now_and_the_last(migrated_url: str) -> None:
    time = ManualClock()
    async with opened(migrated_url, time) as ledger:
        time.go_on(10)
        assert await at(ledger) == START_MS + 10
        time.now -= 4 * MINUTE
        assert await at(ledger) == START_MS + 10
        time.go_on(5 * MINUTE)
        assert await at(ledger) == START_MS + 10 + MINUTE


@pytest.mark.parametrize("jump", [6 * MINUTE, -6 * MINUTE])
async def test_a_jump_stops_recording_until_corrected(
    migrated_url: str, tmp_path: Path, jump: int
) -> None:
    time = ManualClock()
    async with opened(migrated_url, time) as ledger:
        await at(ledger)
        before = await dump(database_of(ledger))
        time.go_on(MINUTE)
        time.now += jump
        for _ in range(2):
            with pytest.raises(ClockJumpedError, match="liuhen log clock"):
                await at(ledger)
        assert await dump(database_of(ledger)) == before
        event = await ledger.correct_clock("张三", "电池没电")
        expected, now = START_MS + MINUTE, START_MS + MINUTE + jump
        assert event.fields["before"] == format_time(expected)
        assert (event.fields["after"], event.fields["person"]) == (format_time(now), "张三")
        assert event.at_ms == max(START_MS, now)
        time.go_on(1)
        assert await at(ledger) == now + 1  # steps back here, once
        time.go_on(-2)
        assert await at(ledger) == now + 1
        await ledger.correct_clock("张三", "又一次")
        kept = await records(database_of(ledger))
        async with database_of(ledger).read() as c:
            last_ms = (await c.execute(select(head.c.last_ms))).scalar()
    database = await Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    await database.migrate()
    assert (await database.write(lambda c: replay(c, kept))).head.last_ms == last_ms
    await database.close()


async def test_small_steps_add_up(migrated_url: str) -> None:
    time = ManualClock()
    async with opened(migrated_url, time) as ledger:
        time.now += 3 * MINUTE
        await at(ledger)
        time.now += 3 * MINUTE
        with pytest.raises(ClockJumpedError):
            await at(ledger)


async def test_another_boot_begins_anew_but_not_before_the_log(migrated_url: str) -> None:
    time = ManualClock()
    async with opened(migrated_url, time) as ledger:
        await at(ledger)
        time.id, time.boot, time.now = "boot-2", 5, START_MS + 60 * MINUTE
        assert await at(ledger) == time.now
        async with database_of(ledger).read() as c:
            found = (await c.execute(select(head.c.boot_id, head.c.boot_base_ms))).one()
        assert tuple(found) == ("boot-2", time.now - 5)
        time.id, time.now = "boot-3", START_MS
        with pytest.raises(ClockJumpedError, match="the last entry"):
            await at(ledger)


async def test_a_correction_needs_an_open_ledger(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        with pytest.raises(NotComparedError):
            await Ledger(database_of(ledger), ManualClock()).correct_clock("x", "y")
