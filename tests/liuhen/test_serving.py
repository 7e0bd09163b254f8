"""Where the server may listen, who owns the folder, what it says: without starting it."""

import asyncio
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web

from liuhen import lock
from liuhen import logging as words
from liuhen.compose import requeued
from liuhen.core import Core
from liuhen.serve import admitted, check_binding
from liuhen.settings import LoggingSettings, ServerSettings
from storage.clock import SystemClock
from verify.errors import ConflictError, MalformedError, UnavailableError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert check_binding(ServerSettings(host=host), insecure=False) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "evidence.example"])  # noqa: S104
def test_a_door_is_not_left_open_by_mistake(host: str) -> None:
    with pytest.raises(
        MalformedError, match=r"expected a loopback address, got .* or say --insecure"
    ):
        check_binding(ServerSettings(host=host), insecure=False)
    banner = check_binding(ServerSettings(host=host), insecure=True)
    assert banner is not None
    assert f"listens on {host} without encryption" in banner
    behind = ServerSettings(host=host, trusted_proxies=("10.0.0.1",))
    assert check_binding(behind, insecure=False) is None
    assert admitted(behind, insecure=False) == ("10.0.0.1",)
    assert check_binding(behind, insecure=True) == banner  # whoever asks is answered
    assert admitted(behind, insecure=True) is None
    with pytest.raises(MalformedError, match="addresses or networks, got 'proxy'"):
        check_binding(ServerSettings(trusted_proxies=("proxy",)), insecure=False)
    with_tls = ServerSettings(host=host, certificate=Path("c"), private_key=Path("k"))
    assert check_binding(with_tls, insecure=False) is None
    assert admitted(with_tls, insecure=False) is None
    with pytest.raises(MalformedError, match="together"):
        check_binding(ServerSettings(host=host, certificate=Path("c")), insecure=True)


async def test_a_folder_has_one_owner_who_is_named(tmp_path: Path) -> None:
    async with lock.locked(tmp_path):
        with pytest.raises(
            ConflictError, match=r"expected to be the only server on it, got process \d+"
        ):
            async with lock.locked(tmp_path, patience=0.1):
                pass
    async with lock.locked(tmp_path):
        pass


async def test_a_database_that_is_away_for_a_moment_at_the_start_ends_no_server() -> None:
    class Away:
        asked = 0

        async def write(self, _work: object) -> None:
            self.asked += 1
            if self.asked == 1:
                raise UnavailableError("database: expected an answer, got none")

    database = Away()
    async with asyncio.timeout(10):
        await requeued(cast("Core", SimpleNamespace(database=database, clock=SystemClock())))
    assert database.asked == 2


async def test_a_short_command_is_waited_for(tmp_path: Path) -> None:
    async def brief() -> None:
        async with lock.locked(tmp_path):
            await asyncio.sleep(0.3)

    async with asyncio.TaskGroup() as group:
        group.create_task(brief())
        await asyncio.sleep(0.1)
        async with lock.locked(tmp_path, patience=5):
            pass


@pytest.fixture
def restored() -> object:
    root, security = logging.getLogger(), logging.getLogger(words.SECURITY)
    before = (root.handlers[:], root.level, security.handlers[:], security.propagate)
    yield None
    root.handlers[:], root.level = before[0], before[1]
    for handler in security.handlers:
        handler.close()
    security.handlers[:], security.propagate = before[2], before[3]
    logging.getLogger("aiohttp.server").filters[:] = []


@pytest.mark.usefixtures("restored")
def test_json_lines_carry_ids_and_cannot_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    words.configure(LoggingSettings(format="json"))
    logging.getLogger("liuhen.x").warning("upload %s\nforged", "1" * 32, extra={"item": "2" * 32})
    logging.getLogger("liuhen.x").debug("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["item"]) == ("warning", "liuhen.x", "2" * 32)
    assert said["text"] == "upload " + "1" * 32 + "\nforged"
    words.configure(LoggingSettings(format="plain"))
    logging.getLogger("liuhen.x").warning("a\nb")
    (plain,) = capsys.readouterr().err.splitlines()
    assert plain.endswith("warning liuhen.x: a\\nb")


@pytest.mark.usefixtures("restored")
def test_security_events_go_to_their_own_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "log" / "security.log"
    words.configure(LoggingSettings(security_file=own))
    logging.getLogger(words.SECURITY).warning("a stranger showed a token")
    assert "a stranger showed a token" in own.read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("restored")
async def test_what_is_no_request_is_one_line_without_what_was_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words.configure(LoggingSettings(format="plain"))
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lh_secret\x01\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
    finally:
        await runner.cleanup()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("aiohttp.server: no HTTP request: BadHttpMessage")
