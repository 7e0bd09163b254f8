"""The runner's process killed with SIGKILL again and again: nothing acknowledged is lost."""

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from storage import jobs
from storage.clock import SystemClock
from storage.database import Database
from storage.tables import denial, job

PROCESS = """
import asyncio, os, random, signal, sys
from sqlalchemy import insert, select
from storage import jobs
from storage.clock import SystemClock
from storage.database import Database
from storage.jobs import Runner
from storage.ledger import random_id
from storage.tables import denial

clock = SystemClock()

async def produce(database, count):
    for _ in range(count):
        key = random_id()
        await database.write(
            lambda c: jobs.enqueue(c, "work", {"key": key}, key=key, lane="quick", now_ms=clock.now_ms())
        )
        print(key, flush=True)

async def main(url, count):
    database = await Database.open(url)
    runner = Runner(database, clock, {"quick": 3}, beat_s=0.1, poll_s=0.1, first_wait_s=0.05)

    @runner.handler("work", "quick", max_attempts=None)
    async def work(attempt):
        await asyncio.sleep(random.random() / 50)
        key, unique = attempt.args["key"], random.getrandbits(60)

        def effect(connection):
            if not connection.execute(select(denial).where(denial.c.person == key)).first():
                connection.execute(insert(denial).values(person=key, object="x", minute=unique))

        await attempt.write(effect)
        await asyncio.sleep(random.random() / 50)

    @runner.handler("poison", "quick", max_attempts=3)
    async def poison(attempt):
        os.kill(os.getpid(), signal.SIGKILL)

    await asyncio.gather(runner.run(), produce(database, count))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def start(url: str, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, url, str(count),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip


async def states(url: str) -> dict[str, str]:
    database = await Database.open(url)
    try:
        async with database.read() as c:
            return {r.key: r.state for r in await c.execute(select(job.c.key, job.c.state))}
    finally:
        await database.close()


async def test_soak_with_kills(migrated_url: str) -> None:
    chance = random.Random(20)
    acknowledged: set[str] = set()
    for _ in range(5):
        process = await start(migrated_url, 1000)
        assert process.stdout is not None
        acknowledged.add((await process.stdout.readline()).decode().strip())
        await asyncio.sleep(0.05 + chance.random() * 0.4)
        process.kill()
        rest = (await process.communicate())[0].decode().splitlines()
        acknowledged.update(line for line in rest if len(line) == 32)
    process = await start(migrated_url, 1)
    async with asyncio.timeout(240):
        while set((await states(migrated_url)).values()) != {"done"}:
            await asyncio.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    await process.wait()

    database = await Database.open(migrated_url)
    try:
        async with database.read() as c:
            effects = Counter((await c.execute(select(denial.c.person))).scalars())
            attempts = (await c.execute(select(job.c.attempt))).scalars().all()
    finally:
        await database.close()
    assert len(acknowledged) > 20
    assert acknowledged <= effects.keys()
    assert set(effects.values()) == {1}
    assert max(attempts) > 1, "no kill hit a running job: the test tests nothing"


async def test_a_handler_that_kills_its_process_ends_as_failed(migrated_url: str) -> None:
    database = await Database.open(migrated_url)
    now_ms = SystemClock().now_ms()
    await database.write(
        lambda c: jobs.enqueue(c, "poison", {}, key="poison", lane="quick", now_ms=now_ms)
    )
    await database.close()
    for _ in range(3):
        assert await asyncio.wait_for((await start(migrated_url, 0)).wait(), 240) == -signal.SIGKILL
        assert (await states(migrated_url))["poison"] == "running"
    process = await start(migrated_url, 0)
    async with asyncio.timeout(240):
        while (await states(migrated_url))["poison"] != "failed":
            await asyncio.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
