"""How many derived bytes the pipeline keeps per original byte, on the demo's footage.

By policy `needed` nobody has asked for a playable copy yet; by `always` every recording that a
browser cannot play has one.  Posters and peaks are in both.
"""

import os
from pathlib import Path

from bench.client import Client, settle
from bench.machine import Table, folder
from bench.server import Server, liuhen
from deploy.demo.footage import make_footage

PATIENCE_S = 300.0


def measure(_rounds: int) -> list[Table]:
    rows = []
    with folder() as where:
        files = make_footage(where / "footage")
        for policy in ("needed", "always"):
            with liuhen({"LIUHEN_POLICY_PLAYABLE": policy}) as server:
                rows.append((policy, *_derived(server, files)))
    columns = (
        "playable copies", "originals KB", "evidence KB", "derived KB", "derived per original byte"
    )  # fmt: skip
    return [Table("Derived bytes", columns, rows)]


def _derived(server: Server, files: list[Path]) -> tuple[str, ...]:
    token = server.token("upload", source="DOCK-01")
    client = Client(server.url, token)
    for file in files:
        client.receipt(client.create_whole("/api/uploads/", file.read_bytes(), filename=file.name))
    settle(server.url, server.token("admin"), PATIENCE_S)
    objects = Path(server.environment["LIUHEN_PATHS_DATA"]) / "objects"
    original = sum(file.stat().st_size for file in files)
    evidence, work = (_bytes(objects / name) for name in ("evidence", "work"))
    sizes = (original, evidence, work)
    return (*(f"{size / 1000:.0f}" for size in sizes), f"{work / original:.2f}")


def _bytes(folder_: Path) -> int:
    return sum(
        os.path.getsize(os.path.join(top, name))
        for top, _, names in os.walk(folder_)
        for name in names
    )
