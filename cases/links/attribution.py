"""Attribution 归属: whose recording it is, by which device, from when to when (M09, M10).

Guarantee: every item gets an attribution, whatever is missing or wrong: what cannot be known is
None with a mark, and nothing is guessed across a contradiction without saying so.  The times that
the device wrote are never changed; `start_ms` and `end_ms` are a reading of them.
Not covered: which case it belongs to (`cases.links.propose`), and whether the ledgers are true.

Where ledger and user code disagree, the ledger counts and the other person is kept in `others`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from cases.links.clock import Measurement
from cases.links.custody import (
    CustodyRow,
    Held,
    UserCode,
    code_key,
    held_at,
    holders,
    ledger,
    meant,
)
from cases.links.facts import Device, ItemFacts, Shift
from cases.links.names import PROFILES, Named, Profile, named
from cases.links.times import Timed, TimePolicy, read_times
from cases.links.words import Reason

NO_CUSTODY, IN_REPAIR, WHILE_LOST = "no-custody", "in-repair", "while-lost"
CUSTODY_UNSURE, CUSTODY_CHANGED, LENT = "custody-unsure", "custody-changed", "lent"
UNKNOWN_USER, USER_DIFFERS, NO_PERSON = "unknown-user", "user-differs", "no-person"
UNKNOWN_DEVICE, DEVICE_DIFFERS, OFF_DUTY = "unknown-device", "device-differs", "off-duty"
MARKS = (
    NO_CUSTODY, IN_REPAIR, WHILE_LOST, CUSTODY_UNSURE, CUSTODY_CHANGED, LENT, UNKNOWN_USER,
    USER_DIFFERS, NO_PERSON, UNKNOWN_DEVICE, DEVICE_DIFFERS, OFF_DUTY,
    "no-time", "clock-unmeasured", "clock-drift", "clock-set", "after-sealed", "times-disagree",
)  # fmt: skip
"""Every mark an attribution can bear; words for each are in `cases.links.words`."""

_NOT_ISSUED = {"in-store": NO_CUSTODY, "in-repair": IN_REPAIR, "lost": WHILE_LOST}


@dataclass(frozen=True, slots=True)
class AttributionPolicy:
    """The numbers: of times (`times`), and the user codes that mean that none was set."""

    times: TimePolicy
    blank_codes: frozenset[str] = frozenset()
    profiles: Sequence[Profile] = PROFILES


@dataclass(frozen=True, slots=True)
class Register:
    """The ledgers, made ready for many items by `register`."""

    devices: Mapping[str, Device]
    serials: Mapping[str, Sequence[Device]]
    custody: Mapping[str, Sequence[Held]]
    codes: Mapping[str, Sequence[UserCode]]
    offsets: Mapping[str, Sequence[Measurement]]
    shifts: Mapping[str, Sequence[Shift]]
    units: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose, by what, when.  `others` may have made it too; `other_start_ms` is a second reading."""

    item: str
    device: str | None
    person: str | None
    unit: str | None
    organ: str | None
    start_ms: int | None
    end_ms: int | None
    kind: str
    carrier: str | None
    sound: bool | None
    time_source: str
    offset_ms: int
    uncertainty_ms: int
    marks: tuple[str, ...]
    reasons: tuple[Reason, ...]
    others: tuple[str, ...] = ()
    other_start_ms: int | None = None
    place: tuple[int, int] | None = None


def register(
    devices: Iterable[Device],
    *,
    custody: Iterable[CustodyRow] = (),
    codes: Iterable[UserCode] = (),
    offsets: Mapping[str, Sequence[Measurement]] | None = None,
    shifts: Iterable[Shift] = (),
    units: Mapping[str, tuple[str | None, str | None]] | None = None,
) -> Register:
    """Index the ledgers once; `units` gives each person's (unit, organ)."""
    by_id = {device.id: device for device in devices}
    serials: dict[str, list[Device]] = {}
    for device in by_id.values():
        serials.setdefault(code_key(device.serial), []).append(device)
    rows: dict[str, list[CustodyRow]] = {}
    for row in custody:
        rows.setdefault(row.device, []).append(row)
    by_code: dict[str, list[UserCode]] = {}
    for code in codes:
        by_code.setdefault(code_key(code.code), []).append(code)
    duties: dict[str, list[Shift]] = {}
    for shift in shifts:
        duties.setdefault(shift.person, []).append(shift)
    held = {device: ledger(of) for device, of in rows.items()}
    return Register(by_id, serials, held, by_code, offsets or {}, duties, units or {})


def attribute(facts: ItemFacts, known: Register, policy: AttributionPolicy) -> Attribution:
    """The attribution of one item under these ledgers."""
    kind = kind_of(facts.mime)
    said = named(facts.name, policy.profiles)
    device, marks = _device(facts, said, known)
    timed = read_times(
        times=facts.device_times, manifest=facts.manifest or {}, name_start=said.start if said else None,
        duration_ms=0 if kind == "photo" else facts.duration_ms, sealed_ms=facts.sealed_ms,
        zone=device.zone if device else None, policy=policy.times,
        offsets=known.offsets.get(device.id, ()) if device else (),
    )  # fmt: skip
    who = _person(_Found(facts, said, device, timed, known, policy))
    unit, organ = known.units.get(who.person or "", (None, None))
    return Attribution(
        item=facts.item, device=device.id if device else None, person=who.person,
        unit=unit or (device.unit if device else None) or facts.source.unit,
        organ=organ or (device.organ if device else None),
        start_ms=timed.start_ms, end_ms=timed.end_ms, kind=kind,
        carrier=device.carrier if device else None,
        sound=facts.sound if facts.sound is not None else {"audio": True, "photo": False}.get(kind),
        time_source=timed.source, offset_ms=timed.offset_ms, uncertainty_ms=timed.uncertainty_ms,
        marks=tuple(dict.fromkeys((*marks, *timed.marks, *who.marks))),
        reasons=(*timed.reasons, *who.reasons), others=who.others,
        other_start_ms=timed.other_start_ms, place=place_of(facts.manifest),
    )  # fmt: skip


def kind_of(mime: str) -> str:
    """What a media type is to a recording rule: video, audio, photo or other."""
    top = mime.partition("/")[0].lower()
    return {"video": "video", "audio": "audio", "image": "photo"}.get(top, "other")


def place_of(manifest: Mapping[str, object] | None) -> tuple[int, int] | None:
    """Latitude and longitude in ten-millionths of a degree; (0, 0) is a receiver without a fix."""
    place = (manifest or {}).get("place")
    if not isinstance(place, Mapping):
        return None
    lat, lon = place.get("lat_e7"), place.get("lon_e7")
    if not _whole(lat) or not _whole(lon) or (lat, lon) == (0, 0):
        return None
    if abs(lat) > 90 * 10**7 or abs(lon) > 180 * 10**7:
        return None
    return lat, lon


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Found:
    facts: ItemFacts
    said: Named | None
    device: Device | None
    timed: Timed
    known: Register
    policy: AttributionPolicy


@dataclass(frozen=True, slots=True)
class _Who:
    person: str | None
    others: tuple[str, ...]
    marks: tuple[str, ...]
    reasons: tuple[Reason, ...]


def _device(
    facts: ItemFacts, said: Named | None, known: Register
) -> tuple[Device | None, list[str]]:
    """The device: what the file itself says, if that is registered; else the source's own."""
    own = known.devices.get(facts.source.device or "")
    manifest = facts.manifest or {}
    text = manifest.get("serial") or manifest.get("device") or (said and said.serial)
    if not isinstance(text, str) or not text:
        return own, [] if own else [UNKNOWN_DEVICE]
    if text in known.devices:
        found = [known.devices[text]]
    else:
        found = list(known.serials.get(code_key(text), ()))
    if said and said.maker and len(found) > 1:
        found = [device for device in found if device.maker == said.maker]
    if own is not None and own in found:
        return own, []
    if len(found) == 1:
        return found[0], [DEVICE_DIFFERS] if own else []
    return own, [UNKNOWN_DEVICE]


def _person(found: _Found) -> _Who:
    """The ledger first, then the user code, then the source's registration."""
    marks: list[str] = []
    reasons: list[Reason] = []
    by_ledger = _holder(found, marks)
    by_code = _coded(found, marks)
    own = found.facts.source.person
    if by_ledger and by_code and by_ledger != by_code[0]:
        marks.append(USER_DIFFERS)
    person = by_ledger or (by_code[0] if by_code else None) or own
    if by_ledger:
        reasons.append(Reason("held"))
    if by_code:
        reasons.append(Reason("code", {"code": by_code[1]}))
    if person and not by_ledger and not by_code:
        reasons.append(Reason("source-person"))
    if person is None and not (found.device and found.device.fixed):
        marks.append(NO_PERSON)
    elif person and _off_duty(found.known.shifts.get(person, ()), found.timed):
        marks.append(OFF_DUTY)
    rest = (by_code[0] if by_code else None, own)
    others = tuple(dict.fromkeys(p for p in rest if p and p != person))
    return _Who(person, others, tuple(marks), tuple(reasons))


def _holder(found: _Found, marks: list[str]) -> str | None:
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


def _coded(found: _Found, marks: list[str]) -> tuple[str, str] | None:
    """The person that the device's user code means at that time, and the code."""
    value = (found.facts.manifest or {}).get("user") or (found.said and found.said.user)
    if not isinstance(value, str) or not value or value in found.policy.blank_codes:
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
