"""The upload routes: tus 1.0.0 at /api/uploads/, and what people and devices ask beside it.

Guarantee: a caller meets only uploads of the source it speaks for (others are "not found"); an
offset is answered only after its bytes are durable; no body is ever read into memory whole.
Not covered: signing in (the `Access` that is handed in).

Format: tus resumable upload protocol 1.0.0; the JSON is in console/openapi.yaml.
"""

import asyncio
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

from ingest import rules, tus
from ingest.answers import answered, head_headers, problem, spoken, state_headers
from ingest.receive import LetGoError
from ingest.rules import Upload
from ingest.uploads import Taken, Uploads
from storage.access import Access, Caller, Right
from storage.errors import HaltedError
from verify.errors import EvidenceError, MalformedError, NotFoundError, UnavailableError

ROOT = "/api/uploads"
MAX_WAIT_S = 60.0
_HOST = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,255}")


class Receipts(Protocol):
    """Proofs over the published checkpoint (`storage.log.receipts`)."""

    async def of(self, index: int, *, wait: float = 0.0) -> str:
        """The receipt of an entry; UnavailableError where it is not published in time."""


def as_asked(request: web.Request) -> str:
    """How the caller reached this server, by the request alone."""
    return f"{request.scheme}://{request.host}"


@dataclass(frozen=True, slots=True)
class Deps:
    """What the composition hands in."""

    uploads: Uploads
    access: Access
    receipts: Receipts
    base: Callable[[web.Request], str] = as_asked  # how people reach this server, without a slash


def routes(deps: Deps) -> list[web.RouteDef]:
    """Everything below /api/uploads."""
    return _Routes(deps).table()


@dataclass(frozen=True, slots=True)
class _Routes:
    deps: Deps

    def table(self) -> list[web.RouteDef]:
        one = ROOT + "/{upload:[0-9a-f]{32}}"
        return [
            web.options(ROOT, self.options),
            web.options(ROOT + "/", self.options),
            web.options(one, self.options),
            web.post(ROOT, spoken(self.create)),
            web.post(ROOT + "/", spoken(self.create)),
            web.head(one, spoken(self.head)),
            web.patch(one, spoken(self.append)),
            web.delete(one, spoken(self.terminate)),
            web.post(one, spoken(self.overridden)),
            web.get(one, answered(self.look), allow_head=False),
            web.get(one + "/receipt", answered(self.receipt), allow_head=False),
            web.post(one + "/seal", answered(self.seal)),
            web.post(one + "/discard", answered(self.discard)),
        ]

    # --- the protocol -----------------------------------------------------------------------

    async def options(self, _request: web.Request) -> web.Response:
        return web.Response(
            status=204,
            headers={
                "Tus-Resumable": tus.VERSION,
                "Tus-Version": tus.VERSION,
                "Tus-Extension": ",".join(tus.EXTENSIONS),
                "Tus-Max-Size": str(self.deps.uploads.limits.max_size),
                "Tus-Checksum-Algorithm": ",".join(tus.DIGEST_SIZE),
            },
        )

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Right.UPLOAD)
        uploads = self.deps.uploads
        asked = tus.parse_creation(request.headers, max_metadata=uploads.limits.max_metadata)
        first = tus.parse_first(request.headers)
        base = self._base(request)  # an address that cannot be told is refused before anything
        upload = await uploads.create(caller, asked, request.headers.get("Idempotency-Key"))
        headers = {"Location": f"{base}{ROOT}/{upload.id}"}
        if first is not None and upload.offset == 0 and upload.state == rules.RECEIVING:
            try:
                taken = await uploads.append(upload.id, first, request.content)
            except EvidenceError as exc:
                return problem(exc, headers)  # it exists now: the client can go on from here
            if taken.cut is not None:
                return self._cut(request, taken)
            upload = taken.upload
        return web.Response(status=201, headers={**headers, **state_headers(upload)})

    async def head(self, request: web.Request) -> web.Response:
        upload = await self._mine(request)
        if upload.state == rules.RECEIVING:
            upload = await self.deps.uploads.settled(upload.id)
        rules.check_running(upload, self.deps.uploads.clock.now_ms())
        return web.Response(status=200, headers=head_headers(upload))

    async def append(self, request: web.Request) -> web.Response:
        upload = await self._mine(request)
        asked = tus.parse_append(request.headers)
        taken = await self.deps.uploads.append(upload.id, asked, request.content)
        if taken.cut is not None:
            return self._cut(request, taken)
        return web.Response(status=204, headers=state_headers(taken.upload))

    async def terminate(self, request: web.Request) -> web.Response:
        upload = await self._mine(request)
        caller = await self.deps.access.caller(request)
        await self.deps.uploads.terminate(upload.id, caller.actor)
        return web.Response(status=204)

    async def overridden(self, request: web.Request) -> web.Response:
        """Clients behind proxies that know only GET and POST."""
        wanted = request.headers.get("X-HTTP-Method-Override", "").upper()
        if wanted == "PATCH":
            return await self.append(request)
        if wanted == "HEAD":
            return await self.head(request)
        if wanted == "DELETE":
            return await self.terminate(request)
        raise MalformedError(
            f"X-HTTP-Method-Override: expected PATCH, HEAD or DELETE, got {wanted or 'none'!s:.20}"
        )

    def _cut(self, request: web.Request, taken: Taken) -> web.Response:
        """The body did not come whole.  One that had to let go is not listened to any longer."""
        if isinstance(taken.cut, LetGoError):
            if request.transport is not None:
                request.transport.abort()
            return problem(taken.cut, state_headers(taken.upload))
        said = MalformedError(
            f"upload {taken.upload.id}: expected the whole body, got a part of it"
        )
        return problem(said, state_headers(taken.upload))

    # --- beside it --------------------------------------------------------------------------

    async def look(self, request: web.Request) -> web.Response:
        upload = await self._mine(request, Right.READ, Right.CASE)
        return web.json_response(await self._shown(upload), headers={"Cache-Control": "no-store"})

    async def receipt(self, request: web.Request) -> web.Response:
        """The receipt once there is one; until then 202 and the state."""
        upload = await self._mine(request, Right.READ, Right.CASE)
        clock = asyncio.get_running_loop().time
        until = clock() + _wait(request.query.get("wait", "0"))
        upload = await self._until_sealed(upload, until)
        if upload.item is not None:
            index = await self.deps.uploads.sealed_index(upload.item)
            if index is not None:
                return await self._receipt_of(upload, index, max(0.0, until - clock()))
        return await self._not_yet(upload)

    async def _receipt_of(self, upload: Upload, index: int, wait: float) -> web.Response:
        try:
            text = await self.deps.receipts.of(index, wait=wait)
        except HaltedError:
            raise
        except UnavailableError:  # sealed, but no checkpoint covers it yet
            return await self._not_yet(upload)
        name = "".join(
            "_" if unicodedata.category(c)[0] == "C" else c for c in upload.name.rpartition("/")[2]
        )
        name = quote(f"{name}.tlog-proof", safe="")
        return web.Response(
            text=text,
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                "Cache-Control": "no-store",
            },
        )

    async def _not_yet(self, upload: Upload) -> web.Response:
        return web.json_response(
            await self._shown(upload),
            status=202,
            headers={"Retry-After": "1", "Cache-Control": "no-store"},
        )

    async def _until_sealed(self, upload: Upload, until: float) -> Upload:
        uploads = self.deps.uploads
        while upload.item is None:
            turn = uploads.next_act()  # taken before looking, or an act between is missed
            upload = await uploads.find(upload.id)
            if upload.item is not None:
                break
            if upload.record == rules.ABORTED:
                raise tus.GoneError(
                    f"upload {upload.id}: expected a sealed one, got one that was {upload.reason}"
                )
            try:
                async with asyncio.timeout_at(until):
                    await turn.wait()
            except TimeoutError:
                break
        return upload

    async def seal(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Right.CASE)
        upload = request.match_info["upload"]
        await self.deps.uploads.seal_prefix(upload, caller.actor, await _reason(request))
        return web.json_response(
            await self._shown(await self.deps.uploads.find(upload)), status=202
        )

    async def discard(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Right.CASE)
        upload = request.match_info["upload"]
        await self.deps.uploads.discard(upload, caller.actor, await _reason(request))
        return web.json_response(await self._shown(await self.deps.uploads.find(upload)))

    async def _shown(self, upload: Upload) -> Mapping[str, Any]:
        uploads = self.deps.uploads
        copies = await uploads.copies(upload)
        values = {
            "id": upload.id,
            "source": await uploads.source_name(upload.source),
            "name": upload.name,
            "size": upload.announced_size if upload.length is None else upload.length,
            "offset": upload.offset,
            "state": rules.shown_state(upload, uploads.clock.now_ms(), copies),
            "copies": copies,
            "item": upload.item,
            "receipt": None if upload.item is None else f"{ROOT}/{upload.id}/receipt",
            "reason": upload.reason,
            "problem": upload.problem,
        }
        return {name: value for name, value in values.items() if value is not None}

    # --- who asks ---------------------------------------------------------------------------

    async def _caller(self, request: web.Request, right: Right) -> Caller:
        caller = await self.deps.access.caller(request)
        caller.require(right)
        return caller

    async def _mine(self, request: web.Request, *also: Right) -> Upload:
        """The upload in the path, if this caller hands over for its source or has a right in `also`."""
        caller = await self.deps.access.caller(request)
        upload = await self.deps.uploads.find(request.match_info["upload"])
        if not caller.rights.isdisjoint(also):
            return upload
        caller.require(Right.UPLOAD)
        if caller.source not in (None, upload.source):
            raise NotFoundError(f"upload: expected a known one, got {upload.id!r}")
        return upload

    def _base(self, request: web.Request) -> str:
        """What an absolute address begins with; some clients refuse any other."""
        if _HOST.fullmatch(request.host) is None:
            raise MalformedError(f"Host: expected a name or an address, got {request.host!r:.60}")
        return self.deps.base(request)


def _wait(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as exc:
        raise MalformedError(f"wait: expected seconds, got {text!r:.20}") from exc
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), MAX_WAIT_S)


async def _reason(request: web.Request) -> str:
    """The reason that a person gives, of the JSON `{"reason": …}` or of a form."""
    if request.content_length is None or request.content_length > 10_000:
        raise MalformedError("body: expected a short JSON object with a reason, got none")
    try:
        given = await request.json()
    except (ValueError, LookupError, RecursionError) as exc:  # no JSON, no such charset, too deep
        raise MalformedError("body: expected JSON, got something else") from exc
    reason = given.get("reason") if isinstance(given, dict) else None
    if not isinstance(reason, str) or not reason.strip() or len(reason) > 1000:
        raise MalformedError("reason: expected 1 to 1000 characters, got none or more")
    return reason.strip()
