"""The durable pipeline, embedded: a small runner inside the server process.

Guarantee: a job that was committed runs at least once to its end, whatever dies; effects that are
written behind `Attempt.fence` happen at most once per attempt that owns the job.  A handler that
kills the process every time ends as `failed` after `max_attempts` deaths.
Not covered: more than one runner on one database.  A start resets every running job, so the caller
holds the data folder's lock; a fleet claims by beat and `dead` instead (docs/adr, jobs).

Handlers are idempotent by stage and give outputs attempt-private names until a fenced transaction
publishes them.  A handler is killed by cancelling its task; it kills its own child processes.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection

from storage import job_table
from storage.clock import Clock
from storage.database import Database
from storage.errors import LostError, OutcomeUnknownError
from storage.job_table import Claim
from storage.ledger import random_id
from verify.errors import EvidenceError, UnavailableError

T = TypeVar("T")
Handler = Callable[["Attempt"], Awaitable[None]]

log = logging.getLogger(__name__)


class PermanentError(EvidenceError):
    """Trying this job again cannot help; it fails now, with this sentence."""

    code = "permanent"


def enqueue(
    connection: Connection,
    kind: str,
    args: Mapping[str, Any],
    *,
    key: str,
    lane: str,
    priority: int = 0,
    delay_s: float = 0,
    now_ms: int,
) -> None:
    """Let a job run; see `storage.job_table.enqueue`."""
    job_table.enqueue(
        connection, kind, args, key=key, lane=lane, id_=random_id(), priority=priority,
        delay_s=delay_s, now_ms=now_ms,
    )  # fmt: skip


cancel = job_table.cancel
retry = job_table.retry


class Attempt:
    """One run of one job, as its handler sees it."""

    def __init__(self, claim: Claim, database: Database, clock: Clock) -> None:
        self._claim, self._database, self._clock = claim, database, clock
        self._told = 0.0
        self.id, self.key, self.kind, self.args = claim.id, claim.key, claim.kind, claim.args
        self.attempt, self.token = claim.attempt, claim.token
        self.killed: Literal["stop", "lost", "cancel"] | None = None  # why the runner ended it
        self.ending = False  # the handler is over; killing would only lose how it ended

    def fence(self, connection: Connection) -> None:
        """Raise LostError unless this attempt owns the job; call it in every transaction of it."""
        job_table.fence(connection, self._claim, now_ms=self._clock.now_ms())

    async def write(self, work: Callable[[Connection], T]) -> T:
        """A fenced transaction; waits while the database is away.

        OutcomeUnknownError is not repeated here: the next attempt finds out.
        """

        def fenced(connection: Connection) -> T:
            self.fence(connection)
            return work(connection)

        while True:
            try:
                return await self._database.write(fenced)
            except OutcomeUnknownError:
                raise
            except UnavailableError:
                await asyncio.sleep(1)

    async def progress(self, fraction: float) -> None:
        """Show how far it is, 0 to 1; written at most once a second, dropped if the database is away."""
        now = time.monotonic()
        if now - self._told < 1:
            return
        self._told = now
        claim, now_ms = self._claim, self._clock.now_ms()
        bounded = min(max(fraction, 0.0), 1.0)
        with suppress(UnavailableError):
            await self._database.write(
                lambda c: job_table.progress(c, claim, bounded, now_ms=now_ms)
            )


@dataclass(frozen=True, slots=True)
class _Kind:
    run: Handler
    lane: str
    max_attempts: int | None


class Runner:
    """Runs jobs lane by lane; `handler` registers, `run` works until `stop`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        lanes: Mapping[str, int],
        *,
        beat_s: float = 5.0,
        poll_s: float = 1.0,
        keep_done_s: float = 30 * 86400.0,
        first_wait_s: float = 2.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database, self._clock, self._lanes = database, clock, dict(lanes)
        self._beat_s, self._poll_s, self._keep_done_s = beat_s, poll_s, keep_done_s
        self._first_wait_s, self._jitter = first_wait_s, jitter
        self._kinds: dict[str, _Kind] = {}
        self._running: dict[asyncio.Task[None], tuple[str, Attempt]] = {}
        self._wake, self._beat_now = asyncio.Event(), asyncio.Event()
        self._stopping = False

    def handler(
        self, kind: str, lane: str, max_attempts: int | None = 5
    ) -> Callable[[Handler], Handler]:
        """Register what runs jobs of this kind; None tries for ever (back-off at most 30 s)."""
        if lane not in self._lanes:
            raise ValueError(
                f"lane of {kind}: expected one of {', '.join(self._lanes)}, got {lane}"
            )

        def register(run: Handler) -> Handler:
            self._kinds[kind] = _Kind(run, lane, max_attempts)
            return run

        return register

    def stop(self) -> None:
        """Take no more; running jobs are put back without counting the attempt."""
        self._stopping = True
        self._wake.set()

    async def cancel(self, key: str) -> None:
        now_ms = self._clock.now_ms()
        await self._database.write(lambda c: job_table.cancel(c, key, now_ms=now_ms))

    async def retry(self, key: str) -> None:
        now_ms = self._clock.now_ms()
        await self._database.write(lambda c: job_table.retry(c, key, now_ms=now_ms))

    async def run(self) -> None:
        """Work until `stop` or cancellation; in both cases running jobs are put back."""
        await self._answered(lambda c: job_table.reset(c, now_ms=self._clock.now_ms()))
        unsubscribe = [
            self._database.subscribe(job_table.QUEUED, self._wake.set),
            self._database.subscribe(job_table.CANCELLED, self._beat_now.set),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                beats = group.create_task(self._beats())
                try:
                    await self._work()
                finally:
                    beats.cancel()
                    await self._let_go()
        finally:
            for end in unsubscribe:
                end()

    # --- the loop ---------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._stopping:
            self._wake.clear()
            with suppress(UnavailableError):
                await self._start_due()
            if not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_s)

    async def _start_due(self) -> None:
        """Claim for every free place of every lane, and start what was claimed."""
        free = dict(self._lanes)
        for lane, _ in self._running.values():
            free[lane] -= 1
        kinds = sorted(self._kinds)
        if not kinds or not any(free.values()):
            return

        def claim(connection: Connection) -> list[tuple[str, Claim]]:
            now_ms, got = self._clock.now_ms(), []
            for lane, places in free.items():
                for _ in range(places):
                    found = job_table.claim(
                        connection, lane, kinds, token=random_id(), now_ms=now_ms
                    )
                    if found is None:
                        break
                    got.append((lane, found))
            return got

        try:
            claimed = await self._database.write(claim)
        except OutcomeUnknownError:
            # Claims that may have been committed have no attempt here: as after a death.
            await self._answered(self._reset_unknown)
            return
        for lane, found in claimed:
            attempt = Attempt(found, self._database, self._clock)
            task = asyncio.create_task(self._attempt(attempt), name=f"job {found.key}")
            self._running[task] = (lane, attempt)
            task.add_done_callback(self._ended)

    def _reset_unknown(self, connection: Connection) -> None:
        known = [attempt.token for _, attempt in self._running.values()]
        job_table.reset(connection, now_ms=self._clock.now_ms(), except_tokens=known)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()
        if not task.cancelled() and (exc := task.exception()) is not None:
            log.error("job runner: an attempt could not be ended", exc_info=exc)

    async def _beats(self) -> None:
        """Every beat: say that we live, hear whom to stop; now and then forget old rows."""
        pruned = -float("inf")
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._beat_now.wait(), self._beat_s)
            self._beat_now.clear()
            with suppress(UnavailableError):  # children go on while the database is away
                await self._beat()
                if time.monotonic() - pruned > 3600:
                    before_ms = self._clock.now_ms() - int(self._keep_done_s * 1000)
                    await self._database.write(lambda c: job_table.prune(c, before_ms=before_ms))  # noqa: B023
                    pruned = time.monotonic()

    async def _beat(self) -> None:
        tokens = [attempt.token for _, attempt in self._running.values()]
        now_ms, silent_ms = self._clock.now_ms(), int(self._beat_s * 4000)

        def beat(connection: Connection) -> dict[str, bool]:
            job_table.reset(connection, now_ms=now_ms, except_tokens=tokens, silent_ms=silent_ms)
            return job_table.beat(connection, tokens, now_ms=now_ms) if tokens else {}

        owned = await self._database.write(beat)
        for task, (_, attempt) in list(self._running.items()):
            if attempt.token in tokens and attempt.killed is None and not attempt.ending:
                if attempt.token not in owned:
                    _kill(task, attempt, "lost")
                elif owned[attempt.token]:
                    _kill(task, attempt, "cancel")

    async def _attempt(self, attempt: Attempt) -> None:
        """Run the handler and write how it ended."""
        kind = self._kinds[attempt.kind]
        most = kind.max_attempts
        if most is not None and attempt.attempt > most:
            await self._finish(attempt, "failed", "the process died during every attempt")
            return
        try:
            await kind.run(attempt)
        except asyncio.CancelledError:
            attempt.ending = True
            await self._killed(attempt)
        except LostError:
            log.warning("job %s: attempt %d lost it", attempt.key, attempt.attempt)
        except PermanentError as exc:
            await self._finish(attempt, "failed", _sentence(exc))
        except Exception as exc:  # the edge of every handler
            log.warning("job %s: attempt %d failed", attempt.key, attempt.attempt, exc_info=exc)
            if most is not None and attempt.attempt >= most:
                await self._finish(attempt, "failed", _sentence(exc))
            else:
                await self._again(attempt, kind, _sentence(exc))
        else:
            await self._finish(attempt, "done", None)

    # --- ends -------------------------------------------------------------------------------

    async def _killed(self, attempt: Attempt) -> None:
        if attempt.killed == "cancel":
            await self._finish(attempt, "cancelled", None)
        elif attempt.killed == "lost":
            log.warning("job %s: attempt %d lost it", attempt.key, attempt.attempt)
        else:
            now_ms = self._clock.now_ms()
            await self._answered(
                lambda c: job_table.put_back(
                    c, attempt._claim, counted=False, error=None, run_at_ms=now_ms, now_ms=now_ms
                )
            )

    async def _again(self, attempt: Attempt, kind: _Kind, error: str) -> None:
        attempt.ending = True
        longest = 30.0 if kind.max_attempts is None else 300.0
        wait = min(self._first_wait_s * 2.0 ** min(attempt.attempt - 1, 20), longest)
        wait *= 0.75 + self._jitter() / 2
        now_ms = self._clock.now_ms()
        run_at_ms = now_ms + int(wait * 1000)
        await self._answered(
            lambda c: job_table.put_back(
                c, attempt._claim, counted=True, error=error, run_at_ms=run_at_ms, now_ms=now_ms
            )
        )

    async def _finish(self, attempt: Attempt, state: str, error: str | None) -> None:
        attempt.ending = True
        now_ms = self._clock.now_ms()
        await self._answered(
            lambda c: job_table.finish(c, attempt._claim, state, error=error, now_ms=now_ms)
        )

    async def _answered(self, work: Callable[[Connection], None]) -> None:
        """Write, waiting while the database is away; every such write may be repeated."""
        while True:
            try:
                await self._database.write(work)
            except UnavailableError:
                await asyncio.sleep(min(1.0, self._poll_s))
            else:
                return

    async def _let_go(self) -> None:
        """Stop what runs and put it back; without a database the next start does that."""
        for task, (_, attempt) in list(self._running.items()):
            if attempt.killed is None and not attempt.ending:
                _kill(task, attempt, "stop")
        if self._running:
            _, late = await asyncio.wait(set(self._running), timeout=15)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=5)


def _kill(
    task: asyncio.Task[None], attempt: Attempt, why: Literal["stop", "lost", "cancel"]
) -> None:
    attempt.killed = why
    task.cancel()


def _sentence(exc: Exception) -> str:
    """What people see in the list of jobs."""
    code = exc.code if isinstance(exc, EvidenceError) else type(exc).__name__
    return f"{code}: {exc}"[:500]
