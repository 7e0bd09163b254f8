"""Acts per second: real `item.sealed`, recorded, indexed and projected, on both databases.

One by one as the sealing job does it: the upload is read, its twin looked for, the rule decides,
one durable COMMIT per act.  In batches: the rule decides for 256 uploads in memory and
`record_many` writes table by table.  Beside them what bounds both: a COMMIT of one row by the same
driver, and building the entries alone.
"""

import asyncio
import hashlib
import os
import sqlite3
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from sqlalchemy import Connection

from bench.machine import Table, folder
from ingest import rows, rules
from ingest.rules import Fingerprint, Upload
from storage.clock import SystemClock
from storage.database import Database
from storage.ledger import BATCH, Draft, Event, Ledger, random_id, random_salt
from tests import services
from verify.commitments import commit_fields
from verify.entries import Entry, leaf

ALONE = 200  # acts of one run, one by one
BATCHES = 8  # batches of one run
DAY_MS = 24 * 3600 * 1000


def measure(rounds: int) -> list[Table]:
    with folder() as where, services.postgres() as server:
        commits = {"SQLite": _sqlite_commits(where), "PostgreSQL": _postgres_commits(server.url)}
        building = _building()
        table = []
        for name, url in (
            ("SQLite", f"sqlite:///{where / 'acts.db'}"),
            ("PostgreSQL", server.fresh()),
        ):
            (alone, cost), (batch, batch_cost) = asyncio.run(_measured(url, rounds))
            table.append(
                (
                    name,
                    f"{commits[name]:,.0f}",
                    f"{alone:,.0f}",
                    f"{1000 * cost:.2f}",
                    f"{batch:,.0f}",
                    f"{1000 * batch_cost:.2f}",
                    f"{building:,.0f}",
                )
            )
    columns = (
        "database",
        "commits of one row/s",
        "acts/s one by one",
        "cpu-ms an act",
        f"acts/s in batches of {BATCH}",
        "cpu-ms an act in a batch",
        "entries/s built only",
    )
    return [Table("Acts per second (`item.sealed`)", columns, table)]


class Bench:
    """A database with a log, a source and uploads that wait to be sealed."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, SystemClock()
        self.ledger = Ledger(database, self.clock)
        self.source = random_id()

    async def begin(self) -> None:
        await self.database.migrate()
        await self.ledger.begin("bench.example/log", "bench")
        self.ledger.open()
        await self.enrol()

    async def enrol(self) -> None:
        fields = {"source": self.source, "name": "DOCK-01", "kind": "device"}
        draft = Draft("source.enrolled", f"s:{self.source}", "sys", fields)
        await self.ledger.record(random_id(), lambda _: [draft])

    async def uploads(self, count: int) -> list[Upload]:
        """Complete uploads, opened and received, not yet sealed."""
        found: list[Upload] = []
        for at in range(0, count, BATCH):
            found += await self._open([random_id() for _ in range(min(BATCH, count - at))])
        return found

    async def _open(self, ids: list[str]) -> list[Upload]:
        now = self.clock.now_ms()

        def also(connection: Connection, _events: Sequence[Event]) -> None:
            for id_ in ids:
                rows.open_transfer(
                    connection, id_, length=1 << 20, metadata="", object_key=f"o/{random_id()}",
                    expires_ms=now + DAY_MS, now_ms=now, offset=1 << 20,
                )  # fmt: skip

        drafts = [_opened(self.source, id_) for id_ in ids]
        await self.ledger.record_many([f"open:{id_}" for id_ in ids], lambda _: drafts, also)
        async with self.database.read() as connection:
            return [await connection.run_sync(rows.find, id_) for id_ in ids]


def _opened(source: str, upload: str) -> Draft:
    fields = {
        "upload": upload, "name": f"DSJ-L9_020417_{upload[:8]}.mp4", "size": 1 << 20,
        "mime": "video/mp4", "key": upload,
        "device_times": [{"source": "file name", "time": "2026-11-23T21:30:12+08:00"}],
    }  # fmt: skip
    return Draft("upload.opened", f"s:{source}", f"s:{source}", fields)


def sealed(upload: Upload) -> Draft:
    """The act of sealing, for bytes of which only the hashes are made up."""
    digest = hashlib.sha256(upload.id.encode()).hexdigest()
    item = random_id()
    objects = [
        {"store": "directory", "what": what, "key": upload.object_key + tail}
        for what, tail in (("original", ""), ("tree", ".tree"))
    ]
    return rules.seal_upload(
        upload,
        Fingerprint(1 << 20, digest, digest),
        item=item,
        objects=objects,
        retain_until="2036-01-01T00:00:00.000Z",
        actor="sys",
    )


async def seal_one(bench: Bench, upload: Upload) -> Event:
    """As `ingest.seal` records it: read, look for a twin, decide."""

    def decide(connection: Connection) -> Sequence[Draft]:
        now = rows.find(connection, upload.id)
        digest = hashlib.sha256(upload.id.encode()).hexdigest()
        assert rows.find_twin(connection, now.source, digest, 1 << 20) is None
        return [sealed(now)]

    return (await bench.ledger.record(f"seal:{upload.id}", decide))[0]


async def _measured(url: str, rounds: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Acts per second and processor seconds per act of this process: one by one, in batches."""
    database = await Database.open(url)
    try:
        bench = Bench(database)
        await bench.begin()
        alone: list[tuple[float, float]] = []
        batch: list[tuple[float, float]] = []
        for number in range(rounds + 1):
            one, many = await bench.uploads(ALONE), await bench.uploads(BATCH * BATCHES)
            begun, used = time.perf_counter(), time.process_time()
            for upload in one:
                await seal_one(bench, upload)
            middle, between = time.perf_counter(), time.process_time()
            for at in range(0, len(many), BATCH):
                await seal_many(bench, many[at : at + BATCH])
            ended, last = time.perf_counter(), time.process_time()
            if number:  # the first one warms
                alone.append((len(one) / (middle - begun), (between - used) / len(one)))
                batch.append((len(many) / (ended - middle), (last - between) / len(many)))
    finally:
        await database.close()
    return _medians(alone), _medians(batch)


def _medians(found: list[tuple[float, float]]) -> tuple[float, float]:
    rates, costs = zip(*found, strict=True)
    return statistics.median(rates), statistics.median(costs)


async def seal_many(bench: Bench, uploads: Sequence[Upload]) -> None:
    events = await bench.ledger.record_many(
        [f"seal:{u.id}" for u in uploads], lambda _: [sealed(u) for u in uploads]
    )
    assert all(isinstance(event, Event) for event in events)


def _sqlite_commits(where: Path) -> float:
    connection = sqlite3.connect(where / "commits.db", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE row (value BLOB)"
    ):  # fmt: skip
        connection.execute(statement)
    begun, value = time.perf_counter(), os.urandom(1000)
    for _ in range(ALONE * 2):
        connection.execute("INSERT INTO row VALUES (?)", (value,))
    seconds = time.perf_counter() - begun
    connection.close()
    return ALONE * 2 / seconds


def _postgres_commits(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE row (value bytea)")
        begun, value = time.perf_counter(), os.urandom(1000)
        for _ in range(ALONE * 2):
            connection.execute("INSERT INTO row VALUES (%s)", (value,))
        return ALONE * 2 / (time.perf_counter() - begun)


def _building() -> float:
    """Commitments, canonical form and leaf hash of entries, with nothing written."""
    upload = Upload(
        id=random_id(), source=random_id(), name="DSJ-L9_020417.mp4", name_raw=None,
        announced_size=1 << 20, mime="video/mp4", sha256=None, client_key=None,
        device_times=[{"source": "file name", "time": "2026-11-23T21:30:12+08:00"}],
        manifest=None, record="open", item=None, closed_index=None, reason=None,
        state="received", length=1 << 20, offset=1 << 20, metadata="",
        object_key=f"o/{random_id()}", expires_ms=0, decision=None, problem=None,
    )  # fmt: skip
    count = BATCH * BATCHES
    begun = time.perf_counter()
    for seq in range(count):
        draft = sealed(upload)
        committed = commit_fields(draft.fields, random_salt)
        at = "2026-11-23T21:30:12.000Z"
        leaf(
            Entry("sys", at, committed.digest, draft.chain, "1" * 64, seq + 1, draft.type).encode()
        )
    return count / (time.perf_counter() - begun)
