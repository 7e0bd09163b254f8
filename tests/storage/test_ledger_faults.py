"""Faults of the database around an act: nothing doubled, nothing lost, no going back."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import OperationalError

from storage.acts import Draft
from storage.clock import SystemClock
from storage.database import Database
from storage.errors import HaltedError, OutcomeUnknownError
from storage.ledger import Ledger, random_id
from storage.tables import case, disclosure, entry, head
from tests.storage.samples import (
    ManualClock,
    act,
    database_of,
    enrolled,
    opened,
    opened_case,
    opened_upload,
)
from verify.entries import check_chain, decode_entry
from verify.errors import ConflictError, EvidenceError
from verify.merkle import leaf_hash, root

CommitFault = Callable[[Connection], None]


def broken(times: int, *, persisted: bool) -> CommitFault:
    """A COMMIT whose answer is lost `times` times, after or before it took effect."""
    left = times

    def commit(connection: Connection) -> None:
        nonlocal left
        if left:
            left -= 1
            if persisted:
                connection.commit()
            else:
                connection.rollback()
            raise OperationalError("COMMIT", None, OSError("connection reset"))
        connection.commit()

    return commit


async def sizes(database: Database) -> tuple[int, int]:
    async with database.read() as c:
        size = (await c.execute(select(head.c.size))).scalar_one()
        return size, (await c.execute(select(func.count()).select_from(entry))).scalar_one()


@pytest.mark.parametrize("persisted", [True, False])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_commit_without_answer_is_not_doubled(
    migrated_url: str, *, persisted: bool, times: int
) -> None:
    async with opened(migrated_url) as ledger:
        database = database_of(ledger)
        database.commit = broken(times, persisted=persisted)
        decided = 0

        def decide(_: Connection) -> list[Draft]:
            nonlocal decided
            decided += 1
            return [enrolled("5" * 32)]

        (event,) = await ledger.record("enrol", decide)
        assert (event.index, await sizes(database)) == (1, (2, 2))
        assert decided == (1 if persisted else times + 1)
        database.commit = broken(1, persisted=persisted)
        ids = [random_id() for _ in range(3)]
        answers = await ledger.record_many(ids, lambda _: [opened_case(id_, id_) for id_ in ids])
        assert [a.index for a in answers if not isinstance(a, EvidenceError)] == [2, 3, 4]
        assert await sizes(database) == (5, 5)


async def test_no_answer_for_long_is_told_and_the_repeat_is_safe(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.ledger._WAITS_S", (0.0, 0.0))
    async with opened(migrated_url) as ledger:
        database = database_of(ledger)
        database.commit = broken(3, persisted=False)
        with pytest.raises(OutcomeUnknownError):
            await ledger.record("enrol", lambda _: [enrolled("5" * 32)])
        (event,) = await ledger.record("enrol", lambda _: [enrolled("5" * 32)])
        assert (event.index, await sizes(database)) == (1, (2, 2))


async def test_a_rule_reads_under_the_lock(migrated_url: str) -> None:
    """Two servers decide «only if nobody has it yet» forty times; nobody wins twice."""

    def once(number: str) -> Callable[[Connection], list[Draft]]:
        def decide(connection: Connection) -> list[Draft]:
            taken = connection.execute(select(case.c.id).where(case.c.title == number)).first()
            time.sleep(0.001)
            if taken:
                raise ConflictError(f"case {number}: taken")
            fields = {"title": number}
            return [opened_case(random_id(), random_id(), **fields)]

        return decide

    async with opened(migrated_url) as one, opened(migrated_url) as two:
        for n in range(20):
            results = await asyncio.gather(
                *(ledger.record(random_id(), once(str(n))) for ledger in (one, two, one)),
                return_exceptions=True,
            )
            assert sum(isinstance(r, list) for r in results) == 1
            assert sum(isinstance(r, ConflictError) for r in results) == 2


WRITER = """
import asyncio, sys
from storage.clock import SystemClock
from storage.database import Database
from storage.ledger import Ledger, random_id
from tests.storage.samples import opened_upload

async def main(url, source, count):
    database = await Database.open(url)
    ledger = Ledger(database, SystemClock())
    ledger.open()
    for n in range(count):
        if n % 5:
            await ledger.record(random_id(), lambda _: [opened_upload(source, random_id())])
        else:
            ids = [random_id() for _ in range(4)]
            await ledger.record_many(ids, lambda _: [opened_upload(source, u) for u in ids])
    await database.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def test_writers_in_two_processes_keep_the_chains_whole(migrated_url: str) -> None:
    source, rounds = "5" * 32, 25
    async with opened(migrated_url) as ledger:
        ledger._clock = SystemClock()  # as the processes have
        # A log begun at the manual clock's time would stand in the future of the others.
        await database_of(ledger).write(
            lambda c: c.execute(update(head).values(last_ms=0, boot_id="", boot_base_ms=0))
        )
        await act(ledger, enrolled(source))
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", WRITER, migrated_url, source, str(rounds),
                cwd=Path(__file__).parents[2],
            )
            for _ in range(2)
        ]  # fmt: skip
        for _ in range(rounds):
            await act(ledger, opened_upload(source, random_id()))
        assert [await p.wait() for p in processes] == [0, 0]
        await act(ledger, opened_upload(source, random_id()))
        async with database_of(ledger).read() as c:
            raws = [
                bytes(raw)
                for raw in (
                    await c.execute(select(entry.c.bytes).order_by(entry.c.index))
                ).scalars()
            ]
            at = (await c.execute(select(head))).one()
        each = 2 * (rounds // 5) * 4 + 2 * (rounds - rounds // 5)
        assert len(raws) == at.size == 2 + each + rounds + 1
        assert bytes(at.root) == root([leaf_hash(raw) for raw in raws])
        check_chain(e for e in map(decode_entry, raws) if e.chain == f"s:{source}")


@pytest.mark.parametrize("grown", [False, True])
async def test_a_database_that_goes_back_stops_recording(migrated_url: str, *, grown: bool) -> None:
    async with opened(migrated_url) as ledger, opened(migrated_url) as other:
        database = database_of(ledger)
        await act(ledger, enrolled("5" * 32))
        async with database.read() as c:
            old: Any = (await c.execute(select(head))).one()._asdict()
        await act(ledger, enrolled("6" * 32, "b"))

        def go_back(connection: Connection) -> None:
            connection.execute(delete(entry).where(entry.c.index >= old["size"]))
            connection.execute(delete(disclosure).where(disclosure.c.index >= old["size"]))
            connection.execute(update(head).values(**old))

        await database.write(go_back)
        if grown:
            other._seen = None
            for n in range(3):
                await act(other, enrolled(random_id(), str(n)))
        with pytest.raises(HaltedError, match="older copy"):
            await act(ledger, enrolled("7" * 32, "c"))
        with pytest.raises(HaltedError):
            await act(ledger, enrolled("7" * 32, "c"))
        assert isinstance(ledger.halted, HaltedError)


async def test_a_database_wiped_under_a_running_server_stops_recording(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        await database_of(ledger).write(lambda c: c.execute(delete(head)))
        with pytest.raises(HaltedError, match="another log of size 0"):
            await act(ledger, enrolled("7" * 32))
        assert ledger.halted is not None


async def test_the_publisher_is_woken_by_every_act(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        ledger.recorded.clear()
        heard: list[int] = []
        ledger.listeners.append(lambda: heard.append(1))
        waiting = asyncio.create_task(ledger.changed())
        await act(ledger, enrolled("5" * 32))
        await asyncio.wait_for(waiting, 1)
        assert heard == [1]
        again = Ledger(database_of(ledger), ManualClock())
        again.open()
        await again.record(random_id(), lambda _: [])
        assert not again.recorded.is_set()
