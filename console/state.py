"""The words for how far a recording has come: one state, and the four steps behind it.

Guarantee: pure; «stored» and «sealed» are never said of bytes that are not, and a file that cannot
be played is called evidence that cannot be played, never broken or lost.

received    every byte is durable in staging
stored ×n   read back equal from n stores
sealed      recorded, signed and published: the receipt exists
playable    a browser can show it, as it is or by a playable copy
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from console import shown

Standing = Literal["done", "now", "todo", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the item as the states need it."""

    state: str  # queued, running, done, failed, cancelled
    progress: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four steps."""

    name: str
    standing: Standing
    percent: int | None = None
    copies: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """`name` is the word; `reason` a stable code of why it cannot go on, where it cannot."""

    name: str
    steps: Sequence[Step]
    percent: int | None = None
    copies: int = 0
    reason: str | None = None
    moving: bool = False  # it may change by itself soon: look again


def _steps(*standings: Standing, percent: int | None = None, copies: int = 0) -> tuple[Step, ...]:
    names = ("received", "stored", "sealed", "playable")
    return tuple(
        Step(
            name,
            standing,
            percent if standing == "now" else None,
            copies if name == "stored" and copies else None,
        )
        for name, standing in zip(names, standings, strict=True)
    )


def of_upload(
    *,
    state: str,
    moving: str | None,
    offset: int,
    length: int | None,
    touched_ms: int | None,
    now_ms: int,
    interrupted_after_ms: int,
    reason: str | None,
    problem: str | None,
    copies: int,
) -> State:
    """The state of an upload that is not an item yet, or never becomes one."""
    if state == "aborted":
        return State("aborted", _steps("failed", "todo", "todo", "todo"), reason=reason)
    if moving == "stored" or (moving == "received" and copies > 0):
        whole = moving == "stored"  # every store that the policy asks for
        steps = _steps(
            "done", *(("done", "now") if whole else ("now", "todo")), "todo", copies=copies
        )
        return State("stored", steps, copies=copies, moving=True, reason=problem and "sealing")
    if moving in ("received", "done"):
        steps = _steps("done", "now", "todo", "todo")
        return State("received", steps, moving=True, reason=problem and "sealing")
    done = shown.percent(offset, length)
    if touched_ms is None or now_ms - touched_ms > interrupted_after_ms:
        steps = _steps("failed", "todo", "todo", "todo")
        return State("interrupted", steps, percent=done, moving=True)
    return State(
        "receiving", _steps("now", "todo", "todo", "todo", percent=done), done, moving=True
    )


def of_item(
    *,
    published: bool,
    copies: int,
    verdict: str | None,
    reason: str | None,
    has_playable: bool,
    jobs: Mapping[str, Job],
) -> State:
    """The state of a sealed item; `jobs` by kind (probe, playable)."""
    if not published:  # recorded, but no checkpoint covers it yet: no receipt, so not «sealed»
        steps = _steps("done", "done", "now", "todo", copies=copies)
        return State("stored", steps, copies=copies, moving=True)

    if has_playable or verdict in ("native", "image"):
        return _sealed(copies, "playable", "done")
    if verdict == "none":
        return _sealed(copies, "unplayable", "failed", reason=reason or "unknown")
    if verdict is not None:
        return _to_convert(copies, jobs.get("playable"))
    if _gave_up(jobs.get("probe")):
        return _sealed(copies, "unplayable", "failed", reason="not-probed")
    return _sealed(copies, "sealed", "now", moving=True, reason="examining")


def _to_convert(copies: int, making: Job | None) -> State:
    """A browser cannot play it as it is, and its copy is not there yet."""
    if making is None or making.state == "done":
        return _sealed(copies, "sealed", "todo", reason="on-demand")
    if _gave_up(making):
        return _sealed(copies, "unplayable", "failed", reason="not-converted")
    done = int(100 * min(1.0, max(0.0, making.progress or 0.0)))
    waiting = "queued" if making.state == "queued" else None
    return _sealed(copies, "converting", "now", percent=done, moving=True, reason=waiting)


def _sealed(
    copies: int,
    name: str,
    standing: Standing,
    *,
    percent: int | None = None,
    reason: str | None = None,
    moving: bool = False,
) -> State:
    """A state of the fourth step: all before it is done."""
    steps = _steps("done", "done", "done", standing, copies=copies, percent=percent)
    return State(name, steps, percent, copies, reason, moving)


def _gave_up(job: Job | None) -> bool:
    return job is not None and job.state in ("failed", "cancelled")
