"""Receiving: from the socket to durable, fingerprinted bytes, beside tusd and a plain write.

Every upload is announced one byte longer than what is sent, so that it stays "receiving" and no
sealing runs in the measured time.  The time ends with the 204, which Liuhen gives only after
fdatasync and the committed offset; tusd neither hashes nor syncs.
"""

import contextlib
from collections.abc import Callable

from bench.client import Client, Payload
from bench.machine import Run, Table, folder, in_threads, median, write_and_hash
from bench.server import Server, liuhen, tusd, tusd_binary

SIZES = {1: 768 << 20, 4: 256 << 20}  # bytes per client


def measure(rounds: int) -> list[Table]:
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(folder())
        ours = stack.enter_context(liuhen())
        token = ours.token("upload", source="DOCK-01")
        kinds: dict[str, Callable[[Payload, int], Run]] = {
            "write + SHA-256 + fdatasync": lambda p, n: write_and_hash(where, p.size, n),
            "Liuhen": lambda p, n: received(ours, "/api/uploads/", token, p, n),
        }
        if (binary := tusd_binary()) is not None:
            theirs = stack.enter_context(tusd(binary))
            kinds["tusd"] = lambda p, n: received(theirs, "/files/", None, p, n)
        return [_table(kinds, clients, size, rounds) for clients, size in SIZES.items()]


def received(server: Server, root: str, token: str | None, payload: Payload, clients: int) -> Run:
    """One upload per client, all at once."""
    wires = [Client(server.url, token) for _ in range(clients)]
    paths = [w.create(root, payload.size + 1, filename="bench.bin") for w in wires]
    before = server.cpu_s()
    pairs = zip(wires, paths, strict=True)
    seconds = in_threads([lambda w=w, p=p: w.send(p, payload) for w, p in pairs])  # type: ignore[misc]
    cpu = server.cpu_s() - before
    for wire, path in zip(wires, paths, strict=True):
        wire.ask("DELETE", path)
        wire.close()
    return Run(payload.size * clients, seconds, cpu)


def _table(
    kinds: dict[str, Callable[[Payload, int], Run]], clients: int, size: int, rounds: int
) -> Table:
    payload = Payload(size)
    try:
        for kind in kinds.values():  # warm: code paths, folders, first-touched memory
            kind(payload, clients)
        runs: dict[str, list[Run]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, kind in kinds.items():
                runs[name].append(kind(payload, clients))
    finally:
        payload.close()
    base = median(next(iter(runs.values())), lambda r: r.rate)
    rows = []
    for name, found in runs.items():
        rates = sorted(r.rate for r in found)
        rate, cost = median(found, lambda r: r.rate), median(found, lambda r: r.cost)
        spread = f"{rates[0]:.0f} to {rates[-1]:.0f}"
        rows.append((name, f"{rate:.0f}", spread, f"{cost:.2f}", f"{rate / base:.2f}"))
    return Table(
        f"Receive, {clients} client{'s' * (clients > 1)}, {size / 1e6:.0f} MB each",
        ("what", "MB/s", "least to most", "server cpu-s/GB", "speed to the reference"),
        rows,
    )
