"""Twenty rounds of kill -9 while devices hand over, recordings are sealed and media jobs run.

Once with everything in one folder, and, for half as long, with PostgreSQL and MinIO (which live on).
The moments are seeded, and aimed: in turn at a running upload, at sealing, at a media job, at a
random moment after the start, at the start itself.  A page cache survives such a kill, so this does
not test syncing (the simulation does); it tests that processes, locks, children and the two
databases of what happened (SQLite and the files) come up again as they are promised to.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import random
import signal
import sqlite3
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from minio import Minio

from tests.e2e.footage import _make, camera
from tests.e2e.nursery import NursedServer, Nursery, nursed
from tests.services import S3Server
from verify import offline
from verify.entries import check_chain, decode_entry

SEED = 20261123
ROUNDS = 20
AIMS = ("upload", "seal", "media", "random", "start")
PIECE = 256 << 10


# --- what goes in -----------------------------------------------------------------------------


def material(folder: Path) -> list[bytes]:
    """A recording that plays as it is, and one that must be converted."""
    plain = camera(folder / "plain.mp4", seconds=1).read_bytes()
    old = _make(
        folder / "old.avi", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1",
        "-c:v", "mjpeg", "-q:v", "8",
    ).read_bytes()  # fmt: skip
    return [plain, old]


def distinct(recording: bytes, chance: random.Random) -> bytes:
    """The same recording with other bytes: what follows is a box (or a chunk) nobody plays."""
    rest = chance.randbytes(64)
    if recording[4:8] == b"ftyp":
        return recording + (8 + len(rest)).to_bytes(4, "big") + b"free" + rest
    return recording + b"JUNK" + len(rest).to_bytes(4, "little") + rest


class Device:
    """A tus client that sends in small pieces and holds the server to every offset it gave."""

    def __init__(self, server: NursedServer, token: str, chance: random.Random) -> None:
        self._server, self._chance = server, chance
        self._headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        self.over = False
        self.receipts: list[tuple[bytes, str]] = []

    async def run(self) -> None:
        """One file after another until it is over; the last one is finished."""
        number = 0
        async with aiohttp.ClientSession(headers=self._headers) as http:
            while not self.over:
                data = self._chance.randbytes(self._chance.randrange(1 << 20, 5 << 20))
                number += 1
                self.receipts.append((data, await self._hand_over(http, f"disk-{number}", data)))

    async def _hand_over(self, http: aiohttp.ClientSession, key: str, data: bytes) -> str:
        size, digest = len(data), hashlib.sha256(data).hexdigest()
        metadata = ",".join(
            f"{name} {b64encode(value.encode()).decode()}"
            for name, value in (("filename", f"{key}.bin"), ("sha256", digest), ("key", key))
        )
        created = {"Upload-Length": str(size), "Upload-Metadata": metadata}
        location, acknowledged = "", 0

        async def create() -> tuple[str, int]:
            async with http.post(f"{self._server.url}/api/uploads/", headers=created) as answer:
                assert answer.status == 201, (answer.status, await answer.text())
                return answer.headers["Location"], int(answer.headers.get("Upload-Offset", 0))

        async def ask() -> int:
            async with http.head(location) as answer:
                assert answer.status == 200, answer.status
                return int(answer.headers["Upload-Offset"])

        async def send() -> int:
            headers = {
                "Upload-Offset": str(acknowledged),
                "Content-Type": "application/offset+octet-stream",
            }
            piece = data[acknowledged : acknowledged + PIECE]
            async with http.patch(location, data=piece, headers=headers) as answer:
                assert answer.status == 204, (answer.status, await answer.text())
                return int(answer.headers["Upload-Offset"])

        async def prove() -> str:
            async with http.get(f"{location}/receipt?wait=10") as answer:
                assert answer.status in (200, 202), (answer.status, await answer.text())
                return await answer.text() if answer.status == 200 else ""

        location, offset = await self._insist(create)
        assert offset >= acknowledged
        while acknowledged < size:
            try:
                acknowledged = await send()
            except (aiohttp.ClientError, AssertionError) as exc:
                if isinstance(exc, AssertionError) and "503" not in str(exc):
                    raise
                offset = await self._insist(ask)
                assert acknowledged <= offset <= size, (acknowledged, offset, size)
                acknowledged = offset
        while not (text := await self._insist(prove)):
            pass
        return text

    async def _insist(self, call: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 90
        while True:
            try:
                return await call()
            except (aiohttp.ClientError, AssertionError) as exc:
                if isinstance(exc, AssertionError) and "503" not in str(exc):
                    raise
                if time.monotonic() > deadline:
                    raise AssertionError(f"no answer:\n{self._server.words()}") from exc
                await asyncio.sleep(0.05)


# --- where the kill hits ----------------------------------------------------------------------


def query(server: NursedServer, statement: str) -> list[tuple[Any, ...]]:
    """Rows of the server's database, read beside it (or after it)."""
    if url := server.environment.get("LIUHEN_DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[arg-type]
    with contextlib.closing(
        sqlite3.connect(f"file:{server.data / 'liuhen.db'}?mode=ro", uri=True, timeout=1)
    ) as database:
        return database.execute(statement).fetchall()


def state(server: NursedServer) -> dict[str, int]:
    """What is under way."""
    try:
        running = Counter(
            k for (k,) in query(server, "select kind from job where state = 'running'")
        )
        ((receiving,),) = query(
            server,
            "select count(*) from transfer where state = 'receiving' and \"offset\" > 0",
        )
    except (sqlite3.OperationalError, psycopg.OperationalError):
        return {}
    media = sum(running[kind] for kind in ("probe", "poster", "peaks", "playable"))
    return {"upload": receiving, "seal": running["seal"], "media": media}


async def aim(server: NursedServer, at: str, chance: random.Random) -> None:
    """Return at the moment to kill."""
    if at == "start":
        await asyncio.sleep(chance.uniform(0.02, 1.5))
        return
    await server.wait_ready()
    if at == "random":
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        return
    until = time.monotonic() + 6
    while time.monotonic() < until and not state(server).get(at):
        await asyncio.sleep(0.01)
    await asyncio.sleep(chance.uniform(0.0, 0.15))


def children(pid: int) -> set[tuple[int, str]]:
    """All below a process: pid and start time, so that a reused pid is no mistake."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := status_of(int(folder.name))):
            parent, started, _ = found
            parents.setdefault(parent, []).append((int(folder.name), started))
    below: set[tuple[int, str]] = set()
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            below.add(child)
            todo.append(child[0])
    return below


def status_of(pid: int) -> tuple[int, str, str] | None:
    """Parent, start time and state; None if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), fields[19], fields[0]


def unborn(pid: int) -> bool:
    """Whether this is a cage whose maker died before it let the cage begin; it is ended here.

    Bubblewrap's inner half waits for a word of its outer half before it asks to die with it.  If
    the outer half is killed in that millisecond, the inner one waits for ever: it has run nothing,
    has nothing below it and holds no file of ours open, but it is there (bubblewrap 0.8).
    """
    found = status_of(pid)
    try:
        begun = Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"bwrap\0")
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    if found is None or found[0] != 1 or not begun or below:
        return False
    os.kill(pid, signal.SIGKILL)
    return True


async def gone(processes: set[tuple[int, str]], limit: float = 5) -> None:
    """Wait until none of these lives."""

    def living() -> Iterator[int]:
        for pid, started in processes:
            found = status_of(pid)
            if found and found[1] == started and found[2] not in "ZX" and not unborn(pid):
                yield pid

    until = time.monotonic() + limit
    while left := list(living()):
        if time.monotonic() > until:
            said = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
            raise AssertionError(f"children outlived the server: {said}")
        await asyncio.sleep(0.02)


async def kill(server: NursedServer) -> tuple[dict[str, int], int]:
    """kill -9; what was under way, and how many children died with it."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)  # so that nothing new is born while we look
    below = children(server.process.pid)
    await server.kill()
    hit = state(server)
    await gone(below)
    return hit, len(below)


# --- the test ---------------------------------------------------------------------------------


async def test_twenty_kills_lose_double_and_forge_nothing(
    tmp_path: Path, nursery: Nursery, shape: Mapping[str, str], request: pytest.FixtureRequest
) -> None:
    chance = random.Random(SEED)
    recordings = material(tmp_path)
    env = {"LIUHEN_POLICY_PLAYABLE": "always", **shape}
    count = ROUNDS // 2 if shape else ROUNDS
    async with nursed(nursery, tmp_path / "server", env) as server:
        files, device, dock = await rounds(server, tmp_path / "card", recordings, chance, count)
        store = request.getfixturevalue("minio") if shape else None
        await check(server, files, device, dock, store)


async def test_a_long_conversion_dies_with_the_server(tmp_path: Path, nursery: Nursery) -> None:
    file = _make(
        tmp_path / "card" / "long.avi", "-f", "lavfi", "-i",
        "testsrc2=size=640x480:rate=25:duration=120", "-c:v", "mjpeg", "-q:v", "20",
    )  # fmt: skip
    env = {"LIUHEN_POLICY_PLAYABLE": "always"}
    async with nursed(nursery, tmp_path / "server", env) as server:
        device = await server.token("upload", source="采集站-01")
        pushed = await server.push(file, token=device)
        assert pushed.code == 0, pushed.err
        assert server.process is not None
        until = time.monotonic() + 30
        while not (found := converters(server.process.pid)):
            assert time.monotonic() < until, server.words()
            await asyncio.sleep(0.05)
        _, died = await kill(server)
        assert died >= len(found)
        # The conversion goes on with the next start, from its beginning.
        await server.start()
        assert server.process is not None
        while not converters(server.process.pid):
            assert time.monotonic() < until, server.words()
            await asyncio.sleep(0.05)


def converters(pid: int) -> set[int]:
    """The running conversions below a server."""
    found = set()
    for child, _ in children(pid):
        with contextlib.suppress(OSError):
            argv = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if argv[0].endswith(b"ffmpeg") and b"libx264" in argv:
                found.add(child)
    return found


async def rounds(
    server: NursedServer, card: Path, recordings: list[bytes], chance: random.Random, count: int
) -> tuple[list[Path], Device, str]:
    dock = await server.token("upload", source="采集站-01")
    device = Device(server, await server.token("upload", source="采集站-02"), chance)
    sending = asyncio.create_task(device.run())
    pushes: list[asyncio.subprocess.Process] = []
    files: list[Path] = []
    hits: Counter[str] = Counter()
    born = 0
    for number in range(count):
        if number:
            await server.start(ready=False)
        if number % 4 == 0:
            made = [card / str(number) / f"{n}.mp4" for n in range(6)]
            for n, file in enumerate(made):
                file.parent.mkdir(parents=True, exist_ok=True)
                rest = chance.randbytes(2 << 20)
                file.write_bytes(distinct(recordings[n % 2], chance) if n < 4 else rest)
            files += made
            pushes.append(
                await server.begin(
                    "push", str(made[0].parent), "--server", server.url, "--jobs", "3",
                    "--key", server.vkey, "--json", env={"LIUHEN_TOKEN": dock},
                )
            )  # fmt: skip
        await aim(server, AIMS[number % len(AIMS)], chance)
        hit, died = await kill(server)
        hits.update(name for name, count in hit.items() if count)
        born += died
        assert not sending.done() or sending.result()
    await server.start()
    device.over = True
    await asyncio.wait_for(sending, 60)
    for push in pushes:
        out, err = await asyncio.wait_for(push.communicate(), 90)
        assert push.returncode == 0, (out.decode(), err.decode(), server.words()[-4000:])
    await settled(server)

    # The kills hit what they were aimed at, else this test would show nothing.
    assert min(hits["upload"], hits["seal"], hits["media"]) >= 2, hits
    assert born > 0
    return files, device, dock


def unfinished(server: NursedServer) -> list[tuple[str, str, str]]:
    """Jobs that have not come to a good end: key, state and error."""
    return query(server, "select key, state, error from job where state != 'done' order by state")


async def settled(server: NursedServer, limit: float = 60) -> None:
    """Wait until every job has come to its end, and a good one.

    A job that the process died in three times is parked, as a poisonous one would be; a person
    lets it run again.
    """
    headers = {"Authorization": f"Bearer {await server.token('admin')}"}
    until = time.monotonic() + limit
    while left := unfinished(server):
        assert time.monotonic() < until, f"jobs left over: {left}\n{server.words()[-4000:]}"
        async with aiohttp.ClientSession(headers=headers) as http:
            for key, state_, error in left:
                if state_ == "failed":
                    assert error == "the process died during every attempt", (key, error)
                    async with http.post(f"{server.url}/api/jobs/{key}/retry") as answer:
                        assert answer.status == 202, await answer.text()
        await asyncio.sleep(0.2)


async def check(
    server: NursedServer, files: list[Path], device: Device, dock: str, store: S3Server | None
) -> None:
    for file in files:
        proved(server, file, file.with_name(f"{file.name}.tlog-proof"))
    for number, (data, text) in enumerate(device.receipts):
        file, receipt = server.folder / f"{number}.bin", server.folder / f"{number}.tlog-proof"
        file.write_bytes(data)
        receipt.write_text(text)
        proved(server, file, receipt)
    again = await server.push(*{f.parent for f in files}, token=dock)
    assert again.code == 0, again.err
    assert f"{len(files)} already stored, 0 failed; nothing sent" in again.err

    assert await server.stop() == 0
    items = query(server, "select source, sha256, count(*) from item group by 1, 2")
    opened = query(server, "select state, reason from upload where state != 'sealed'")
    entries = [
        decode_entry(bytes(raw))
        for (raw,) in query(server, 'select bytes from entry order by "index"')
    ]
    copies = sorted(
        (key, version) for key, version in query(server, "select key, version from copy")
    )
    sent = {hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    sent |= {hashlib.sha256(data).hexdigest() for data, _ in device.receipts}
    assert {sha256 for _, sha256, _ in items} == sent
    assert {count for _, _, count in items} == {1}
    assert len(items) == len(sent)
    assert opened == []  # the same key opened the same upload again, every time
    for chain in {entry.chain for entry in entries}:
        check_chain(entry for entry in entries if entry.chain == chain)
    assert {e.type for e in entries} >= {"upload.opened", "item.sealed", "heads.set"} - {
        "heads.set"
    }
    # One object and its chunk hashes per item: no kill left a locked orphan behind.
    assert held(server, store) == copies
    assert not list((server.data / "staging").iterdir())

    scrubbed = await server.command("scrub", "--json")
    assert (scrubbed.code, scrubbed.out) == (0, ""), scrubbed.out + scrubbed.err
    assert "0 missing, 0 changed, 0 extra, 0 repaired" in scrubbed.err


def held(server: NursedServer, store: S3Server | None) -> list[tuple[str, str | None]]:
    """Key and version of everything that lies in the evidence class."""
    if store is None:
        folder = server.data / "objects" / "evidence"
        found = (f for f in folder.rglob("[!.]*") if f.is_file())
        return sorted((str(f.relative_to(folder)), None) for f in found)
    client = Minio(
        store.endpoint, access_key=store.access_key, secret_key=store.secret_key, secure=False
    )
    bucket = f"{server.environment['LIUHEN_STORE_PREFIX']}-evidence"
    return sorted(
        (v.object_name, v.version_id)
        for v in client.list_objects(bucket, recursive=True, include_version=True)
    )


def proved(server: NursedServer, file: Path, receipt: Path) -> None:
    """The offline verifier's own command, in this process for speed."""
    said = io.StringIO()
    code = offline.run([str(receipt), str(file), "--key", server.vkey], said, environ={})
    assert code == 0, said.getvalue()
