"""The wire: tus 1.0 with checksums against one server, one request per method.

Guarantee: every answer is turned into a value or one named error: RetryError (ask again, with the
server's Retry-After), ConflictError (ask for the offset first), DigestMismatchError (the piece
arrived damaged and was discarded), NotFoundError (the upload is gone), DeniedError, MalformedError
(asking again does not help).  The token goes to the server that was named and nowhere else:
redirects are not followed, and of a Location only the path counts.
Not covered: retrying; that is `capture.sending`.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from capture.errors import RetryError
from verify.errors import (
    ConflictError,
    DeniedError,
    DigestMismatchError,
    EvidenceError,
    MalformedError,
    NotFoundError,
)

TUS = {"Tus-Resumable": "1.0.0"}
LIMIT_BODY = 1 << 20
RETRY_STATUS = frozenset({408, 423, 425, 429, 500, 502, 503, 504, 507})


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload on the server: its address and how many bytes are durable there."""

    path: str
    offset: int


@dataclass(frozen=True, slots=True)
class Pending:
    """No receipt yet: the state for people, and when to ask again."""

    state: str
    after: float


def metadata(values: Mapping[str, bytes]) -> str:
    """An `Upload-Metadata` header."""
    return ",".join(f"{k} {base64.b64encode(v).decode()}".rstrip() for k, v in values.items())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait; None where it does not say (or not readably)."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def problem(status: int, what: str, body: bytes, headers: Mapping[str, str]) -> EvidenceError:
    """The named error for an answer that is none of those hoped for."""
    try:
        said = json.loads(body)
        title = str(said.get("detail") or said.get("title") or "")
    except (ValueError, AttributeError):
        title = body[:200].decode("utf-8", "replace").strip()
    text = f"{what}: the server answered {status}" + (f", {title}" if title else "")
    if status in RETRY_STATUS:
        return RetryError(text, retry_after(headers))
    if status == 460:
        return DigestMismatchError(what, expected="the announced one", actual="another (460)")
    if status in (401, 403):
        return DeniedError(text)
    if status in (404, 410):
        return NotFoundError(text)
    if status == 409:
        return ConflictError(text)
    return MalformedError(text)


class Server:
    """One server, as its upload API.  `session` belongs to the caller."""

    def __init__(
        self, session: aiohttp.ClientSession, base: str, token: str, *, stall: float = 60.0
    ) -> None:
        self.base = URL(base.rstrip("/") + "/")
        self._session, self._token, self._stall = session, token, stall

    @property
    def name(self) -> str:
        """The address under which a key is pinned."""
        return str(self.base)

    def _same(self, location: str) -> str:
        """The path of a Location, which must lie on this server."""
        path = URL(location, encoded="%" in location).raw_path
        if not path.startswith(self.base.raw_path):
            path = self.base.raw_path + path.lstrip("/")
        return path

    async def _ask(
        self,
        method: str,
        path: str,
        what: str,
        good: tuple[int, ...],
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        wait: float = 0.0,
        params: Mapping[str, str] | None = None,
        secret: bool = True,
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = self.base.join(URL(path, encoded=True))
        sent = {**(headers or {}), **({"Authorization": f"Bearer {self._token}"} if secret else {})}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=self._stall + wait)
        try:
            async with self._session.request(
                method, url, headers=sent, data=data, params=params, timeout=timeout,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                body = await answer.content.read(LIMIT_BODY)
                if answer.status not in good:
                    raise problem(answer.status, what, body, answer.headers)
                return answer.status, answer.headers.copy(), body
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as exc:
            reason = str(exc) or type(exc).__name__
            raise RetryError(f"{what}: no answer from {self.base.host}: {reason}") from exc

    async def vkey(self) -> str:
        """The key that the server says its log has: information, trusted only by pinning it."""
        _, _, body = await self._ask("GET", "log/vkey", "log key", (200,), secret=False)
        return body.decode("utf-8", "replace").strip()

    async def checksums(self) -> frozenset[str]:
        """The checksum algorithms that the server offers."""
        _, headers, _ = await self._ask("OPTIONS", "api/uploads/", "options", (200, 204))
        if "checksum" not in headers.get("Tus-Extension", ""):
            return frozenset()
        return frozenset(headers.get("Tus-Checksum-Algorithm", "").replace(" ", "").split(","))

    async def create(self, size: int, values: Mapping[str, bytes], key: str) -> Upload:
        """Announce a file; the same key again finds the upload that is there already."""
        headers = {
            **TUS,
            "Upload-Length": str(size),
            "Upload-Metadata": metadata(values),
            "Idempotency-Key": key,
        }
        _, answer, _ = await self._ask(
            "POST", "api/uploads/", "announcing", (201,), headers=headers
        )
        if "Location" not in answer:
            raise MalformedError("announcing: expected a Location, got none")
        path = self._same(answer["Location"])
        if "Upload-Offset" in answer:
            return Upload(path, _offset(answer))
        return await self.find(path)

    async def find(self, path: str) -> Upload:
        """Ask how many bytes are durable."""
        _, answer, _ = await self._ask("HEAD", path, "offset", (200, 204), headers=TUS)
        return Upload(path, _offset(answer))

    async def append(
        self, at: Upload, pieces: AsyncIterator[bytes], size: int, sha256: bytes | None
    ) -> Upload:
        """Send `size` bytes at the offset.  A link on which nothing moves for the stall time is
        given up; what a kernel buffer took counts as moved."""
        headers = {
            **TUS,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(at.offset),
            "Content-Length": str(size),
        }
        if sha256 is not None:
            headers["Upload-Checksum"] = f"sha256 {base64.b64encode(sha256).decode()}"
        loop = asyncio.get_running_loop()

        async def watched() -> AsyncIterator[bytes]:
            async for piece in pieces:
                limit.reschedule(loop.time() + self._stall)
                yield piece
            limit.reschedule(loop.time() + 2 * self._stall)  # the answer comes after the sync

        try:
            async with asyncio.timeout(self._stall) as limit:
                _, answer, _ = await self._ask(
                    "PATCH", at.path, "sending", (204, 200), headers=headers, data=watched(),
                    wait=2 * self._stall,
                )  # fmt: skip
        except TimeoutError as exc:
            raise RetryError(f"sending: nothing moved for {self._stall:.0f} s") from exc
        return Upload(at.path, _offset(answer))

    async def state(self, path: str) -> Mapping[str, Any]:
        """What the server says about the upload, for people."""
        _, _, body = await self._ask("GET", path, "state", (200,))
        try:
            said = json.loads(body)
        except ValueError as exc:
            raise MalformedError("state: expected JSON, got something else") from exc
        return said if isinstance(said, dict) else {}

    async def receipt(self, path: str, wait: int) -> str | Pending:
        """The receipt, or what it is waiting for."""
        status, headers, body = await self._ask(
            "GET", f"{path.rstrip('/')}/receipt", "receipt", (200, 202),
            params={"wait": str(wait)}, wait=float(wait),
        )  # fmt: skip
        if status == 200:
            return body.decode("utf-8", "replace")
        try:
            state = str(json.loads(body).get("state", ""))
        except (ValueError, AttributeError):
            state = ""
        after = retry_after(headers)
        return Pending(state, 1.0 if after is None else after)

    async def forget(self, path: str) -> None:
        """Terminate an upload that will never be whole."""
        await self._ask("DELETE", path, "terminating", (204,), headers=TUS)


def _offset(headers: Mapping[str, str]) -> int:
    text = headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise MalformedError(f"Upload-Offset: expected a number, got {text!r:.40}")
    return int(text)
