"""Which clock a recording's time to be in came from: the same day, hours, working days, remote.

Guarantee: a term is told only where it leads to the very time that was recorded; where the roster
has changed since, the recorded time stands alone.
Not covered: reckoning the time when the recording came in (`cases.inbox.attribute`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from cases.inbox import facts, numbers
from cases.inbox.facts import NEAR_MS
from cases.links.facts import Shift
from cases.links.upload_clock import Clock
from cases.policy import Policy, of_versions


@dataclass(frozen=True, slots=True)
class Applied:
    """The term as policies write it, whether it is the exception for remote places, and from when."""

    term: str
    remote: bool
    ended_ms: int | None


class Recorded(Protocol):
    """What was said of a recording when it came in."""

    @property
    def person(self) -> str | None: ...
    @property
    def start_ms(self) -> int | None: ...
    @property
    def end_ms(self) -> int | None: ...
    @property
    def due_ms(self) -> int | None: ...
    @property
    def due_basis(self) -> str | None: ...
    @property
    def policy(self) -> str: ...


def applied(clock: Clock, policy: Policy) -> Applied:
    """The term of the policy by which this clock was reckoned."""
    upload = policy.upload
    remote = clock.policy != str(numbers.clock_of(upload.term))
    term = upload.remote_term if remote else upload.term
    return Applied(numbers.written(term), remote, clock.ended_ms)


def of_items(conn: Connection, said: Mapping[str, Recorded], zone: str) -> Mapping[str, Applied]:
    """The terms of these recordings, as far as they still lead to what was recorded."""
    timed = {
        item: one for item, one in said.items()
        if one.due_ms is not None and one.start_ms is not None
    }  # fmt: skip
    if not timed:
        return {}
    policies = of_versions(conn, {one.policy for one in timed.values()})
    low = min(one.start_ms or 0 for one in timed.values())
    high = max(one.end_ms or one.start_ms or 0 for one in timed.values())
    duties: dict[str, list[Shift]] = {}
    for shift in facts.shifts(
        conn, {one.person for one in timed.values() if one.person}, low, high
    ):
        duties.setdefault(shift.person, []).append(shift)
    found = {}
    for item, one in timed.items():
        policy, start = policies.get(one.policy), one.start_ms or 0
        if policy is None:
            continue
        near = [
            s for s in duties.get(one.person or "", ())
            if start - NEAR_MS <= s.start_ms <= (one.end_ms or start) + NEAR_MS
        ]  # fmt: skip
        clock = numbers.upload_due(start, one.end_ms, near, policy, zone)
        if (clock.due_ms, clock.basis) == (one.due_ms, one.due_basis):
            found[item] = applied(clock, policy)
    return found
