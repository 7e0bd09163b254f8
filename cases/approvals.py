"""What somebody asks and another person decides: interruptions, exemptions, access, policies.

Guarantee: nobody decides his own request, he may only withdraw it; a request is decided once; an
interruption, an exemption and access are decided by the head of the unit or organ that the object
belongs to, a policy by the head of an organ.  A request that came late is marked, never refused.
An interruption speaks of a hole that is there and open, and of nothing else.
Not covered: who may ask (`console`), and what follows from an approval (`cases.judging`,
`console.guard`).

Format: docs/formats/entries.md, version 1 (interruption.explained, exemption.asked, access.asked,
policy.proposed, approval.decided).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection

from cases import policy as policies
from cases.asked import Asked, Person, asked_of, person_of
from cases.calendar import LocalDays, Term, due_ms, end_of_day_ms
from cases.rules import MAX_REASON, line, paragraph
from storage.ledger import Draft, Event, Ledger, random_id
from storage.rights import Role
from verify.entries import format_time, parse_time
from verify.errors import ConflictError, DeniedError, MalformedError, NotFoundError

CAUSES = ("equipment", "weather", "battery", "storage", "moved", "other")
"""设备故障、天气、电量、存储、场所变化、其他."""
GROUNDS = ("secret", "emergency", "impossible")
"""秘密或者隐私、紧急、客观上不能."""
DECISIONS = ("approved", "refused", "withdrawn")
KINDS = ("interruption", "exemption", "access", "policy")
DAY_MS = 86_400_000
MAX_RULE = 300


class OwnRequestError(DeniedError):
    """Nobody decides what he asked himself; he may withdraw it."""

    code = "own-request"


class DecidedError(ConflictError):
    """This request was decided already."""

    code = "already-decided"


class NotHeadError(DeniedError):
    """Only the head of the unit or organ that it belongs to decides this."""

    code = "not-the-head"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A hole of a rule, or what an explanation speaks of: on which occasion, from when to when."""

    occasion: str
    start_ms: int
    end_ms: int

    def __str__(self) -> str:
        return f"{format_time(self.start_ms)} to {format_time(self.end_ms)}"


class NoHoleError(ConflictError):
    """The time named touches no hole of this rule that nobody explained; `holes` are those there."""

    code = "no-hole"

    def __init__(self, told: str, holes: Sequence[Stretch]) -> None:
        self.holes = tuple(holes)
        there = ", ".join(map(str, holes[:5])) or "no hole at all"
        super().__init__(f"interruption: expected time of an open hole ({there}), got {told}")


class AlreadyAskedError(ConflictError):
    """An explanation of this very time waits for its decision."""

    code = "already-asked"


class VersionTakenError(ConflictError):
    """There is a version of this name already."""

    code = "version-taken"


# --- rules ----------------------------------------------------------------------------------


def explain(
    approval: str,
    case: str,
    *,
    rule: str,
    start_ms: int,
    end_ms: int,
    cause: str,
    text: str,
    actor: str,
    holes: Sequence[Stretch],
    waiting: Sequence[Stretch] = (),
) -> Draft:
    """Say why nothing was recorded from `start_ms` to `end_ms`.

    It speaks of that part of the time which lies in one of the open `holes` of the rule, the one
    that it touches most; `waiting` are the explanations that nobody decided yet.
    """
    if cause not in CAUSES:
        raise MalformedError(f"cause: expected one of {', '.join(CAUSES)}, got {cause!r:.40}")
    if not start_ms < end_ms:
        raise MalformedError(f"interruption: expected an end after {start_ms} ms, got {end_ms} ms")
    said = _within(start_ms, end_ms, holes)
    if any(w.occasion == said.occasion and _covers(w, said) for w in waiting):
        raise AlreadyAskedError(f"interruption: expected nothing that waits, got {said}")
    fields = {
        "approval": approval, "case": case, "rule": line("rule", rule, MAX_RULE),
        "occasion": line("occasion", said.occasion, MAX_RULE), "start": format_time(said.start_ms),
        "end": format_time(said.end_ms), "cause": cause, "text": paragraph("text", text, MAX_REASON),
    }  # fmt: skip
    return Draft("interruption.explained", f"c:{case}", actor, fields)


def _within(start_ms: int, end_ms: int, holes: Sequence[Stretch]) -> Stretch:
    """What of this time lies in a hole; NoHoleError."""
    parts = [
        Stretch(h.occasion, max(h.start_ms, start_ms), min(h.end_ms, end_ms)) for h in holes
    ]  # fmt: skip
    best = max(parts, key=lambda part: part.end_ms - part.start_ms, default=None)
    if best is None or best.start_ms >= best.end_ms:
        raise NoHoleError(str(Stretch("", start_ms, end_ms)), holes)
    return best


def _covers(whole: Stretch, part: Stretch) -> bool:
    return whole.start_ms <= part.start_ms and part.end_ms <= whole.end_ms


def ask_exemption(
    approval: str,
    case: str,
    *,
    rule: str,
    occasion: str,
    ground: str,
    text: str,
    due: int,
    now_ms: int,
    actor: str,
) -> Draft:
    """The written record of what was not recorded; one that is late is marked so for ever."""
    if ground not in GROUNDS:
        raise MalformedError(f"ground: expected one of {', '.join(GROUNDS)}, got {ground!r:.40}")
    fields: dict[str, Any] = {
        "approval": approval, "case": case, "rule": line("rule", rule, MAX_RULE),
        "occasion": line("occasion", occasion, MAX_RULE), "ground": ground,
        "text": paragraph("text", text, MAX_REASON), "due": format_time(due),
    }  # fmt: skip
    if now_ms > due:
        fields["marks"] = ["late"]
    return Draft("exemption.asked", f"c:{case}", actor, fields)


def ask_access(
    approval: str,
    *,
    case: str | None,
    item: str | None,
    purpose: str,
    until_ms: int,
    now_ms: int,
    most_days: int,
    actor: str,
) -> Draft:
    """Ask to see an item or a case; no longer than the policy allows at once."""
    if until_ms <= now_ms:
        raise MalformedError(f"until: expected a time to come, got {format_time(until_ms)}")
    if until_ms > now_ms + most_days * DAY_MS:
        raise MalformedError(
            f"until: expected at most {most_days} days from now, got {format_time(until_ms)}"
        )
    fields = {
        "approval": approval, "purpose": paragraph("purpose", purpose, MAX_REASON),
        "until": format_time(until_ms),
    }  # fmt: skip
    if item is not None:
        return Draft("access.asked", f"i:{item}", actor, fields | {"item": item})
    return Draft("access.asked", f"c:{case}", actor, fields | {"case": str(case)})


def propose_policy(
    approval: str,
    *,
    version: str,
    valid_from_ms: int,
    value: Mapping[str, Any],
    reason: str,
    actor: str,
    taken: bool,
) -> Draft:
    """Propose numbers; they hold from that time on once another person approves."""
    read = policies.read(value, version=version)
    if taken:
        raise VersionTakenError(f"policy: expected an unused version, got {read.version}")
    fields = {
        "approval": approval, "version": read.version, "valid_from": format_time(valid_from_ms),
        "value": value, "reason": paragraph("reason", reason, MAX_REASON),
    }  # fmt: skip
    return Draft("policy.proposed", "sys", actor, fields)


def may_decide(kind: str, organ: str | None, units: frozenset[str], person: Person) -> bool:
    """Whether this person is the head that the request needs.

    What belongs to nobody yet is decided by the head of any organ.
    """
    if Role.ORGAN_HEAD in person.roles:
        return kind == "policy" or organ in (None, person.organ)
    return kind != "policy" and Role.UNIT_HEAD in person.roles and person.unit in units


def decide(
    asked: Asked | None,
    *,
    decision: str,
    reason: str | None,
    until_ms: int | None,
    actor: str,
    person: Person | None,
) -> Draft:
    """Approve or refuse what another asked, or withdraw what one asked oneself."""
    if asked is None:
        raise NotFoundError("approval: expected a known request, got an unknown id")
    if decision not in DECISIONS:
        raise MalformedError(f"decision: expected {', '.join(DECISIONS)}, got {decision!r:.40}")
    if asked.decision is not None:
        raise DecidedError(f"approval {asked.id}: expected one that waits, got {asked.decision}")
    own = asked.asked_by == actor or (person is not None and asked.asked_by == f"u:{person.id}")
    if decision == "withdrawn":
        if not own:
            raise DeniedError(f"approval {asked.id}: expected its asker to withdraw, got another")
    elif own:
        raise OwnRequestError(f"approval {asked.id}: expected another person, got its asker")
    elif person is None or not may_decide(asked.kind, asked.organ, asked.units, person):
        raise NotHeadError(
            f"approval {asked.id}: expected the head of the unit or organ, got another"
        )
    fields: dict[str, Any] = {"approval": asked.id, "decision": decision}
    if reason is not None and reason.strip():
        fields["reason"] = paragraph("reason", reason, MAX_REASON)
    if asked.kind == "access" and decision == "approved":
        end_ms = asked.end_ms or 0
        fields["until"] = format_time(end_ms if until_ms is None else min(until_ms, end_ms))
    chain = "sys"
    if asked.kind != "policy":
        chain = f"i:{asked.item}" if asked.item is not None else f"c:{asked.case}"
    return Draft("approval.decided", chain, actor, fields)


def exemption_due(start_ms: int, term: Term | None, zone: tzinfo, days: LocalDays) -> int:
    """Until when the written record must be there; without a term on the same day."""
    if term is None:
        return end_of_day_ms(start_ms, zone)
    return due_ms(start_ms, term, zone, days=days).ms


# --- acts -----------------------------------------------------------------------------------


async def ask(
    ledger: Ledger, draft_of: Callable[[Connection, str], Draft], operation: str | None = None
) -> tuple[str, Event]:
    """Record a request made by `draft_of(conn, id)`; its id and entry."""
    new = random_id()
    events = await ledger.record(operation or f"ask:{new}", lambda conn: [draft_of(conn, new)])
    return str(events[0].fields["approval"]), events[0]


async def record_decision(
    ledger: Ledger,
    actor: str,
    approval: str,
    *,
    person: str | None,
    decision: str,
    reason: str | None,
    until: str | None,
    now_ms: int,
) -> Event:
    """Decide a request."""
    until_ms = None if until is None else parse_time(until)

    def drafts(conn: Connection) -> Sequence[Draft]:
        decider = None if person is None else person_of(conn, person, now_ms)
        return [
            decide(
                asked_of(conn, approval), decision=decision, reason=reason, until_ms=until_ms,
                actor=actor, person=decider,
            )
        ]  # fmt: skip

    return (await ledger.record(f"decide:{random_id()}", drafts))[0]
