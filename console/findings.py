"""What is stuck, late or about to fill, as findings: severity, code, since when, how many.

Guarantee: every finding rests on rows or on the disk as they are now; each question is an index's
or an aggregate of a table of work, so the cost does not grow with the recordings kept; what needs
all of them is counted now and then (`console.census`).  What reading every original finds is told
as the last scrub recorded it.
Not covered: other servers' disks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases.trail import Step
from console.census import Census
from storage import tables
from storage.clock_sync import Synchronised
from verify.entries import parse_time

JOB_LATE_MS = 15 * 60_000  # a queued job whose turn came so long ago is not being taken
JOB_SILENT_MS = 5 * 60_000  # a running job says every few seconds that it lives
SEAL_LATE_MS = 10 * 60_000  # sealing takes seconds; minutes mean that something holds it
LOG_LATE_MS = 5 * 60_000  # entries wait for a checkpoint that comes every few seconds
SPACE_SERIOUS, SPACE_WARNING = 0.05, 0.15  # of the disk that is free
FULL_SERIOUS_DAYS, FULL_WARNING_DAYS = 7, 30  # until it is, at the pace of late
SCRUB_MS = 30 * 86_400_000  # everything is read again at least so often


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the disk on which a part lies."""

    total: int
    free: int
    device: int = 0  # parts with the same one share their room


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
    silent = (j.state == "running") & (j.updated_ms <= now_ms - JOB_SILENT_MS)
    sealing = t.state.in_(("received", "stored"))
    found: list[Finding] = []
    for severity, code, about, since, condition in (
        ("serious", "job-failed", j.kind, j.updated_ms, j.state == "failed"),
        ("warning", "job-late", j.kind, j.run_at_ms, waiting),
        ("serious", "job-silent", j.kind, j.updated_ms, silent),
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


def of_disks(disks: Mapping[str, Disk], growth: Mapping[str, float]) -> list[Finding]:
    """Disks of which little is free, and such that will be full soon at the pace of late."""
    found = []
    for name, disk in sorted(disks.items()):
        share = disk.free / disk.total if disk.total else 0.0
        if share < SPACE_WARNING:
            severity = "serious" if share < SPACE_SERIOUS else "warning"
            found.append(Finding(severity, "space-low", name, 1, None))
        days = days_left(disk, growth.get(name, 0.0))
        if days is not None and days < FULL_WARNING_DAYS:
            severity = "serious" if days < FULL_SERIOUS_DAYS else "warning"
            found.append(Finding(severity, "space-ending", name, 1, None))
    return found


def days_left(disk: Disk, per_day: float) -> float | None:
    """Until the disk is full; None while nothing comes."""
    return disk.free / per_day if per_day > 0 else None


def of_copies(census: Census, stores: int) -> list[Finding]:
    """Originals that the loss of one store would take."""
    if census.once == 0:
        return []
    # With one store it is the operator's choice and still true; with two, copies are lacking.
    severity, code = ("warning", "stored-once") if stores < 2 else ("serious", "copy-lacking")
    return [Finding(severity, code, "", census.once, census.once_since_ms)]


def of_scrub(last: Step | None, census: Census, now_ms: int) -> list[Finding]:
    """What the last reading of everything found, and whether the next one is due."""
    found = []
    if last is not None:
        at_ms = parse_time(last.at)
        found = [
            Finding("serious", f"scrub-{kind}", "", len(last.fields[kind]), at_ms)
            for kind in ("missing", "changed")
            if last.fields.get(kind)
        ]
    since = census.oldest_ms if last is None else parse_time(last.at)
    if since is not None and now_ms - since > SCRUB_MS:
        found.append(Finding("warning", "scrub-late", "", 1, since))
    return found


def of_clock(told: Synchronised | None) -> list[Finding]:
    """A clock that no time service keeps right: times of the record rest on it."""
    if told is None or told.good:
        return []
    return [Finding("warning", "clock-free", "", 1, None)]
