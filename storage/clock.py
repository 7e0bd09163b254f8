"""What time it is, and whether the clock was moved: the only source of time for the record.

Guarantee: `check` lets an act pass only if the wall clock went on together with CLOCK_BOOTTIME
since the boot in which the log last recorded, and did not fall behind the log.
Not covered: a clock that was wrong from the start; anchors bound that.

Format: docs/formats/entries.md, version 1 (`at`, `clock.corrected`).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage.errors import ClockJumpedError
from verify.entries import format_time

LIMIT_MS = 5 * 60 * 1000


class Clock(Protocol):
    """Three readings; a test or the simulation brings its own."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 in UTC, as the machine believes."""

    def boot_ms(self) -> int:
        """Milliseconds since boot, sleep included; nobody can set it."""

    def boot_id(self) -> str:
        """Another text after each boot."""


class SystemClock:
    """The clocks of this machine."""

    def __init__(self) -> None:
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def boot_ms(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def boot_id(self) -> str:
        return self._boot_id


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at all three clocks."""

    now_ms: int
    boot_ms: int
    boot_id: str

    @property
    def base_ms(self) -> int:
        """Wall clock minus time since boot: constant until somebody sets the wall clock."""
        return self.now_ms - self.boot_ms


def read(clock: Clock) -> Reading:
    """Look at the clock once."""
    return Reading(clock.now_ms(), clock.boot_ms(), clock.boot_id())


def check(reading: Reading, *, last_ms: int, boot_id: str, boot_base_ms: int) -> None:
    """Raise ClockJumpedError if the wall clock was moved by more than five minutes.

    The base is the one of the first act after boot, so many small steps add up to an alarm.
    """
    hint = "; find out why, then `liuhen log clock --reason …`"
    moved = reading.base_ms - boot_base_ms
    if reading.boot_id == boot_id and abs(moved) > LIMIT_MS:
        expected = format_time(boot_base_ms + reading.boot_ms)
        raise ClockJumpedError(
            f"clock: expected about {expected} by the time since boot, "
            f"got {format_time(reading.now_ms)}{hint}"
        )
    if reading.now_ms < last_ms - LIMIT_MS:
        raise ClockJumpedError(
            f"clock: expected {format_time(last_ms)} (the last entry) or later, "
            f"got {format_time(reading.now_ms)}{hint}"
        )
