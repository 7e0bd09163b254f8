"""Sealing: a complete upload becomes an item, durable in every evidence store and on record.

Guarantee: `item.sealed` is recorded only after every store holds the bytes and their chunk hashes
under explicit retention and gave them back equal, by version; the staged bytes are freed only
after that.  Every stage may run again: what a store already holds under the upload's key is taken
over if it reads back equal, the act has one operation id, and freeing twice is freeing once.
Not covered: making the receipt (`storage.log.receipts`), and a store that lies when it reads back.

The whole file's SHA-256 is taken from the read-back, the chunk hashes both on the way in and from
the read-back (docs/adr: fingerprints).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from ingest import rows, rules
from ingest.readback import Copy, take_copy
from ingest.rules import Fingerprint, Upload
from ingest.staging import Held, Staging
from storage.clock import Clock
from storage.database import Database
from storage.errors import LostError
from storage.jobs import Attempt
from storage.ledger import Draft, Event, Ledger, random_id
from storage.objects.port import ObjectStore
from storage.threads import Threads, in_thread
from verify.errors import ConflictError, DigestMismatchError, EvidenceError, VerificationError

AfterSealed = Callable[[Connection, Event], None]
ACTOR = "sys"


@dataclass(slots=True)
class Sealer:
    """Handler of the jobs `seal`.  Runs for ever until it succeeds: with a store away it waits."""

    database: Database
    ledger: Ledger
    staging: Staging
    stores: Sequence[ObjectStore]  # every evidence store that the policy asks for
    clock: Clock
    after_sealed: Sequence[AfterSealed] = ()  # in the act's transaction
    threads: Threads = in_thread
    new_id: Callable[[], str] = random_id

    _alone: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False
    )

    async def __call__(self, attempt: Attempt) -> None:
        upload = await self._find(attempt.args["upload"])
        if upload.record == rules.OPEN:
            try:
                await self._seal(attempt, upload)
            except LostError:
                raise
            except (EvidenceError, OSError) as exc:
                code = type(exc).code if isinstance(exc, EvidenceError) else "disk"
                said = f"{code}: {exc}"
                await attempt.write(lambda c: rows.note_problem(c, upload.id, said))
                raise
        await self.threads(self.staging.free_files, upload.id)
        now = self.clock.now_ms()
        await attempt.write(lambda c: rows.move(c, upload.id, rules.DONE, now_ms=now))

    async def _find(self, upload: str) -> Upload:
        async with self.database.read() as connection:
            return await connection.run_sync(lambda c: rows.find(c, upload))

    async def _seal(self, attempt: Attempt, upload: Upload) -> None:
        held = await self._held(upload)
        # Two uploads of the same bytes of one source, sealed at once, would both be stored.
        key = (upload.source, held.root)
        lock = self._alone.get(key)
        if lock is None:
            lock = self._alone[key] = asyncio.Lock()
        async with lock:
            if await self._is_duplicate(upload, held):
                await self._record(attempt, upload, held, None)
            else:
                await self._record(attempt, upload, held, await self._store(attempt, upload, held))

    async def _held(self, upload: Upload) -> Held:
        if upload.offset == 0:
            await self.threads(self.staging.create, upload.id)
        held = await self.threads(self.staging.held, upload.id)
        if held.size != upload.offset:
            raise VerificationError(
                f"staging of upload {upload.id}: expected {upload.offset} bytes, got {held.size}"
            )
        return held

    async def _is_duplicate(self, upload: Upload, held: Held) -> bool:
        async with self.database.read() as connection:
            return await connection.run_sync(lambda c: _twin(c, upload, held) is not None)

    # --- stored -----------------------------------------------------------------------------

    async def _store(self, attempt: Attempt, upload: Upload, held: Held) -> list[Copy]:
        until = self._until(attempt.args["retain_until"])
        copies = []
        for number, store in enumerate(self.stores):

            async def told(part: float, number: int = number) -> None:
                await attempt.progress((number + part) / len(self.stores))

            try:
                copies.append(
                    await take_copy(
                        store, upload, held, until,
                        staging=self.staging, threads=self.threads, progress=told,
                    )
                )  # fmt: skip
            except (ConflictError, DigestMismatchError):
                await self._other_bytes(attempt, upload, held)
                raise
            told_now = partial(rows.note_copies, upload=upload.id, copies=len(copies))
            await attempt.write(told_now)
        now = self.clock.now_ms()
        await attempt.write(lambda c: rows.move(c, upload.id, rules.STORED, now_ms=now))
        return copies

    def _until(self, drawn: str) -> datetime:
        """The retention drawn when the upload was complete; never one that is over already."""
        until = datetime.fromisoformat(drawn)
        now = datetime.fromtimestamp(self.clock.now_ms() / 1000, until.tzinfo)
        return max(until, now.replace(microsecond=0) + timedelta(days=1))

    async def _other_bytes(self, attempt: Attempt, upload: Upload, held: Held) -> None:
        """What lies under the key is not what came in.  Which of the two is wrong?

        If staging still hashes to what was taken on the way in, the store's object is wrong, can
        never be replaced, and the next attempt uses another key.  If not, nothing more is stored:
        each attempt would leave one more locked object of wrong bytes.
        """
        measured = await self.threads(self.staging.measure, upload.id)
        if measured is None or measured.tree != held.tree:
            raise VerificationError(
                f"staging of upload {upload.id}: expected the bytes that came in, got others; the "
                "disk has changed them, so they are not sealed"
            )
        key = f"o/{self.new_id()}"
        await attempt.write(lambda c: rows.rekey(c, upload.id, key))

    # --- sealed -----------------------------------------------------------------------------

    async def _record(
        self, attempt: Attempt, upload: Upload, held: Held, copies: Sequence[Copy] | None
    ) -> None:
        item = self.new_id()

        def decide(connection: Connection) -> Sequence[Draft]:
            now = rows.find(connection, upload.id)
            twin = _twin(connection, now, held)
            if twin is not None:
                return [rules.abort_upload(now, ACTOR, rules.DUPLICATE, item=twin)]
            if copies is None:  # its twin is gone; the next attempt stores the bytes
                raise ConflictError(f"upload {upload.id}: expected the item it repeats, got none")
            found = Fingerprint(held.size, copies[0].sha256, held.root)
            objects: list[dict[str, Any]] = [part for copy in copies for part in copy.objects()]
            return [
                rules.seal_upload(
                    now,
                    found,
                    item=item,
                    objects=objects,
                    retain_until=min(copy.retain_until for copy in copies),
                    actor=ACTOR,
                )
            ]

        def also(connection: Connection, events: Sequence[Event]) -> None:
            attempt.fence(connection)
            for event in events:
                if event.type == "item.sealed":
                    for follow in self.after_sealed:
                        follow(connection, event)

        await self.ledger.record(f"seal:{upload.id}", decide, also)


def _twin(connection: Connection, upload: Upload, held: Held) -> str | None:
    """The item that holds these bytes of this source already, if nothing speaks against it.

    An upload that a person sealed as incomplete, or whose announcement differs, is its own item.
    """
    if upload.decision is not None:
        return None
    found = rows.find_twin(connection, upload.source, held.root, held.size)
    if found is None:
        return None
    item, sha256 = found
    wrong = rules.announced_otherwise(upload, Fingerprint(held.size, sha256, held.root))
    return None if wrong else item
