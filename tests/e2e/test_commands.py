"""The commands that look after a log, against real data: scrub, recover, rebuild, erase, clock."""

import json
import shutil
import sqlite3
from pathlib import Path

import aiohttp

from tests.e2e.footage import camera
from tests.e2e.nursery import Nursery, nursed
from tests.e2e.server import RealServer

QUICK = {"LIUHEN_LOG_PUBLISH_SECONDS": "1"}  # what a command records, the server publishes soon


async def filled(tmp_path: Path, server: RealServer) -> Path:
    """One recording, handed over and proved."""
    file = camera(tmp_path / "card" / "a.mp4", seconds=1)
    device = await server.token("upload", source="采集站-01")
    done = await server.push(file, token=device)
    assert done.code == 0, done.err
    return file


def rows(server: RealServer, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(server.data / "liuhen.db") as database:
        return database.execute(query).fetchall()


def whole(server: RealServer, table: str) -> list[tuple[object, ...]]:
    return rows(server, f"select * from {table} order by 1, 2, 3")  # noqa: S608


async def test_scrub_names_one_flipped_byte_and_records_that_it_looked(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with nursed(nursery, tmp_path / "server", QUICK) as server:
        await filled(tmp_path, server)
        beside = await server.command("scrub")
        assert beside.code == 0, beside.out + beside.err
        assert "0 missing, 0 changed, 0 extra, 0 repaired" in beside.out
        await server.stop()
        kept = (server.data / "objects/evidence/o").glob("[!.]*")
        (stored,) = [path for path in kept if "." not in path.name]  # beside it: what is made of it
        original = stored.read_bytes()
        stored.chmod(0o600)
        stored.write_bytes(original[:100] + bytes([original[100] ^ 1]) + original[101:])
        found = await server.command("scrub")
        assert found.code == 1
        assert "changed: original of item" in found.out
        assert stored.name in found.out
        stored.write_bytes(original)
        assert (await server.command("scrub")).code == 0
        assert rows(server, "select count(*) from entry where type = 'scrub.done'") == [(3,)]


async def test_a_restored_backup_is_refused_and_recovered_by_the_command_it_names(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with nursed(nursery, tmp_path / "server", QUICK) as server:
        file = await filled(tmp_path, server)
        await server.stop()
        backup = tmp_path / "backup.db"
        shutil.copy(server.data / "liuhen.db", backup)
        await server.start()
        token = await server.token("read")
        await server.stop()
        before = rows(server, 'select "index", bytes from entry order by "index"')
        for old in server.data.glob("liuhen.db*"):
            old.unlink()
        shutil.copy(backup, server.data / "liuhen.db")

        await server.start(ready=False)
        assert server.process is not None
        assert await server.process.wait() == 1
        assert "database-behind" in server.words()
        assert "`liuhen log recover` brings it forward" in server.words()
        refused = await server.command("token", "create", "--right", "read", "--name", "x")
        assert refused.code == 1

        done = await server.command("log", "recover", "--reason", "restored the backup of Monday")
        assert done.code == 0, done.err
        after = rows(server, 'select "index", bytes from entry order by "index"')
        assert after[: len(before)] == before
        assert rows(server, 'select type from entry order by "index" desc limit 1') == [
            ("log.recovered",)
        ]
        await server.start()
        verified = await server.verify(file.with_name("a.mp4.tlog-proof"), file)
        assert verified.code == 0
        async with aiohttp.ClientSession() as http:  # secrets do not come back
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{server.url}/api/cases", headers=headers) as answer:
                assert answer.status == 401


async def test_a_lost_database_is_written_again_from_the_store(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with nursed(nursery, tmp_path / "server", QUICK) as server:
        file = await filled(tmp_path, server)
        beside = await server.command("rebuild")
        assert beside.code == 70
        assert "stop that one first" in beside.err
        await server.stop()
        tables = ("item", "upload", "source", "copy", "token")
        before = {t: whole(server, t) for t in tables}
        for old in server.data.glob("liuhen.db*"):
            old.unlink()
        refused = await server.command("token", "list")
        assert refused.code == 0
        done = await server.command("rebuild")
        assert done.code == 0, done.err
        assert {t: whole(server, t) for t in tables} == before
        again = await server.command("rebuild")
        assert again.code == 70
        await server.start()
        assert (await server.verify(file.with_name("a.mp4.tlog-proof"), file)).code == 0
        scrubbed = await server.command("scrub")
        assert scrubbed.code == 0, scrubbed.out


async def test_an_erased_name_is_gone_everywhere_and_everything_still_verifies(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with nursed(nursery, tmp_path / "server", QUICK) as server:
        file = await filled(tmp_path, server)
        ((index,),) = rows(server, "select sealed_index from item")
        secret = b"a.mp4"
        done = await server.command(
            "erase", "--index", str(index), "--name", "name", "--ground", "court order",
            "--approver", "head of unit",
        )  # fmt: skip
        assert done.code == 0, done.err
        ((opened,),) = rows(server, "select opened_index from upload")
        entries = rows(server, 'select "index", hex(leaf) from entry')
        leaf = next(str(hashed) for at, hashed in entries if at == opened)
        second = await server.command(
            "erase", "--leaf", str(leaf).lower(), "--name", "name", "--ground", "court order",
            "--approver", "head of unit",
        )  # fmt: skip
        assert second.code == 0, second.err
        wrong = await server.command(
            "erase", "--index", str(index), "--name", "sha256", "--ground", "x", "--approver", "y"
        )
        assert wrong.code in (3, 70)
        assert rows(server, "select name from item") == [("",)]
        assert (await server.verify(file.with_name("a.mp4.tlog-proof"), file)).code == 0
        await server.stop()
        disclosed = (server.data / "objects/private/disclosures/000").read_bytes()
        assert secret not in disclosed
        kept = b"".join(f.read_bytes() for f in server.data.glob("liuhen.db*"))
        metadata = rows(server, "select metadata from transfer")
        assert secret not in kept, metadata
        scrubbed = await server.command("scrub")
        assert scrubbed.code == 0, scrubbed.out


async def test_tokens_are_made_listed_and_revoked_beside_the_server(
    tmp_path: Path, nursery: Nursery
) -> None:
    async with nursed(nursery, tmp_path) as server:
        secret = await server.token("read", name="审核员")
        listed = await server.command("token", "list", "--json")
        (row,) = [json.loads(line) for line in listed.out.splitlines()]
        assert (row["name"], row["rights"], row["revoked"]) == ("审核员", ["read"], False)
        assert secret not in listed.out + server.words()
        headers = {"Authorization": f"Bearer {secret}"}
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{server.url}/api/cases", headers=headers) as answer:
                assert answer.status == 200
            ended = await server.command("token", "revoke", row["token"], "--reason", "left")
            assert ended.code == 0, ended.err
            async with http.get(f"{server.url}/api/cases", headers=headers) as answer:
                assert answer.status == 401
        again = await server.command("token", "revoke", "0" * 32, "--reason", "left")
        assert (again.code, again.err.split(":")[0]) == (70, "not-found")
        unknown = await server.command("token", "create", "--right", "fly", "--name", "x")
        assert unknown.code == 64
