"""When a recording began and ended, out of the times that were found on it.

Guarantee: the most trusted time that can be read is used, and which one it was is said; each is as
unsure as the policy says for its kind, and the clock's own doubt is added.  A time that cannot be
read is passed over with a reason, never an error.
Not covered: whether a device wrote the truth.

In order of trust: what the device says of the recording (manifest), the time embedded in the file,
the file's name, its modification time (written when the file was closed: it is the *end*), and the
time of receipt, which only says that it was not later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cases.links.clock import Corrected, Measurement, corrected, device_ms
from cases.links.words import Reason
from verify.errors import MalformedError

MANIFEST, EMBEDDED, FILE_NAME, MTIME, DOCK = (
    "manifest", "embedded", "file-name", "file-mtime", "dock",
)  # fmt: skip
ORDER = (MANIFEST, EMBEDDED, FILE_NAME, MTIME)

FOUND_AT: Mapping[str, str] = {
    "manifest": MANIFEST, "device": MANIFEST, "device-start": MANIFEST,
    "embedded": EMBEDDED, "creation_time": EMBEDDED, "exif": EMBEDDED, "media": EMBEDDED,
    "file-name": FILE_NAME, "file-mtime": MTIME, "mtime": MTIME,
}  # fmt: skip
"""Where the capture side says it found a time, and what that makes of it."""


@dataclass(frozen=True, slots=True)
class TimePolicy:
    """The numbers of times.  `uncertainty_ms` has one for each of the five kinds of time."""

    zone: str
    limit_ms_per_day: int
    unmeasured_ms: int
    set_from_ms: int
    """A clock that moved by this much beyond the limit was set; by less, it drifts."""

    agree_ms: int
    """Two times of one file this far apart still agree."""

    copied_ms: int
    """A file's own time this close to its sealing is that of the copy that brought it in."""

    uncertainty_ms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Timed:
    """Start and end by the server's clock; without a duration the end is not known."""

    start_ms: int
    end_ms: int | None
    source: str
    offset_ms: int
    uncertainty_ms: int
    marks: tuple[str, ...]
    reasons: tuple[Reason, ...]
    other_start_ms: int | None = None


def read_times(
    *,
    times: Sequence[object],
    manifest: Mapping[str, object],
    name_start: str | None,
    duration_ms: int | None,
    sealed_ms: int,
    zone: str | None,
    offsets: Sequence[Measurement],
    policy: TimePolicy,
) -> Timed:
    """The recording's time from all that was found, corrected by the device's measured offsets."""
    texts = _texts(times, manifest, name_start)
    found, reasons = _parsed(texts, zone or policy.zone)
    marks, more, second = _agree(
        found, texts.get(EMBEDDED, ""), zone or policy.zone, duration_ms or 0, policy.agree_ms
    )
    reasons += more
    if MTIME in found and sealed_ms - found[MTIME] < policy.copied_ms:
        reasons.append(Reason("mtime-copied"))
        del found[MTIME]
    source = next((kind for kind in ORDER if kind in found), DOCK)
    reasons.append(Reason("time-from", {"source": source}))
    if duration_ms is None:
        reasons.append(Reason("duration-unknown"))
    if source == DOCK:
        sure, start = policy.uncertainty_ms[DOCK], sealed_ms - (duration_ms or 0)
        end = None if duration_ms is None else sealed_ms
        return Timed(start, end, DOCK, 0, sure, ("no-time",), tuple(reasons))
    clock = corrected(
        found[source], offsets, limit_ms_per_day=policy.limit_ms_per_day,
        default_uncertainty_ms=policy.unmeasured_ms, handed_ms=sealed_ms,
    )  # fmt: skip
    reasons.append(_clock_reason(clock))
    marks += _clock_marks(clock, policy)
    if source == MTIME:
        reasons.append(Reason("end-is-mtime"))
    start, end = _span(clock, found, source, duration_ms)
    sure = clock.uncertainty_ms + policy.uncertainty_ms[source]
    if start - sure > sealed_ms:
        marks.append("after-sealed")
    other = None if clock.other_ms is None else clock.other_ms + start - clock.ms
    if other is None and second is not None and source == EMBEDDED:
        other = second - clock.offset_ms
        sure += abs(other - start)
    return Timed(
        start, end, source, clock.offset_ms, sure, tuple(marks), tuple(reasons), other
    )  # fmt: skip


def _parsed(texts: Mapping[str, str], zone: str) -> tuple[dict[str, int], list[Reason]]:
    """The texts that are times, in milliseconds of the device's clock; reasons for the others."""
    found, reasons = {}, []
    for kind, text in texts.items():
        try:
            found[kind] = device_ms(text, zone)
        except MalformedError:
            if kind in ORDER:
                reasons.append(Reason("time-unreadable", {"source": kind}))
    return found, reasons


def _span(
    clock: Corrected, found: Mapping[str, int], source: str, duration_ms: int | None
) -> tuple[int, int | None]:
    """Start and end: a file's own time is the end, a manifest may name one, else the length tells."""
    if source == MTIME:
        return clock.ms - (duration_ms or 0), clock.ms
    if source == MANIFEST and found.get("end", -1) >= found[MANIFEST]:
        return clock.ms, found["end"] - clock.offset_ms
    return clock.ms, None if duration_ms is None else clock.ms + duration_ms


def _texts(
    times: Sequence[object], manifest: Mapping[str, object], name_start: str | None
) -> dict[str, str]:
    """The first text found of each kind; the manifest's own start and end come first."""
    texts: dict[str, str] = {}
    for key, kind in (("start", MANIFEST), ("end", "end")):
        if isinstance(value := manifest.get(key), str) and value:
            texts[kind] = value
    for entry in times:
        if not isinstance(entry, Mapping):
            continue
        place, text = entry.get("source"), entry.get("time")
        if isinstance(place, str) and isinstance(text, str) and place in FOUND_AT:
            texts.setdefault(FOUND_AT[place], text)
    if name_start:
        texts.setdefault(FILE_NAME, name_start)
    return texts


def _agree(
    found: dict[str, int], text: str, zone: str, duration_ms: int, agree_ms: int
) -> tuple[list[str], list[Reason], int | None]:
    """Compare the embedded time with the others, and mend the one slip that mends itself.

    Many devices write their local time into a field that is UTC by its standard.  Where the name or
    the file's own time shows it, the digits are read in the device's zone.  Some write the field
    when the file is closed, so anything from start to end agrees.
    """
    starts = [found[FILE_NAME]] if FILE_NAME in found else []
    starts += [found[MTIME] - duration_ms] if MTIME in found else []
    if EMBEDDED not in found or not starts:
        return [], [], None

    def off(value: int) -> int:
        return min(max(start - value, value - start - duration_ms, 0) for start in starts)

    difference = off(found[EMBEDDED])
    if difference <= agree_ms:
        return [], [], None
    digits = text.strip().removesuffix("Z").removesuffix("+00:00")
    local = device_ms(digits, zone) if digits != text.strip() else None
    if local is not None and off(local) <= agree_ms:
        found[EMBEDDED] = local
        return [], [Reason("embedded-local")], None
    return ["times-disagree"], [Reason("times-disagree", {"difference_ms": difference})], local


def _clock_reason(clock: Corrected) -> Reason:
    other = abs((clock.other_ms if clock.other_ms is not None else clock.ms) - clock.ms)
    params = {
        "clock-set": {"step_ms": clock.step_ms, "other_ms": other},
        "clock-after-set": {"step_ms": clock.step_ms, "offset_ms": clock.offset_ms},
        "clock-before-set": {"step_ms": clock.step_ms, "offset_ms": clock.offset_ms},
        "clock-unmeasured": {}, "clock-inconsistent": {},
    }  # fmt: skip
    code = f"clock-{clock.basis}"
    return Reason(code, params.get(code, {"offset_ms": clock.offset_ms}))


def _clock_marks(clock: Corrected, policy: TimePolicy) -> list[str]:
    if clock.basis == "unmeasured":
        return ["clock-unmeasured"]
    if clock.basis == "inconsistent":
        return ["clock-set"]
    if not clock.over_limit:
        return []
    return ["clock-set" if abs(clock.step_ms) >= policy.set_from_ms else "clock-drift"]
