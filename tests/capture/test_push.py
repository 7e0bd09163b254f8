"""`push` against a server that enforces and misbehaves: resumed, proved, kept, never touched."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from aiohttp import web
from rich.console import Console

from capture import sending
from capture.errors import ChangedError, PinnedKeyError
from capture.progress import Bars, Json, Lines, Quiet, Show
from capture.push import ALREADY, FAILED, STORED, Order, Outcome, Push, files_of, summary, worst
from capture.source import SourceFile
from tests.capture.fake import TOKEN, FakeServer, cut, once
from verify.errors import (
    ConflictError,
    DeniedError,
    DigestMismatchError,
    IncompleteError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)
from verify.notes import SigningKey


class Notes(Quiet):
    """Remembers what a person would have been told."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ended(self, file: Path, status: str, text: str) -> None:
        self.notes.append(f"{status}: {text}")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off of milliseconds; what is waited is tested apart."""
    monkeypatch.setattr(sending, "pause", lambda failures, after, chance: 0.01 * failures)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "card" / "现场 1.mp4"
    path.parent.mkdir()
    path.write_bytes(os.urandom(3_500_001))
    return path


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".tlog-proof"):
            s = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = (
                s.st_size,
                s.st_mtime_ns,
                s.st_ctime_ns,
                s.st_mode,
                s.st_nlink,
                digest,
            )
    return found


async def push(
    server: FakeServer, tmp_path: Path, *files: Path, show: Show | None = None, **order: object
) -> list[Outcome]:
    wanted = Order(server.url, **({"patience": 5.0} | order))  # type: ignore[arg-type]
    return await Push(wanted, TOKEN, show or Notes(), state=tmp_path / "state").run(files)


async def test_a_file_is_sent_proved_and_its_receipt_kept(tmp_path: Path, file: Path) -> None:
    before = snapshot(file.parent)
    async with FakeServer() as server:
        show = Notes()
        (done,) = await push(server, tmp_path, file, show=show, case="2026-17")
        assert (done.status, done.sent) == (STORED, 3_500_001)
        (held,) = server.uploads.values()
        assert bytes(held.data) == file.read_bytes()
        assert held.metadata["filename"] == "现场 1.mp4".encode()
        assert held.metadata["case"] == b"2026-17"
        assert held.metadata["sha256"].decode() == hashlib.sha256(file.read_bytes()).hexdigest()
        assert held.metadata["filetype"] == b"video/mp4"
        (time,) = json.loads(held.metadata["device_times"])
        assert time["source"] == "file-mtime"
        assert done.receipt == file.with_name("现场 1.mp4.tlog-proof")
        assert any("for the first time and trusted from now on" in n for n in show.notes)
        assert any(server.key.vkey in n for n in show.notes)
    assert snapshot(file.parent) == before


async def test_running_it_again_asks_nobody_and_says_so(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:
        await push(server, tmp_path, file)
        server.requests.clear()
        (done,) = await push(server, tmp_path, file, case="2026-17")
        assert (done.status, done.sent) == (ALREADY, 0)
        assert "nothing sent" in done.text
        assert "a case is only heard with the upload" in done.text
        assert server.requests == []


async def test_without_its_receipt_the_server_is_asked_and_nothing_is_sent_twice(
    tmp_path: Path, file: Path
) -> None:
    async with FakeServer() as server:
        (first,) = await push(server, tmp_path, file)
        assert first.receipt is not None
        first.receipt.unlink()
        server.patches.clear()
        (done,) = await push(server, tmp_path, file)
        assert (done.status, server.patches) == (ALREADY, [])
        assert done.receipt == first.receipt


@pytest.mark.parametrize("checksums", [True, False])
async def test_a_cut_link_is_resumed_from_what_is_durable(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, checksums: bool
) -> None:
    monkeypatch.setattr(sending, "FIRST", 1 << 20)
    monkeypatch.setattr(sending, "next_piece", lambda size, seconds: 1 << 20)
    async with FakeServer(checksums=checksums) as server:
        server.faults += [
            cut("POST"),
            cut("PATCH", 300_000),
            cut("PATCH", 0),
            cut("HEAD"),
            cut("GET"),
        ]
        (done,) = await push(server, tmp_path, file)
        assert done.status == STORED, done.text
        (held,) = server.uploads.values()
        assert bytes(held.data) == file.read_bytes()
        assert server.sent == len(held.data)  # no accepted byte went twice
        assert [offset for offset, _ in server.patches] == [0, 1 << 20, 2 << 20, 3 << 20]


@pytest.mark.parametrize("status", [409, 423, 429, 460, 500, 502, 503, 507])
async def test_what_may_pass_is_waited_for(tmp_path: Path, file: Path, status: int) -> None:
    problem = {"title": "staging: expected room", "status": status}
    async with FakeServer() as server:
        show = Notes()
        server.faults.append(
            once(
                "PATCH",
                lambda: web.json_response(problem, status=status, headers={"Retry-After": "0"}),
            )
        )
        (done,) = await push(server, tmp_path, file, show=show)
        assert done.status == STORED, done.text
        if status not in (409, 460):
            assert any(f"answered {status}, staging: expected room" in n for n in show.notes)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, MalformedError), (401, DeniedError), (403, DeniedError), (413, MalformedError), (409, ConflictError)]
)  # fmt: skip
async def test_what_cannot_pass_is_said_at_once(
    tmp_path: Path, file: Path, status: int, kind: type[Exception]
) -> None:
    async with FakeServer() as server:
        server.faults.append(
            once("POST", lambda: web.json_response({"title": "no"}, status=status))
        )
        (done,) = await push(server, tmp_path, file)
        assert done.status == FAILED
        assert isinstance(done.error, kind)
        assert "no" in done.text


async def test_patience_ends(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:

        async def away(request: web.Request) -> web.StreamResponse | None:
            server.faults.append(away)
            return web.Response(status=503)

        server.faults.append(away)
        (done,) = await push(server, tmp_path, file, patience=0.2)
        assert isinstance(done.error, UnavailableError)
        assert "gave up after" in done.text


async def test_an_upload_that_is_gone_begins_again_but_not_for_ever(
    tmp_path: Path, file: Path
) -> None:
    async with FakeServer() as server:
        server.faults.append(once("PATCH", lambda: web.Response(status=410)))
        (done,) = await push(server, tmp_path, file)
        assert done.status == STORED
    async with FakeServer() as server:
        server.faults += [once("PATCH", lambda: web.Response(status=404)) for _ in range(9)]
        (done,) = await push(server, tmp_path, file, key=server.key.vkey)
        # a receipt of the first server is there: it proves the same bytes under the same key
        assert done.status == ALREADY
        file.with_name(file.name + ".tlog-proof").unlink()
        (done,) = await push(server, tmp_path, file)
        assert isinstance(done.error, NotFoundError)


async def test_a_discarded_upload_is_reported_with_its_reason(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:
        server.pending, server.state = 1, {"state": "aborted", "reason": "recorded by mistake"}
        (done,) = await push(server, tmp_path, file)
        assert isinstance(done.error, IncompleteError)
        assert "recorded by mistake" in done.text


async def test_the_receipt_is_waited_for_and_the_reason_told(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:
        show = Notes()
        server.pending = 3
        server.state = {"state": "received", "problem": "the object store is away"}
        (done,) = await push(server, tmp_path, file, show=show)
        assert done.status == STORED
        assert sum("the object store is away" in n for n in show.notes) == 1


@pytest.mark.parametrize(
    "forged",
    [{"sha256": "0" * 64}, {"root": "1" * 64}, {"size": 3}, {"chunk": 4096}],
    ids=lambda f: next(iter(f)),
)
async def test_a_receipt_of_other_bytes_is_no_receipt(
    tmp_path: Path, file: Path, forged: dict[str, object]
) -> None:
    async with FakeServer() as server:
        server.forge = lambda fields: fields.update(forged)
        (done,) = await push(server, tmp_path, file)
        assert isinstance(done.error, DigestMismatchError)
        assert not file.with_name(file.name + ".tlog-proof").exists()


async def test_a_changed_log_key_is_refused_before_anything_is_sent(
    tmp_path: Path, file: Path
) -> None:
    other = SigningKey("log.example/fake", b"o" * 32)
    async with FakeServer() as server:
        await push(server, tmp_path, file)
        server.key = other
        second = file.with_name("b.mp4")
        second.write_bytes(b"second")
        server.requests.clear()
        (done,) = await push(server, tmp_path, second)
        assert isinstance(done.error, PinnedKeyError)
        assert "nothing was sent" in done.text
        assert server.requests == ["GET /log/vkey"]
        (done,) = await push(server, tmp_path, second, key=other.vkey)  # a person confirms
        assert done.status == STORED
        third = file.with_name("c.mp4")
        third.write_bytes(b"third")
        (done,) = await push(server, tmp_path, third)  # and the new key is pinned
        assert done.status == STORED


async def test_a_given_key_that_is_not_the_servers_is_refused(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:
        (done,) = await push(server, tmp_path, file, key=SigningKey("x", b"x" * 32).vkey)
        assert isinstance(done.error, PinnedKeyError)
        (done,) = await push(server, tmp_path, file, key="nonsense")
        assert isinstance(done.error, MalformedError)
        assert server.uploads == {}


async def test_a_file_that_changes_while_it_is_sent_is_withdrawn(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FIRST", 1 << 20)
    monkeypatch.setattr(sending, "next_piece", lambda size, seconds: 1 << 20)
    async with FakeServer() as server:

        async def grow(request: web.Request) -> web.StreamResponse | None:
            if request.method == "PATCH":
                with file.open("ab") as writing:
                    writing.write(b"more")
            return None

        server.faults.append(grow)
        (done,) = await push(server, tmp_path, file)
        assert isinstance(done.error, ChangedError)
        assert "expected 3500001 bytes, got 3500005" in done.text
        assert [u.gone for u in server.uploads.values()] == [True]


def test_a_byte_that_reads_differently_the_second_time_is_found(file: Path) -> None:
    source = SourceFile(file)
    try:
        known = source.fingerprint()
        times = (known.mtime_ns, known.mtime_ns)
        data = bytearray(file.read_bytes())
        data[2_000_000] ^= 1
        file.write_bytes(data)
        os.utime(file, ns=times)
        assert source.digest(0, 1 << 20, known) == hashlib.sha256(data[: 1 << 20]).digest()
        with pytest.raises(ChangedError, match="expected the bytes 1048576 to 2097152"):
            source.digest(1_500_000, 1_600_000, known)
    finally:
        source.close()


def test_reading_leaves_the_access_time_alone(file: Path) -> None:
    """O_NOATIME: a plain reader changes an access time that is older than the modification."""
    modified = file.stat().st_mtime_ns
    os.utime(file, ns=(1_000_000_000, modified))
    source = SourceFile(file)
    try:
        source.fingerprint()
    finally:
        source.close()
    assert file.stat().st_atime_ns == 1_000_000_000


def test_pieces_at_any_offset_have_their_own_digest(file: Path) -> None:
    source, data = SourceFile(file), file.read_bytes()
    try:
        known = source.fingerprint()
        for start, end in [(0, 1), (0, len(data)), (1_000_000, 1_100_000), (3_145_728, len(data))]:
            assert source.digest(start, end, known) == hashlib.sha256(data[start:end]).digest()
    finally:
        source.close()


async def test_several_files_at_once_and_one_bad_one(tmp_path: Path) -> None:
    card = tmp_path / "card"
    (card / "DCIM").mkdir(parents=True)
    for n in range(5):
        (card / "DCIM" / f"{n}.mp4").write_bytes(os.urandom(50_000 + n))
    (card / "empty.mp4").write_bytes(b"")
    (card / "link.mp4").symlink_to(card / "DCIM" / "0.mp4")
    odd = os.fsdecode(b"\xcf\xd6\xb3\xa1\xff.mp4")
    (card / odd).write_bytes(b"odd")
    before = snapshot(card)
    files = [*files_of([card]), tmp_path / "nowhere.mp4"]
    assert [os.fsencode(f.name) for f in files] == [
        b"empty.mp4", b"\xcf\xd6\xb3\xa1\xff.mp4", b"0.mp4", b"1.mp4", b"2.mp4", b"3.mp4",
        b"4.mp4", b"nowhere.mp4",
    ]  # fmt: skip
    async with FakeServer() as server:
        done = await push(server, tmp_path, *files, jobs=3)
        assert [d.status for d in done] == [STORED] * 7 + [FAILED]
        assert isinstance(worst(done), NotFoundError)
        assert summary(done).startswith(
            "8 files: 7 stored, 0 already stored, 1 failed; 250.0 kB sent"
        )
        names = {bytes(u.metadata["filename"]) for u in server.uploads.values()}
        assert b"\xcf\xd6\xb3\xa1\xff.mp4" in names
        assert all(f.with_name(f.name + ".tlog-proof").exists() for f in files[:-1])
        again = await push(server, tmp_path, *files_of([card]))
        assert [d.status for d in again] == [ALREADY] * 7
    assert snapshot(card) == before
    with pytest.raises(NotFoundError, match="expected a file or a folder"):
        list(files_of([tmp_path / "nowhere.mp4"]))


async def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    async with FakeServer() as server:
        pipe, link = await push(server, tmp_path, tmp_path / "pipe", tmp_path / "link")
        assert isinstance(pipe.error, MalformedError)
        assert link.status == FAILED
        assert server.uploads == {}


async def test_a_receipt_of_other_bytes_is_never_replaced(tmp_path: Path, file: Path) -> None:
    async with FakeServer() as server:
        (first,) = await push(server, tmp_path, file)
        assert first.receipt is not None
        text = first.receipt.read_text()
        file.write_bytes(b"a new recording under the old name")
        (second,) = await push(server, tmp_path, file)
        assert second.status == STORED
        assert second.receipt != first.receipt
        assert first.receipt.read_text() == text
        (again,) = await push(server, tmp_path, file)
        assert (again.status, again.receipt) == (ALREADY, second.receipt)


async def test_on_a_read_only_medium_the_receipt_goes_to_the_state_folder(tmp_path: Path) -> None:
    """A real read-only mount: `bwrap` shows the card read-only to a process of its own."""
    assert shutil.which("bwrap") is not None
    card, state = tmp_path / "card", tmp_path / "state"
    card.mkdir()
    state.mkdir()
    file = card / "a.mp4"
    file.write_bytes(b"recording")
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from capture.receipts import Receipts
        from capture.source import SourceFile
        file, state = map(Path, sys.argv[1:])
        source = SourceFile(file)
        print(Receipts(state).keep(file, source.fingerprint(), "text of a receipt"))
    """)
    root = str(Path(__file__).parents[2])
    command = [
        "bwrap", "--bind", "/", "/", "--dev", "/dev", "--ro-bind", str(card), str(card), "--chdir", root,
        sys.executable, "-c", script, str(file), str(state),
    ]  # fmt: skip
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    digest = hashlib.sha256(b"recording").hexdigest()
    place = state / "receipts" / f"{digest}.tlog-proof"
    assert out.strip() == str(place)
    assert place.read_text() == "text of a receipt"
    assert sorted(p.name for p in card.iterdir()) == ["a.mp4"]


def test_bars_show_phase_and_the_last_word() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=120))
    file = Path("[bold]现场.mp4")
    bars.phase(file, "read", 10)
    bars.moved(file, 5)
    bars.phase(file, "send", 10)
    bars.ended(file, STORED, "10 B sent")
    bars.close()
    assert "[bold]现场.mp4" in out.getvalue()
    assert "stored: 10 B sent" in out.getvalue()


def test_json_lines_are_for_programs() -> None:
    out, now = io.StringIO(), [0.0]
    show, file = Json(out, now=lambda: now[0]), Path("a.mp4")
    show.phase(file, "send", 10)
    show.moved(file, 1)
    show.moved(file, 2)  # within the same second
    now[0] = 1.5
    show.moved(file, 3)
    show.ended(file, FAILED, "why")
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [s["event"] for s in said] == ["phase", "moved", "moved", "ended"]
    assert [s["done"] for s in said if s["event"] == "moved"] == [1, 3]


async def test_lines_tell_rate_and_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    lines, file = Lines(now=lambda: now[0]), Path("a.mp4")
    lines.phase(file, "send", 100_000_000)
    lines.moved(file, 40_000_000)  # resumed here: counts for the share, not for the rate
    now[0] = 6.0
    lines.moved(file, 70_000_000)
    lines.ended(file, ALREADY, "nothing sent")
    assert capsys.readouterr().err.splitlines() == [
        "a.mp4: sending 100.0 MB",
        "a.mp4: sending 70 %, 5.0 MB/s, 6 s left",
        "a.mp4: already stored: nothing sent",
    ]
