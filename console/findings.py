"""What is stuck, late or about to fill, as findings: severity, code, since when, how many.

Guarantee: every finding rests on rows or on the disk as they are now; each question is an index's
or an aggregate of a table of work, so the cost does not grow with the recordings kept.
Not covered: what only reading originals finds (read-back and scrub), and other servers' disks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables

JOB_LATE_MS = 15 * 60_000  # a queued job whose turn came so long ago is not being taken
SEAL_LATE_MS = 10 * 60_000  # sealing takes seconds; minutes mean that something holds it
LOG_LATE_MS = 5 * 60_000  # entries wait for a checkpoint that comes every few seconds
SPACE_SERIOUS, SPACE_WARNING = 0.05, 0.15  # of the disk that is free


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the disk on which a part lies."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Finding:
    severity: str  # serious, warning
    code: str  # the page has a sentence and a next step for each
    about: str  # kind of job, name of part or disk; empty where there is but one
    count: int
    since_ms: int | None  # None: not known, since it is a state and not an event


async def of_work(conn: AsyncConnection, now_ms: int) -> list[Finding]:
    """Jobs, uploads and the log."""
    j, t = tables.job.c, tables.transfer.c
    waiting = (j.state == "queued") & (j.run_at_ms <= now_ms - JOB_LATE_MS)
    sealing = t.state.in_(("received", "stored"))
    found: list[Finding] = []
    for severity, code, about, since, condition in (
        ("serious", "job-failed", j.kind, j.updated_ms, j.state == "failed"),
        ("warning", "job-late", j.kind, j.run_at_ms, waiting),
        ("serious", "upload-stuck", None, t.touched_ms, sealing & t.problem.is_not(None)),
        (
            "serious", "seal-late", None, t.touched_ms,
            sealing & t.problem.is_(None) & (t.touched_ms <= now_ms - SEAL_LATE_MS),
        ),
        (
            "warning", "upload-interrupted", None, t.expires_ms,
            (t.state == "receiving") & (t.expires_ms <= now_ms),
        ),
    ):  # fmt: skip
        query: Any = select(func.count(), func.min(since)).where(condition)
        if about is not None:
            query = query.add_columns(about).group_by(about).order_by(about)
        for count, oldest, *name in await conn.execute(query):
            if count:
                found.append(Finding(severity, code, name[0] if name else "", count, oldest))
    size = (await conn.execute(select(tables.head.c.size))).scalar() or 0
    row = (await conn.execute(select(tables.published.c.size, tables.published.c.at_ms))).first()
    covered, at_ms = (0, None) if row is None else row
    if size > covered and at_ms is not None and at_ms <= now_ms - LOG_LATE_MS:
        found.append(Finding("serious", "log-late", "", size - covered, at_ms))
    return found


def of_parts(wrong: Mapping[str, str]) -> list[Finding]:
    """Parts that say themselves that they cannot record."""
    return [Finding("serious", "part-away", part, 1, None) for part in sorted(wrong)]


def of_disks(disks: Mapping[str, Disk]) -> list[Finding]:
    """Disks of which little is free."""
    found = []
    for name, disk in sorted(disks.items()):
        share = disk.free / disk.total if disk.total else 0.0
        if share < SPACE_WARNING:
            severity = "serious" if share < SPACE_SERIOUS else "warning"
            found.append(Finding(severity, "space-low", name, 1, None))
    return found
