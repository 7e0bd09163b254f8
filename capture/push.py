"""Handing files over: hashed, announced, sent, proved, the proof kept.  Files are never touched.

Guarantee: a file counts as stored only after a receipt under the trusted key proved exactly its
bytes and was kept.  Running it again over the same files sends nothing and says so.
Not covered: freeing the device.  Nothing is removed here, whatever the receipt says.
"""

import asyncio
import hashlib
import mimetypes
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from capture.client import Server
from capture.pins import Pins, state_folder, trusted
from capture.progress import Show, size_text
from capture.receipts import SUFFIX, Receipts, proves
from capture.sending import Patience, Sending
from capture.source import Known, SourceFile, raw_name, shown
from verify import canonical
from verify.entries import format_time
from verify.errors import DeniedError, EvidenceError, NotFoundError, VerificationError

STORED, ALREADY, FAILED = "stored", "already-stored", "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for."""

    server: str
    case: str | None = None
    source: str | None = None
    jobs: int = 2
    key: str | None = None
    patience: float = 24 * 3600.0
    stall: float = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: Path
    status: str
    text: str
    sent: int = 0
    receipt: Path | None = None
    item: str | None = None
    error: EvidenceError | None = None


def idempotency_key(source: str | None, name: bytes, known: Known) -> str:
    """The same for the same file of the same source, so that a repeat finds the first upload."""
    value = [source or "", name.hex(), known.size, str(known.mtime_ns), known.sha256]
    return hashlib.sha256(b"liuhen/push/v1\n" + canonical.encode(value)).hexdigest()


def announcement(file: Path, known: Known, order: Order) -> Mapping[str, bytes]:
    """The upload's metadata.  The name goes out as the very bytes that the medium holds."""
    mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    times = [{"source": "file-mtime", "time": format_time(max(known.mtime_ns // 1_000_000, 0))}]
    values = {
        "filename": raw_name(file),
        "filetype": mime.encode(),
        "sha256": known.sha256.encode(),
        "device_times": canonical.encode(times),
    }
    if order.case is not None:
        values["case"] = order.case.encode()
    if order.source is not None:
        values["source"] = order.source.encode()
    return values


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files to hand over: those named, and all below the folders named, in order.

    Receipts are left out, and so is what is no regular file (a link could lead anywhere).
    """
    for path in paths:
        if not path.is_dir():
            if not os.path.lexists(path):
                raise NotFoundError(f"{shown(path)}: expected a file or a folder, got nothing")
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder) / name
                if not name.endswith(SUFFIX) and file.is_file() and not file.is_symlink():
                    yield file


class Push:
    """One run over several files of one source to one server."""

    def __init__(self, order: Order, token: str, show: Show, *, state: Path | None = None) -> None:
        state = state or state_folder()
        self._order, self._token, self._show = order, token, show
        self._pins, self._receipts = Pins(state), Receipts(state)
        self._meeting = asyncio.Lock()
        self._vkey: str | None = None
        self._checks: bool | None = None

    async def run(self, files: Sequence[Path]) -> list[Outcome]:
        """Hand all of them over, a few at once; one that fails does not stop the others."""
        gate = asyncio.Semaphore(self._order.jobs)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
            server = Server(session, self._order.server, self._token, stall=self._order.stall)

            async def one(file: Path) -> Outcome:
                async with gate:
                    outcome = await self._one(server, file)
                self._show.ended(file, outcome.status, outcome.text)
                return outcome

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(file)) for file in files]
        return [task.result() for task in tasks]

    async def _one(self, server: Server, path: Path) -> Outcome:
        try:
            file = await asyncio.to_thread(SourceFile, path)
            try:
                return await self._hand_over(server, file)
            finally:
                file.close()
        except EvidenceError as exc:
            return Outcome(path, FAILED, f"{exc.code}: {exc}", error=exc)

    async def _hand_over(self, server: Server, file: SourceFile) -> Outcome:
        path, order = file.path, self._order
        self._show.phase(path, "read", file.facts()[0])
        loop = asyncio.get_running_loop()

        def progress(done: int) -> None:
            loop.call_soon_threadsafe(self._show.moved, path, done)

        known = await asyncio.to_thread(file.fingerprint, progress)
        vkey = await self._trust(server)
        kept = await asyncio.to_thread(self._receipts.find, path, known, vkey)
        if kept is not None:
            place, proven = kept
            heard = "; a case is only heard with the upload" if order.case is not None else ""
            text = f"nothing sent, its receipt is {shown(place)}{heard}"
            return Outcome(path, ALREADY, text, receipt=place, item=proven.item)
        await self._meet(server)
        sending = Sending(
            server,
            file,
            known,
            values=announcement(path, known, order),
            key=idempotency_key(order.source, raw_name(path), known),
            show=self._show,
            patience=order.patience,
            checks=bool(self._checks),
        )
        result = await sending.run()
        proven = proves(result.receipt, known, vkey)
        place = await asyncio.to_thread(self._receipts.keep, path, known, result.receipt)
        status = STORED if result.sent or not known.size else ALREADY
        said = f"{size_text(result.sent)} sent" if result.sent else "nothing sent"
        marks = f", marked {', '.join(proven.marks)}" if proven.marks else ""
        text = f"{said}, item {proven.item}{marks}, receipt {shown(place)}"
        return Outcome(path, status, text, result.sent, place, proven.item)

    async def _trust(self, server: Server) -> str:
        """The key to check receipts with: given, pinned, or seen now for the first time."""
        async with self._meeting:
            if self._vkey is None:
                if self._order.key or self._pins.get(server.name):
                    self._vkey, _ = trusted(self._pins, server.name, self._order.key, None)
                else:
                    await self._ask_key(server)
            if self._vkey is None:
                raise VerificationError("log key: expected one to trust, got none")
            return self._vkey

    async def _meet(self, server: Server) -> None:
        """Before anything is sent, once: the server still has the trusted key, and what it checks."""
        async with self._meeting:
            if self._checks is None:
                await self._ask_key(server)
                patience = Patience(self._order.patience, self._show, server.name)
                offered = await patience.insist(server.checksums)
                self._checks = "sha256" in offered

    async def _ask_key(self, server: Server) -> None:
        patience = Patience(self._order.patience, self._show, server.name)
        seen = await patience.insist(server.vkey)
        vkey, first = trusted(self._pins, server.name, self._order.key, seen)
        if first:
            self._show.note(
                f"log key of {server.name}, seen for the first time and trusted from now on "
                f"(compare it with the one shown with your token): {vkey}"
            )
        if self._pins.get(server.name) != vkey:
            await asyncio.to_thread(self._pins.set, server.name, vkey)
        self._vkey = vkey


def worst(outcomes: Iterable[Outcome]) -> EvidenceError | None:
    """The error that the exit code speaks of: broken evidence first, then a missing right."""
    errors = [o.error for o in outcomes if o.error is not None]
    for kind in (VerificationError, DeniedError):
        for error in errors:
            if isinstance(error, kind):
                return error
    return errors[0] if errors else None


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line: how many of each, and how much was sent."""
    count = {s: sum(o.status == s for o in outcomes) for s in (STORED, ALREADY, FAILED)}
    sent = size_text(sum(o.sent for o in outcomes)) or "nothing"
    return (
        f"{len(outcomes)} files: {count[STORED]} stored, {count[ALREADY]} already stored, "
        f"{count[FAILED]} failed; {sent} sent"
    )
