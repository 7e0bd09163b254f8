"""Hostile files are refused with their reason, and reach neither other files nor the network."""

import asyncio
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ingest.media import argv
from ingest.media.classify import Reason
from ingest.media.facts import working_seconds
from ingest.media.made import Work
from ingest.media.playable import limits, make_playable
from ingest.media.probe import probe
from ingest.media.run import ToolFailedError, run
from ingest.media.sandbox import Level, Limits, Sandbox
from tests.ingest.media import hostile
from tests.ingest.media.conftest import Footage

SHORT = Limits(wall_s=10)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A loopback server that counts who comes."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, address = server.accept()
                except OSError:
                    return
                came.append(address)
                peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


async def reason_of(data: bytes, folder: Path, sandbox: Sandbox) -> Reason | None:
    source, out = folder / "source", folder / "out"
    source.write_bytes(data)
    out.mkdir(exist_ok=True)
    found = await probe(source, out, sandbox)
    assert found.plan.verdict == "none"
    return found.plan.reason


@pytest.mark.parametrize("level", [*Level])
async def test_playlists_are_refused_and_open_nothing(
    level: Level, tmp_path: Path, listener: tuple[int, list[object]]
) -> None:
    port, came = listener
    sandbox = Sandbox(level)
    for target in (b"file:///etc/passwd", b"/etc/passwd", b"http://127.0.0.1:%d/x" % port):
        for form in (hostile.PLAYLIST, hostile.CONCAT):
            assert await reason_of(form % target, tmp_path, sandbox) is Reason.FORMAT
    assert came == []


async def test_exotic_decoders_never_see_a_byte(
    footage: Footage, any_sandbox: Sandbox, tmp_path: Path
) -> None:
    data = footage("magicyuv.avi").read_bytes()
    assert await reason_of(data, tmp_path, any_sandbox) is Reason.CODEC


async def test_files_that_are_nothing(sandbox: Sandbox, footage: Footage, tmp_path: Path) -> None:
    mp4 = footage("h264-aac.mp4").read_bytes()
    for data, reason in (
        (b"", Reason.EMPTY),
        (b"PK\x03\x04" + bytes(2000), Reason.NOT_MEDIA),
        (b"%PDF-1.7\n" + b"x" * 5000, Reason.NOT_MEDIA),
        ("询问笔录".encode("gb18030") * 100, Reason.NOT_MEDIA),
        (hostile.without_index(mp4), Reason.BROKEN),
        (mp4[:20], Reason.BROKEN),
        (b"\xff\xd8\xff\xe0" + bytes(100), Reason.BROKEN),
    ):
        assert await reason_of(data, tmp_path, sandbox) is reason


async def test_pictures_that_would_fill_the_memory(
    sandbox: Sandbox, footage: Footage, tmp_path: Path
) -> None:
    still = footage("still.jpg").read_bytes()
    for data in (
        hostile.png(60_000, 60_000),
        hostile.png(15_000, 15_000),
        hostile.huge_jpeg(still),
    ):
        assert await reason_of(data, tmp_path, sandbox) is Reason.TOO_LARGE


async def test_a_header_of_a_hundred_hours(
    sandbox: Sandbox, footage: Footage, tmp_path: Path
) -> None:
    long = hostile.claims_seconds(footage("h264-aac.mp4").read_bytes(), 100 * 3600)
    assert await reason_of(long, tmp_path, sandbox) is Reason.TOO_LONG


async def test_a_lie_below_the_limit_buys_no_time(
    sandbox: Sandbox, footage: Footage, work: Callable[[Path], Work], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(hostile.claims_seconds(footage("hevc-aac.mp4").read_bytes(), 40 * 3600))
    found = await probe(source, tmp_path, sandbox)
    assert found.facts is not None
    assert found.plan.verdict == "transcode"
    size = source.stat().st_size
    assert working_seconds(found.facts, size) <= size / 400
    assert limits(found.plan, found.facts, size).wall_s < 3600
    made = await make_playable(work(source), found.plan, found.facts, sandbox)
    again = await probe(made.path, tmp_path, sandbox)
    assert again.facts is not None
    assert again.facts.duration_s == pytest.approx(2.0, abs=0.2)


async def test_an_endless_sound_ends_with_its_bytes(
    sandbox: Sandbox, footage: Footage, work: Callable[[Path], Work], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(hostile.endless_wav(footage("sound-g711.wav").read_bytes()))
    found = await probe(source, tmp_path, sandbox)
    assert found.facts is not None
    made = await make_playable(work(source), found.plan, found.facts, sandbox)
    assert made.path.stat().st_size < 100_000


async def test_texts_in_a_file_come_out_clean(sandbox: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "source"
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac",
        "-metadata", "title=\u202e4pm.exe\x1b[2J\x07../../etc/passwd", "-metadata", "comment=" + "长" * 900,
        "-f", "mp4", f"file:{source}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    found = await probe(source, tmp_path, sandbox)
    assert found.facts is not None
    assert found.facts.tags["title"] == "4pm.exe[2J../../etc/passwd"
    assert found.facts.tags["comment"] == "长" * 200


async def test_too_much_description_is_cut_short(sandbox: Sandbox, tmp_path: Path) -> None:
    """A header may hold any number of texts; at most a mebibyte of them is read."""
    source, meta = tmp_path / "source", tmp_path / "meta"
    meta.write_text(";FFMETADATA1\n" + "".join(f"k{i}={'x' * 500}\n" for i in range(4000)))
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-f", "ffmetadata",
        "-i", str(meta), "-map_metadata", "1", "-c:a", "flac", "-f", "matroska", f"file:{source}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    assert await reason_of(source.read_bytes(), tmp_path, sandbox) is Reason.TOO_MUCH


# --- the sandbox itself ---------------------------------------------------------------------


async def inside(sandbox: Sandbox, folder: Path, script: str, limits: Limits = SHORT) -> bytes:
    """Run a shell line at this level and return what it says."""
    source, out = folder / "source", folder / "out"
    source.write_bytes(b"the recording")
    out.mkdir(exist_ok=True)
    command = sandbox.wrap(["sh", "-c", script], source, out, limits)
    return (await run(command, limits, tool="sh", capture=1 << 16)).stdout


async def test_from_inside_no_network_is_reached(
    any_sandbox: Sandbox, tmp_path: Path, listener: tuple[int, list[object]]
) -> None:
    port, came = listener
    call = f"ffmpeg -nostdin -v error -i tcp://127.0.0.1:{port} -f null - 2>&1; echo done"
    assert b"done" in await inside(any_sandbox, tmp_path, call)
    await asyncio.sleep(0.1)
    reached = any_sandbox.level is Level.LIMITS  # which is why that level warns
    assert bool(came) is reached
    assert (any_sandbox.warning is None) is (any_sandbox.level is Level.BUBBLEWRAP)


async def test_bubblewrap_shows_the_input_and_one_folder_only(
    strongest: Sandbox, tmp_path: Path
) -> None:
    assert strongest.level is Level.BUBBLEWRAP
    secret = tmp_path / "key"
    secret.write_text("secret")
    script = (
        f"cat {secret} /etc/passwd 2>/dev/null; ls /home /root /proc/1 /var 2>/dev/null;"
        "cat /in/source; (echo x >/in/source) 2>/dev/null && echo written;"
        "echo made >/out/made; ls -a /tmp | wc -l; id -u; env | sort"
    )
    said = (await inside(strongest, tmp_path, script)).decode().split("\n")
    assert said == ["the recording2", "65534", "LANG=C.UTF-8", "PATH=/usr/bin:/bin", "PWD=/out", ""]
    assert (tmp_path / "out" / "made").read_text() == "made\n"
    assert (tmp_path / "source").read_bytes() == b"the recording"


async def test_inside_there_are_no_rights_to_gain(strongest: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "point").mkdir()  # of its own: where the cage is weak, the mount would be real
    script = (
        "unshare -rn true 2>/dev/null && echo gained; "
        f"mount -t tmpfs x {tmp_path}/point 2>/dev/null && echo mounted; true"
    )
    assert await inside(strongest, tmp_path, script) == b""


async def test_files_and_memory_are_limited(any_sandbox: Sandbox, tmp_path: Path) -> None:
    folder = any_sandbox.places(tmp_path / "source", tmp_path / "out").folder
    few = Limits(wall_s=20, file_size=100_000, memory=200 << 20)
    filling = f"head -c 1000000 /dev/zero > {folder}/big; true"
    await inside(any_sandbox, tmp_path, filling, few)
    assert (tmp_path / "out" / "big").stat().st_size <= 100_000
    eating = "head -c 400000000 /dev/zero | tail -c 399000000 >/dev/null && echo eaten; true"
    assert await inside(any_sandbox, tmp_path, eating, few) == b""
    assert b"eaten" in await inside(any_sandbox, tmp_path, eating, Limits(wall_s=20))


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that every user of the machine may use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def as_somebody(command: Sequence[str]) -> list[str]:
    """The same by a user without any right, where this one is root."""
    if os.getuid() != 0:
        return list(command)
    become = ("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "--")
    return [*become, *command]


@pytest.mark.parametrize("level", [*Level])
async def test_an_ordinary_user_gets_the_same_and_few_processes(
    level: Level, common: Path, footage: Footage
) -> None:
    sandbox, out, source = Sandbox(level), common / "out", common / "source"
    source.write_bytes(footage("h264-aac.ts").read_bytes())
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    limits = Limits(wall_s=20)
    copying = argv.playable(
        sandbox.places(source, out), argv.Picture(0), argv.Sound(1, encode=False)
    )
    await run(as_somebody(sandbox.wrap(copying, source, out, limits)), limits, tool="ffmpeg")
    assert (out / "playable.mp4").stat().st_size > 10_000
    few = Limits(wall_s=20, processes=16)
    many = ["sh", "-c", "for i in $(seq 60); do sleep 2 & done; wait; echo all"]
    with pytest.raises(ToolFailedError):
        await run(as_somebody(sandbox.wrap(many, source, out, few)), few, tool="sh", capture=100)
