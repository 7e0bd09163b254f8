"""Who had a device, from the ledger of issue and return (M09), and whose a device's user code is.

Guarantee: the ledger alone says who held a device; what is between a return and the next issue is
nobody's, and is said to be, never given to the last or the next holder.
Not covered: whether the ledger is true.  A device lent without a row is found by other means or
not at all (`cases.links.attribution` compares it with the user code).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Event = Literal["issued", "returned", "repair", "repaired", "lost", "found", "checked"]
State = Literal["issued", "in-store", "in-repair", "lost", "no-ledger"]

_STATES: Mapping[str, State] = {
    "issued": "issued", "returned": "in-store", "repair": "in-repair", "repaired": "in-store",
    "lost": "lost", "found": "in-store",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustodyRow:
    """One line of a device's ledger; `person` is who got it, for `issued`."""

    device: str
    event: Event
    at_ms: int
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The state of a device from one row to the next; `lent` if issued on without a return."""

    from_ms: int | None
    until_ms: int | None
    state: State
    person: str | None = None
    lent: bool = False


@dataclass(frozen=True, slots=True)
class UserCode:
    """A device's user code (警号) means this person from then until then; device None is any."""

    code: str
    person: str
    valid_from_ms: int
    valid_to_ms: int | None = None
    device: str | None = None


def ledger(rows: Iterable[CustodyRow]) -> Sequence[Held]:
    """The spans of one device, in order and without gaps; before the first row it is in store."""
    changes = [r for r in sorted(rows, key=lambda r: r.at_ms) if r.event in _STATES]
    if not changes:
        return ()
    spans = [Held(None, changes[0].at_ms, "in-store")]
    for row, after in zip(changes, [*changes[1:], None], strict=True):
        state, last = _STATES[row.event], spans[-1]
        lent = (
            state == last.state == "issued"
            and row.person != last.person
            and last.person is not None
        )
        person = row.person if state == "issued" else None
        spans.append(Held(row.at_ms, after.at_ms if after else None, state, person, lent))
    return tuple(spans)


def not_returned(lines: Iterable[tuple[int, str, str | None]]) -> frozenset[int]:
    """The issues to somebody while another had the device and had not returned it.

    `lines` are (index, what, person) of one device in order of time.
    """
    found, holder = set(), None
    for index, what, person in lines:
        if what not in _STATES:
            continue
        if what == "issued" and holder is not None and person != holder:
            found.add(index)
        holder = person if what == "issued" else None
    return frozenset(found)


def held_at(spans: Sequence[Held], at_ms: int) -> Held:
    """The span that holds a time; one begins with its row and ends before the next."""
    for span in reversed(spans):
        if span.from_ms is None or span.from_ms <= at_ms:
            return span
    return Held(None, None, "no-ledger")


def holders(spans: Sequence[Held], start_ms: int, end_ms: int) -> list[Held]:
    """Every span in which the device was issued that touches this time, in order."""
    return [
        span for span in spans
        if span.state == "issued"
        and (span.from_ms is None or span.from_ms <= end_ms)
        and (span.until_ms is None or span.until_ms > start_ms)
    ]  # fmt: skip


def meant(codes: Iterable[UserCode], code: str, device: str | None, at_ms: int) -> UserCode | None:
    """The row of a user code valid then; one for this very device comes before one for any.

    Two rows that would mean two persons mean nobody.
    """
    valid = [
        row for row in codes
        if same_code(row.code, code) and row.device in (None, device)
        and row.valid_from_ms <= at_ms and (row.valid_to_ms is None or at_ms < row.valid_to_ms)
    ]  # fmt: skip
    own = [row for row in valid if row.device is not None] or valid
    return own[0] if len({row.person for row in own}) == 1 else None


def same_code(one: str, other: str) -> bool:
    """Whether two user codes are the same; devices pad them with zeros to six places."""
    return code_key(one) == code_key(other)


def code_key(code: str) -> str:
    """A code without the zeros and the case that devices add."""
    text = code.strip().upper()
    return text.lstrip("0") or text[:1]
