"""The ledgers that attribution asks, indexed once for many items.

Guarantee: nothing is decided here; every row given is found again.
Not covered: loading them.  For one item the caller may give only the rows near its time, as long as
the last custody row before it is among them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cases.links.clock import Measurement
from cases.links.custody import CustodyRow, Held, UserCode, code_key, ledger
from cases.links.facts import Device, Shift


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
