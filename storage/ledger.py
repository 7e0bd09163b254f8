"""The ledger: the one way to change the record.  Decide, record, project.

Guarantee: an act is one transaction that first locks the log's head.  Its rule reads under that
lock; its entries, disclosures and projected rows stand together or not at all; an operation id is
recorded once, also when a COMMIT got no answer.  The head never goes back: a database that does,
under a running server, stops recording.
Not covered: publication (`storage.log`); until then a head in the database is unsigned.

Format: docs/formats/entries.md, version 1; the order of writes is docs/formats/storage.md.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple, NoReturn, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from storage import acts, bulk, clock
from storage.acts import Draft, Event, Head, random_id, random_salt
from storage.clock import Clock
from storage.database import Database, announce
from storage.errors import ClockJumpedError, HaltedError, NotComparedError, OutcomeUnknownError
from storage.projections import project
from verify import schema
from verify.entries import format_time
from verify.errors import (
    ConflictError,
    EvidenceError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)
from verify.merkle import Edge

__all__ = ["BATCH", "Draft", "Event", "Ledger", "random_id", "random_salt"]

T = TypeVar("T")
Decide = Callable[[Connection], Sequence[Draft]]
DecideMany = Callable[[Connection], Sequence[Draft | EvidenceError]]
Also = Callable[[Connection, Sequence[Event]], None]

BATCH = 256
_TOPIC = "log"
_LONGEST_OPERATION = 100
_WAITS_S = (0.05, 0.2, 1.0, 3.0)  # between looks after a COMMIT without an answer
log = logging.getLogger("liuhen.log")


class _Seen(NamedTuple):
    """The newest head that this server knows to be committed."""

    size: int
    root: bytes
    leaf: bytes


class Ledger:
    """Starts closed: everything raises NotComparedError until `open`."""

    def __init__(
        self, database: Database, clock: Clock, salts: Callable[[], str] = random_salt
    ) -> None:
        self._database, self._clock, self._salts = database, clock, salts
        self._open = False
        self._halted: EvidenceError | None = None
        self._seen: _Seen | None = None
        self.recorded = asyncio.Event()  # set after every act of this process
        self.listeners: list[Callable[[], None]] = []  # called in the loop after every act
        database.subscribe(_TOPIC, self._wake)

    # --- state ------------------------------------------------------------------------------

    def open(self) -> None:
        """Record from now on; the caller has compared database, files, signer and checkpoint."""
        self._open = True

    def halt(self, error: EvidenceError) -> None:
        """Record nothing more until a restart has compared.  The first reason stays."""
        self._halted = self._halted or error

    @property
    def halted(self) -> EvidenceError | None:
        """Why recording stopped, if it did."""
        return self._halted

    @property
    def is_open(self) -> bool:
        return self._open and self._halted is None

    async def changed(self) -> None:
        """Wait for the next act (for one waiter: the publisher)."""
        await self.recorded.wait()
        self.recorded.clear()

    def _wake(self) -> None:
        self.recorded.set()
        for listener in self.listeners:
            listener()

    # --- acts -------------------------------------------------------------------------------

    async def begin(self, origin: str, vkey: str) -> Event:
        """Entry 0 of a new log, and its head row; ConflictError if there is a log.

        May be called before `open`: an empty database has nothing to compare.
        """

        def work(connection: Connection) -> tuple[Event, _Written]:
            if (head := acts.read_head(connection)) is not None:
                raise ConflictError(f"log: expected none, got {head.origin} of size {head.size}")
            now = clock.read(self._clock)
            head = Head(origin, Edge(), now.now_ms, now.boot_id, now.base_ms)
            try:
                acts.insert_head(connection, head)
            except IntegrityError as exc:
                raise ConflictError("log: expected none, got one begun at the same time") from exc
            draft = Draft("log.begun", "sys", "sys", {"origin": origin, "vkey": vkey})
            written = self._write(connection, head, [("log.begun", [draft])])
            return written.events[0], written

        return await self._commit(work)

    async def record(self, operation: str, decide: Decide, also: Also | None = None) -> list[Event]:
        """One act.  The same `operation` again answers what it recorded and decides nothing.

        `decide` reads rows and returns drafts, or raises (then nothing is left).  `also` writes
        operational rows in the same transaction, after the projection; it may raise, too.  Both
        may run again if the database gave no answer, so they must only touch the connection.
        """
        operation = _fit(operation)

        def work(connection: Connection) -> tuple[list[Event], _Written]:
            head = self._lock(connection)
            if known := acts.known_operations(connection, [operation]):
                return known[operation], _Written([], None)
            head = self._tick(head)
            drafts = decide(connection)
            for draft in drafts:
                schema.check(draft.type, draft.chain, draft.fields)
            written = self._write(connection, head, [(operation, drafts)])
            if also is not None:
                also(connection, written.events)
            return written.events, written

        return await self._resolved(work)

    async def record_many(
        self, operations: Sequence[str], decide: DecideMany, also: Also | None = None
    ) -> list[Event | EvidenceError]:
        """Up to 256 acts of one entry each, in one transaction, written table by table.

        `decide` answers per operation, in order, with a draft or its refusal; refused ones are
        left out.  Where the database refuses the batch, each act runs alone (`decide` again).
        """
        if len(operations) > BATCH:
            raise MalformedError(f"batch: expected at most {BATCH} acts, got {len(operations)}")
        if len(set(operations)) != len(operations):
            raise MalformedError("batch: expected different operation ids, got one twice")
        if not operations:
            return []
        ids = [_fit(operation) for operation in operations]

        def work(connection: Connection) -> tuple[list[Event | EvidenceError], _Written]:
            head = self._lock(connection)
            known = acts.known_operations(connection, ids)
            head = self._tick(head)
            chosen = [_checked(result) for result in _aligned(decide(connection), ids)]
            new = [
                (id_, [draft])
                for id_, draft in zip(ids, chosen, strict=True)
                if id_ not in known and isinstance(draft, Draft)
            ]
            try:
                written = self._write(connection, head, new)
            except EvidenceError as exc:
                raise _BatchRefusedError from exc
            if also is not None and written.events:
                also(connection, written.events)
            fresh = iter(written.events)
            answers: list[Event | EvidenceError] = []
            for id_, draft in zip(ids, chosen, strict=True):
                if id_ in known:
                    answers.append(known[id_][0])
                else:
                    answers.append(next(fresh) if isinstance(draft, Draft) else draft)
            return answers, written

        try:
            return await self._resolved(work)
        except _BatchRefusedError:
            return [await self._alone(ids, n, decide, also) for n in range(len(ids))]

    async def correct_clock(self, person: str, reason: str) -> Event:
        """Go on after a jump: both times and the person are recorded, `at` may then step back."""

        def work(connection: Connection) -> tuple[Event, _Written]:
            head = self._lock(connection)
            if known := acts.known_operations(connection, [operation]):
                return known[operation][0], _Written([], None)
            now = clock.read(self._clock)
            by_boot = head.boot_base_ms + now.boot_ms
            before = by_boot if now.boot_id == head.boot_id else head.last_ms
            draft = Draft(
                "clock.corrected", "sys", "sys",
                {
                    "before": format_time(max(before, head.last_ms)),
                    "after": format_time(now.now_ms),
                    "reason": reason, "person": person,
                },
            )  # fmt: skip
            schema.check(draft.type, draft.chain, draft.fields)
            at_ms = max(now.now_ms, head.last_ms)
            head = replace(head, last_ms=at_ms, boot_id=now.boot_id, boot_base_ms=now.base_ms)
            written = self._write(connection, head, [(operation, [draft])])
            return written.events[0], written

        operation = random_id()
        return await self._resolved(work)

    # --- inside the transaction -------------------------------------------------------------

    def _lock(self, connection: Connection) -> Head:
        """The head, locked and not older than what this server saw committed."""
        self._check_state()
        seen = self._seen
        try:
            head = acts.lock_head(connection)
        except NotFoundError as exc:
            if seen is not None:
                self._gone_back(seen, 0, exc)
            raise
        if seen is not None and (head.size, head.edge.root()) != (seen.size, seen.root):
            self._check_extends(connection, head, seen)
        return head

    def _refusal(self) -> HaltedError:
        return HaltedError(f"recording has stopped until a restart has compared: {self._halted}")

    def _check_state(self) -> None:
        if self._halted is not None:
            raise self._refusal()
        if not self._open:
            raise NotComparedError("this server has not yet compared its database with the store")

    def _check_extends(self, connection: Connection, head: Head, seen: _Seen) -> None:
        """Another process may have gone on; nobody may have gone back."""
        rows = bulk.select(
            connection, 'SELECT "leaf" FROM entry WHERE "index" = ?', (seen.size - 1,)
        )
        if head.size <= seen.size or not rows or bytes(rows[0][0]) != seen.leaf:
            self._gone_back(seen, head.size)

    def _gone_back(self, seen: _Seen, size: int, cause: Exception | None = None) -> NoReturn:
        error = HaltedError(
            f"database: expected the log of size {seen.size} seen before to go on, "
            f"got another log of size {size}; was an older copy put back?"
        )
        log.error("recording stops: %s", error)
        self.halt(error)
        raise self._refusal() from cause

    def _tick(self, head: Head) -> Head:
        """The head with the time of the next entries in `last_ms`; ClockJumpedError."""
        now = clock.read(self._clock)
        clock.check(now, last_ms=head.last_ms, boot_id=head.boot_id, boot_base_ms=head.boot_base_ms)
        last_ms = max(now.now_ms, head.last_ms)
        if now.boot_id == head.boot_id:
            return replace(head, last_ms=last_ms)
        return replace(head, last_ms=last_ms, boot_id=now.boot_id, boot_base_ms=now.base_ms)

    def _write(
        self, connection: Connection, head: Head, new: Sequence[tuple[str, Sequence[Draft]]]
    ) -> "_Written":
        """Record and project what was decided, under the lock, at the time in `head.last_ms`."""
        drafts = [draft for _, of_one in new for draft in of_one]
        if not drafts:
            return _Written([], None)
        made = acts.build(connection, head.size, head.last_ms, drafts, self._salts)
        events = [r.event for r in made]
        announce(connection, _TOPIC)  # wakes the publisher, even if the caller was cancelled
        operations, place = [], head.size
        for id_, of_one in new:
            if of_one:
                operations.append((id_, place, len(of_one)))
                place += len(of_one)
        try:
            acts.insert(connection, made)
            acts.note_operations(connection, operations)
            project(connection, events)
            head = acts.advance(head, events)
            acts.store_head(connection, head)
        except (IntegrityError, DataError) as exc:
            kinds = ", ".join(sorted({e.type for e in events}))
            said = " ".join(str(exc.orig).split())[:200]
            raise ConflictError(f"{kinds}: the database refuses the rows: {said}") from exc
        return _Written(events, _Seen(head.size, head.edge.root(), events[-1].leaf))

    # --- around the transaction -------------------------------------------------------------

    async def _commit(self, work: Callable[[Connection], tuple[T, "_Written"]]) -> T:
        """Run `work`; after COMMIT remember the head."""
        result, written = await self._database.write(work)
        seen = written.seen
        if seen is not None and (self._seen is None or seen.size > self._seen.size):
            self._seen = seen
        return result

    async def _resolved(self, work: Callable[[Connection], tuple[T, "_Written"]]) -> T:
        """`_commit`, and after a COMMIT without an answer look before repeating.

        `work` itself is the look: under the lock it first asks for its operation id, and the lock
        is free only after the connection that was lost has either committed or rolled back.
        """
        try:
            return await self._commit(work)
        except OutcomeUnknownError as exc:
            unknown = exc
        for wait in _WAITS_S:
            await asyncio.sleep(wait)
            try:
                return await self._commit(work)
            except UnavailableError as exc:
                if isinstance(exc, HaltedError | NotComparedError | ClockJumpedError):
                    raise
        raise unknown

    async def _alone(
        self, ids: Sequence[str], n: int, decide: DecideMany, also: Also | None
    ) -> Event | EvidenceError:
        """Act `n` of a batch that failed as a whole."""

        def one(connection: Connection) -> list[Draft]:
            result = _aligned(decide(connection), ids)[n]
            if isinstance(result, EvidenceError):
                raise result
            return [result]

        try:
            return (await self.record(ids[n], one, also))[0]
        except UnavailableError:
            raise
        except EvidenceError as exc:
            return exc


class _Written(NamedTuple):
    """What one transaction recorded, and the head that it leaves."""

    events: list[Event]
    seen: _Seen | None


class _BatchRefusedError(Exception):
    """The rows of a whole batch were refused; each act must be tried alone."""


def _fit(operation: str) -> str:
    """The operation id as the table holds it (ids made of a client's key can be long)."""
    if len(operation) <= _LONGEST_OPERATION:
        return operation
    return "sha256:" + sha256(operation.encode()).hexdigest()


def _aligned(
    results: Sequence[Draft | EvidenceError], ids: Sequence[str]
) -> Sequence[Draft | EvidenceError]:
    if len(results) != len(ids):
        raise MalformedError(f"batch: expected {len(ids)} decisions, got {len(results)}")
    return results


def _checked(result: Draft | EvidenceError) -> Draft | EvidenceError:
    """The draft, or why it is none."""
    if isinstance(result, Draft):
        try:
            schema.check(result.type, result.chain, result.fields)
        except MalformedError as exc:
            return exc
    return result
