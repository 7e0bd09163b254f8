"""How much may come in: sizes, counts, room and rates, with the error that says when to come again."""

from dataclasses import dataclass, field

from storage.errors import TooManyError

GIB = 1 << 30


class LimitError(TooManyError):
    """Too much at once; `retry_after_s` says when another try makes sense."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings of the receiving half."""

    max_size: int = 1024 * GIB  # of one upload
    max_open: int = 1000  # uploads under way in all
    max_open_per_source: int = 100
    creations_per_minute: int = 600  # per token
    margin: int = GIB  # of the disk, never promised to an upload
    staging: int | None = None  # most bytes in staging; None: what the disk has
    expiry_s: int = 7 * 24 * 3600  # resumable for so long after the last byte
    idle_s: float = 60.0  # a PATCH without any byte for so long is ended
    max_metadata: int = 32 * 1024  # characters of Upload-Metadata
    retention_days: int = 180


@dataclass(slots=True)
class Rates:
    """Token buckets, one per caller: a burst of a minute's worth, refilled evenly."""

    per_minute: int
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: str, now_s: float) -> None:
        """Count one creation; LimitError where the caller's bucket is empty."""
        level, seen = self._levels.get(caller, (float(self.per_minute), now_s))
        level = min(self.per_minute, level + (now_s - seen) * self.per_minute / 60)
        if level < 1:
            wait = max(1, round((1 - level) * 60 / self.per_minute + 0.5))
            self._levels[caller] = (level, now_s)
            raise LimitError(
                f"uploads created with this token: expected at most {self.per_minute} a minute",
                retry_after_s=wait,
            )
        if len(self._levels) > 10_000:  # forgotten callers would otherwise be kept for ever
            full = now_s - 60
            self._levels = {c: v for c, v in self._levels.items() if v[1] > full}
        self._levels[caller] = (level - 1, now_s)
