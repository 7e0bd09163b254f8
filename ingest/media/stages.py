"""The pipeline after sealing: probe, poster, peaks, playable; each a job that may run again.

    probe     quick   what it is; then poster and peaks, and by policy or wish the playable copy
    poster    quick
    peaks     quick
    playable  quick where the picture is copied, heavy where it is encoded
    sprites   quick, when somebody opens the time line; at the lowest priority of the machine
    clip      quick; an excerpt or a still that a person asked for

Guarantee: an output lies durable under a random key before `item.derived` names it, and that act
is fenced: an attempt that lost its job publishes nothing.  An original is only read.  After three
attempts the item says why it cannot be shown; the job can be retried.
Not covered: outputs of attempts that died or were cancelled between storing and recording, where
the act may or may not have been committed: at worst orphans, harmless.
"""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, update

from ingest import excerpts
from ingest.media import clips, wishes
from ingest.media.classify import Plan, Reason, as_encoded, picture_of, sound_stream
from ingest.media.live import Live
from ingest.media.made import Made, Work, converter, fingerprint
from ingest.media.originals import FileContent, Original, Originals, check_room
from ingest.media.peaks import make_peaks
from ingest.media.playable import ConversionError, limits, make_playable
from ingest.media.poster import make_poster
from ingest.media.probe import Probed, probe
from ingest.media.run import ToolFailedError, ToolTimeoutError
from ingest.media.sandbox import Sandbox, detect
from ingest.media.sprites import make_sprites
from storage.clock import Clock
from storage.database import Database
from storage.jobs import Attempt, Runner
from storage.ledger import Draft, Ledger, random_id
from storage.objects.port import Class, ObjectStore
from storage.tables import job
from verify.errors import ConflictError, EvidenceError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")

_TELL_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 600.0  # how long a finished output waits for a log that does not record


class _EncodeInsteadError(EvidenceError):
    """Copying packets failed; the next attempt encodes, in the heavy lane."""

    code = "not-copied"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the stages need; `always` is the policy that makes every playable copy at once."""

    database: Database
    ledger: Ledger
    clock: Clock
    originals: Originals
    store: ObjectStore  # where derivatives go
    folder: Path  # for attempts; nothing in it outlives one
    sandbox: Sandbox
    tool: str
    always: bool = False
    after_probed: Sequence[Callable[[Connection, str, int], None]] = ()  # item, now: it is noted
    live: Live = field(default_factory=Live)  # what can be watched while it is made

    def register(self, runner: Runner) -> None:
        """Hand the stages to the runner."""
        for kind, run in (
            ("probe", self._probe),
            ("poster", self._poster),
            ("peaks", self._peaks),
            ("playable", self._playable),
            ("sprites", self._sprites),
            (excerpts.KIND, self._clip),
        ):
            runner.handler(kind, "quick", wishes.ATTEMPTS)(run)

    # --- the stages -------------------------------------------------------------------------

    async def _probe(self, attempt: Attempt) -> None:
        item = wishes.args_item(attempt.args)
        try:
            async with self._opened(attempt) as (_, work):
                found = await probe(work.source, work.folder, self.sandbox)
        except (ToolFailedError, UnavailableError) as exc:
            if attempt.attempt >= wishes.ATTEMPTS:
                gave_up = Probed(Plan("none", reason=Reason.NOT_PROBED), detail=str(exc)[:500])
                await attempt.write(lambda c: self._know(c, item, gave_up))
            raise
        await attempt.write(lambda c: self._know(c, item, found))

    def _know(self, connection: Connection, item: str, found: Probed) -> None:
        """Note what was found and let the next stages run."""
        wishes.note(connection, item, found.plan, found.facts, detail=found.detail)
        now_ms, facts, plan = self.clock.now_ms(), found.facts, found.plan
        for follow in self.after_probed:
            follow(connection, item, now_ms)
        if facts is None or plan.verdict == "none":
            return

        def missing(what: str) -> bool:
            return wishes.derived_key(connection, item, what) is None

        if picture_of(facts) is not None and missing("poster"):
            wishes.enqueue(connection, "poster", item, now_ms=now_ms)
        if sound_stream(facts) is not None and missing("peaks"):
            wishes.enqueue(connection, "peaks", item, now_ms=now_ms)
        waits = wishes.awaited(connection, item)
        if (
            plan.verdict in ("remux", "transcode")
            and missing("playable")
            and (self.always or waits)
        ):
            priority = wishes.WAITED if waits else 0
            wishes.enqueue(
                connection, "playable", item, lane=plan.lane, priority=priority, now_ms=now_ms
            )

    async def _poster(self, attempt: Attempt) -> None:
        async with self._opened(attempt) as (original, work):
            known = await self._seen(original.item)
            if known.facts is not None:
                made = await make_poster(work, known.facts, self.sandbox)
                if made is not None:
                    await self._publish(attempt, original, made)

    async def _peaks(self, attempt: Attempt) -> None:
        async with self._opened(attempt) as (original, work):
            known = await self._seen(original.item)
            if known.facts is not None:
                made = await make_peaks(work, known.facts, self.sandbox)
                if made is not None:
                    await self._publish(attempt, original, made)

    async def _sprites(self, attempt: Attempt) -> None:
        async with self._opened(attempt) as (original, work):
            known = await self._seen(original.item)
            if known.facts is not None:
                made = await make_sprites(work, known.facts, self.sandbox)
                if made is not None:
                    await self._publish(attempt, original, made)

    async def _playable(self, attempt: Attempt) -> None:
        item = wishes.args_item(attempt.args)
        known = await self._seen(item)
        plan, facts = known.plan, known.facts
        if plan is None or facts is None or plan.verdict not in ("remux", "transcode"):
            return  # another probe has found meanwhile that there is nothing to convert
        if known.verdict == "none":  # it is being tried again
            await attempt.write(lambda c: wishes.note(c, item, plan, facts, encode=known.encode))
        try:
            async with self._opened(attempt) as (original, work):
                check_room(self.folder, limits(plan, facts, work.size).file_size)
                awaited = await self._ask(lambda c: wishes.awaited(c, item, "playable"))
                with self.live.of(item, work.folder):
                    made = await _reporting(
                        attempt,
                        lambda tell: make_playable(
                            work, plan, facts, self.sandbox, tell, awaited=awaited
                        ),
                    )
                    await self._publish(attempt, original, made)
        except ConversionError as exc:
            if plan.verdict == "remux":
                encoded, why = as_encoded(plan, facts), str(exc)
                await attempt.write(lambda c: self._encode_instead(c, attempt, encoded, known, why))
                raise _EncodeInsteadError(str(exc)) from exc
            await self._gave_up(attempt, item, Reason.NOT_CONVERTED)
            raise
        except ToolTimeoutError:
            await self._gave_up(attempt, item, Reason.TIMED_OUT)
            raise

    async def _clip(self, attempt: Attempt) -> None:
        id_ = str(attempt.args["clip"])
        wanted, asked, there = await self._ask(lambda c: clips.wanted_of(c, id_))
        if there:
            return  # an attempt before this one recorded it and died
        async with self._opened(attempt) as (original, work):
            known = await self._seen(original.item)
            facts = known.facts
            if facts is None:
                raise ConversionError("excerpt: expected what the probe found, got nothing")
            check_room(self.folder, work.size)
            order = clips.Order(original.item, original.sha256, wanted, asked)
            cut = await _reporting(
                attempt,
                lambda tell: clips.make(work, facts, order, self.sandbox, tell),
            )
            size, sha256 = await fingerprint(cut.made.path)
            key = f"d/{random_id()}"
            fields = {
                "clip": id_, "item": original.item, "from_ms": cut.from_ms, "to_ms": cut.to_ms,
                "key": key, "sha256": sha256, "size": size, "mime": cut.made.mime,
                "name": cut.name, "label": cut.label, "tool": cut.made.tool,
                "arguments": list(cut.made.arguments), "input": original.sha256,
            }  # fmt: skip
            await self.store.create(Class.WORK, key, FileContent(cut.made.path, size))
            await _patiently(
                lambda: self.ledger.record(
                    f"clip-made:{id_}",
                    lambda _: [Draft("clip.made", f"i:{original.item}", "sys", fields)],
                    lambda c, _: attempt.fence(c),
                )
            )

    def _encode_instead(
        self, connection: Connection, attempt: Attempt, plan: Plan, known: wishes.Seen, why: str
    ) -> None:
        item = wishes.args_item(attempt.args)
        wishes.note(connection, item, plan, known.facts, detail=why[:500], encode=True)
        connection.execute(update(job).where(job.c.id == attempt.id).values(lane=plan.lane))

    async def _gave_up(self, attempt: Attempt, item: str, reason: Reason) -> None:
        if attempt.attempt >= wishes.ATTEMPTS:
            await attempt.write(lambda c: wishes.refuse(c, item, reason))

    # --- what they share --------------------------------------------------------------------

    async def _ask(self, question: Callable[[Connection], T]) -> T:
        async with self.database.read() as connection:
            return await connection.run_sync(question)

    async def _seen(self, item: str) -> wishes.Seen:
        known = await self._ask(lambda c: wishes.seen(c, item))
        if known is None:
            raise ConflictError(f"item {item}: expected what the probe found, got nothing")
        return known

    @asynccontextmanager
    async def _opened(self, attempt: Attempt) -> AsyncIterator[tuple[Original, Work]]:
        """The original as a file, and a folder of this attempt's own that goes afterwards."""
        item = wishes.args_item(attempt.args)
        original = await self._ask(lambda c: wishes.original(c, item))
        folder = self.folder / "attempts" / attempt.token
        async with self.originals.file(original) as source:
            folder.mkdir(parents=True)
            try:
                yield original, Work(source, original.size, folder, self.tool)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _publish(self, attempt: Attempt, original: Original, made: Made) -> None:
        """Store first, then record; the derivative that it replaces is forgotten last."""
        size, sha256 = await fingerprint(made.path)
        key = f"d/{random_id()}"
        replaced: list[str] = []

        def decide(connection: Connection) -> list[Draft]:
            old = wishes.derived_key(connection, original.item, made.what)
            replaced[:] = [old] if old is not None else []
            fields = {
                "item": original.item, "what": made.what, "key": key, "sha256": sha256,
                "size": size, "mime": made.mime, "tool": made.tool,
                "arguments": list(made.arguments), "input": original.sha256,
            }  # fmt: skip
            return [Draft("item.derived", f"i:{original.item}", "sys", fields)]

        await self.store.create(Class.WORK, key, FileContent(made.path, size))
        try:
            await _patiently(
                lambda: self.ledger.record(
                    f"derive:{attempt.token}:{made.what}", decide, lambda c, _: attempt.fence(c)
                )
            )
        except EvidenceError:
            if await self._ask(lambda c: wishes.derived_key(c, original.item, made.what)) != key:
                await self._forget(key)
            raise
        for old in replaced:
            await self._forget(old)

    async def _forget(self, key: str) -> None:
        try:
            await self.store.delete(Class.WORK, key)
        except EvidenceError as exc:  # an orphan more: harmless, and a sweep finds it
            log.warning("derivative %s: expected to delete it, got %s", key, exc)


async def _patiently(act: Callable[[], Awaitable[object]]) -> None:
    """Repeat while the log does not record: what was made is not thrown away for a restart."""
    waited, pause = 0.0, 1.0
    while True:
        try:
            await act()
        except UnavailableError:
            if waited >= _PATIENCE_S:
                raise
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 30.0)
        else:
            return


async def _reporting(
    attempt: Attempt, work: Callable[[Callable[[float], None]], Awaitable[T]]
) -> T:
    """Run `work` and pass on the fraction that it tells; a lost job ends it at once."""
    latest = 0.0

    def tell(fraction: float) -> None:
        nonlocal latest
        latest = max(latest, fraction)

    async def pass_on() -> None:
        told = -1.0
        while True:
            if latest > told:
                told = latest
                await attempt.progress(told)
            await asyncio.sleep(_TELL_EVERY_S)

    telling = asyncio.create_task(pass_on())
    working = asyncio.ensure_future(work(tell))
    try:
        await asyncio.wait({telling, working}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():  # telling ends only by failing: the job is no longer ours
            telling.result()
        return await working
    finally:
        for task in (telling, working):
            task.cancel()
        await asyncio.wait({telling, working})
        for task in (telling, working):
            with suppress(asyncio.CancelledError):
                task.exception()


def _fresh(folder: Path) -> None:
    """The work folder, empty and for this server's user alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "originals").mkdir()


async def open_pipeline(
    *,
    database: Database,
    ledger: Ledger,
    clock: Clock,
    stores: Sequence[ObjectStore],
    store: ObjectStore,
    folder: Path,
    folders: Mapping[str, Path] | None = None,
    always: bool = False,
    after_probed: Sequence[Callable[[Connection, str, int], None]] = (),
) -> Pipeline:
    """Clear the work folder, find the sandbox that this machine allows and the tool's version.

    `stores` hold originals, `store` takes derivatives; `folders` names the evidence folder of
    each directory store, so that its originals are read where they lie.
    """
    await asyncio.to_thread(_fresh, folder)
    sandbox = await detect(folder)
    originals = Originals(stores, folder / "originals", folders=folders)
    return Pipeline(
        database=database, ledger=ledger, clock=clock, originals=originals, store=store,
        folder=folder, sandbox=sandbox, tool=await converter(), always=always,
        after_probed=after_probed,
    )  # fmt: skip
