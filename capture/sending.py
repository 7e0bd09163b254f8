"""One file from announcement to receipt, whatever the link and the server do meanwhile.

Guarantee: bytes are sent only from the offset that the server holds durably, each piece under its
own SHA-256 where the server checks it; the piece is small on a slow link, so that a cut costs
seconds, and at most 64 MiB.  Everything that may pass is waited for, with growing and random
pauses, until nothing has moved for `patience` seconds.
Not covered: what the receipt says (`capture.receipts`).
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from capture.client import Pending, Server, Upload
from capture.errors import ChangedError, RetryError
from capture.progress import Show
from capture.source import Known, SourceFile, shown
from verify.errors import (
    ConflictError,
    DigestMismatchError,
    EvidenceError,
    IncompleteError,
    NotFoundError,
    UnavailableError,
)

T = TypeVar("T")
MIB = 1 << 20
BLOCK = MIB
SMALLEST, FIRST, LARGEST = MIB, 8 * MIB, 64 * MIB
PIECE_SECONDS = 8.0
RECEIPT_WAIT = 20
DAMAGED_IN_A_ROW = 5
GONE = frozenset({"aborted", "discarded"})


def next_piece(size: int, seconds: float) -> int:
    """The size of the next piece after one of `size` bytes took so long: about eight seconds'
    worth, at most four times the last, in whole MiB."""
    fits = int(size / max(seconds, 0.001) * PIECE_SECONDS)
    return max(SMALLEST, min(LARGEST, 4 * size, fits) // MIB * MIB)


def pause(failures: int, after: float | None, chance: float) -> float:
    """Seconds to wait before asking again: what the server asked for, or doubling from one to
    thirty; between half and all of it, so that many devices do not come back together."""
    base = min(30.0, 2.0 ** min(failures - 1, 5))
    return max(after or 0.0, 0.0) + base * (0.5 + chance / 2)


@dataclass(slots=True)
class Patience:
    """Waits and tells why, until nothing has moved for `limit` seconds."""

    limit: float
    show: Show
    name: str
    failures: int = 0
    since: float = 0.0

    def moved(self) -> None:
        """Something went well: patience is new."""
        self.failures, self.since = 0, 0.0

    async def wait(self, exc: EvidenceError, after: float | None) -> None:
        now = time.monotonic()
        self.since = self.since or now
        self.failures += 1
        seconds = pause(self.failures, after, random.random())  # noqa: S311  # no secret
        if now + seconds - self.since > self.limit:
            raise UnavailableError(
                f"{self.name}: gave up after {now - self.since:.0f} s without progress: {exc}"
            ) from exc
        self.show.note(f"{self.name}: {exc}; trying again in {seconds:.0f} s")
        await asyncio.sleep(seconds)

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer; every other error is the caller's."""
        while True:
            try:
                answer = await ask()
            except RetryError as exc:
                await self.wait(exc, exc.after)
            else:
                self.moved()
                return answer


@dataclass(frozen=True, slots=True)
class Sent:
    """The receipt's text, and how many bytes went over the wire for it."""

    receipt: str
    sent: int


async def _blocks(
    file: SourceFile, start: int, end: int, moved: Callable[[int], None]
) -> AsyncIterator[bytes]:
    while start < end:
        block = await asyncio.to_thread(file.read, start, min(BLOCK, end - start))
        yield block
        start += len(block)
        moved(start)


class Sending:
    """One file on its way.  Used once, by one task."""

    def __init__(
        self,
        server: Server,
        file: SourceFile,
        known: Known,
        *,
        values: Mapping[str, bytes],
        key: str,
        show: Show,
        patience: float,
        checks: bool,
    ) -> None:
        self._server, self._file, self._known = server, file, known
        self._values, self._key, self._show, self._checks = values, key, show, checks
        self._patience = Patience(patience, show, shown(file.path.name))
        self._sent = 0

    async def run(self) -> Sent:
        """Announce, send what is missing, wait for the receipt."""
        restarts = 0
        while True:
            at = await self._patience.insist(self._announce)
            try:
                at = await self._send(at)
                return Sent(await self._receipt(at.path), self._sent)
            except NotFoundError:
                restarts += 1  # expired and cleaned up, or terminated: begin again, not for ever
                if restarts > 3:
                    raise
                self._show.note(f"{shown(self._file.path.name)}: the upload is gone; once more")
            except ChangedError:
                await self._drop(at)
                raise

    async def _announce(self) -> Upload:
        return await self._server.create(self._known.size, self._values, self._key)

    async def _drop(self, at: Upload) -> None:
        """The bytes sent were never a whole file: say so to the server, if it hears."""
        try:
            await self._server.forget(at.path)
        except EvidenceError as exc:
            self._show.note(f"{shown(self._file.path.name)}: not withdrawn: {exc}")

    async def _send(self, at: Upload) -> Upload:
        size, piece, damaged = self._known.size, FIRST, 0
        if at.offset < size:
            self._show.phase(self._file.path, "send", size)
            self._show.moved(self._file.path, at.offset)
        while at.offset < size:
            end = min(size, at.offset + piece)
            began = time.monotonic()
            try:
                held = await self._piece(at, end)
            except DigestMismatchError as exc:
                damaged += 1
                if damaged >= DAMAGED_IN_A_ROW:
                    raise
                self._show.note(f"{shown(self._file.path.name)}: {exc}; sending it again")
                continue
            except (RetryError, ConflictError) as exc:
                piece = max(SMALLEST, piece // 4)
                if isinstance(exc, RetryError) or self._patience.failures:
                    await self._patience.wait(exc, getattr(exc, "after", None))
                else:
                    self._patience.failures = 1
                held = await self._held(at)
                if held.offset > at.offset:
                    self._patience.moved()
                at = held
                continue
            self._sent += held.offset - at.offset
            piece = next_piece(end - at.offset, time.monotonic() - began)
            damaged, at = 0, held
            self._patience.moved()
        return at

    async def _held(self, at: Upload) -> Upload:
        """The offset after a failure, without losing count of the failures before it."""
        while True:
            try:
                return await self._server.find(at.path)
            except RetryError as exc:
                await self._patience.wait(exc, exc.after)

    async def _piece(self, at: Upload, end: int) -> Upload:
        digest = await asyncio.to_thread(self._file.digest, at.offset, end, self._known)
        blocks = _blocks(
            self._file, at.offset, end, lambda done: self._show.moved(self._file.path, done)
        )
        return await self._server.append(
            at, blocks, end - at.offset, digest if self._checks else None
        )

    async def _receipt(self, path: str) -> str:
        self._show.phase(self._file.path, "seal", 0)
        told = ""
        while True:
            answer = await self._patience.insist(lambda: self._server.receipt(path, RECEIPT_WAIT))
            if isinstance(answer, str):
                return answer
            state = await self._patience.insist(lambda: self._server.state(path))
            if (state.get("state") in GONE) and not state.get("item"):
                raise IncompleteError(
                    f"{shown(self._file.path.name)}: expected a receipt, got an upload that was "
                    f"discarded: {_reason(state)}"
                )
            told = self._tell(answer, state, told)
            await asyncio.sleep(min(answer.after, 30.0) if answer.after else 0.2)

    def _tell(self, answer: Pending, state: Mapping[str, Any], told: str) -> str:
        """Say once what keeps the server from sealing (its store is away, for example)."""
        problem = str(state.get("problem") or "")
        if problem and problem != told:
            self._show.note(f"{shown(self._file.path.name)}: {answer.state}: {problem}")
        return problem


def _reason(state: Mapping[str, Any]) -> str:
    return str(state.get("reason") or state.get("problem") or "no reason given")
