"""Clocks of devices: what a device's time was in the server's time, and how sure that is (M10).

Guarantee: while the device's true drift stays within the limit, nobody sets its clock between two
measurements (other than a dock, which says so in `set_ms`) and each measurement is as good as it
claims, the true time lies within `uncertainty_ms` of `ms`.  All arithmetic is on whole numbers.
A clock that was set between two measurements is named so, and where both readings are possible the
uncertainty holds both.
Not covered: a recording made within its uncertainty of a dock that set the clock; a clock that was
set and set back between two measurements leaves no trace, and neither
does one that drifts beyond the limit and is measured once.  The recorded time is never changed:
this is a reading beside it.

An offset is device minus server, in milliseconds; a positive one is a clock that runs ahead.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from verify.errors import MalformedError

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4})[-:/]?([0-9]{2})[-:/]?([0-9]{2})[T _]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})"
    r"(?:[.,]([0-9]{1,9}))? ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)

Basis = Literal[
    "between",  # measured before and after: interpolated
    "after",  # the measurement at the dock that followed
    "before",  # none followed yet: the last one, ever less sure
    "set",  # set in between, or drifting beyond the limit: after counts, before is possible too
    "after-set",  # set in between, and only the measurement after is possible
    "before-set",  # set in between, and only the measurement before is possible
    "inconsistent",  # no measurement gives a possible time: the nearest, with that distance
    "unmeasured",  # the device's own time as it is
]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A device's clock compared with the server's, at the server's time `at_ms`.

    `set_ms` is the offset the dock left behind when it set the clock; None when it did not.
    """

    at_ms: int
    offset_ms: int
    uncertainty_ms: int
    set_ms: int | None = None

    @property
    def left_ms(self) -> int:
        """The offset with which the device left the dock."""
        return self.offset_ms if self.set_ms is None else self.set_ms


@dataclass(frozen=True, slots=True)
class Corrected:
    """A device's time in the server's time; `other_ms` is a second possible reading."""

    ms: int
    offset_ms: int
    uncertainty_ms: int
    basis: Basis
    other_ms: int | None = None
    over_limit: bool = False
    """Between the measurements around it the clock moved by more than the drift limit allows."""

    step_ms: int = 0
    """By how much it moved between them; 0 where there are not two."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a clock moved between two measurements, and whether the limit allows it."""

    at_ms: int
    step_ms: int
    per_day_ms: int
    over_limit: bool


@dataclass(frozen=True, slots=True)
class _Reading:
    value: Corrected
    segment: int
    outside_ms: int  # how far the reading lies outside the time it must lie in; 0 fits
    bounded: bool


def device_ms(text: str, zone: str) -> int:
    """Milliseconds of a time as a device wrote it; one without a zone is read in `zone`.

    MalformedError for what is no time.  A time that a change of clocks repeats is read as the
    first of the two.
    """
    match = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        raise MalformedError(f"device time: expected a date and time of day, got {text!r:.60}")
    *numbers, fraction, offset = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone_of(offset or zone))
        whole = (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as exc:
        raise MalformedError(f"device time: expected a real date, got {text!r:.60}") from exc
    return whole + int(f"{fraction or '0':0<3.3}")


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """A zone by its IANA name or as `+08:00`; MalformedError for anything else."""
    if name == "Z":
        return UTC
    if match := _OFFSET.fullmatch(name):
        sign, hours, minutes = match.groups()
        span = timedelta(hours=int(hours), minutes=int(minutes))
        if span < timedelta(hours=24):
            return timezone(-span if sign == "-" else span)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as exc:
        raise MalformedError(
            f"zone: expected a zone such as Asia/Shanghai, got {name!r:.60}"
        ) from exc


def corrected(
    device_ms: int,
    measurements: Iterable[Measurement],
    *,
    limit_ms_per_day: int,
    default_uncertainty_ms: int,
    handed_ms: int | None = None,
) -> Corrected:
    """When `device_ms` on the device's clock was, by the server's.

    Each span between two measurements that could hold the time gives a reading; the one that lies
    in its own span counts, the last such before `handed_ms` (when the file was handed over) if a
    clock that was set makes several possible.
    """
    rows = sorted(measurements, key=lambda m: m.at_ms)
    if not rows:
        return Corrected(device_ms, 0, default_uncertainty_ms, "unmeasured")
    readings = [
        _reading(device_ms, value, i, rows, handed_ms)
        for i in _near(device_ms, rows, limit_ms_per_day)
        for value in _values(device_ms, rows, i, limit_ms_per_day)
    ]
    fitting = [r for r in readings if r.outside_ms == 0]
    if not fitting:
        nearest = min(readings, key=lambda r: (r.outside_ms, -r.segment))
        sure = nearest.value.uncertainty_ms + nearest.outside_ms
        return replace(nearest.value, uncertainty_ms=sure, basis="inconsistent")
    first = max(fitting, key=lambda r: (r.bounded, r.segment, r.value.basis == "after-set"))
    return _with_rivals(first, fitting)


def drifts(measurements: Iterable[Measurement], *, limit_ms_per_day: int) -> list[Drift]:
    """How the clock moved from each dock to the next; M10 flags those over the limit."""
    rows = sorted(measurements, key=lambda m: m.at_ms)
    found = []
    for before, after in itertools.pairwise(rows):
        step, span = after.offset_ms - before.left_ms, max(after.at_ms - before.at_ms, 1)
        over = not _consistent(before, after, limit_ms_per_day)
        found.append(Drift(after.at_ms, step, _rounded(step * DAY_MS, span), over))
    return found


def _consistent(before: Measurement, after: Measurement, limit: int) -> bool:
    allowed = before.uncertainty_ms + after.uncertainty_ms
    allowed += _up(limit * (after.at_ms - before.at_ms), DAY_MS)
    return abs(after.offset_ms - before.left_ms) <= allowed


def _near(at: int, rows: Sequence[Measurement], limit: int) -> list[int]:
    """The spans worth a closer look: with years of measurements nearly all are far off."""
    away = []
    for i in range(len(rows) + 1):
        before, after = rows[i - 1] if i else None, rows[i] if i < len(rows) else None
        early = at - before.left_ms if before else at - rows[0].offset_ms
        late = at - after.offset_ms if after else early
        low, high = min(early, late), max(early, late)
        gap = max(before.at_ms - high if before else 0, low - after.at_ms if after else 0, 0)
        sure = max(before.uncertainty_ms if before else 0, after.uncertainty_ms if after else 0)
        span = abs(low - before.at_ms) if before else 0
        span += abs(high - after.at_ms) if after else 0
        away.append(gap - 2 * (sure + _up(limit * (span + sure), DAY_MS - limit)))
    near = [i for i, gap in enumerate(away) if gap <= 0]
    return near or [min(range(len(away)), key=lambda i: (away[i], -i))]


def _values(at: int, rows: Sequence[Measurement], i: int, limit: int) -> list[Corrected]:
    """The readings if the time lies after measurement i-1 and before measurement i."""
    before, after = rows[i - 1] if i else None, rows[i] if i < len(rows) else None
    if before is None or after is None:
        if after is not None:
            offset, sure = _cone(at, after, after.offset_ms, limit)
            return [Corrected(at - offset, offset, sure, "after")]
        assert before is not None  # noqa: S101 - there is at least one measurement
        offset, sure = _cone(at, before, before.left_ms, limit)
        return [Corrected(at - offset, offset, sure, "before")]
    (early, early_sure), (late, late_sure) = (
        _cone(at, before, before.left_ms, limit), _cone(at, after, after.offset_ms, limit)
    )  # fmt: skip
    step = late - early
    if not _consistent(before, after, limit):
        return [
            Corrected(at - late, late, late_sure, "after-set", over_limit=True, step_ms=step),
            Corrected(at - early, early, early_sure, "before-set", over_limit=True, step_ms=step),
        ]
    begun, ended = before.at_ms + early, after.at_ms + late
    offset = early + _rounded(step * (at - begun), max(ended - begun, 1))
    low, high = max(early - early_sure, late - late_sure), min(early + early_sure, late + late_sure)
    offset = max(low, min(high, offset))
    sure = max(high - offset, offset - low)
    return [Corrected(at - offset, offset, sure, "between", step_ms=step)]


def _cone(at: int, anchor: Measurement, offset: int, limit: int) -> tuple[int, int]:
    """The offset at an anchor, and how far it may be off at the device's time `at`.

    The span is measured by the device, whose clock may itself be fast or slow by the limit; the
    last millisecond is that to which it rounds.
    """
    span = abs(at - anchor.at_ms - offset) + anchor.uncertainty_ms
    return offset, anchor.uncertainty_ms + _up(limit * span, DAY_MS - limit) + 1


def _reading(
    at: int, value: Corrected, i: int, rows: Sequence[Measurement], handed_ms: int | None
) -> _Reading:
    ends = [m.at_ms for m in rows[i : i + 1]] + ([] if handed_ms is None else [handed_ms])
    slack = value.uncertainty_ms
    early = rows[i - 1].at_ms - slack - value.ms if i else 0
    late = value.ms - slack - min(ends) if ends else 0
    return _Reading(value, i, max(early, late, 0), bounded=bool(i and ends))


def _with_rivals(first: _Reading, fitting: Sequence[_Reading]) -> Corrected:
    """The reading that counts, as unsure as the other ones of its own span and of those beside it.

    Far spans are left out: that a clock reset to January also names a day in January is no doubt.
    """
    value = first.value
    rivals = [
        r.value for r in fitting
        if r is not first and r.bounded >= first.bounded and abs(r.segment - first.segment) <= 1
    ]  # fmt: skip
    if not rivals:
        return value
    far = max(rivals, key=lambda r: abs(r.ms - value.ms) + r.uncertainty_ms)
    sure = max(value.uncertainty_ms, abs(far.ms - value.ms) + far.uncertainty_ms)
    if abs(far.ms - value.ms) <= value.uncertainty_ms:
        return replace(value, uncertainty_ms=sure)
    basis: Basis = "set" if value.over_limit or far.over_limit else value.basis
    return replace(value, uncertainty_ms=sure, other_ms=far.ms, basis=basis)


def _up(value: int, by: int) -> int:
    return -(-value // by)


def _rounded(value: int, by: int) -> int:
    return (2 * value + by) // (2 * by)
