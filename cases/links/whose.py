"""Whose a recording is: the ledger first, then whom the uploader named, the user code, the uploader (M08, M09).

Guarantee: a recording made while nobody had the device is nobody's by the ledger and says so; a
user code that means nobody is a mark and never drops the recording.  Where ledger and code
disagree the ledger counts and the other person is kept.
Not covered: whether the ledger is true.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cases.links.custody import code_key, held_at, holders, meant
from cases.links.facts import Device, ItemFacts, Shift
from cases.links.names import Named
from cases.links.register import Register
from cases.links.times import Timed
from cases.links.words import Reason

NO_CUSTODY, IN_REPAIR, WHILE_LOST = "no-custody", "in-repair", "while-lost"
CUSTODY_UNSURE, CUSTODY_CHANGED, LENT = "custody-unsure", "custody-changed", "lent"
UNKNOWN_USER, USER_DIFFERS, NO_PERSON = "unknown-user", "user-differs", "no-person"
NAMED_DIFFERS = "named-differs"
OFF_DUTY = "off-duty"
IMPOSSIBLE = frozenset({NO_CUSTODY, IN_REPAIR, WHILE_LOST, CUSTODY_UNSURE, OFF_DUTY})
"""What speaks against a time, where there is another reading of it."""

_NOT_ISSUED = {"in-store": NO_CUSTODY, "in-repair": IN_REPAIR, "lost": WHILE_LOST}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that tells whose an item is."""

    facts: ItemFacts
    said: Named | None
    device: Device | None
    timed: Timed
    known: Register
    blank_codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Who:
    person: str | None
    others: tuple[str, ...]
    marks: tuple[str, ...]
    reasons: tuple[Reason, ...]


def whose(found: Evidence) -> Who:
    """The ledger first, then whom the uploader named, the user code, the source's registration."""
    marks: list[str] = []
    reasons: list[Reason] = []
    by_ledger = _holder(found, marks)
    named, near = _named(found)
    by_hand = named if near else None
    by_code = _coded(found, marks)
    own = found.facts.source.person
    if by_ledger and by_code and by_ledger != by_code[0]:
        marks.append(USER_DIFFERS)
    elsewhere = {by_ledger, by_code[0] if by_code else None} - {None, named}
    if named and (elsewhere or not near):
        marks.append(NAMED_DIFFERS)
    person = by_ledger or by_hand or (by_code[0] if by_code else None) or own
    if by_ledger:
        reasons.append(Reason("held"))
    if by_hand:
        reasons.append(Reason("named"))
    if by_code:
        reasons.append(Reason("code", {"code": by_code[1]}))
    if person and not by_ledger and not by_hand and not by_code:
        reasons.append(Reason("source-person"))
    if person is None and not (found.device and found.device.fixed):
        marks.append(NO_PERSON)
    elif person and _off_duty(found.known.shifts.get(person, ()), found.timed):
        marks.append(OFF_DUTY)
    rest = (named, by_code[0] if by_code else None, own)
    others = tuple(dict.fromkeys(p for p in rest if p and p != person))
    return Who(person, others, tuple(marks), tuple(reasons))


def _holder(found: Evidence, marks: list[str]) -> str | None:
    """Who had the device by its ledger; marks say why nobody had, or that it is not sure."""
    timed = found.timed
    spans = found.known.custody.get(found.device.id, ()) if found.device else ()
    if not spans:
        return None
    end = timed.end_ms if timed.end_ms is not None else timed.start_ms
    if timed.source == "dock":  # not when it was recorded: a ledger cannot be asked
        return None
    span = held_at(spans, timed.start_ms)
    if span.state == "issued":
        later = {h.person for h in holders(spans, timed.start_ms, end)}
        if len(later) > 1:
            marks.append(CUSTODY_CHANGED)
        if span.lent:
            marks.append(LENT)
        return span.person
    sure = timed.uncertainty_ms
    near = {h.person for h in holders(spans, timed.start_ms - sure, end + sure)}
    if len(near) == 1:
        marks.append(CUSTODY_UNSURE)
        return near.pop()
    marks.append(_NOT_ISSUED.get(span.state, NO_CUSTODY))
    return None


def _named(found: Evidence) -> tuple[str | None, bool]:
    """Whom the person who handed it over named, if that is a registered person, and whether he is
    of the device's organ: nobody gives a recording to another organ by naming one of its people."""
    value, known = (found.facts.manifest or {}).get("person"), found.known.units
    if not isinstance(value, str) or value not in known:
        return None, False
    place = found.device.organ if found.device else None
    place = place or known.get(found.facts.source.person or "", (None, None))[1]
    return value, place in (None, known[value][1])


def _coded(found: Evidence, marks: list[str]) -> tuple[str, str] | None:
    """The person that the device's user code means at that time, and the code."""
    value = (found.facts.manifest or {}).get("user") or (found.said and found.said.user)
    if not isinstance(value, str) or not value or value in found.blank_codes:
        return None
    rows = found.known.codes.get(code_key(value), ())
    device = found.device.id if found.device else None
    row = meant(rows, value, device, found.timed.start_ms)
    if row is None:
        marks.append(UNKNOWN_USER)
        return None
    return row.person, value


def _off_duty(shifts: Sequence[Shift], timed: Timed) -> bool:
    """Whether a person with a roster was outside all of it, even at the edge of what is sure."""
    if not shifts or timed.source == "dock":
        return False
    sure = timed.uncertainty_ms
    return not any(
        s.start_ms <= timed.start_ms + sure and timed.start_ms - sure < s.end_ms for s in shifts
    )
