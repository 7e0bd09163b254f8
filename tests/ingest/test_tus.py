"""tus 1.0.0 as the server speaks it, sentence by sentence."""

import base64
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.metrics import Metrics
from ingest import tus
from ingest.limits import Limits
from storage.errors import TooLargeError
from tests.ingest.server import append, create, head, look, metadata, receipt, running
from verify.errors import MalformedError
from verify.receipt import parse_receipt

DATA = random.Random(2).randbytes(300_000)
BODY = "application/offset+octet-stream"


def test_metadata_is_read_strictly() -> None:
    assert tus.parse_metadata("") == {}
    assert tus.parse_metadata("a YQ==,b") == {"a": b"a", "b": b""}
    for bad in ("a YQ==,a YQ==", "a %%", " ,", "a YQ==,", "é YQ==", "a Y"):
        with pytest.raises(MalformedError):
            tus.parse_metadata(bad)


def test_creation_is_read_strictly() -> None:
    asked = tus.parse_creation(
        {"Upload-Length": "7", "Upload-Metadata": "a  YQ=="}, max_metadata=100
    )
    assert (asked.length, asked.raw, asked.metadata) == (7, "a  YQ==", {"a": b"a"})
    for bad in (
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": str(2**53)},
        {"Upload-Length": "１"},
        {"Upload-Length": "7", "Upload-Concat": "partial"},
    ):
        with pytest.raises(MalformedError):
            tus.parse_creation(bad, max_metadata=100)
    with pytest.raises(TooLargeError):
        tus.parse_creation({"Upload-Length": "7", "Upload-Metadata": "a" * 101}, max_metadata=100)


def test_checksums_are_read_strictly() -> None:
    good = base64.b64encode(hashlib.sha1(b"x", usedforsecurity=False).digest()).decode()
    assert tus.parse_checksum(f"sha1 {good}") is not None
    for bad in (f"md5 {good}", f"sha256 {good}", "sha1 %", "sha1", ""):
        with pytest.raises(MalformedError):
            tus.parse_checksum(bad)


async def test_the_protocol_around_one_upload(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(margin=0, max_size=1_000_000)) as server:
        client = server.session
        async with client.options("/api/uploads/") as answer:
            assert answer.status == 204
            assert answer.headers["Tus-Version"] == "1.0.0"
            assert "creation-defer-length" in answer.headers["Tus-Extension"].split(",")
            assert answer.headers["Tus-Max-Size"] == "1000000"
            assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
        without = {"Authorization": "Bearer cam-1", "Upload-Length": "1"}
        async with client.post("/api/uploads", headers=without) as answer:
            assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")
        async with client.post("/api/uploads", headers={"Tus-Resumable": "1.0.0"}) as answer:
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        large = server.headers(**{"Upload-Length": "1000001"})
        async with client.post("/api/uploads", headers=large) as answer:
            assert answer.status == 413
            assert answer.headers["Tus-Resumable"] == "1.0.0"
            assert (await answer.json())["code"] == "too-large"

        sent = metadata(filename="a.mp4") + ",empty"
        asked = server.headers(**{"Upload-Length": str(len(DATA)), "Upload-Metadata": sent})
        async with client.post("/api/uploads", headers=asked) as answer:
            assert answer.status == 201
            assert answer.headers["Upload-Offset"] == "0"
            assert answer.headers["Upload-Expires"].endswith("GMT")
            at = answer.headers["Location"]
        status, headers = await head(server, at)
        assert (status, headers["Upload-Metadata"]) == (200, sent)

        assert (await append(server, at, 1, DATA))[0] == 409
        assert (await append(server, at, 0, DATA, **{"Content-Type": "video/mp4"}))[0] == 415
        assert (await append(server, at, 0, DATA + b"x"))[0] == 413
        assert (await append(server, at, 0, DATA, **{"Upload-Offset": "x"}))[0] == 400
        assert (await append(server, at, 0, DATA, **{"Tus-Resumable": "0.2.2"}))[0] == 412
        assert (await head(server, at))[1]["Upload-Offset"] == "0"
        assert await append(server, at, 0, DATA[:100]) == (204, "100")

        override = server.headers(
            **{"Upload-Offset": "100", "Content-Type": BODY, "X-HTTP-Method-Override": "PATCH"}
        )
        async with client.post(at, data=DATA[100:200], headers=override) as answer:
            assert (answer.status, answer.headers["Upload-Offset"]) == (204, "200")
        override["X-HTTP-Method-Override"] = "PUT"
        async with client.post(at, data=b"", headers=override) as answer:
            assert answer.status == 400

        assert await append(server, at, 200, DATA[200:]) == (204, str(len(DATA)))
        assert await append(server, at, len(DATA), b"") == (204, str(len(DATA)))
        assert (await append(server, at, len(DATA), b"x"))[0] == 413
        async with client.delete(at, headers=server.headers()) as answer:
            assert answer.status == 409
        await receipt(server, at)
        assert (await head(server, at.replace(at[-4:], "0000")))[0] == 404
        assert (await head(server, at, "cam-2"))[0] == 404
        assert (await head(server, at, "nobody"))[0] == 403


async def test_a_chunked_body_cannot_go_beyond_the_length(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        at = await create(server, 1000)

        async def body() -> AsyncIterator[bytes]:
            yield DATA[:900]
            yield DATA[900:1100]

        more = server.headers(**{"Upload-Offset": "0", "Content-Type": BODY})
        async with server.session.patch(at, data=body(), headers=more) as answer:
            assert answer.status == 413
        assert (await look(server, at))["state"] == "receiving"


async def test_creation_with_upload_and_deferred_length(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        more = server.headers(**{"Upload-Length": str(len(DATA)), "Content-Type": BODY})
        async with server.session.post("/api/uploads/", data=DATA, headers=more) as answer:
            assert answer.status == 201
            assert answer.headers["Upload-Offset"] == str(len(DATA))
            await receipt(server, answer.headers["Location"])
        more["Content-Type"] = "text/plain"
        async with server.session.post("/api/uploads/", data=DATA, headers=more) as answer:
            assert answer.status == 415

        at = await create(server, None)
        assert (await head(server, at))[1]["Upload-Defer-Length"] == "1"
        assert await append(server, at, 0, DATA[:1000]) == (204, "1000")
        short = {"Upload-Length": "999"}
        assert (await append(server, at, 1000, b"", **short))[0] == 409
        length = {"Upload-Length": "2000"}
        assert await append(server, at, 1000, DATA[1000:1500], **length) == (204, "1500")
        assert (await head(server, at))[1]["Upload-Length"] == "2000"
        assert (await append(server, at, 1500, b"", **{"Upload-Length": "2001"}))[0] == 409
        assert await append(server, at, 1500, DATA[1500:2000]) == (204, "2000")
        await receipt(server, at)

        # The length comes last, with nothing after it.
        at = await create(server, None)
        assert await append(server, at, 0, DATA) == (204, str(len(DATA)))
        last = {"Upload-Length": str(len(DATA))}
        assert await append(server, at, len(DATA), b"", **last) == (204, str(len(DATA)))
        await receipt(server, at)


async def test_a_wrong_checksum_discards_the_bytes_and_nothing_else(tmp_path: Path) -> None:
    def said(algorithm: str, data: bytes) -> dict[str, str]:
        digest = hashlib.new(algorithm, data).digest()
        return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}

    async with running(tmp_path) as server:
        at = await create(server, len(DATA))
        first, rest = DATA[:123_456], DATA[123_456:]
        assert await append(server, at, 0, first, **said("sha256", first)) == (204, "123456")
        assert (await append(server, at, 123_456, rest, **said("sha1", first)))[0] == 460
        assert (await head(server, at))[1]["Upload-Offset"] == "123456"
        (held,) = server.uploads.staging.uploads().values()
        assert held == 123_456
        unknown = {"Upload-Checksum": "md5 AAAA"}
        assert (await append(server, at, 123_456, rest, **unknown))[0] == 400
        assert await append(server, at, 123_456, rest, **said("sha1", rest)) == (
            204,
            str(len(DATA)),
        )
        facts = parse_receipt(await receipt(server, at))
        assert hashlib.sha256(DATA).hexdigest() in str(facts)


async def test_damage_again_and_again_is_an_alarm_and_what_is_durable_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    async with running(tmp_path) as server:
        server.uploads.meter = metrics
        at = await create(server, len(DATA))
        wrong = {"Upload-Checksum": f"sha1 {base64.b64encode(bytes(20)).decode()}"}
        for number in range(4):
            assert (await append(server, at, 0, DATA, **wrong))[0] == 460
            assert bool(caplog.records) is (number >= 2)
        assert at[-32:] in caplog.text
        assert await append(server, at, 0, DATA) == (204, str(len(DATA)))
        await receipt(server, at)
        other = await create(server, len(DATA))
        await append(server, other, 0, DATA[:1000])
        async with server.database.read() as connection:
            now = server.uploads.clock.now_ms() + 8 * 24 * 3600 * 1000
            said = (await metrics.text(connection, now)).decode().splitlines()
        assert {
            "liuhen_upload_damaged_total 4.0",
            "liuhen_upload_damaged_alarms_total 1.0",
            f"liuhen_upload_bytes_total {float(len(DATA) + 1000)}",
            "liuhen_uploads_interrupted 1.0",
        } <= set(said)


async def test_nothing_at_all_is_a_file_too(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        at = await create(server, 0, filename="empty.wav")
        assert (await head(server, at))[1]["Upload-Offset"] == "0"
        await receipt(server, at)
        assert (await look(server, at))["state"] == "sealed"


async def test_termination_before_completion(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        at = await create(server, len(DATA))
        await append(server, at, 0, DATA[:5000])
        async with server.session.delete(at, headers=server.headers()) as answer:
            assert answer.status == 204
        assert (await head(server, at))[0] == 410
        assert (await append(server, at, 5000, DATA[5000:]))[0] == 410
        shown = await look(server, at)
        assert (shown["state"], shown["reason"], shown["offset"]) == ("aborted", "terminated", 5000)
        assert server.uploads.staging.uploads() == {}
        async with server.session.delete(at, headers=server.headers()) as answer:
            assert answer.status == 410


async def test_the_address_is_absolute_and_as_the_composition_says(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    async with running(tmp_path) as server:
        more = server.headers(**{"Upload-Length": "1"}, **forwarded)
        async with server.session.post("/api/uploads/", headers=more) as answer:
            assert answer.headers["Location"].startswith(f"{server.url}/api/uploads/")
        for host in ("a b", 'x"><script>', "a/../b", ""):
            async with server.session.post(
                "/api/uploads/", headers=more | {"Host": host}
            ) as answer:
                assert answer.status == 400, host
    behind = "https://evidence.example:8443/liuhen"
    async with running(tmp_path / "two", base=lambda _: behind) as server:
        more = server.headers(**{"Upload-Length": "1"})
        async with server.session.post("/api/uploads/", headers=more) as answer:
            assert answer.headers["Location"].startswith(f"{behind}/api/uploads/")
