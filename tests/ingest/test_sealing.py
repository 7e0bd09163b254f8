"""Sealing under faults: nothing is sealed that does not read back, nothing is freed too early."""

import asyncio
import errno
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from ingest.limits import Limits
from ingest.recovery import IngestRecovery
from ingest.staging import Staging
from storage import tables
from storage.clock import SystemClock
from storage.disk_real import FolderDisk
from storage.ledger import Event
from storage.objects.directory import DirectoryStore
from storage.objects.port import Class, Content, Stored, read_all
from tests.ingest.server import (
    Later,
    Server,
    append,
    create,
    head,
    look,
    metadata,
    receipt,
    running,
    staged,
)
from verify.errors import UnavailableError
from verify.notes import VerifierKey
from verify.receipt import check_receipt

DATA = random.Random(7).randbytes(2_500_000)
SHA = hashlib.sha256(DATA).hexdigest()


class Faulty(DirectoryStore):
    """A directory store that is away, forgets to answer, or reads back other bytes, when told."""

    away = False
    lose_answer = False  # the next create succeeds and says that it did not
    flip = 0  # how many of the next reads of an original come back changed
    created: int = 0

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        if self.away and class_ is Class.EVIDENCE:
            raise UnavailableError("store: expected an answer, got none")
        stored = await super().create(class_, key, content, retain_until=retain_until)
        self.created += class_ is Class.EVIDENCE
        if self.lose_answer and class_ is Class.EVIDENCE:
            self.lose_answer = False
            raise UnavailableError("store: expected an answer, got none")
        return stored

    async def read(
        self,
        class_: Class,
        key: str,
        *,
        version: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        flip = class_ is Class.EVIDENCE and not key.endswith(".tree") and self.flip > 0
        self.flip -= flip
        async for piece in super().read(class_, key, version=version, start=start, end=end):
            yield bytes([piece[0] ^ 1]) + piece[1:] if flip else piece
            flip = False


def faulty(folder: Path, name: str = "directory") -> Faulty:
    return Faulty(FolderDisk(folder), "objects", name=name)


async def send(server: Server, data: bytes = DATA, **meta: str) -> str:
    at = await create(server, len(data), **meta)
    assert (await append(server, at, 0, data))[0] == 204
    return at


async def item_of(server: Server) -> Any:
    async with server.database.read() as connection:
        return (await connection.execute(select(tables.item))).one()


async def until(ready: Callable[[], Any]) -> Any:
    async with asyncio.timeout(15):
        while not (found := await ready()):
            await asyncio.sleep(0.05)
        return found


async def test_sealing_is_due_as_soon_as_the_last_byte_is_durable(tmp_path: Path) -> None:
    async with running(tmp_path, jobs=False) as server:
        for _ in range(3):  # whatever part of a second it is
            location = await create(server, 3)
            assert (await append(server, location, 0, b"abc"))[0] == 204
        now = SystemClock().now_ms()
        async with server.database.read() as connection:
            due = (await connection.execute(select(tables.job.c.run_at_ms))).scalars().all()
    assert len(due) == 3
    assert max(due) <= now


async def test_two_stores_each_hold_the_bytes_and_their_hashes(tmp_path: Path) -> None:
    first, second = faulty(tmp_path / "a", "one"), faulty(tmp_path / "b", "two")
    seen: list[Event] = []

    def after(connection: Connection, event: Event) -> None:
        assert connection.execute(select(tables.item.c.id)).scalar_one() == event.fields["item"]
        seen.append(event)

    async with running(tmp_path, stores=[first, second], after_sealed=[after]) as server:
        await receipt(server, await send(server, filename="a"))
        assert [event.type for event in seen] == ["item.sealed"]
        row = await item_of(server)
        objects = seen[0].fields["objects"]
        assert [(o["store"], o["what"]) for o in objects] == [
            ("one", "original"), ("one", "tree"), ("two", "original"), ("two", "tree"),
        ]  # fmt: skip
        for store in (first, second):
            key = next(o["key"] for o in objects if o["store"] == store.name)
            assert await read_all(store, Class.EVIDENCE, key) == DATA
            stored = await store.stat(Class.EVIDENCE, key)
            assert stored.retain_until == datetime.fromisoformat(row.retain_until)
        days = datetime.fromisoformat(row.retain_until) - datetime.now(UTC)
        assert timedelta(days=179) < days < timedelta(days=181)
        assert (row.sha256, row.marks) == (SHA, "[]")


async def test_how_many_copies_there_are_is_told_as_each_is_read_back(tmp_path: Path) -> None:
    first, second = faulty(tmp_path / "a", "one"), faulty(tmp_path / "b", "two")
    second.away = True
    async with running(tmp_path, stores=[first, second], jobs=False) as server:
        at = await send(server)
        said = await look(server, at)
        assert (said["state"], said["copies"]) == ("received", 0)
        jobs = asyncio.create_task(server.runner.run())

        async def one() -> bool:
            return bool((await look(server, at))["copies"])

        await until(one)
        said = await look(server, at)
        assert (said["state"], said["copies"]) == ("stored", 1)
        second.away = False
        await receipt(server, at)
        said = await look(server, at)
        assert (said["state"], said["copies"]) == ("sealed", 2)
        again = await look(server, await create(server, len(DATA), sha256=SHA))
        assert (again["item"], again["copies"]) == (said["item"], 2)
        jobs.cancel()


async def test_with_the_store_away_receiving_goes_on_and_sealing_catches_up(tmp_path: Path) -> None:
    store = faulty(tmp_path)
    store.away = True
    async with running(
        tmp_path, stores=[store], limits=Limits(margin=0, staging=6_000_000)
    ) as server:
        at = await send(server)
        other = random.Random(8).randbytes(2_500_000)
        await send(server, other)

        async def told() -> bool:
            return "store" in (await look(server, at)).get("problem", "")

        await until(told)
        assert (await look(server, at))["state"] == "received"
        full = server.headers(**{"Upload-Length": "2000000"})
        async with server.session.post("/api/uploads", headers=full) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (507, "60")
            assert "sealing makes room" in (await answer.json())["title"]
        store.away = False
        assert (
            check_receipt(await receipt(server, at), [VerifierKey.parse(server.vkey)]).sha256 == SHA
        )
        assert "problem" not in await look(server, at)


async def test_a_lost_answer_of_the_store_does_not_store_twice(tmp_path: Path) -> None:
    store = faulty(tmp_path)
    store.lose_answer = True
    async with running(tmp_path, stores=[store]) as server:
        await receipt(server, await send(server))
        kept = [key async for key in store.list(Class.EVIDENCE) if not key.endswith(".tree")]
        assert len(kept) == 1
        assert store.created == 2  # the original once, its chunk hashes once


async def test_bytes_that_read_back_different_are_never_sealed(tmp_path: Path) -> None:
    store = faulty(tmp_path)
    store.flip = 1
    async with running(tmp_path, stores=[store]) as server:
        at = await send(server)
        text = await receipt(server, at)
        assert check_receipt(text, [VerifierKey.parse(server.vkey)]).sha256 == SHA
        # The object that read back wrong is not trusted again, and nothing removed it.
        kept = [key async for key in store.list(Class.EVIDENCE) if not key.endswith(".tree")]
        assert len(kept) == 2


async def test_staging_that_rots_is_told_and_not_stored_again_and_again(tmp_path: Path) -> None:
    async with running(tmp_path, jobs=False) as server:
        at = await send(server)
        upload = at.rpartition("/")[2]
        path = tmp_path / "staging" / f"{upload}.part"
        data = bytearray(path.read_bytes())
        data[2_000_000] ^= 1
        path.write_bytes(data)
        task = asyncio.create_task(server.runner.run())

        async def told() -> bool:
            return "disk has changed" in (await look(server, at)).get("problem", "")

        await until(told)
        await asyncio.sleep(0.5)
        assert (await look(server, at))["state"] == "received"
        assert path.exists()
        kept = [k async for k in server.stores[0].list(Class.EVIDENCE) if not k.endswith(".tree")]
        assert len(kept) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_staging_disk_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async with running(tmp_path, jobs=False) as server:
        at = await send(server)
        monkeypatch.setattr(Staging, "held", broken)
        task = asyncio.create_task(server.runner.run())

        async def told() -> bool:
            return (await look(server, at)).get("problem", "").startswith("disk: ")

        await until(told)
        monkeypatch.undo()
        await receipt(server, at)  # it catches up by itself
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_bytes_other_than_announced_are_sealed_and_marked(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        wrong = "0" * 64
        await receipt(server, await send(server, sha256=wrong, manifest='{"counter":7,"size":5}'))
        row = await item_of(server)
        assert row.sha256 == SHA
        assert row.marks == '["manifest-mismatch"]'
        assert row.announced == f'{{"manifest_size":5,"sha256":"{wrong}"}}'
        # A marked item stands for nothing else: the same bytes announced rightly are sealed, too.
        await receipt(server, await send(server, sha256=SHA))
        async with server.database.read() as connection:
            marks = (await connection.execute(select(tables.item.c.marks))).scalars().all()
        assert sorted(marks) == ['["manifest-mismatch"]', "[]"]


async def test_the_same_bytes_at_the_same_time_become_one_item(tmp_path: Path) -> None:
    store = faulty(tmp_path)
    async with running(tmp_path, stores=[store], jobs=False) as server:
        one, two = await send(server), await send(server)
        task = asyncio.create_task(server.runner.run())
        await asyncio.gather(receipt(server, one), receipt(server, two))
        shown = [await look(server, at) for at in (one, two)]
        assert shown[0]["item"] == shown[1]["item"]
        assert store.created == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def act(server: Server, at: str, what: str, who: str = "officer", **body: str) -> int:
    async with server.session.post(
        f"{at}/{what}", json=body, headers=server.headers(who)
    ) as answer:
        return answer.status


async def test_an_interrupted_prefix_is_kept_until_a_person_decides(tmp_path: Path) -> None:
    clock = Later()
    async with running(tmp_path, clock=clock) as server:
        sealed, gone, nothing, back = [
            await create(server, len(DATA), key=f"{number}") for number in range(4)
        ]
        await append(server, back, 0, DATA[:1_000_000])
        for at in (sealed, gone):
            await append(server, at, 0, DATA[:1_234_567])
        clock.ahead_ms = 8 * 24 * 3600 * 1000
        for at in (sealed, gone, nothing):
            assert (await head(server, at))[0] == 410
        assert (await append(server, sealed, 1_234_567, DATA[1_234_567:]))[0] == 410
        async with server.session.delete(gone, headers=server.headers()) as answer:
            assert answer.status == 410
        shown = await look(server, gone)
        assert (shown["state"], shown["offset"]) == ("interrupted", 1_234_567)

        await IngestRecovery(server.uploads).sweep()
        assert (await look(server, nothing))["reason"] == "expired"
        assert (await look(server, sealed))["state"] == "interrupted"
        await staged(server, 1_000_000, 1_234_567, 1_234_567)

        # Its source announces it again: it goes on where it was.
        assert (await head(server, back))[0] == 410
        assert await create(server, len(DATA), key="3") == back
        assert (await head(server, back))[1]["Upload-Offset"] == "1000000"
        assert (await append(server, back, 1_000_000, DATA[1_000_000:]))[0] == 204
        await receipt(server, back)

        assert await act(server, gone, "discard") == 400
        assert await act(server, gone, "discard", who="cam-1", reason="x") == 403
        assert await act(server, gone, "discard", reason="camera lost") == 200
        assert (await look(server, gone))["reason"] == "discarded"
        assert await act(server, gone, "seal", reason="too late") == 409
        assert await act(server, sealed, "seal", reason="the card is broken") == 202
        text = await receipt(server, sealed)
        facts = check_receipt(text, [VerifierKey.parse(server.vkey)])
        assert facts.sha256 == hashlib.sha256(DATA[:1_234_567]).hexdigest()
        assert (await head(server, sealed))[0] == 410
        async with server.database.read() as connection:
            row = (
                await connection.execute(
                    select(tables.item).where(tables.item.c.upload == sealed[-32:])
                )
            ).one()
        assert row.marks == '["incomplete"]'
        assert row.announced == f'{{"size":{len(DATA)}}}'
        async with server.database.read() as connection:
            said = (
                await connection.execute(
                    select(tables.entry.c.bytes, tables.disclosure.c.disclosed)
                    .join(tables.disclosure, tables.disclosure.c.index == tables.entry.c.index)
                    .where(tables.entry.c.index == row.sealed_index)
                )
            ).one()
        assert "the card is broken" in said.disclosed
        assert b'"actor":"u:' in said.bytes
        await staged(server)


async def test_hostile_names_are_kept_as_they_are(tmp_path: Path) -> None:
    names: dict[str | bytes, str | None] = {
        "../../../etc/passwd": None,
        "\u202egpj.exe": None,
        "a\x07b\x1b[31m\n.mp4": None,
        "执法.mp4".encode("gbk"): "执法.mp4",
        b"\xff\xfe": None,
        "x" * 1024: None,
    }
    async with running(tmp_path) as server:
        for number, (name, text) in enumerate(names.items()):
            at = await create(server, 1, filename=name, filetype="bad\ntype")
            await append(server, at, 0, bytes([number]))
            await receipt(server, at)
            shown = (await look(server, at))["name"]
            if text is not None or isinstance(name, str):
                assert shown == (text or name)
        assert not (tmp_path.parent / "passwd").exists()
        async with server.database.read() as connection:
            raws = (await connection.execute(select(tables.item.c.name_raw))).scalars().all()
        assert sorted(raw for raw in raws if raw) == sorted(
            [b"\xff\xfe".hex(), "执法.mp4".encode("gbk").hex()]
        )


@pytest.mark.parametrize("end", ["discarded", "terminated", "expired", "incomplete"])
async def test_a_file_whose_upload_came_to_nothing_is_announced_again(
    tmp_path: Path, end: str
) -> None:
    """The key of an upload that brought no whole item is free: its device may come back."""
    clock = Later()
    async with running(tmp_path, clock=clock) as server:
        first = await create(server, len(DATA), key="k", sha256=hashlib.sha256(DATA).hexdigest())
        if end != "expired":
            await append(server, first, 0, DATA[:1_234_567])
        if end == "terminated":
            async with server.session.delete(first, headers=server.headers()) as answer:
                assert answer.status == 204
        elif end == "expired":
            clock.ahead_ms = 8 * 24 * 3600 * 1000
            await IngestRecovery(server.uploads).sweep()
        elif end == "discarded":
            assert await act(server, first, "discard", reason="camera lost") == 200
        else:
            assert await act(server, first, "seal", reason="the card is broken") == 202
            await receipt(server, first)
        again = await create(server, len(DATA), key="k", sha256=hashlib.sha256(DATA).hexdigest())
        assert again != first
        assert (await head(server, again))[1]["Upload-Offset"] == "0"
        assert (await append(server, again, 0, DATA))[0] == 204
        facts = check_receipt(await receipt(server, again), [VerifierKey.parse(server.vkey)])
        assert facts.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_while_a_prefix_is_being_sealed_its_file_is_asked_to_come_again(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, jobs=False) as server:
        first = await create(server, len(DATA), key="k")
        await append(server, first, 0, DATA[:1_234_567])
        assert await act(server, first, "seal", reason="the card is broken") == 202
        headers = {"Upload-Length": str(len(DATA)), "Upload-Metadata": metadata(key="k")}
        async with server.session.post("/api/uploads", headers=server.headers(**headers)) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert "sealed as incomplete" in (await answer.json())["title"]


async def test_a_device_that_comes_back_during_the_sweep_keeps_its_upload(tmp_path: Path) -> None:
    """The sweep looked while it was expired and empty; its end must be decided by what is now."""
    clock = Later()
    async with running(tmp_path, clock=clock) as server:
        at = await create(server, len(DATA), key="k")
        clock.ahead_ms = 8 * 24 * 3600 * 1000
        recovery = IngestRecovery(server.uploads)
        assert await create(server, len(DATA), key="k") == at  # announced again: taken up again
        assert (await append(server, at, 0, DATA[:1_000_000]))[0] == 204
        await recovery._expire(at[-32:])
        assert (await head(server, at))[1]["Upload-Offset"] == "1000000"
        assert (await append(server, at, 1_000_000, DATA[1_000_000:]))[0] == 204
        await receipt(server, at)
