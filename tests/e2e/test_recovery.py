"""What was lost comes back from the store: an older database, none at all, one that goes back.

A small history with everything in it is told first; then the database is harmed, and the commands
that the server names bring it back.  Compared are dumps of every projected table, every receipt
given before, and every byte of the data folder that must not hold an erased name.
"""

import asyncio
import base64
import contextlib
import io
import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from storage.clock import SystemClock
from storage.database import Database
from storage.ledger import Draft, Ledger, random_id
from storage.tables import PROJECTED
from tests.e2e.nursery import NursedServer, Nursery, nursed
from verify import offline

NUMBER = "沪城管罚〔2026〕31号"
SECRET = "王某某-110101199003078515.mp4"


@dataclass
class History:
    """What happened, and what the people outside hold of it."""

    server: NursedServer
    card: Path
    device: str = ""
    person: str = ""
    case: str = ""
    files: list[Path] = field(default_factory=list)
    half: str = ""  # the address of an upload on its way, of which 1 MiB was acknowledged

    async def api(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.person}"}
        async with (
            aiohttp.ClientSession(self.server.url, headers=headers) as http,
            http.request(method, path, json=body) as answer,
        ):
            assert answer.status < 300, (answer.status, await answer.text())
            return await answer.json()

    async def push(self, *names: str) -> None:
        """Files with these names, sealed and proved."""
        made = []
        for name in names:
            file = self.card / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(name.encode() * 5000)
            made.append(file)
        done = await self.server.push(*made, token=self.device, options=("--case", NUMBER))
        assert done.code == 0, done.err
        self.files += made

    async def begin(self) -> None:
        """The part before the backup."""
        self.device = await self.server.token("upload", source="采集站-01")
        self.person = await self.server.token("read", "case", name="审核员")
        opened = {"number": NUMBER, "kind": "penalty", "title": "占道经营", "officers": ["张三"]}
        self.case = (await self.api("POST", "/api/cases", opened))["id"]
        await self.push("1.bin", "2.bin")
        await self.linked(2)

    async def go_on(self) -> None:
        """The part after it: more recordings, a link undone, an erasure, an upload on its way."""
        await self.push("3.bin", SECRET)
        items = await self.linked(4)
        first = next(i for i in items if i["name"] == "1.bin")
        undone = {"reason": "belongs to another case"}
        await self.api("POST", f"/api/cases/{self.case}/links/{first['id']}/unlink", undone)
        await self.erase()
        self.half = await self.half_an_upload()

    async def linked(self, count: int) -> list[dict[str, Any]]:
        """The items of the case, once all of them are linked by their wish."""
        for _ in range(200):
            items: list[dict[str, Any]] = (await self.api("GET", f"/api/cases/{self.case}"))[
                "items"
            ]
            if len(items) == count:
                return items
            await asyncio.sleep(0.1)
        raise AssertionError(f"expected {count} linked items, got {items}")

    async def erase(self) -> None:
        """The name, in both entries that disclose it."""
        with contextlib.closing(sqlite3.connect(self.server.data / "liuhen.db")) as database:
            ((sealed, opened),) = database.execute(
                "select sealed_index, opened_index from item join upload on upload.id = item.upload"
                " where item.name = ?", (SECRET,),
            ).fetchall()  # fmt: skip
        for index in (sealed, opened):
            done = await self.server.command(
                "erase", "--index", str(index), "--name", "name", "--ground", "court order",
                "--approver", "head of unit",
            )  # fmt: skip
            assert done.code == 0, done.err

    async def half_an_upload(self) -> str:
        headers = {"Authorization": f"Bearer {self.device}", "Tus-Resumable": "1.0.0"}
        async with aiohttp.ClientSession(self.server.url, headers=headers) as http:
            told = {"Upload-Length": str(2 << 20), "Upload-Metadata": "filename aGFsZg==,key a2V5"}
            async with http.post("/api/uploads/", headers=told) as answer:
                assert answer.status == 201
                location = answer.headers["Location"]
            piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            async with http.patch(location, data=b"h" * (1 << 20), headers=piece) as answer:
                assert answer.status == 204
        return location

    async def finish_the_upload(self) -> None:
        """It goes on where it stood, and becomes an item."""
        headers = {"Authorization": f"Bearer {self.device}", "Tus-Resumable": "1.0.0"}
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.head(self.half) as answer:
                assert (answer.status, answer.headers["Upload-Offset"]) == (200, str(1 << 20))
            piece = {
                "Upload-Offset": str(1 << 20),
                "Content-Type": "application/offset+octet-stream",
            }
            async with http.patch(self.half, data=b"h" * (1 << 20), headers=piece) as answer:
                assert answer.status == 204
            async with http.get(f"{self.half}/receipt?wait=30") as answer:
                assert answer.status == 200, await answer.text()
                receipt, file = self.card / "half.tlog-proof", self.card / "half"
                receipt.write_text(await answer.text())
        file.write_bytes(b"h" * (2 << 20))
        check(self.server, receipt, file)


def check(server: NursedServer, receipt: Path, file: Path) -> None:
    """The offline verifier's command."""
    said = io.StringIO()
    code = offline.run([str(receipt), str(file), "--key", server.vkey], said, environ={})
    assert code == 0, said.getvalue()


def proof(file: Path) -> Path:
    return file.with_name(f"{file.name}.tlog-proof")


def rows(server: NursedServer, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(server.data / "liuhen.db")) as database:
        return database.execute(query).fetchall()


def dump(server: NursedServer, size: int) -> Mapping[str, list[str]]:
    """Every projected row, but for what entries from `size` on have added to the trails."""
    found = {}
    for table in PROJECTED:
        where = f'where "index" < {size}' if table.name == "mention" else ""
        found[table.name] = sorted(map(repr, rows(server, f"select * from {table.name} {where}")))  # noqa: S608
    return found


def remove_database(server: NursedServer) -> None:
    for old in server.data.glob("liuhen.db*"):
        old.unlink()


def holds_secret(folder: Path) -> list[str]:
    """Files below the folder in which the erased name stands, in whatever dress."""
    name = SECRET.encode()
    dresses = (name, base64.b64encode(name), json.dumps(SECRET)[1:-1].encode(), name.hex().encode())
    return [
        str(f.relative_to(folder))
        for f in folder.rglob("*")
        if f.is_file()
        and any(dress in f.read_bytes() for dress in dresses)
        # The recording itself is evidence: its bytes are the name again and again (see `push`).
        and f.parent.parent.name != "evidence"
    ]


async def refused(server: NursedServer, *words: str) -> None:
    """`serve` ends by itself and says why."""
    said = len(server.words())
    await server.start(ready=False)
    assert server.process is not None
    assert await asyncio.wait_for(server.process.wait(), 60) == 1
    for word in words:
        assert word in server.words()[said:], server.words()[said:]


@pytest.mark.parametrize("command", ["recover", "rebuild"])
async def test_everything_comes_back_from_the_store(
    tmp_path: Path, nursery: Nursery, command: str
) -> None:
    env = {"LIUHEN_LOG_PUBLISH_SECONDS": "1"}
    async with nursed(nursery, tmp_path / "server", env) as server:
        history = History(server, tmp_path / "card")
        await history.begin()
        assert await server.stop() == 0
        backup = shutil.copy(server.data / "liuhen.db", tmp_path / "backup.db")
        await server.start()
        await history.go_on()
        assert await server.stop() == 0
        assert holds_secret(server.data) == []
        ((size,),) = rows(server, "select size from head")
        before = dump(server, size)
        entries = rows(server, 'select * from entry order by "index"')
        assert len(before["enforcement_case"]) == 1
        assert len(before["link"]) == 4
        assert len(before["erasure"]) == 2

        remove_database(server)
        if command == "recover":
            shutil.copy(backup, server.data / "liuhen.db")
            await refused(server, "database-behind", "`liuhen log recover` brings it forward")
            done = await server.command("log", "recover", "--reason", "restored the last backup")
        else:
            await refused(server, "database-behind", "`liuhen rebuild` writes it again")
            done = await server.command("rebuild")
        assert done.code == 0, done.err
        assert rows(server, 'select * from entry order by "index"')[:size] == entries
        assert dump(server, size) == before
        assert holds_secret(server.data) == []

        await server.start()
        for file in history.files:
            check(server, proof(file), file)  # given before
        with contextlib.suppress(AssertionError):
            await history.api("GET", "/api/cases")
            assert command == "recover"  # its secret was in the backup; a rebuild has none
        history.person = await server.token("read", "case", name="审核员-2")
        history.device = await server.token("upload", source="采集站-01", name="again")
        by_name = {i["name"]: i for i in (await history.api("GET", "/api/items"))["items"]}
        assert by_name.keys() == {"1.bin", "2.bin", "3.bin", ""}
        headers = {"Authorization": f"Bearer {history.person}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as http:
            for file in history.files:
                item = by_name["" if file.name == SECRET else file.name]["id"]
                async with http.get(f"/api/items/{item}/receipt?wait=20") as answer:
                    assert answer.status == 200, await answer.text()
                    again = file.with_name("again.tlog-proof")
                    again.write_text(await answer.text())
                check(server, again, file)  # over the newer checkpoint
                assert (SECRET in again.read_text()) is False
        # A device that has lost its receipts gets the old ones, and nothing is doubled.
        for file in history.files:
            proof(file).unlink()
        assert (await server.push(*history.files, token=history.device)).code == 0
        assert len(rows(server, "select id from item")) == 4
        await history.finish_the_upload()
        assert await server.stop() == 0
        scrubbed = await server.command("scrub", "--json")
        assert (scrubbed.code, scrubbed.out) == (0, ""), scrubbed.out + scrubbed.err


@pytest.mark.parametrize("meanwhile", ["nothing", "asked", "grown"])
async def test_a_database_that_goes_back_under_a_running_server_gets_no_fork_signed(
    tmp_path: Path, nursery: Nursery, meanwhile: str
) -> None:
    env = {"LIUHEN_LOG_PUBLISH_SECONDS": "2"}
    async with nursed(nursery, tmp_path / "server", env) as server:
        history = History(server, tmp_path / "card")
        await history.begin()
        with (
            contextlib.closing(sqlite3.connect(server.data / "liuhen.db")) as live,
            contextlib.closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
        ):
            live.backup(backup)
        await history.push("3.bin", "4.bin")
        await history.linked(4)
        await asyncio.sleep(2.5)  # all of it is published
        signed = (server.data / "signer.json").read_bytes()
        checkpoint = (server.data / "objects/private/checkpoint").read_bytes()
        ((before,),) = rows(server, "select size from head")

        with (
            contextlib.closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
            contextlib.closing(sqlite3.connect(server.data / "liuhen.db", timeout=20)) as live,
        ):
            backup.backup(live)
            ((after,),) = live.execute("select size from head").fetchall()
        assert after < before
        if meanwhile == "asked":  # the next act finds out
            assert await opened(server, history.device) == 503
            assert "recording stops: database: expected the log of size" in server.words()
        else:  # the publisher finds out; another process may have made the log longer again
            if meanwhile == "grown":
                await grow(server, before - after + 5)
            await halted(server)
            assert "publication and recording stop: fork" in server.words()
        await halted(server)
        assert await opened(server, history.device) == 503
        assert (server.data / "signer.json").read_bytes() == signed
        assert (server.data / "objects/private/checkpoint").read_bytes() == checkpoint

        await server.stop()
        assert (server.data / "signer.json").read_bytes() == signed
        assert (server.data / "objects/private/checkpoint").read_bytes() == checkpoint
        if meanwhile == "grown":
            await refused(server, "another history")
            remove_database(server)
            done = await server.command("rebuild")
        else:
            await refused(server, "database-behind", "`liuhen log recover`")
            done = await server.command("log", "recover", "--reason", "an older copy was put back")
        assert done.code == 0, done.err
        await server.start()
        for file in history.files:
            check(server, proof(file), file)


async def grow(server: NursedServer, count: int) -> None:
    """Acts of somebody who has not compared, as no command would: a second history."""
    database = await Database.open(f"sqlite:///{server.data / 'liuhen.db'}")
    try:
        ledger = Ledger(database, SystemClock())
        ledger.open()
        for _ in range(count):
            id_ = random_id()
            draft = Draft(
                "source.enrolled", f"s:{id_}", "sys", {"source": id_, "name": id_, "kind": "device"}
            )
            await ledger.record(random_id(), lambda _, draft=draft: [draft])
    finally:
        await database.close()


async def opened(server: NursedServer, device: str) -> int:
    """The status of one more creation."""
    headers = {"Authorization": f"Bearer {device}", "Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as http,
        http.post("/api/uploads/") as answer,
    ):
        assert answer.status == 201 or "Retry-After" in answer.headers
        return answer.status


async def halted(server: NursedServer) -> None:
    """The server says that it records no more; it still answers."""
    async with aiohttp.ClientSession(server.url) as http:
        for _ in range(150):
            async with http.get("/readyz") as answer:
                if answer.status == 503 and "ledger" in (await answer.json())["parts"]:
                    break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"expected it to stop recording\n{server.words()}")
        async with http.get("/healthz") as answer:
            assert answer.status == 200
