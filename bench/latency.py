"""How long a receipt takes: from the beginning of the act to the text in hand.

First on the record alone, 50 `item.sealed` a second at a steady beat whether or not the ones before
are answered: recorded, published (files, signature, checkpoint read back, row), proved, checked.
Then through the socket: small uploads from their POST to the receipt's last byte, media jobs
running beside them.
"""

import asyncio
import contextlib
import os
import threading
import time
from pathlib import Path

from bench.acts import Bench, seal_one
from bench.client import Client
from bench.machine import Table, folder, quantile
from bench.server import in_minio, liuhen
from liuhen.core import Core, core, prepare
from liuhen.settings import load
from storage.log.receipts import Receipts
from tests import services

RATE = 50
SECONDS = 12
SOCKET_RATES = (2, 5)
SMALL = 64 << 10


def measure(_rounds: int) -> list[Table]:
    rows = []
    with services.postgres() as postgres, services.minio() as minio, folder() as where:
        for name, more in (
            ("SQLite, directory store", {}),
            ("PostgreSQL, directory store", {"LIUHEN_DATABASE_URL": postgres.fresh()}),
            ("SQLite, MinIO", in_minio(minio)),
        ):
            taken = asyncio.run(_record(where / name.replace(", ", "-"), more))
            rows.append(_row(f"record: {name}", RATE, taken))
    socket = "through the socket: SQLite, directory store"
    rows += [_row(socket, rate, _socket(rate)) for rate in SOCKET_RATES]
    columns = ("what", "a second", "receipts", "p50 ms", "p99 ms", "most ms")
    return [Table("Receipt latency", columns, rows)]


def _row(name: str, rate: int, taken: list[float]) -> tuple[str, ...]:
    figures = [quantile(taken, 0.5), quantile(taken, 0.99), max(taken)]
    return (name, str(rate), str(len(taken)), *(f"{1000 * value:.0f}" for value in figures))


async def _record(where: Path, more: dict[str, str]) -> list[float]:
    settings = load(None, {"LIUHEN_PATHS_DATA": str(where), **more})
    async with core(settings, say=lambda _: None) as parts:
        await prepare(parts)
        await parts.startup.once()
        publishing = asyncio.create_task(parts.publisher.run())
        try:
            return await _beat(parts)
        finally:
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publishing


async def _beat(parts: Core) -> list[float]:
    bench = Bench(parts.database)
    bench.ledger = parts.ledger
    await bench.enrol()
    uploads = await bench.uploads(RATE * (SECONDS + 2))
    receipts = Receipts(parts.database, parts.publisher)
    taken: list[float] = []
    clock = asyncio.get_running_loop().time

    async def one(number: int) -> None:
        begun = clock()
        event = await seal_one(bench, uploads[number])
        await receipts.of(event.index, wait=30)
        if number >= RATE * 2:  # the first two seconds warm
            taken.append(clock() - begun)

    first = clock()
    async with asyncio.TaskGroup() as group:
        for number in range(len(uploads)):
            await asyncio.sleep(max(0.0, first + number / RATE - clock()))
            group.create_task(one(number))
    return taken


def _socket(rate: int) -> list[float]:
    """Small uploads with their bytes in the POST, at a steady beat, one thread each."""
    taken: list[float] = []
    with liuhen() as server:
        token = server.token("upload", source="DOCK-01")

        def one(number: int) -> None:
            client = Client(server.url, token)
            begun = time.perf_counter()
            client.receipt(
                client.create_whole("/api/uploads/", os.urandom(SMALL), filename=f"{number}.bin")
            )
            if number >= rate * 2:
                taken.append(time.perf_counter() - begun)
            client.close()

        threads = [threading.Thread(target=one, args=(n,)) for n in range(rate * (SECONDS + 2))]
        first = time.perf_counter()
        for number, thread in enumerate(threads):
            time.sleep(max(0.0, first + number / rate - time.perf_counter()))
            thread.start()
        for thread in threads:
            thread.join()
    assert len(taken) == rate * SECONDS, "an upload failed"
    return taken
