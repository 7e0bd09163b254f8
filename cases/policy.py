"""Policy: the numbers by which recordings and cases are judged, as data with versions.

Guarantee: a `Policy` holds only values within their bounds, and names the version it is; the same
value read again is the same policy.  The newest approved version whose date has come holds.
Not covered: who may propose and who may approve one (`console`); what follows from the numbers.

Format: docs/formats/policy.md, version 1.  The shipped one: cases/policies/shipped.toml.
"""

import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from cases.calendar import LocalDays, Term, parse_term
from storage import tables
from verify.errors import MalformedError

FILE = Path(__file__).parent / "policies" / "shipped.toml"
MAX_VERSION = 64
SAME_DAY = "0d"
_DAY_MS = 86_400_000
_LARGEST = {"ms": 366 * _DAY_MS, "m": 1_000_000, "days": 3660}


class BadPolicyError(MalformedError):
    """The value is no policy; the message names the number."""

    code = "bad-policy"


@dataclass(frozen=True, slots=True)
class CoveragePolicy:
    """When a hole in a recording counts."""

    hole_ms: int


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """How far the clock of a device is trusted."""

    limit_ms_per_day: int
    unmeasured_ms: int
    set_from_ms: int
    agree_ms: int


@dataclass(frozen=True, slots=True)
class TimeSourcesPolicy:
    """How far a time may be wrong by where it was found."""

    manifest_ms: int
    embedded_ms: int
    file_name_ms: int
    file_mtime_ms: int
    dock_ms: int


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """Until when a recording must be in, from the end of the duty; None: the same day."""

    term: Term | None
    remote_term: Term | None


@dataclass(frozen=True, slots=True)
class LinksPolicy:
    """Until when it must be linked, and how near a case must be to be proposed."""

    term: Term | None
    buffer_ms: int
    near_m: int
    far_m: int


@dataclass(frozen=True, slots=True)
class ExemptionPolicy:
    """Until when the written record of what was not recorded must be there."""

    term: Term | None


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """How long an approved view beyond one's own right may last."""

    most_days: int


@dataclass(frozen=True, slots=True)
class DevicesPolicy:
    """Until when an issued device must be back, from the end of the duty."""

    return_term: Term | None


@dataclass(frozen=True, slots=True)
class HolidaysPolicy:
    """Days that the place itself adds: off although they work elsewhere, or the other way round."""

    off: tuple[date, ...]
    working: tuple[date, ...]

    def __post_init__(self) -> None:
        self.days()

    def days(self) -> LocalDays:
        """As the calendar takes them."""
        return LocalDays(holidays=frozenset(self.off), working=frozenset(self.working))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of all numbers."""

    version: str
    coverage: CoveragePolicy
    clock: ClockPolicy
    time_sources: TimeSourcesPolicy
    upload: UploadPolicy
    links: LinksPolicy
    exemption: ExemptionPolicy
    access: AccessPolicy
    devices: DevicesPolicy
    holidays: HolidaysPolicy


def read(value: Mapping[str, Any], *, version: str) -> Policy:
    """The policy of this value (parts of numbers); BadPolicyError names what is wrong with it."""
    version = version.strip()
    if not version or len(version) > MAX_VERSION or not version.isprintable():
        raise BadPolicyError(
            f"policy version: expected 1 to {MAX_VERSION} printable characters, got {version!r:.80}"
        )
    parts = {f.name: f.type for f in fields(Policy) if f.name != "version"}
    if set(value) != set(parts):
        raise BadPolicyError(
            f"policy: expected the parts {', '.join(parts)}, got {', '.join(sorted(value)):.200}"
        )
    made: dict[str, Any] = {name: _part(name, kind, value[name]) for name, kind in parts.items()}
    return Policy(version=version, **made)


def _part(name: str, kind: Any, value: object) -> Any:
    known = {f.name: f.type for f in fields(kind)}
    if not isinstance(value, Mapping) or set(value) != set(known):
        raise BadPolicyError(f"policy {name}: expected {', '.join(known)}, got {value!r:.120}")
    numbers = {key: _number(f"policy {name}.{key}", t, value[key]) for key, t in known.items()}
    try:
        return kind(**numbers)
    except MalformedError as exc:
        raise BadPolicyError(f"policy {name}: {exc}") from exc


def _number(where: str, kind: Any, value: object) -> Any:
    if kind is int:
        unit = where.rpartition("_")[2]
        most = _LARGEST.get("ms" if unit == "day" else unit, 1 << 40)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise BadPolicyError(f"{where}: expected 0 to {most}, got {value!r:.40}")
        return value
    if kind == tuple[date, ...]:
        return _dates(where, value)
    if not isinstance(value, str):
        raise BadPolicyError(f"{where}: expected a term such as 24h, 7d or 2wd, got {value!r:.40}")
    try:
        return None if value == SAME_DAY else parse_term(value)
    except MalformedError as exc:
        raise BadPolicyError(f"{where}: {exc}") from exc


def _dates(where: str, value: object) -> tuple[date, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadPolicyError(f"{where}: expected a list of dates, got {value!r:.60}")
    try:
        return tuple(sorted({date.fromisoformat(one) for one in value}))
    except ValueError as exc:
        raise BadPolicyError(f"{where}: expected dates such as 2026-10-01, got {exc}") from exc


@cache
def shipped_value() -> Mapping[str, Any]:
    """The shipped policy as it is proposed and recorded: parts of numbers."""
    found = tomllib.loads(FILE.read_text("utf-8"))
    return {name: part for name, part in found.items() if name != "version"}


@cache
def shipped() -> Policy:
    """What holds where an agency has approved nothing of its own."""
    return read(shipped_value(), version=str(tomllib.loads(FILE.read_text("utf-8"))["version"]))


_P = tables.policy.c


def _query(at_ms: int) -> Any:
    return (
        select(_P.version, _P.value)
        .where(_P.valid_from_ms <= at_ms)
        .order_by(_P.valid_from_ms.desc(), _P.index.desc())
        .limit(1)
    )


def _of(row: Any) -> Policy:
    return shipped() if row is None else read(json.loads(row.value), version=row.version)


def in_force(connection: Connection, at_ms: int) -> Policy:
    """The policy that held at this time, by what is approved now; inside an act."""
    return _of(connection.execute(_query(at_ms)).first())


def of_versions(connection: Connection, versions: Collection[str]) -> dict[str, Policy]:
    """The policies of these versions, as far as they are known."""
    query = select(_P.version, _P.value).where(_P.version.in_(versions))
    found = {row.version: _of(row) for row in connection.execute(query)}
    found.setdefault(shipped().version, shipped())
    return found
