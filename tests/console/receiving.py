"""The receiving half in a house: uploads, sealing into every store, the media pipeline, attribution."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from cases import resolve
from cases.inbox import attribute
from ingest import app as uploads_app
from ingest.limits import Limits
from ingest.media import wishes
from ingest.media.stages import open_pipeline
from ingest.seal import Sealer
from ingest.staging import Staging
from ingest.uploads import Uploads
from storage.access import Access
from storage.clock import Clock
from storage.database import Database
from storage.disk_real import FolderDisk
from storage.jobs import Attempt, Runner
from storage.ledger import Ledger
from storage.log.publisher import Publisher
from storage.log.receipts import Receipts
from storage.objects.directory import DirectoryStore

ZONE = "Asia/Shanghai"


@dataclass
class Receiving:
    """What takes recordings in; its jobs run once `working` is entered."""

    uploads: Uploads
    runner: Runner
    publisher: Publisher
    routes: Sequence[web.RouteDef]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.publisher.run()), asyncio.create_task(self.runner.run())]
        try:
            yield
        finally:
            self.uploads.slots.let_all_go()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def receiving(
    folder: Path,
    database: Database,
    ledger: Ledger,
    clock: Clock,
    publisher: Publisher,
    access: Access,
    stores: Sequence[DirectoryStore],
) -> Receiving:
    """As `liuhen.compose` joins it, without the settings of a machine."""
    disk = FolderDisk(folder)
    uploads = Uploads(database, ledger, Staging(disk, root=folder), clock, Limits(margin=0))
    runner = Runner(
        database, clock, {"seal": 2, "quick": 1, "heavy": 1}, poll_s=0.1, first_wait_s=0.2
    )
    sealed = (wishes.after_sealed, resolve.after_sealed, attribute.after_sealed)
    sealer = Sealer(database, ledger, uploads.staging, stores, clock, after_sealed=sealed)
    runner.handler("seal", "seal", None)(sealer)

    async def resolved(attempt: Attempt) -> None:
        await resolve.resolve(ledger, str(attempt.args["item"]), attempt)

    async def attributed(attempt: Attempt) -> None:
        await attribute.run(database, ledger, attempt, ZONE)

    runner.handler(resolve.KIND, resolve.LANE)(resolved)
    runner.handler(attribute.KIND, attribute.LANE)(attributed)
    pipeline = await open_pipeline(
        database=database, ledger=ledger, clock=clock, stores=stores, store=stores[0],
        folder=folder / "work", after_probed=(attribute.after_probed,),
    )  # fmt: skip
    pipeline.register(runner)
    receipts = Receipts(database, publisher)
    routes = uploads_app.routes(uploads_app.Deps(uploads, access, receipts))
    return Receiving(uploads, runner, publisher, routes)
