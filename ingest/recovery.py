"""After a start, and now and then: staging and the transfers are brought into step.

Guarantee: no byte is removed but of uploads whose end is on record; what nobody knows is reported
and stays.  Uploads whose offset is lost (database rebuilt or recovered) get it from the disk, every
byte hashed again; complete uploads are sealed, however far they were.
Not covered: the record itself (`storage.log`).
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ingest import rows, rules
from ingest.rules import Upload
from ingest.uploads import Uploads
from storage.errors import StorageFullError
from storage.ledger import Draft, Event
from verify.errors import ConflictError, EvidenceError, NotFoundError

SWEEP_S = 60.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What a recovery did and found, as upload ids."""

    measured: list[str] = field(default_factory=list)  # offset taken from the disk
    short: list[str] = field(default_factory=list)  # less on the disk than was committed
    sealing: list[str] = field(default_factory=list)  # complete, waiting for their seal
    freed: list[str] = field(default_factory=list)  # ended, their staged bytes removed
    unknown: list[str] = field(default_factory=list)  # staged bytes that no upload names
    unread: list[str] = field(
        default_factory=list
    )  # the disk gave an error; tried again at a start


class IngestRecovery:
    """Call `run` once at start, before requests are taken; `sweep` again and again."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    async def run(self, *, remeasure: bool = False) -> Report:
        """`remeasure`: trust no offset (after `liuhen log recover`), ask the disk for each."""
        up, report = self._uploads, Report()
        staged = await up.threads(up.staging.uploads)
        async with up.database.read() as connection:
            lost = await connection.run_sync(rows.without_transfer)
            running = await connection.run_sync(lambda c: rows.in_state(c, rules.RECEIVING))
            whole = await connection.run_sync(
                lambda c: rows.in_state(c, rules.RECEIVED, rules.STORED)
            )
        for upload in lost:
            await self._try_measure(await up.find(upload), report, has_row=False)
        for one in running:
            have = staged.get(one.id, 0)
            if have < one.offset:
                report.short.append(one.id)
                log.error("upload %s: %d bytes committed, %d staged", one.id, one.offset, have)
            if remeasure or have < one.offset:
                await self._try_measure(one, report, has_row=True)
        if whole:

            def work(connection: Connection) -> None:
                for one in whole:
                    up.enqueue_seal(connection, one.id)

            await up.database.write(work)
            report.sealing += [one.id for one in whole]
        await self._free(staged, report)
        return report

    async def _try_measure(self, upload: Upload, report: Report, *, has_row: bool) -> None:
        """One file that cannot be read is no reason not to start; it stays as it is, and is told."""
        try:
            await self._measure(upload, report, has_row=has_row)
        except (
            OSError,
            StorageFullError,
        ) as exc:  # a full disk is emptied by sealing, after a start
            report.unread.append(upload.id)
            log.error("staging of upload %s is not measured: %s", upload.id, exc)  # noqa: TRY400

    async def _measure(self, upload: Upload, report: Report, *, has_row: bool) -> None:
        """The offset of an upload is what the disk holds of it."""
        up = self._uploads
        held = await up.threads(up.staging.measure, upload.id)
        size = 0 if held is None else held.size
        if upload.length is not None and size > upload.length:
            size = upload.length  # never acknowledged; the next append cuts it off
        if held is not None:
            await up.threads(up.staging.adopt, upload.id, held)
        now = up.clock.now_ms()
        expires = now + up.limits.expiry_s * 1000

        def work(connection: Connection) -> None:
            if has_row:
                rows.commit_offset(connection, upload.id, size, expires_ms=expires, now_ms=now)
            else:
                rows.open_transfer(
                    connection,
                    upload.id,
                    length=upload.length,
                    metadata="",
                    object_key=f"o/{up.new_id()}",
                    expires_ms=expires,
                    now_ms=now,
                    offset=size,
                )
            if size == upload.length:
                up.complete(connection, upload.id)

        await up.database.write(work)
        report.measured.append(upload.id)
        if size == upload.length:
            report.sealing.append(upload.id)

    async def _free(self, staged: dict[str, int], report: Report) -> None:
        """What cannot be removed now is told and tried again; it holds up no other."""
        up = self._uploads
        for upload in staged:
            try:
                known = await up.find(upload)
                if known.record != rules.OPEN and known.state == rules.DONE:
                    await up.threads(up.staging.free_files, upload)
                    report.freed.append(upload)
            except NotFoundError:
                report.unknown.append(upload)
                log.warning("staging: %s belongs to no upload; it stays", upload)
            except OSError as exc:
                report.unread.append(upload)
                log.error("staging of ended upload %s stays: %s", upload, exc)  # noqa: TRY400

    async def sweep(self) -> None:
        """Free what a crash left of ended uploads; end expired uploads that brought no byte."""
        up = self._uploads
        await self._free(await up.threads(up.staging.uploads), Report())
        now = up.clock.now_ms()
        async with up.database.read() as connection:
            running = await connection.run_sync(lambda c: rows.in_state(c, rules.RECEIVING))
        for one in running:
            if one.offset == 0 and rules.is_expired(one, now) and up.ledger.is_open:
                try:
                    await self._expire(one.id)
                except (EvidenceError, OSError) as exc:  # the others are not kept waiting
                    log.warning("sweep of staging: upload %s: %s", one.id, exc)

    async def _expire(self, upload: str) -> None:
        """Its device may have come back since the sweep looked: then nothing ends."""
        up = self._uploads

        def is_over(found: Upload) -> bool:
            return found.offset == 0 and rules.is_expired(found, up.clock.now_ms())

        def decide(connection: Connection) -> Sequence[Draft]:
            found = rows.find(connection, upload)
            if not is_over(found):
                raise ConflictError(f"upload {upload}: expected an expired one, got one in use")
            return [rules.abort_upload(found, "sys", rules.EXPIRED)]

        def also(connection: Connection, _events: Sequence[Event]) -> None:
            rows.move(connection, upload, rules.DONE, now_ms=up.clock.now_ms())

        if not is_over(await up.find(upload)):
            return  # and whoever writes it is not disturbed
        with suppress(ConflictError):
            async with up.slots.hold(upload):
                await up.ledger.record(f"abort:{upload}", decide, also)
                await up.threads(up.staging.free_files, upload)

    async def keep_sweeping(self, every_s: float = SWEEP_S) -> None:
        """A task for the server's life; a failed sweep is logged and tried again."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.sweep()
            except (EvidenceError, OSError) as exc:  # a disk's error ends no server
                log.warning("sweep of staging: %s", exc)
