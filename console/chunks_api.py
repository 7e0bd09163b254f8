"""The chunk hashes of a recording, for whoever checks a part of it, or wants to know which part changed.

Guarantee: what is handed out has as many hashes as the recording has chunks and leads to the root
that its entry states; a store whose list does not is passed over, and the next is asked.
Not covered: trust.  The reader reckons the root himself, against a receipt.

Format: docs/formats/fingerprints.md, version 1, "The sidecar".
"""

import logging

from aiohttp import web
from sqlalchemy import select

from cases import queries
from console.answers import allowed, is_known
from console.errors import NotDerivedError
from console.parts import PARTS
from storage import tables
from storage.access import Right
from storage.objects.port import Class, read_all
from verify.errors import EvidenceError
from verify.fingerprint import check_tree

LOG = logging.getLogger("liuhen.console")
ROUTES = web.RouteTableDef()


@ROUTES.get("/api/items/{item}/chunks")
async def chunks(request: web.Request) -> web.Response:
    """The sidecar: 32 bytes for each MiB.  Hashes show nothing, so it is no view."""
    await allowed(request, Right.READ)
    parts, id_ = request.app[PARTS], request.match_info["item"]
    c = tables.copy.c
    async with parts.database.read() as conn:
        row = await queries.item(conn, id_)
        places = select(c.store, c.key, c.version).where(c.item == id_, c.what == "tree")
        held = {p.store: (p.key, p.version) for p in await conn.execute(places)}
    headers = {"ETag": f'"{row.root}"', "Cache-Control": "private, no-cache"}
    if is_known(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    for store in parts.stores:
        if store.name not in held:
            continue
        key, version = held[store.name]
        try:
            tree = await read_all(store, Class.EVIDENCE, key, version=version)
            check_tree(tree, size=row.size, root=row.root)
        except EvidenceError as error:
            LOG.warning("store %s, chunk hashes of item %s: %s", store.name, id_, error)
            continue
        return web.Response(body=tree, content_type="application/octet-stream", headers=headers)
    raise NotDerivedError(
        f"item {id_}: expected chunk hashes that lead to its root, got none from {len(held)} stores"
    )
