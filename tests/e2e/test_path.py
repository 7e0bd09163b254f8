"""The whole path, with real processes: file, cut, restart, receipt, case; provable offline."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.e2e.footage import bulky, camera
from tests.e2e.relay import Relay
from tests.e2e.server import RealServer, running

NUMBER = "沪城管罚〔2026〕17号"


def stat_of(path: Path) -> tuple[object, ...]:
    found = path.stat()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode, digest


async def api(
    server: RealServer, token: str, method: str, path: str, body: object = None
) -> object:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, server.url + path, json=body, headers=headers) as answer,
    ):
        text = await answer.text()
        assert answer.status < 300, (answer.status, text)
        return json.loads(text)


async def test_a_recording_survives_kill_9_in_mid_upload_and_is_proved_in_its_case(
    tmp_path: Path, shape: Mapping[str, str]
) -> None:
    card = tmp_path / "card"
    file = bulky(card / "现场 001.avi")
    small = camera(card / "现场 002.mp4")
    before = {f: stat_of(f) for f in (file, small)}
    async with running(tmp_path / "server", env=shape) as server:
        device = await server.token("upload", source="采集站-01")
        person = await server.token("read", "case", name="审核员")
        case = {"number": NUMBER, "kind": "penalty", "title": "占道经营", "officers": ["张三"]}
        made = await api(server, person, "POST", "/api/cases", case)
        assert isinstance(made, dict)

        async with Relay(server.port, after=file.stat().st_size // 2, event=server.kill) as relay:
            pushing = await server.begin(
                "push", str(card), "--server", relay.url, "--case", NUMBER, "--jobs", "1",
                "--patience", "100", "--key", server.vkey, "--json",
                env={"LIUHEN_TOKEN": device},
            )  # fmt: skip
            await asyncio.wait_for(relay.happened.wait(), 60)
            await asyncio.sleep(0.5)
            await server.start()
            out, err = await asyncio.wait_for(pushing.communicate(), 120)
            assert pushing.returncode == 0, (out.decode(), err.decode(), server.words())
            # What was durable before the kill was not sent again.
            assert relay.sent < file.stat().st_size * 2
        ended = [json.loads(line) for line in out.decode().splitlines()]
        assert [e["status"] for e in ended if e["event"] == "ended"] == ["stored", "stored"]
        assert any("no answer" in e.get("text", "") for e in ended if e["event"] == "note")

        for recording in (file, small):
            receipt = recording.with_name(recording.name + ".tlog-proof")
            verified = await server.verify(receipt, recording)
            assert verified.code == 0, verified.out + verified.err
        assert {f: stat_of(f) for f in (file, small)} == before

        found = await in_case(server, person, made["id"])
        assert sorted(str(i["name"]) for i in found) == [file.name, small.name]

        again = await server.push(card, token=device, options=("--case", NUMBER))
        assert again.code == 0
        assert "2 files: 0 stored, 2 already stored, 0 failed; nothing sent" in again.err
        assert await server.stop() == 0
    assert not (server.data / "staging").exists() or not list((server.data / "staging").iterdir())


async def in_case(server: RealServer, token: str, case: str) -> list[dict[str, object]]:
    """The items of the case, once both are there (the wish is resolved by a job)."""
    for _ in range(100):
        answer = await api(server, token, "GET", f"/api/cases/{case}")
        assert isinstance(answer, dict)
        items: list[dict[str, object]] = answer["items"]
        if len(items) == 2:
            return items
        await asyncio.sleep(0.1)
    raise AssertionError(f"case {case}: expected two items, got {items}\n{server.words()}")


async def test_one_changed_byte_of_the_file_or_the_receipt_is_found_offline(tmp_path: Path) -> None:
    file = camera(tmp_path / "card" / "a.mp4")
    async with running(tmp_path / "server") as server:
        device = await server.token("upload", source="采集站-01")
        assert (await server.push(file, token=device)).code == 0
    receipt = file.with_name("a.mp4.tlog-proof")
    assert (await server.verify(receipt, file)).code == 0
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    forged = file.with_name("forged.mp4")
    forged.write_bytes(data)
    assert (await server.verify(receipt, forged)).code == 1
    text = receipt.read_text()
    other = file.with_name("other.tlog-proof")
    for line, old in enumerate(text.splitlines()):
        if len(old) == 44:  # one hash of the proof
            lines = text.splitlines(keepends=True)
            lines[line] = ("A" if old[0] != "A" else "B") + old[1:] + "\n"
            other.write_text("".join(lines))
            assert (await server.verify(other, file)).code == 1
            break


async def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        second = await server.command("serve")
        assert second.code == 70
        assert "expected to be the only server on it" in second.err
        listed = await server.command("token", "list")
        assert listed.code == 0
