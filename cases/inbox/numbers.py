"""A policy's numbers as the pure rules of `cases.links` take them.

Guarantee: every number comes from the policy in force or from cases/inbox/weights.toml.
Not covered: choosing the policy (`cases.policy.in_force`).
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from cases import calendar
from cases.calendar import Term
from cases.links.attribution import AttributionPolicy
from cases.links.facts import Shift
from cases.links.propose import ProposalPolicy
from cases.links.times import DOCK, EMBEDDED, FILE_NAME, MANIFEST, MTIME, TimePolicy
from cases.links.upload_clock import Clock, ClockPolicy, IsWorkingDay, clock, link_clock
from cases.policy import SAME_DAY, Policy

FILE = Path(__file__).parent / "weights.toml"
_KINDS: Mapping[str, tuple[Any, int]] = {
    "h": ("hours", 1),
    "wd": ("working_days", 1),
    "d": ("hours", 24),
}


@cache
def weights() -> Mapping[str, Any]:
    """The shipped weights and the pairs of points."""
    return tomllib.loads(FILE.read_text("utf-8"))


def of_attribution(policy: Policy, zone: str) -> AttributionPolicy:
    """What attribution is told of times; `zone` where neither device nor file says one."""
    t, c = policy.time_sources, policy.clock
    return AttributionPolicy(
        TimePolicy(
            zone=zone, limit_ms_per_day=c.limit_ms_per_day, unmeasured_ms=c.unmeasured_ms,
            set_from_ms=c.set_from_ms, agree_ms=c.agree_ms,
            copied_ms=weights()["times"]["copied_ms"],
            uncertainty_ms={
                MANIFEST: t.manifest_ms, EMBEDDED: t.embedded_ms, FILE_NAME: t.file_name_ms,
                MTIME: t.file_mtime_ms, DOCK: t.dock_ms,
            },
        ),
        frozenset(weights()["times"]["blank_codes"]),
    )  # fmt: skip


def of_proposals(policy: Policy) -> ProposalPolicy:
    """Weights and limits of proposals."""
    known = {f.name for f in fields(ProposalPolicy)}
    given = {name: value for name, value in weights()["weights"].items() if name in known}
    given["doubts"] = frozenset(given["doubts"])
    links = policy.links
    return ProposalPolicy(
        **given, buffer_ms=links.buffer_ms, near_m=links.near_m, far_m=links.far_m
    )


def pairs() -> Mapping[str, str]:
    """The point that ends what a point begins."""
    return dict(weights()["visits"]["pairs"])


def works(policy: Policy) -> IsWorkingDay:
    """Whether people work on a day, by the national calendar and the policy's own days."""
    days = policy.holidays.days()

    def is_working(day: date) -> bool:
        return calendar.is_working_day(day, days)

    return is_working


def upload_due(
    start_ms: int | None, end_ms: int | None, shifts: Sequence[Shift], policy: Policy, zone: str
) -> Clock:
    """When a recording had to be in."""
    rule = clock_of(policy.upload.term, policy.upload.remote_term)
    return clock(start_ms, end_ms, shifts, rule, zone=zone, is_working_day=works(policy))


def link_due(sealed_ms: int, policy: Policy, zone: str) -> int:
    """Until when somebody has to have said where an item belongs."""
    due = link_clock(
        sealed_ms, clock_of(policy.links.term), zone=zone, is_working_day=works(policy)
    )
    assert due.due_ms is not None  # noqa: S101  # it runs from the sealing, which is known
    return due.due_ms


def return_due(end_ms: int, policy: Policy, zone: str) -> int:
    """Until when a device has to be back after a duty that ended then."""
    due = link_clock(
        end_ms, clock_of(policy.devices.return_term), zone=zone, is_working_day=works(policy)
    )
    assert due.due_ms is not None  # noqa: S101
    return due.due_ms


def written(term: Term | None) -> str:
    """A term as policies write it."""
    return SAME_DAY if term is None else str(term)


def clock_of(term: Term | None, remote: Term | None = None) -> ClockPolicy:
    """A term as `upload_clock` takes it: calendar days are spans of 24 hours."""
    exception = clock_of(remote) if remote is not None else None
    if term is None:
        return ClockPolicy("same_day", 0, exception)
    kind, times = _KINDS[term.unit]
    return ClockPolicy(kind, term.amount * times, exception)
