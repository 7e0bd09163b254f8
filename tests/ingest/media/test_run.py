"""A run ends within its limits, and when it has ended nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.media import run as runner
from ingest.media.run import (
    STDERR_KEPT,
    Finished,
    ToolFailedError,
    ToolOutputError,
    ToolTimeoutError,
    run,
)
from ingest.media.sandbox import Level, Limits, Sandbox


async def shell(script: str, limits: Limits, **more: object) -> Finished:
    return await run(["sh", "-c", script], limits, tool="sh", **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def running(mark: str) -> list[int]:
    """Processes whose command line holds the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in words and alive(int(entry.name)):
                found.append(int(entry.name))
    return found


async def gone(mark: str) -> bool:
    for _ in range(100):
        if not running(mark):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_good_end() -> None:
    done = await shell("echo out; echo err >&2", Limits(wall_s=10), capture=100)
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")


async def test_a_failure_says_what_the_tool_said_in_printable_words() -> None:
    with pytest.raises(ToolFailedError) as caught:
        await shell(r"printf 'bad\033[31m \342\200\256thing\n' >&2; exit 3", Limits(wall_s=10))
    assert caught.value.status == 3
    assert "bad [31m  thing" in str(caught.value)


async def test_of_the_messages_the_end_is_kept() -> None:
    script = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo last >&2"
    done = await shell(script, Limits(wall_s=20), capture=10)
    assert len(done.stderr) == STDERR_KEPT
    assert done.stderr.endswith(b"last\n")


@pytest.mark.parametrize("size", [101, 1_000_000, 50_000_000])
async def test_too_much_output_ends_the_run(size: int) -> None:
    """Also when the pipe is full and nobody reads on."""
    with pytest.raises(ToolOutputError):
        await shell(f"head -c {size} /dev/zero; sleep 60", Limits(wall_s=30), capture=100)


@pytest.mark.parametrize(
    ("limits", "what"),
    [(Limits(wall_s=0.5), "an end"), (Limits(wall_s=30, stall_s=0.5), "progress")],
)
async def test_a_run_that_lasts_or_stands_still_is_ended(limits: Limits, what: str) -> None:
    start = time.monotonic()
    with pytest.raises(ToolTimeoutError, match=f"expected {what} within 0.5 s"):
        await shell("sleep 31.4159 & sleep 31.4159", limits)
    assert time.monotonic() - start < 10
    assert await gone("31.4159")


async def test_the_same_position_again_and_again_is_no_progress() -> None:
    script = "while :; do echo out_time_us=1000000; echo progress=continue; sleep 0.1; done"
    with pytest.raises(ToolTimeoutError, match="progress"):
        await shell(script, Limits(wall_s=30, stall_s=1))


async def test_progress_is_told_and_keeps_the_run_alive() -> None:
    told: list[float] = []
    script = (
        "for i in 1 2 3 4 5 6; do echo out_time_us=${i}000000; echo out_time_ms=9; sleep 0.3; done"
    )
    await shell(script, Limits(wall_s=30, stall_s=1.2), progress=told.append)
    assert told == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


async def test_hostile_progress_is_survived() -> None:
    script = (
        "head -c 1000000 /dev/zero; echo; echo out_time_us=N/A; echo out_time_us=-5; echo =; exit 0"
    )
    await shell(script, Limits(wall_s=30))


@pytest.mark.parametrize("level", [*Level])
async def test_cancelling_leaves_no_process(level: Level, tmp_path: Path) -> None:
    source, mark = tmp_path / "source", f"27.18{level.value[0]}28"
    source.write_bytes(b"")
    limits = Limits(wall_s=60)
    script = ["sh", "-c", f"trap '' TERM INT HUP; (sleep 60; : {mark}) & sleep 60; : {mark}"]
    command = Sandbox(level).wrap(script, source, tmp_path, limits)
    task = asyncio.create_task(run(command, limits, tool="sh"))
    for _ in range(100):
        if running(mark):
            break
        await asyncio.sleep(0.05)
    assert running(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(mark)


@pytest.mark.parametrize("level", [*Level])
async def test_a_killed_server_leaves_no_process(level: Level, tmp_path: Path) -> None:
    source, mark = tmp_path / "source", f"16.18{level.value[0]}03"
    source.write_bytes(b"")
    script = ["sh", "-c", f": {mark}; while :; do sleep 0.2; done"]
    command = Sandbox(level).wrap(script, source, tmp_path, Limits(wall_s=60))
    server = subprocess.Popen([
        sys.executable, "-c",
        "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)", *command,
    ])  # fmt: skip
    try:
        for _ in range(200):
            if len(running(mark)) > 1:
                break
            await asyncio.sleep(0.05)
        assert len(running(mark)) > 1
    finally:
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
    assert await gone(mark)


async def test_a_reader_that_raises_ends_the_run() -> None:
    def refuse(_: bytes) -> None:
        raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        await shell("head -c 9000000 /dev/zero; sleep 60", Limits(wall_s=30), sink=refuse)


async def test_the_tool_gets_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUHEN_STORE_SECRET_KEY", "secret")
    done = await shell("env", Limits(wall_s=10), capture=10_000)
    assert b"secret" not in done.stdout


def test_messages_do_not_repeat_the_white_lists() -> None:
    assert (
        runner.said(b"[hls] Format not on whitelist 'mov,avi'\n") == "[hls] Format not on whitelist"
    )
