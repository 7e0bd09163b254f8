"""What the audit administrator reads: refusals, and what administrators and approvers did.

Guarantee: the entries of every organ, newest first, with who and why; whoever manages people or
the server cannot read it (`console/matrix.toml`), and reading changes nothing.
Not covered: trails of one case or recording; they have routes of their own.
"""

from aiohttp import web

from cases import trail
from console import said
from console.answers import limit, plain, speech
from console.parts import PARTS
from console.words import names_in
from verify.errors import MalformedError

ROUTES = web.RouteTableDef()
TYPES = (
    "access.denied", "access.asked", "approval.decided", "user.changed", "credential.changed",
    "organ.set", "unit.set", "token.issued", "token.revoked", "policy.proposed", "rules.set",
    "procedure.set", "roster.set", "roster.withdrawn", "device.set", "device.custody",
    "device.user", "device.clock", "item.flagged", "field.erased", "view.granted", "view.closed",
    "clock.corrected", "log.recovered", "scrub.done",
)  # fmt: skip


@ROUTES.get("/api/audit")
async def audit(request: web.Request) -> web.Response:
    """One type, or all that concern administration."""
    wanted = request.query.get("type")
    if wanted is not None and wanted not in TYPES:
        raise MalformedError(f"type: expected one of administration, got {wanted:.60}")
    async with request.app[PARTS].database.read() as conn:
        page = await trail.of_types(
            conn, TYPES if wanted is None else (wanted,), cursor=request.query.get("cursor"),
            limit=limit(request, 100),
        )  # fmt: skip
        names = await names_in(conn, page.rows)
    spoken = speech(request)
    return plain({"entries": [said.step(s, spoken, names) for s in page.rows], "next": page.next})
