"""The embedded runner: at least once, effects behind the fence, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from storage import jobs
from storage.clock import SystemClock
from storage.database import Database
from storage.errors import LostError
from storage.jobs import Attempt, PermanentError, Runner
from storage.tables import job
from verify.errors import ConflictError, NotFoundError, UnavailableError

CLOCK = SystemClock()


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(migrated_url)
    yield opened
    await opened.close()


def runner(database: Database, **more: Any) -> Runner:
    settings = {"beat_s": 0.2, "poll_s": 300.0, "first_wait_s": 0.05, **more}
    return Runner(database, CLOCK, {"quick": 2, "heavy": 1}, **settings)


async def put(
    database: Database, key: str, lane: str = "quick", kind: str = "work", **more: Any
) -> None:
    await database.write(
        lambda c: jobs.enqueue(
            c, kind, {"n": key}, key=key, lane=lane, now_ms=CLOCK.now_ms(), **more
        )
    )


async def row(database: Database, key: str = "k") -> Any:
    async with database.read() as c:
        return (await c.execute(select(job).where(job.c.key == key))).one()


async def until(test: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await test():
            await asyncio.sleep(0.01)


async def state(database: Database, wanted: str, key: str = "k") -> None:
    async def reached() -> bool:
        return bool((await row(database, key)).state == wanted)

    await until(reached)


class Working:
    """A runner at work for the length of a `with`."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    async def __aenter__(self) -> Runner:
        self.task = asyncio.create_task(self.runner.run())
        return self.runner

    async def __aexit__(self, *exc: object) -> None:
        self.runner.stop()
        await asyncio.wait_for(self.task, 60)


async def test_a_job_runs_at_once_and_once_per_key(database: Database) -> None:
    ran: list[Any] = []
    work = runner(database)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        ran.append((attempt.args, attempt.attempt))

    async with Working(work):
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        await put(database, "k")
        await put(database, "k")
        await state(database, "done")
        assert asyncio.get_running_loop().time() - started < 60  # the poll comes every 300 s
        await put(database, "k")  # a finished key is not run again
        await asyncio.sleep(0.1)
        assert ran == [({"n": "k"}, 1)]
        await work.retry("k")
        await until(lambda: _true(len(ran) == 2))
        with pytest.raises(NotFoundError):
            await work.retry("unknown")


async def _true(value: bool) -> bool:
    return value


async def test_lanes_have_places_and_priority_goes_first(database: Database) -> None:
    order: list[str] = []
    now, most = 0, 0
    work = runner(database)

    async def handle(attempt: Attempt) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        order.append(attempt.key)

    work.handler("work", "heavy")(handle)
    for n in range(4):
        await put(database, f"low-{n}", "heavy")
    await put(database, "high", "heavy", priority=5)
    await put(database, "low-3", "heavy", priority=3)  # somebody waits for it now
    async with Working(work):
        await until(lambda: _true(len(order) == 5))
    assert order == ["high", "low-3", "low-0", "low-1", "low-2"]
    assert most == 1


async def test_a_handler_that_raises_is_tried_again_then_fails(database: Database) -> None:
    tries = 0
    work = runner(database, poll_s=0.02)

    @work.handler("work", "quick", max_attempts=3)
    async def handle(attempt: Attempt) -> None:
        nonlocal tries
        tries += 1
        raise UnavailableError("store: expected an answer, got none")

    await put(database, "k")
    async with Working(work):
        await state(database, "failed")
        found = await row(database)
        assert (tries, found.attempt, found.error) == (
            3, 3, "unavailable: store: expected an answer, got none",
        )  # fmt: skip
        await work.retry("k")
        await until(lambda: _true(tries == 6))


async def test_a_permanent_error_fails_at_once(database: Database) -> None:
    work = runner(database)

    @work.handler("work", "quick", max_attempts=None)
    async def handle(attempt: Attempt) -> None:
        raise PermanentError("nothing can play it")

    await put(database, "k")
    async with Working(work):
        await state(database, "failed")
    assert (await row(database)).attempt == 1


async def test_cancel_kills_a_running_handler_and_a_queued_one_never_starts(
    database: Database,
) -> None:
    killed = asyncio.Event()
    work = runner(database)

    @work.handler("work", "heavy")
    async def handle(attempt: Attempt) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            killed.set()

    await put(database, "k", "heavy")
    await put(database, "later", "heavy")
    async with Working(work):
        await state(database, "running")
        await work.cancel("later")
        await work.cancel("k")
        await asyncio.wait_for(killed.wait(), 60)
        await state(database, "cancelled")
    assert (await row(database, "later")).attempt == 0


async def test_stop_puts_back_without_counting(database: Database) -> None:
    work = runner(database)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        await asyncio.sleep(60)

    await put(database, "k")
    async with Working(work):
        await state(database, "running")
    found = await row(database)
    assert (found.state, found.attempt, found.token) == ("queued", 0, None)


async def test_a_job_that_kills_the_process_every_time_fails(database: Database) -> None:
    work = runner(database)

    @work.handler("work", "quick", max_attempts=3)
    async def handle(attempt: Attempt) -> None:
        pytest.fail("must not run a fourth time")

    await put(database, "k")
    await database.write(
        lambda c: c.execute(update(job).values(state="running", attempt=3, token="1" * 32))
    )
    async with Working(work):
        await state(database, "failed")
    assert (await row(database)).error == "the process died during every attempt"


async def test_a_lost_attempt_is_killed_and_writes_nothing(database: Database) -> None:
    seen: list[type[BaseException]] = []
    work = runner(database, poll_s=60)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            try:
                await database.write(attempt.fence)
            except LostError as exc:
                seen.append(type(exc))
            raise

    await put(database, "k")
    async with Working(work):
        await state(database, "running")
        await database.write(
            lambda c: c.execute(update(job).values(token="2" * 32, updated_ms=2**50))
        )
        await until(lambda: _true(bool(seen)))
        await asyncio.sleep(0.05)
        found = await row(database)
        assert (found.state, found.token) == ("running", "2" * 32)
    assert seen == [LostError]


async def test_what_runs_without_a_runner_is_queued_again(database: Database) -> None:
    """A COMMIT of a killed process can arrive after the next one has started."""
    work = runner(database, beat_s=0.05, poll_s=0.05)
    done = asyncio.Event()

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        done.set()

    async with Working(work):
        await asyncio.sleep(0.1)
        stray = {"state": "running", "attempt": 1, "token": "2" * 32}

        def late(connection: Connection) -> None:
            jobs.enqueue(connection, "work", {}, key="k", lane="quick", now_ms=CLOCK.now_ms())
            connection.execute(update(job).values(**stray))

        await database.write(late)
        await asyncio.wait_for(done.wait(), 60)
        await state(database, "done")
    assert (await row(database)).attempt == 2


async def test_progress_is_seen_and_fenced(database: Database) -> None:
    go_on = asyncio.Event()
    work = runner(database)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        await attempt.progress(0.25)
        await go_on.wait()

    await put(database, "k")
    async with Working(work):

        async def quarter() -> bool:
            return bool((await row(database)).progress == 0.25)

        await until(quarter)
        go_on.set()
        await state(database, "done")


async def test_delay_and_unknown_kinds_wait(database: Database) -> None:
    ran: list[str] = []
    work = runner(database, poll_s=0.02)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        ran.append(attempt.key)

    await put(database, "later", delay_s=0.3)
    await put(database, "unknown", kind="nobody")
    async with Working(work):
        await asyncio.sleep(0.1)
        assert ran == []
        await until(lambda: _true(ran == ["later"]))
    assert (await row(database, "unknown")).state == "queued"


async def test_the_database_away_does_not_disturb_a_running_handler(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, ran = False, 0
    write = Database.write

    async def sometimes(self: Database, work: Any) -> Any:
        if away:
            raise UnavailableError("database: expected an answer, got none")
        return await write(self, work)

    monkeypatch.setattr(Database, "write", sometimes)
    work = runner(database, beat_s=0.02, poll_s=0.05)

    @work.handler("work", "quick")
    async def handle(attempt: Attempt) -> None:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.3)

    await put(database, "k")
    async with Working(work):
        await state(database, "running")
        away = True
        await asyncio.sleep(0.5)
        assert (await row(database)).state == "running"
        away = False
        await state(database, "done")
    assert ran == 1


async def test_finished_rows_are_forgotten_after_a_while(database: Database) -> None:
    for key in ("done", "failed", "cancelled", "queued"):
        await put(database, key, kind="nobody")
        old = update(job).where(job.c.key == key).values(state=key, updated_ms=1)
        await database.write(lambda c, old=old: c.execute(old))  # type: ignore[misc]

    async def forgotten() -> bool:
        async with database.read() as c:
            return sorted((await c.execute(select(job.c.key))).scalars()) == ["failed", "queued"]

    work = runner(database, beat_s=0.02)
    async with Working(work):
        await until(forgotten)
        with pytest.raises(ConflictError):
            await work.retry("queued")
