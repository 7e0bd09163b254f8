"""Two copies, a store that is away, an encrypted door: with real processes."""

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.footage import camera
from tests.e2e.server import RealServer, free_port, running


def evidence(store: Path) -> dict[str, bytes]:
    """The originals in a directory store."""
    found = (store / "evidence/o").glob("*")
    return {f.name: f.read_bytes() for f in found if f.is_file() and not f.name.startswith(".")}


async def test_two_copies_lie_in_two_stores_and_one_repairs_the_other(tmp_path: Path) -> None:
    second = tmp_path / "second"
    env = {"LIUHEN_STORES_COPIES": "2", "LIUHEN_SECOND_PATH": str(second)}
    file = camera(tmp_path / "card" / "a.mp4", seconds=1)
    async with running(tmp_path / "server", env=env) as server:
        device = await server.token("upload", source="采集站-01")
        assert (await server.push(file, token=device)).code == 0
        await server.stop()
        first = server.data / "objects"
        assert evidence(first) == evidence(second)
        assert file.read_bytes() in evidence(first).values()
        assert (first / "private/checkpoint").read_bytes() == (
            second / "private/checkpoint"
        ).read_bytes()
        stored = next(
            f for f in (first / "evidence/o").glob("[!.]*") if f.read_bytes() == file.read_bytes()
        )
        stored.chmod(0o600)
        stored.write_bytes(b"other bytes")
        found = await server.command("scrub")
        assert found.code == 1
        assert "1 repaired" in found.out
        clean = await server.command("scrub", "--json")
        kinds = [json.loads(line)["kind"] for line in clean.out.splitlines()]
        assert "repaired" not in kinds


async def test_with_the_store_away_at_start_nothing_is_recorded_until_it_is_back(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    minio = request.getfixturevalue("minio")
    host, _, port = minio.endpoint.partition(":")
    door = free_port()
    env = {
        "LIUHEN_STORE_KIND": "s3",
        "LIUHEN_STORE_ENDPOINT": f"http://127.0.0.1:{door}",
        "LIUHEN_STORE_ACCESS_KEY": minio.access_key,
        "LIUHEN_STORE_SECRET_KEY": minio.secret_key,
        "LIUHEN_STORE_PREFIX": "away",
        "LIUHEN_STORE_CREATE_BUCKETS": "true",
    }
    file = camera(tmp_path / "card" / "a.mp4", seconds=1)
    server = RealServer(tmp_path / "server", env)
    try:
        async with passage(door, host, int(port)):
            await server.start()
            device = await server.token("upload", source="采集站-01")
            await server.stop()
        await server.start(ready=False)
        await server.wait_ready("/healthz")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{server.url}/readyz") as answer:
                assert answer.status == 503
                assert "ledger" in (await answer.json())["parts"]
            headers = {
                "Authorization": f"Bearer {device}", "Tus-Resumable": "1.0.0",
                "Upload-Length": "3", "Upload-Metadata": "filename YQ==",
            }  # fmt: skip
            async with http.post(f"{server.url}/api/uploads/", headers=headers) as answer:
                assert answer.status == 503
                assert "Retry-After" in answer.headers
        pushing = asyncio.create_task(server.push(file, token=device))
        await asyncio.sleep(1)
        async with passage(door, host, int(port)):
            done = await pushing
            assert done.code == 0, done.err + server.words()
            assert (await server.verify(file.with_name("a.mp4.tlog-proof"), file)).code == 0
            assert await server.stop() == 0
    finally:
        await server.kill()


@contextlib.asynccontextmanager
async def passage(door: int, host: str, port: int):  # type: ignore[no-untyped-def]
    """A way from the port `door` to another server, open while the block runs."""
    writers: set[asyncio.StreamWriter] = set()

    async def one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        writers.update((writer, up_writer))
        await asyncio.gather(one_way(reader, up_writer), one_way(up_reader, writer))
        writers.difference_update((writer, up_writer))

    server = await asyncio.start_server(accept, "127.0.0.1", door)
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def certificate(folder: Path) -> Mapping[str, str]:
    """A certificate for 127.0.0.1 that signs itself, as settings."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "liuhen test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "tls.pem", folder / "tls.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"LIUHEN_SERVER_CERTIFICATE": str(pem), "LIUHEN_SERVER_PRIVATE_KEY": str(secret)}


async def test_push_over_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    env = certificate(tmp_path)
    file = camera(tmp_path / "card" / "a.mp4", seconds=1)
    server = RealServer(tmp_path / "server", env)
    try:
        await server.start(ready=False)
        device = ""
        for _ in range(100):
            if "https://127.0.0.1" in server.words():
                break
            await asyncio.sleep(0.2)
        device = await server.token("upload", source="采集站-01")
        url = f"https://127.0.0.1:{server.port}"
        trusting = {"LIUHEN_TOKEN": device, "SSL_CERT_FILE": env["LIUHEN_SERVER_CERTIFICATE"]}
        stranger = await server.command(
            "push", str(file), "--server", url, "--patience", "0", env={"LIUHEN_TOKEN": device}
        )
        assert stranger.code == 4
        assert "certificate" in stranger.err.lower()
        done = await server.command("push", str(file), "--server", url, env=trusting)
        assert done.code == 0, done.err
        assert "not encrypted" not in done.err
    finally:
        await server.kill()
