"""The whole server, put together: the core, the receiving half, the pipeline and the console.

Guarantee: nothing is recorded before the comparison; every long-lived task lives in one group, and
the first error that is not expected to pass ends them all; stopping lets uploads keep what they
have and puts running jobs back.
Not covered: listening (`liuhen.serve`).

This is the only module that joins siblings: what `cases` does after `ingest` has sealed, whose
`Access` guards the uploads, what the console may ask of the pipeline.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Connection, select

from cases import resolve
from cases.inbox import attribute, touched
from console.access import TokenAccess
from console.app import create_app
from console.metrics import Metrics
from console.oidc import OidcSettings, check_address
from console.parts import Parts
from console.passwords import Lockout, Strength
from console.security import base_url
from console.settings import ConsoleSettings
from ingest import app as uploads_app
from ingest import log_routes
from ingest.answers import name_version
from ingest.limits import Limits
from ingest.media import wishes
from ingest.media.stages import open_pipeline
from ingest.recovery import IngestRecovery
from ingest.seal import Sealer
from ingest.staging import Staging
from ingest.uploads import Uploads
from liuhen import settings as settings_
from liuhen.core import Core, prepare
from liuhen.machine import disks, versions
from liuhen.settings import ServerSettings, Settings, store_folder, store_name
from storage import clock as clocks
from storage import tables
from storage.errors import ClockJumpedError
from storage.jobs import Attempt, Runner
from storage.log.heads import Heads
from storage.log.receipts import Receipts
from storage.objects.directory import DirectoryStore
from storage.objects.port import Class, ObjectStore
from storage.rights import Role
from verify.errors import EvidenceError, UnavailableError

log = logging.getLogger("liuhen.serve")

STORE_CHECK_S = 10.0  # how old an answer about a store may be before it is asked again
LAG_S = 120.0
LAST_ROUND_S = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """Everything of a running server but the sockets."""

    core: Core
    uploads: Uploads
    recovery: IngestRecovery
    runner: Runner
    heads: Heads
    app: web.Application


def limits(settings: Settings) -> Limits:
    """The receiving half's limits as the operator set them."""
    chosen = settings.ingest
    return Limits(
        max_size=chosen.max_size,
        max_open=chosen.max_open,
        max_open_per_source=chosen.max_open_per_source,
        creations_per_minute=chosen.creations_per_minute,
        margin=chosen.margin,
        staging=chosen.staging or None,
        expiry_s=chosen.expiry_hours * 3600,
        idle_s=float(chosen.idle_seconds),
        retention_days=settings.policy.retention_days,
    )


def reached_by(server: ServerSettings) -> Callable[[web.Request], str]:
    """How people reach this server: as set, as a trusted proxy says, or as they asked."""
    return lambda request: base_url(request, server.trusted_proxies, server.public_url)


def console_settings(settings: Settings) -> ConsoleSettings:
    """The console's part as the operator set it."""
    chosen, accounts = settings.console, settings.accounts
    return ConsoleSettings(
        zone=ZoneInfo(chosen.zone),
        language=chosen.language,
        public_url=settings.server.public_url,
        trusted_proxies=settings.server.trusted_proxies,
        secure_cookies=chosen.secure_cookies,
        session_s=chosen.session_hours * 3600,
        idle_s=chosen.idle_minutes * 60,
        view_s=chosen.view_minutes * 60,
        interrupted_after_s=chosen.interrupted_seconds,
        login_failures=chosen.login_failures,
        lockout=Lockout(
            accounts.lockout_failures,
            accounts.lockout_seconds * 1000,
            accounts.lockout_longest_seconds * 1000,
        ),
        strength=Strength(accounts.password_length),
        second_factor=frozenset(Role(role) for role in accounts.second_factor),
        oidc=provider(settings.oidc),
    )


def provider(chosen: settings_.OidcSettings) -> OidcSettings | None:
    """The OpenID provider, if one is set; MalformedError for an address others could answer."""
    if not chosen.issuer:
        return None
    return OidcSettings(
        check_address("oidc.issuer", chosen.issuer),
        chosen.client_id,
        chosen.client_secret,
        chosen.scopes,
        chosen.label,
    )


def evidence_folders(settings: Settings, stores: Sequence[ObjectStore]) -> Mapping[str, Path]:
    """Where the originals of directory stores lie, so that media tools read them in place."""
    return {
        store_name(settings, part): store_folder(settings, part) / Class.EVIDENCE.value
        for part, store in zip(("store", "second"), stores, strict=False)
        if isinstance(store, DirectoryStore)
    }


class Readiness:
    """What keeps this server from recording and publishing, for /readyz: part and why."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked = -STORE_CHECK_S
        self._stores: dict[str, str] = {}
        self._behind_since: float | None = None

    async def __call__(self) -> Mapping[str, str]:
        now = asyncio.get_running_loop().time()
        if now - self._asked >= STORE_CHECK_S:
            self._asked = now
            self._stores = await self._ask_stores()
        wrong = dict(self._stores)
        if self._core.startup.waiting_for is not None:
            wrong["startup"] = self._core.startup.waiting_for
        if (jump := await self._clock_jump()) is not None:
            wrong["clock"] = jump
        state = self._core.publisher.state
        self._behind_since = (self._behind_since or now) if state.error else None
        if state.halted or (self._behind_since and now - self._behind_since > LAG_S):
            wrong["publisher"] = state.error or "behind"
        return wrong

    async def _clock_jump(self) -> str | None:
        h = tables.head.c
        async with self._core.database.read() as conn:
            row = (await conn.execute(select(h.last_ms, h.boot_id, h.boot_base_ms))).first()
        if row is None:
            return None
        try:
            clocks.check(
                clocks.read(self._core.clock),
                last_ms=row.last_ms,
                boot_id=row.boot_id,
                boot_base_ms=row.boot_base_ms,
            )
        except ClockJumpedError as exc:
            return str(exc)
        return None

    async def _ask_stores(self) -> dict[str, str]:
        wrong = {}
        for store in self._core.stores:
            try:
                async with asyncio.timeout(5):
                    await store.check()
            except (EvidenceError, TimeoutError) as exc:
                wrong[f"store {store.name}"] = str(exc) or "no answer"
        return wrong


async def compose(core: Core) -> Server:
    """Join the parts over an open core.  Nothing runs yet."""
    settings, database, ledger, clock = core.settings, core.database, core.ledger, core.clock
    data = settings.paths.data.resolve()
    runner = Runner(
        database,
        clock,
        {
            "seal": settings.jobs.seal,
            "quick": settings.jobs.quick,
            "heavy": settings.jobs.heavy,
        },
    )
    metrics = Metrics()
    uploads = Uploads(
        database,
        ledger,
        Staging(core.disk, root=data),
        clock,
        limits=limits(settings),
        meter=metrics,
    )
    sealer = Sealer(
        database,
        ledger,
        uploads.staging,
        core.stores,
        clock,
        after_sealed=(wishes.after_sealed, resolve.after_sealed, attribute.after_sealed),
    )
    runner.handler("seal", "seal", None)(sealer)

    async def resolved(attempt: Attempt) -> None:
        await resolve.resolve(ledger, str(attempt.args["item"]), attempt)

    runner.handler(resolve.KIND, resolve.LANE)(resolved)
    attributing(core, runner)
    work = data / "work"
    pipeline = await open_pipeline(
        database=database,
        ledger=ledger,
        clock=clock,
        stores=core.stores,
        folders=evidence_folders(settings, core.stores),
        store=core.stores[0],
        folder=work,
        always=settings.policy.playable == "always",
        after_probed=(attribute.after_probed,),
    )
    if (weak := pipeline.sandbox.warning) is not None:
        log.warning("%s", weak)
    pipeline.register(runner)
    for_people = console_settings(settings)
    access = TokenAccess(
        database,
        clock,
        stranger=lambda shown: metrics.strangers.labels(shown).inc(),
        lasting=for_people.lasting,
        second_factor=for_people.second_factor,
    )
    receipts = Receipts(database, core.publisher)
    app = create_app(
        Parts(
            database=database,
            ledger=ledger,
            clock=clock,
            access=access,
            receipts=receipts,
            stores=core.stores,
            work=core.stores[0],
            origin=core.origin,
            vkey=core.vkey,
            want_playable=wishes.request_playable,
            retry_job=runner.retry,
            settings=for_people,
            live=pipeline.live,
            metrics=metrics,
            ready=Readiness(core),
            disks=lambda: disks(settings),
            versions=await versions(database, pipeline.tool),
            routes=[
                *uploads_app.routes(
                    uploads_app.Deps(uploads, access, receipts, reached_by(settings.server))
                ),
                *log_routes.routes(
                    log_routes.LogDeps(database, tuple(core.stores), access, core.vkey)
                ),
            ],
        )
    )
    app.on_response_prepare.append(name_version)
    heads = Heads(database, ledger, core.publisher, clock)
    return Server(core, uploads, IngestRecovery(uploads), runner, heads, app)


def attributing(core: Core, runner: Runner) -> None:
    """Whose a recording is: said when it is sealed and probed, and when a register changes."""
    zone = core.settings.console.zone

    async def attributed(attempt: Attempt) -> None:
        await attribute.run(core.database, core.ledger, attempt, zone)

    async def again(attempt: Attempt) -> None:
        await touched.run(core.database, core.ledger, attempt, zone)

    runner.handler(attribute.KIND, attribute.LANE)(attributed)
    runner.handler(touched.KIND, touched.LANE)(again)


def enqueue_missing(conn: Connection, now_ms: int) -> None:
    """Jobs that a rebuild or a recovery forgot: each stage knows what is missing."""
    wishes.enqueue_missing(conn, now_ms)
    resolve.enqueue_missing(conn, now_ms)
    attribute.enqueue_missing(conn, now_ms)


async def prepared(core: Core) -> None:
    """Stores as they must be, however long one is away."""
    failures = 0
    while True:
        try:
            return await prepare(core)
        except UnavailableError as exc:
            failures += 1
            log.warning("a store is away: %s", exc)
            await asyncio.sleep(min(0.25 * 2.0**failures, 30.0))


async def requeued(core: Core) -> None:
    """`enqueue_missing`, however long the database is away."""
    failures = 0
    while True:
        now_ms = core.clock.now_ms()
        try:
            return await core.database.write(functools.partial(enqueue_missing, now_ms=now_ms))
        except UnavailableError as exc:
            failures += 1
            log.warning("missing jobs are not made yet: %s", exc)
            await asyncio.sleep(min(0.25 * 2.0**failures, 30.0))


async def run(server: Server, stop: asyncio.Event) -> None:
    """Compare, then publish, set heads, run jobs and sweep, until `stop`.

    An error that a restart must look at (another history, a fork) is raised; a store that is away
    is waited for, and receiving goes on meanwhile.
    """
    core = server.core

    async def record() -> None:
        if not core.startup.compared.is_set():
            await prepared(core)
            await core.startup.run()
        await requeued(core)
        async with asyncio.TaskGroup() as group:
            group.create_task(core.publisher.run(), name="publisher")
            group.create_task(server.heads.run(), name="heads")
            group.create_task(server.runner.run(), name="jobs")

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(record(), name="record"),
            group.create_task(server.recovery.keep_sweeping(), name="sweep"),
        ]
        await stop.wait()
        server.uploads.slots.let_all_go()
        server.runner.stop()
        for task in tasks:
            task.cancel()
    await publish_rest(core)


async def publish_rest(core: Core) -> None:
    """The last round of a clean stop; with the store away the next start catches up."""
    try:
        async with asyncio.timeout(LAST_ROUND_S):
            await core.publisher.publish()
    except (EvidenceError, TimeoutError) as exc:
        log.warning("the last entries are published by the next start: %s", exc)
