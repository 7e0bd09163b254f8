"""The whole path: from the socket to a receipt in the client's hands, per object store.

The time ends when the last client holds its receipt: bytes durable, put into the store under
retention, read back and compared, sealed, published, signed.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from bench.client import Client, Payload, settle
from bench.machine import Run, Table, cpu_s, folder, in_threads, median, write_and_hash
from bench.server import Server, in_minio, liuhen
from tests import services

SIZES = {1: 384 << 20, 4: 128 << 20}  # bytes per client


def measure(rounds: int) -> list[Table]:
    rows: list[tuple[str, ...]] = []
    with folder() as where:
        for clients, size in SIZES.items():
            runs = [write_and_hash(where, size, clients) for _ in range(rounds + 1)][1:]
            rows.append(_row("write + SHA-256 + fdatasync", clients, runs, runs))
            for name, store in (("directory store", directory), ("MinIO", minio)):
                with store() as (server, others):
                    rows.append(_measured(name, server, others, clients, size, rounds, runs))
    return [
        Table(
            "Socket to receipt",
            (
                "what",
                "clients",
                "MB/s",
                "server cpu-s/GB",
                "store cpu-s/GB",
                "receipt after the last byte",
                "speed to the reference",
            ),
            rows,
        )
    ]


@contextlib.contextmanager
def directory() -> Iterator[tuple[Server, int | None]]:
    with liuhen() as server:
        yield server, None


@contextlib.contextmanager
def minio() -> Iterator[tuple[Server, int | None]]:
    with services.minio() as store, liuhen(in_minio(store)) as server:
        yield server, store.pid


def _measured(
    name: str,
    server: Server,
    store: int | None,
    clients: int,
    size: int,
    rounds: int,
    reference: list[Run],
) -> tuple[str, ...]:
    token, eyes = server.token("upload", source="DOCK-01"), server.token("admin")
    payload = Payload(size)
    runs, costs, waits = [], [], []
    try:
        for number in range(rounds + 1):
            before = cpu_s(store) if store is not None else 0.0
            run, wait = through(server, token, payload, clients)
            cost = (cpu_s(store) if store is not None else 0.0) - before
            settle(server.url, eyes)  # the media jobs of this round are not the next one's cost
            if number:  # the first one warms
                runs.append(run)
                costs.append(cost)
                waits.append(wait)
    finally:
        payload.close()
    per_gb = sum(costs) / sum(r.size for r in runs) * 1e9 if store is not None else None
    return _row(name, clients, runs, reference, per_gb, sorted(waits)[len(waits) // 2])


def through(server: Server, token: str, payload: Payload, clients: int) -> tuple[Run, float]:
    """One upload per client, all at once; and the longest wait from 204 to receipt."""
    wires = [Client(server.url, token) for _ in range(clients)]
    paths = [w.create("/api/uploads/", payload.size, filename="bench.bin") for w in wires]
    waits: list[float] = []

    def one(wire: Client, path: str) -> None:
        wire.send(path, payload)
        sent = time.perf_counter()
        wire.receipt(path)
        waits.append(time.perf_counter() - sent)

    before = server.cpu_s()
    work: list[Callable[[], None]] = [
        lambda w=w, p=p: one(w, p)  # type: ignore[misc]
        for w, p in zip(wires, paths, strict=True)
    ]
    seconds = in_threads(work)
    cpu = server.cpu_s() - before
    for wire in wires:
        wire.close()
    return Run(payload.size * clients, seconds, cpu), max(waits)


def _row(
    name: str,
    clients: int,
    runs: list[Run],
    reference: list[Run],
    store_cost: float | None = None,
    wait: float | None = None,
) -> tuple[str, ...]:
    rate, base = median(runs, lambda r: r.rate), median(reference, lambda r: r.rate)
    return (
        name,
        str(clients),
        f"{rate:.0f}",
        f"{median(runs, lambda r: r.cost):.2f}",
        "" if store_cost is None else f"{store_cost:.2f}",
        "" if wait is None else f"{wait:.2f} s",
        f"{rate / base:.2f}",
    )
