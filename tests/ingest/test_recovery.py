"""After a stop at any point the same bytes go on; nothing unknown is ever removed."""

import asyncio
import hashlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from ingest.recovery import IngestRecovery
from ingest.staging import Staging
from storage import tables
from storage.disk_real import FolderDisk, FolderFile
from storage.errors import StorageFullError
from tests.ingest.server import Remote, append, create, head, look, receipt, running
from verify.errors import VerificationError
from verify.fingerprint import CHUNK, ChunkTree
from verify.notes import VerifierKey
from verify.receipt import check_receipt

DATA = random.Random(9).randbytes(6_000_001)
SHA = hashlib.sha256(DATA).hexdigest()


def here(server: Remote, location: str) -> str:
    """The address of an upload at a server that was started again."""
    return server.url + location[location.index("/api/") :]


def test_staging_goes_on_at_any_byte_as_if_never_stopped(tmp_path: Path) -> None:
    staging = Staging(FolderDisk(tmp_path), root=tmp_path)
    offset = 0
    for step in (1, CHUNK - 1, CHUNK, 5, 2 * CHUNK, 123_456, len(DATA)):
        part = staging.resume("a" * 32, offset)
        part.append([DATA[offset : offset + step], DATA[offset + step : offset + step + 7]])
        offset = part.settle()
        # Written, and never acknowledged: the next start cuts it away.
        part.append([b"lost"])
        part.close()
    part = staging.resume("a" * 32, offset)
    part.complete()
    part.close()
    held = staging.held("a" * 32)
    whole = ChunkTree()
    whole.update(DATA)
    assert (held.size, held.tree, held.root) == (len(DATA), whole.tree(), whole.root().hex())
    assert staging.measure("a" * 32) == held


def test_staging_that_lost_committed_bytes_is_not_built_upon(tmp_path: Path) -> None:
    staging = Staging(FolderDisk(tmp_path), root=tmp_path)
    part = staging.resume("a" * 32, 0)
    part.append([DATA])
    part.settle()
    part.close()
    tree = tmp_path / staging._tree_path("a" * 32)
    tree.write_bytes(tree.read_bytes()[:64])
    with pytest.raises(VerificationError, match="chunk hashes"):
        staging.resume("a" * 32, len(DATA))
    with pytest.raises(VerificationError, match="hash per chunk"):
        staging.held("a" * 32)
    (tmp_path / staging.data_path("a" * 32)).write_bytes(DATA[:-1])
    with pytest.raises(VerificationError, match="committed"):
        staging.resume("a" * 32, len(DATA))


async def test_a_restart_cuts_to_the_committed_offset_and_seals_what_was_complete(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, jobs=False) as server:
        running_ = await create(server, len(DATA))
        await append(server, running_, 0, DATA[:2_000_000])
        complete = await create(server, 5)
        await append(server, complete, 0, b"12345")
        ended = await create(server, 9)
        await append(server, ended, 0, b"1234")
        async with server.session.delete(ended, headers=server.headers()) as answer:
            assert answer.status == 204
        # Bytes that were never committed, an ended upload's bytes left by a crash, a stranger.
        staging = tmp_path / "staging"
        with (staging / f"{running_[-32:]}.part").open("ab") as part:
            part.write(b"never acknowledged")
        (staging / f"{ended[-32:]}.part").write_bytes(b"1234")
        (staging / f"{'f' * 32}.part").write_bytes(b"whose is this?")
        await server.database.write(lambda c: c.execute(delete(tables.job)))
    async with running(tmp_path, recover=False) as server:
        report = await IngestRecovery(server.uploads).run()
        assert report.sealing == [complete[-32:]]
        assert report.freed == [ended[-32:]]
        assert report.unknown == ["f" * 32]
        assert (staging / f"{'f' * 32}.part").read_bytes() == b"whose is this?"
        await receipt(server, here(server, complete))
        at = here(server, running_)
        assert (await head(server, at))[1]["Upload-Offset"] == "2000000"
        assert (await append(server, at, 2_000_000, DATA[2_000_000:]))[0] == 204
        text = await receipt(server, at)
        assert check_receipt(text, [VerifierKey.parse(server.vkey)]).sha256 == SHA


def forbid_writing(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Notes who opens this file for writing; whoever runs as root would otherwise not be refused."""
    opened: list[str] = []
    ordinary = FolderDisk.open

    def watched(self: FolderDisk, path: str, *, write: bool = False) -> FolderFile:
        if write and path.endswith(name):
            opened.append(path)
        return ordinary(self, path, write=write)

    monkeypatch.setattr(FolderDisk, "open", watched)
    return opened


async def test_a_file_that_cannot_be_read_does_not_keep_the_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, jobs=False) as server:
        at = await create(server, len(DATA))
        await append(server, at, 0, DATA[:3_000_000])
        await server.database.write(lambda c: c.execute(delete(tables.transfer)))

    def broken(self: FolderFile, offset: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    def full(self: FolderFile, offset: int, size: int) -> bytes:
        raise StorageFullError("chunk hashes: expected room on the disk, got none")

    async with running(tmp_path, recover=False) as server:
        with monkeypatch.context() as patch:
            patch.setattr(FolderFile, "read_at", broken)
            assert (await IngestRecovery(server.uploads).run()).unread == [at[-32:]]
            patch.setattr(FolderFile, "read_at", full)
            assert (await IngestRecovery(server.uploads).run()).unread == [at[-32:]]
        assert (await IngestRecovery(server.uploads).run()).measured == [at[-32:]]
        assert (await head(server, here(server, at)))[1]["Upload-Offset"] == "3000000"


async def test_one_upload_that_the_disk_refuses_holds_up_neither_the_others_nor_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended uploads that a crash left in staging: one of them, and then the folder, gives errors."""
    async with running(tmp_path, jobs=False) as server:
        ended = sorted([(await create(server, 9))[-32:] for _ in range(3)])
        staging = tmp_path / "staging"
        for upload in ended:
            await server.uploads.terminate(upload, "sys")
            (staging / f"{upload}.part").write_bytes(b"1234")
        ordinary, failed = Staging.free_files, asyncio.Event()

        def refuses_one(self: Staging, upload: str) -> None:
            if upload == ended[0]:
                raise OSError(5, "Input/output error")
            ordinary(self, upload)

        with monkeypatch.context() as patch:
            patch.setattr(Staging, "free_files", refuses_one)
            await IngestRecovery(server.uploads).sweep()
            assert [p.name for p in staging.glob("*.part")] == [f"{ended[0]}.part"]
            assert (await IngestRecovery(server.uploads).run()).unread == [ended[0]]

        looks, loop = 0, asyncio.get_running_loop()

        def away(_: Staging) -> dict[str, int]:
            nonlocal looks
            looks += 1
            if looks == 3:
                loop.call_soon_threadsafe(failed.set)
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(Staging, "uploads", away)
            sweeping = asyncio.create_task(IngestRecovery(server.uploads).keep_sweeping(0.01))
            async with asyncio.timeout(10):
                await failed.wait()
        async with asyncio.timeout(10):
            while list(staging.glob("*.part")):
                await asyncio.sleep(0.01)
        assert not sweeping.done()
        sweeping.cancel()


async def test_offsets_that_are_lost_are_taken_from_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, jobs=False) as server:
        part = await create(server, len(DATA))
        await append(server, part, 0, DATA[:3_000_000])
        whole = await create(server, len(DATA))
        await append(server, whole, 0, DATA)
        never = await create(server, 7)
        await server.database.write(lambda c: c.execute(delete(tables.transfer)))
        await server.database.write(lambda c: c.execute(delete(tables.job)))
        (tmp_path / "staging" / f"{never[-32:]}.part").unlink()
        # A store that links has locked the file before the database was lost.
        (tmp_path / "staging" / f"{whole[-32:]}.part").chmod(0o444)
        opened_to_write = forbid_writing(monkeypatch, f"{whole[-32:]}.part")
    async with running(tmp_path, recover=False) as server:
        report = await IngestRecovery(server.uploads).run()
        assert sorted(report.measured) == sorted(a[-32:] for a in (part, whole, never))
        assert report.sealing == [whole[-32:]]
        assert opened_to_write == []
        await receipt(server, here(server, whole))
        at = here(server, part)
        assert (await head(server, at))[1]["Upload-Offset"] == "3000000"
        assert (await append(server, at, 3_000_000, DATA[3_000_000:]))[0] == 204
        await receipt(server, at)
        assert (await append(server, here(server, never), 0, b"7 bytes"))[0] == 204
        await receipt(server, here(server, never))
        # Sealed uploads have no transfer row after a rebuild; they answer as before.
        await server.database.write(lambda c: c.execute(delete(tables.transfer)))
        at = here(server, whole)
        assert (await head(server, at))[1]["Upload-Offset"] == str(len(DATA))
        assert (await look(server, at))["state"] == "sealed"
        await receipt(server, at)


@pytest.mark.parametrize("behind", [1_000_000, 5_000_000])
async def test_an_offset_of_an_older_database_is_measured_again(
    tmp_path: Path, behind: int
) -> None:
    """The row says less (an older backup) or more (the disk lost bytes) than the disk holds."""
    async with running(tmp_path) as server:
        at = await create(server, len(DATA))
        await append(server, at, 0, DATA[:3_000_000])
        await server.database.write(
            lambda c: c.execute(update(tables.transfer).values(offset=behind))
        )
    async with running(tmp_path, recover=False) as server:
        report = await IngestRecovery(server.uploads).run(remeasure=True)
        assert report.measured == [at[-32:]]
        assert bool(report.short) is (behind > 3_000_000)
        at = here(server, at)
        assert (await head(server, at))[1]["Upload-Offset"] == "3000000"
        assert (await append(server, at, 3_000_000, DATA[3_000_000:]))[0] == 204
        text = await receipt(server, at)
        assert check_receipt(text, [VerifierKey.parse(server.vkey)]).sha256 == SHA


async def test_bytes_acknowledged_before_a_kill_are_there_after_it(tmp_path: Path) -> None:
    """A real process, really killed, a few times within one upload."""
    seen, location, rounds = 0, "", 0
    vkey = ""
    while seen < len(DATA):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.ingest.server", str(tmp_path), "0",
            stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdout is not None
        server = Remote.connect(await process.stdout.readline())
        vkey = server.vkey
        try:
            location = here(server, location) if location else await create(server, len(DATA))
            status, headers = await head(server, location)
            assert status == 200
            assert int(headers["Upload-Offset"]) >= seen
            seen = int(headers["Upload-Offset"])
            step = DATA[seen : seen + 1_900_000]
            assert await append(server, location, seen, step) == (204, str(seen + len(step)))
            seen += len(step)
            if seen < len(DATA):
                os.kill(process.pid, signal.SIGKILL)
            else:
                text = await receipt(server, location)
                assert check_receipt(text, [VerifierKey.parse(vkey)]).sha256 == SHA
                process.terminate()
        finally:
            await server.session.close()
            if process.returncode is None:
                process.kill()
            await process.wait()
        rounds += 1
    assert rounds == 4


async def test_every_state_of_a_complete_upload_is_gone_on_from(tmp_path: Path) -> None:
    """Stopped after storing, and after the act but before freeing: the handler runs again."""
    async with running(tmp_path, jobs=False) as server:
        at = await create(server, len(DATA))
        await append(server, at, 0, DATA)
        copy = (tmp_path / "staging" / f"{at[-32:]}.part").read_bytes()
    async with running(tmp_path) as server:
        first = await receipt(server, here(server, at))
        staging = tmp_path / "staging"
        async with asyncio.timeout(10):
            while list(staging.glob("*.part")):
                await asyncio.sleep(0.02)
        # As if the process had died between the act and the freeing.
        (staging / f"{at[-32:]}.part").write_bytes(copy)
        await server.database.write(
            lambda c: c.execute(update(tables.transfer).values(state="stored"))
        )
        await server.database.write(lambda c: c.execute(delete(tables.job)))
        await IngestRecovery(server.uploads).run()
        async with asyncio.timeout(10):
            while list(staging.glob("*.part")):
                await asyncio.sleep(0.02)
        second = await receipt(server, here(server, at))
        assert first.splitlines()[2] == second.splitlines()[2]  # the same entry
        async with server.database.read() as connection:
            types = (await connection.execute(select(tables.entry.c.type))).scalars().all()
        assert types.count("item.sealed") == 1
