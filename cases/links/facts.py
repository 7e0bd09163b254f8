"""What attribution is told: items as sealed, devices, sources and duties as registered.

Guarantee: values only; nothing here decides anything.
Not covered: where they are kept (the rows are the caller's).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Who handed the item over, as registered: a device, a person, or a station of many devices."""

    id: str
    device: str | None = None
    person: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """A sealed item as far as attribution needs it; JSON values as they were sealed."""

    item: str
    source: Source
    name: str
    mime: str
    sealed_ms: int
    device_times: Sequence[object] = ()
    manifest: Mapping[str, object] | None = None
    duration_ms: int | None = None
    sound: bool | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device.  A serial alone is not unique: `maker` (IDCode) tells two apart.

    `fixed` devices (a room, a post) are issued to nobody and have no ledger.
    """

    id: str
    serial: str
    unit: str | None = None
    organ: str | None = None
    carrier: str | None = None
    zone: str | None = None
    maker: str | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """A duty of one person; `remote` where the exception for far places holds."""

    person: str
    start_ms: int
    end_ms: int
    remote: bool = False
