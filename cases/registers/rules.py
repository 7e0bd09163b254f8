"""Rules of the registers: what may be said of devices, clocks and duties, as pure functions.

Guarantee: a rule returns the draft entries that record what was said, or raises a named error and
nothing has happened.  A fact is refused only where it cannot be read (an unknown device, a time
that is none): whether it fits the ledger before it is no matter of these rules.
Not covered: who may say it (`console`), and what follows for recordings (`cases.inbox`).

Format: docs/formats/entries.md, version 1 (source.enrolled, device.*, roster.*).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cases.links.clock import Measurement, drifts, zone_of
from cases.rules import line, paragraph
from storage.ledger import Draft
from verify.entries import format_time
from verify.errors import ConflictError, MalformedError, NotFoundError

CARRIERS = ("body_camera", "surveillance", "recorder", "phone", "room", "station", "unknown")
CUSTODY = ("issued", "returned", "checked", "repair", "repaired", "lost", "found")
WAYS = ("dock", "person", "import")
DRIFT, IN_FUTURE = "drift", "in-future"
MAX_NAME, MAX_SERIAL, MAX_CODE, MAX_TEXT, MAX_SHIFTS = 200, 64, 32, 2000, 5000
MAX_OFFSET_MS = 100 * 366 * 86_400_000  # a clock that was never set says 1970
MAKER_END = "/"  # a maker's code stands before the serial number, which alone is not unique


class NameTakenError(ConflictError):
    """Another source has this name."""

    code = "name-taken"


@dataclass(frozen=True, slots=True)
class DeviceSaid:
    """What is said of a device, whole; `name` is needed where it is not enrolled yet."""

    carrier: str
    name: str | None = None
    serial: str | None = None
    maker: str | None = None
    model: str | None = None
    organ: str | None = None
    unit: str | None = None
    zone: str | None = None
    ended_ms: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CustodySaid:
    """One line of a device's ledger."""

    device: str
    what: str
    at_ms: int
    person: str | None = None
    check: Mapping[str, int | bool] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetSaid:
    """A measurement of a device's clock: device minus server."""

    device: str
    at_ms: int
    offset_ms: int
    uncertainty_ms: int
    way: str


@dataclass(frozen=True, slots=True)
class CodeSaid:
    """A device's user code means this person for a while; device None is any."""

    code: str
    person: str
    valid_from_ms: int
    valid_until_ms: int | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class ShiftSaid:
    """One duty of one person."""

    person: str
    start_ms: int
    end_ms: int
    remote: bool = False


def device(
    id_: str, said: DeviceSaid, *, enrolled: bool, named: str | None, actor: str
) -> list[Draft]:
    """Register the source `id_` as a device, anew or with another description.

    `named` is the source that has the wanted name already.
    """
    drafts = []
    if not enrolled:
        name = line("device name", said.name or "", MAX_NAME)
        if named is not None:
            raise NameTakenError(f"device name: expected an unused one, got {name} of {named}")
        kind = "station" if said.carrier == "station" else "device"
        fields: dict[str, Any] = {"source": id_, "name": name, "kind": kind}
        drafts.append(Draft("source.enrolled", f"s:{id_}", actor, fields))
    fields = {"device": id_, "carrier": _one_of("carrier", said.carrier, CARRIERS)}
    if said.serial:
        serial = line("serial", said.serial, MAX_SERIAL)
        maker = line("maker", said.maker, MAX_SERIAL) if said.maker else ""
        fields["serial"] = f"{maker}{MAKER_END}{serial}" if maker else serial
    if said.model:
        fields["model"] = line("model", said.model, MAX_NAME)
    fields |= {k: v for k, v in (("organ", said.organ), ("unit", said.unit)) if v}
    if said.zone:
        zone_of(said.zone)
        fields["zone"] = said.zone
    if said.ended_ms is not None:
        fields["ended"] = format_time(said.ended_ms)
    if said.reason:
        fields["reason"] = paragraph("reason", said.reason, MAX_TEXT)
    return [*drafts, Draft("device.set", f"s:{id_}", actor, fields)]


def custody(said: CustodySaid, *, known: bool, actor: str) -> Draft:
    """A device changed hands, was looked at, broke or was lost."""
    _known_device(said.device, known=known)
    fields: dict[str, Any] = {
        "device": said.device, "what": _one_of("what", said.what, CUSTODY),
        "at": format_time(said.at_ms),
    }  # fmt: skip
    if said.what == "issued" and said.person is None:
        raise MalformedError("issue: expected to whom the device was given, got nobody")
    if said.person is not None:
        fields["person"] = said.person
    if said.check:
        fields["check"] = _checked(said.check)
    if said.text:
        fields["text"] = paragraph("text", said.text, MAX_TEXT)
    return Draft("device.custody", f"s:{said.device}", actor, fields)


def offset(
    said: OffsetSaid,
    before: Sequence[Measurement],
    *,
    limit_ms_per_day: int,
    now_ms: int | None,
    known: bool,
    actor: str,
) -> Draft:
    """A measurement joins those of `before`; it is marked where the clock drifts over the limit,
    and where it is said to have been made later than now.
    """
    _known_device(said.device, known=known)
    if abs(said.offset_ms) > MAX_OFFSET_MS:
        raise MalformedError(f"offset: expected at most {MAX_OFFSET_MS} ms, got {said.offset_ms}")
    if not 0 <= said.uncertainty_ms <= MAX_OFFSET_MS:
        raise MalformedError(f"uncertainty: expected 0 or more ms, got {said.uncertainty_ms}")
    new = Measurement(said.at_ms, said.offset_ms, said.uncertainty_ms)
    over = any(
        drift.over_limit and drift.at_ms == said.at_ms
        for drift in drifts([*before, new], limit_ms_per_day=limit_ms_per_day)
    )
    fields: dict[str, Any] = {
        "device": said.device, "at": format_time(said.at_ms), "offset_ms": said.offset_ms,
        "uncertainty_ms": said.uncertainty_ms, "way": _one_of("way", said.way, WAYS),
    }  # fmt: skip
    marks = [DRIFT] * over + [IN_FUTURE] * (now_ms is not None and said.at_ms > now_ms)
    if marks:
        fields["marks"] = marks
    return Draft("device.clock", f"s:{said.device}", actor, fields)


def user_code(said: CodeSaid, *, known: bool, actor: str) -> Draft:
    """A user code means a person, on one device or on all."""
    if said.device is not None:
        _known_device(said.device, known=known)
    if said.valid_until_ms is not None and said.valid_until_ms <= said.valid_from_ms:
        raise MalformedError("validity: expected an end after its begin, got none")
    fields: dict[str, Any] = {
        "code": line("user code", said.code, MAX_CODE), "person": said.person,
        "valid_from": format_time(said.valid_from_ms),
    }  # fmt: skip
    if said.device is not None:
        fields["device"] = said.device
    if said.valid_until_ms is not None:
        fields["valid_until"] = format_time(said.valid_until_ms)
    chain = "sys" if said.device is None else f"s:{said.device}"
    return Draft("device.user", chain, actor, fields)


def roster(
    id_: str, *, name: str, organ: str | None, shifts: Iterable[ShiftSaid], actor: str
) -> Draft:
    """Who is on duty when."""
    said = list(shifts)
    if not 1 <= len(said) <= MAX_SHIFTS:
        raise MalformedError(f"roster: expected 1 to {MAX_SHIFTS} shifts, got {len(said)}")
    rows = []
    for shift in said:
        if shift.end_ms <= shift.start_ms:
            raise MalformedError(
                f"shift: expected an end after {format_time(shift.start_ms)}, "
                f"got {format_time(shift.end_ms)}"
            )
        row: dict[str, Any] = {
            "person": shift.person, "start": format_time(shift.start_ms),
            "end": format_time(shift.end_ms),
        }  # fmt: skip
        rows.append(row | ({"remote": True} if shift.remote else {}))
    fields: dict[str, Any] = {
        "roster": id_,
        "name": line("roster name", name, MAX_NAME),
        "shifts": rows,
    }
    if organ is not None:
        fields["organ"] = organ
    return Draft("roster.set", "sys", actor, fields)


def withdraw_roster(id_: str, *, known: bool, withdrawn: bool, reason: str, actor: str) -> Draft:
    """The shifts of this roster do not count from here on; its entry stays."""
    if not known:
        raise NotFoundError(f"roster: expected a known id, got {id_:.40}")
    if withdrawn:
        raise ConflictError(f"roster {id_}: expected one that counts, got one that was withdrawn")
    fields = {"roster": id_, "reason": paragraph("reason", reason, MAX_TEXT)}
    return Draft("roster.withdrawn", "sys", actor, fields)


def _known_device(id_: str, *, known: bool) -> None:
    if not known:
        raise NotFoundError(f"device: expected a registered one, got {id_:.40}")


def _one_of(what: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise MalformedError(f"{what}: expected one of {', '.join(known)}, got {value!r:.40}")
    return value


def _checked(check: Mapping[str, int | bool]) -> dict[str, int | bool]:
    """The look before use: battery and storage in per cent, the clock good or not."""
    if unknown := sorted(check.keys() - {"battery", "storage", "clock"}):
        raise MalformedError(f"check: expected battery, storage, clock, got {unknown[0]!r:.40}")
    for name in ("battery", "storage"):
        value = check.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
            raise MalformedError(f"check {name}: expected 0 to 100 per cent, got {value!r:.40}")
    if not isinstance(check.get("clock", True), bool):
        raise MalformedError(f"check clock: expected good or not, got {check['clock']!r:.40}")
    return dict(check)
