"""Limits, names, keys and what happens where there is no room."""

import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.limits import LimitError, Limits, Rates
from ingest.names import read_name
from ingest.rules import Load, check_room, check_space
from storage import tables
from storage.disk_real import FolderDisk, FolderFile
from storage.errors import StorageFullError, TooLargeError
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
from verify.notes import VerifierKey
from verify.receipt import check_receipt

DATA = random.Random(5).randbytes(3_000_000)


async def refused(
    server: Server, who: str = "cam-1", **headers: str
) -> tuple[int, dict[str, Any], str]:
    async with server.session.post(
        "/api/uploads/", headers=server.headers(who, **headers)
    ) as answer:
        assert answer.content_type == "application/problem+json"
        return answer.status, await answer.json(), answer.headers.get("Retry-After", "")


def test_names_keep_their_bytes() -> None:
    assert read_name("现场.mp4".encode()) == read_name("现场.mp4".encode())
    assert read_name("现场.mp4".encode()).raw is None
    gbk = read_name("执法记录.mp4".encode("gbk"))
    assert (gbk.text, gbk.raw) == ("执法记录.mp4", "执法记录.mp4".encode("gbk").hex())
    odd = read_name(b"\xff\xff\xfe")
    assert "\ufffd" in odd.text
    assert odd.raw == "fffffe"
    hostile = "../../etc/\u202egpj.exe\x07\n"
    assert read_name(hostile.encode()) == type(gbk)(hostile)
    assert read_name(b"a\0b").raw == "610062"
    assert "\0" not in read_name(b"a\0b").text
    with pytest.raises(TooLargeError):
        read_name(b"a" * 1025)


def test_a_bucket_refills_evenly() -> None:
    rates = Rates(60)
    for _ in range(60):
        rates.take("a", 100.0)
    with pytest.raises(LimitError) as caught:
        rates.take("a", 100.5)
    assert caught.value.retry_after_s == 1
    rates.take("b", 100.5)
    rates.take("a", 101.1)


def test_room_is_what_nobody_else_was_promised() -> None:
    limits = Limits(margin=10, max_size=1000, max_open=3, max_open_per_source=2, staging=500)
    load = Load(open_of_source=0, open_in_all=0, staged=100, coming=50, free=200)
    check_space(140, load, limits)
    with pytest.raises(StorageFullError, match="got 140;"):
        check_space(141, load, limits)
    wide = Load(open_of_source=0, open_in_all=0, staged=400, coming=50, free=10_000)
    check_space(50, wide, limits)
    with pytest.raises(StorageFullError):
        check_space(51, wide, limits)
    with pytest.raises(TooLargeError):
        check_room(1001, load, limits)
    with pytest.raises(LimitError):
        check_room(1, Load(2, 2, 0, 0, 10_000), limits)
    with pytest.raises(LimitError):
        check_room(1, Load(0, 3, 0, 0, 10_000), limits)


async def test_creation_is_refused_with_the_time_to_come_again(tmp_path: Path) -> None:
    limits = Limits(margin=0, staging=5_000_000, max_open_per_source=2, creations_per_minute=6)
    async with running(tmp_path, limits=limits) as server:
        await create(server, 4_000_000)
        status, problem, after = await refused(server, **{"Upload-Length": "2000000"})
        assert (status, problem["code"], after) == (507, "storage-full", "60")
        assert "2000000 bytes, got 1000000" in problem["title"]
        await create(server, 1_000_000)
        status, problem, after = await refused(server, **{"Upload-Length": "0"})
        assert (status, problem["code"], after) == (429, "too-many", "30")
        long = {"Upload-Length": "1", "Upload-Metadata": "a " + "YWFh" * 10_000}
        assert (await refused(server, "cam-2", **long))[0] in (400, 413)
        for _ in range(3):
            await refused(server, **{"Upload-Length": "0"})
        status, problem, after = await refused(server, **{"Upload-Length": "0"})
        assert status == 429
        assert "a minute" in problem["title"]
        assert 1 <= int(after) <= 10


async def test_a_full_disk_keeps_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_at = FolderFile.write_at

    def full(self: FolderFile, offset: int, buffers: Any) -> None:
        if self._path.endswith(".part") and offset >= 1 << 20:
            raise StorageFullError("the disk: expected room, got none")
        write_at(self, offset, buffers)

    async with running(tmp_path) as server:
        at = await create(server, len(DATA))
        assert await append(server, at, 0, DATA[: 1 << 20]) == (204, str(1 << 20))
        monkeypatch.setattr(FolderFile, "write_at", full)
        assert (await append(server, at, 1 << 20, DATA[1 << 20 :]))[0] == 507
        monkeypatch.undo()
        assert (await head(server, at))[1]["Upload-Offset"] == str(1 << 20)
        assert (await append(server, at, 1 << 20, DATA[1 << 20 :]))[0] == 204
        await receipt(server, at)


async def test_a_deferred_length_has_to_fit_when_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, limits=Limits(margin=0, staging=1_000_000)) as server:
        at = await create(server, None)
        assert (await append(server, at, 0, DATA[:500_000]))[0] == 204
        more = {"Upload-Length": str(len(DATA))}
        assert (await append(server, at, 500_000, DATA[500_000:], **more))[0] == 507
        assert (await append(server, at, 500_000, DATA[500_000:1_500_000]))[0] == 507
        monkeypatch.setattr(FolderDisk, "free", lambda *_: 0)
        assert (await append(server, at, 500_000, b"x"))[0] == 507


async def test_an_expired_upload_is_taken_up_again_only_where_its_rest_has_room(
    tmp_path: Path,
) -> None:
    """Its reservation ended with it and went to another; two may not be promised the same room."""
    clock = Later()
    limits = Limits(staging=3_500_000, margin=0)
    async with running(tmp_path, limits=limits, clock=clock, jobs=False) as server:
        first = await create(server, len(DATA), key="k")
        await append(server, first, 0, DATA[:1_000_000])
        clock.ahead_ms = 8 * 24 * 3600 * 1000
        other = await create(server, 2_000_000, key="other")
        again = {"Upload-Length": str(len(DATA)), "Upload-Metadata": metadata(key="k")}
        status, problem, wait = await refused(server, **again)
        assert (status, problem["code"], bool(wait)) == (507, "storage-full", True)
        assert (await look(server, first))["state"] == "interrupted"
        async with server.session.delete(other, headers=server.headers()) as answer:
            assert answer.status == 204
        assert await create(server, len(DATA), key="k") == first
        assert (await head(server, first))[1]["Upload-Offset"] == "1000000"


async def test_the_same_key_and_the_same_file_get_the_old_upload(tmp_path: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    async with running(tmp_path) as server:
        first = await create(server, len(DATA), key="k", sha256=digest, filename="a")
        await append(server, first, 0, DATA[:1000])
        headers = server.headers(
            **{
                "Upload-Length": str(len(DATA)),
                "Upload-Metadata": metadata(sha256=digest),
                "Idempotency-Key": "k",
            }
        )
        async with server.session.post("/api/uploads/", headers=headers) as answer:
            assert (answer.status, answer.headers["Location"]) == (201, first)
            assert answer.headers["Upload-Offset"] == "1000"
        wrong = {"Upload-Length": "5", "Upload-Metadata": metadata(key="k")}
        status, problem, _ = await refused(server, **wrong)
        assert (status, problem["code"]) == (409, "conflict")
        assert await create(server, 5, "cam-2", key="k") != first

        await append(server, first, 1000, DATA[1000:])
        proof = await receipt(server, first)
        size = (await entries(server))["all"]
        again = await create(server, len(DATA), key="another", sha256=digest)
        assert again == first
        assert (await entries(server))["all"] == size
        assert (await head(server, again))[1]["Upload-Offset"] == str(len(DATA))

        # Without an announced hash it is known only once the bytes are here.
        twice = await create(server, len(DATA), filename="b")
        await append(server, twice, 0, DATA)
        assert same_entry(await receipt(server, twice), proof)
        shown = await look(server, twice)
        assert (shown["state"], shown["reason"]) == ("sealed", "duplicate")
        await staged(server, 0)  # cam-2 has sent nothing yet

        # The same bytes from elsewhere are an item of their own.
        other = await create(server, len(DATA), "cam-2", sha256=digest)
        assert (await server.session.patch(
            other, data=DATA,
            headers=server.headers("cam-2", **{
                "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
            }),
        )).status == 204  # fmt: skip
        assert not same_entry(await receipt(server, other, "cam-2"), proof)
        assert (await entries(server))["item.sealed"] == 2


def same_entry(one: str, other: str) -> bool:
    def extra(text: str) -> str:
        return next(line for line in text.splitlines() if line.startswith("index "))

    return extra(one) == extra(other)


async def entries(server: Server) -> dict[str, int]:
    async with server.database.read() as connection:
        types = (await connection.execute(select(tables.entry.c.type))).scalars().all()
    return Counter(types) + Counter({"all": len(types)})


async def test_who_hands_over_for_which_source(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        length = {"Upload-Length": "3"}
        assert (await refused(server, "hand", **length))[0] == 400
        named = metadata(source="cam-2")
        at = await create(server, 3, "hand", source="cam-2")
        assert (await look(server, at, "hand"))["source"] == "cam-2"
        assert (await refused(server, "cam-1", **length, **{"Upload-Metadata": named}))[0] == 403
        unknown = {"Upload-Metadata": metadata(source="cam-9")}
        assert (await refused(server, "hand", **length, **unknown))[0] == 404
        assert (await refused(server, "officer", **length))[0] == 403
        assert (await look(server, at, "officer"))["state"] == "receiving"


async def test_nothing_is_recorded_before_the_server_has_compared(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        at = await create(server, len(DATA), key="k")
        await append(server, at, 0, DATA[:1000])
    async with running(tmp_path, compare=False) as server:
        at = server.url + at[at.index("/api/") :]
        status, problem, after = await refused(server, **{"Upload-Length": "3"})
        assert (status, problem["code"], after) == (503, "not-compared", "5")
        # A running upload goes on into staging.
        assert (await head(server, at))[1]["Upload-Offset"] == "1000"
        assert (await append(server, at, 1000, DATA[1000:]))[0] == 204
        assert (await look(server, at))["state"] == "received"
        async with server.session.get(f"{at}/receipt", headers=server.headers()) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
    async with running(tmp_path) as server:
        at = server.url + at[at.index("/api/") :]
        text = await receipt(server, at)
        assert check_receipt(text, [VerifierKey.parse(server.vkey)]).size == len(DATA)
