"""Trails without the cases that their reader may not see.

Guarantee: an entry of such a case stays in its place with its type and time, and says no more:
neither the case, nor its words, nor who acted; such a case that an entry of one's own names beside
is left out of it.
Not covered: refusals and acts of administrators (`console.audit`).
"""

from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases import case_list
from cases.trail import Step
from console.guard import visible_to
from console.words import MASKED
from storage import tables


async def masked(
    conn: AsyncConnection, request: web.Request, steps: Sequence[Step], *, case: str | None = None
) -> list[Step]:
    """These entries for this caller, who may read the trail of `case`."""
    visible = visible_to(request, "trail.read")
    if visible.everything and visible.private:
        return list(steps)
    named = {id_ for step in steps for id_ in (_of(step), step.fields.get("other")) if id_}
    c = tables.case.c
    query = select(c.id).where(c.id.in_(named), case_list.seen(visible))
    seen = set((await conn.execute(query)).scalars()) | {case}
    return [_masked(step, seen) for step in steps]


def _of(step: Step) -> str | None:
    """The case that an entry is about."""
    if step.chain.startswith("c:"):
        return step.chain[2:]
    return step.fields.get("case")


def _masked(step: Step, seen: set[str | None]) -> Step:
    of, other = _of(step), step.fields.get("other")
    if of is not None and of not in seen:
        return replace(step, chain=MASKED, actor="u:-", who=None, fields={}, erased=())
    if other is not None and other not in seen:
        return replace(step, fields={k: v for k, v in step.fields.items() if k != "other"})
    return step
