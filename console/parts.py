"""What the console is made of: the composition makes the parts and closes them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web
from sqlalchemy import Connection

from console.access import TokenAccess
from console.findings import Disk
from console.metrics import Metrics
from console.settings import ConsoleSettings
from ingest.media.live import Live
from storage.clock import Clock
from storage.clock_sync import Synchronised, synchronised
from storage.database import Database
from storage.ledger import Ledger
from storage.objects.port import ObjectStore
from verify.errors import EvidenceError


class ReceiptSource(Protocol):
    """`storage.log.receipts.Receipts`, as the console needs it."""

    async def of(self, index: int, *, wait: float = 0) -> str:
        """The receipt of entry `index`; IncompleteError while no checkpoint covers it."""


def _no_disks() -> Mapping[str, Disk]:
    return {}


async def _always_ready() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything `create_app` needs."""

    database: Database
    ledger: Ledger
    clock: Clock
    access: TokenAccess
    receipts: ReceiptSource
    stores: Sequence[ObjectStore]  # where originals lie; the first is asked first
    work: ObjectStore  # playable copies, posters, peaks
    origin: str  # of the log
    vkey: str  # its public key, as a verifier takes it
    want_playable: Callable[[Connection, str, int], None]  # item, now: somebody waits for it
    retry_job: Callable[[str], Awaitable[None]]  # by the job's key
    settings: ConsoleSettings = field(default_factory=ConsoleSettings)
    live: Live = field(default_factory=Live)  # conversions that can be watched while they run
    metrics: Metrics = field(default_factory=Metrics)
    ready: Callable[[], Awaitable[Mapping[str, str]]] = _always_ready  # part -> what is wrong
    disks: Callable[[], Mapping[str, Disk]] = _no_disks  # name -> its room; asked in a thread
    clock_sync: Callable[[], Synchronised | None] = synchronised  # asked in a thread
    versions: Mapping[str, str] = field(default_factory=dict)  # what -> which, for administrators
    routes: Sequence[web.AbstractRouteDef] = ()  # of the receiving half
    status: Mapping[type[EvidenceError], int] = field(default_factory=dict)  # of the same


PARTS: web.AppKey[Parts] = web.AppKey("PARTS", Parts)
