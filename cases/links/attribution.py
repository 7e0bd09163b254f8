"""Attribution 归属: whose recording it is, by which device, from when to when (M09, M10).

Guarantee: every item gets an attribution, whatever is missing or wrong: what cannot be known is
None with a mark, and nothing is guessed across a contradiction without saying so.  The times that
the device wrote are never changed; `start_ms` and `end_ms` are a reading of them.
Not covered: which case it belongs to (`cases.links.propose`), and whether the ledgers are true.

Where ledger and user code disagree, the ledger counts and the other person is kept in `others`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from cases.links import whose
from cases.links.custody import code_key
from cases.links.facts import Device, ItemFacts
from cases.links.names import PROFILES, Named, Profile, named
from cases.links.register import Register
from cases.links.times import Timed, TimePolicy, read_times
from cases.links.whose import Evidence, Who
from cases.links.words import Reason

UNKNOWN_DEVICE, DEVICE_DIFFERS = "unknown-device", "device-differs"
MARKS = (
    whose.NO_CUSTODY, whose.IN_REPAIR, whose.WHILE_LOST, whose.CUSTODY_UNSURE,
    whose.CUSTODY_CHANGED, whose.LENT, whose.UNKNOWN_USER, whose.USER_DIFFERS, whose.NAMED_DIFFERS, whose.NO_PERSON,
    whose.OFF_DUTY, UNKNOWN_DEVICE, DEVICE_DIFFERS,
    "no-time", "clock-unmeasured", "clock-drift", "clock-set", "after-sealed", "times-disagree",
)  # fmt: skip
"""Every mark an attribution can bear; words for each are in `cases.links.words`."""


@dataclass(frozen=True, slots=True)
class AttributionPolicy:
    """The numbers: of times (`times`), and the user codes that mean that none was set."""

    times: TimePolicy
    blank_codes: frozenset[str] = frozenset()
    profiles: Sequence[Profile] = PROFILES


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
    timed, who = _read(Evidence(facts, said, device, timed, known, policy.blank_codes))
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


def readings(item: Attribution) -> list[tuple[int, int]]:
    """From when to when it was recorded, in every reading of its clock; none if it has no length.

    A hole that a second reading of a linked recording would close is in doubt, not absent footage.
    """
    if item.start_ms is None or item.end_ms is None:
        return []
    first = (item.start_ms, item.end_ms)
    if item.other_start_ms is None:
        return [first]
    return [first, (item.other_start_ms, item.other_start_ms + item.end_ms - item.start_ms)]


def _read(found: Evidence) -> tuple[Timed, Who]:
    """Whose it is, and of two readings of the time the one that ledger and roster allow."""
    timed = found.timed
    if timed.other_start_ms is None:
        return timed, whose.whose(found)
    shift = timed.other_start_ms - timed.start_ms
    first = replace(timed, uncertainty_ms=max(timed.uncertainty_ms - abs(shift), 0))
    second = replace(
        first, start_ms=first.start_ms + shift, other_start_ms=first.start_ms,
        end_ms=None if first.end_ms is None else first.end_ms + shift,
        offset_ms=first.offset_ms - shift, reasons=(*first.reasons, Reason("other-reading")),
    )  # fmt: skip
    who, other = (whose.whose(replace(found, timed=t)) for t in (first, second))
    if whose.IMPOSSIBLE.intersection(who.marks) and not whose.IMPOSSIBLE.intersection(other.marks):
        timed, who = second, other
    return replace(timed, uncertainty_ms=found.timed.uncertainty_ms), who


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
