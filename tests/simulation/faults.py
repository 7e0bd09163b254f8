"""Where a simulated run breaks: a hook that every operation of disk and store passes twice.

The hook is called with the name of a step, `disk write staging/x (before)` and later
`disk write staging/x (after)`, and may raise: `Crash` (the machine is gone; nothing has an effect
until `restart`), or the error of the port (`OSError`, `UnavailableError`).  Raised before, the
operation had no effect; raised after, it «failed but persisted».
"""

import errno
import random
from collections.abc import Callable

from verify.errors import UnavailableError

Step = Callable[[str], None]


class Crash(BaseException):
    """The machine stops here."""


class Faults:
    """Crash at the `crash_at`-th step (from 1); fail any other with the probability `rate`."""

    def __init__(self, seed: int, *, crash_at: int | None = None, rate: float = 0.0) -> None:
        self._random = random.Random(seed)
        self.crash_at = crash_at
        self.rate = rate
        self.steps = 0
        self.crashed: str | None = None  # the step at which it crashed
        self.trace: list[str] = []

    def __call__(self, step: str) -> None:
        if self.crashed is not None:
            raise Crash(self.crashed)
        self.steps += 1
        self.trace.append(step)
        if self.steps == self.crash_at:
            self.crashed = step
            raise Crash(step)
        if self.rate and self._random.random() < self.rate:
            self.trace[-1] += " FAILED"
            if step.startswith("disk "):
                raise OSError(errno.EIO, f"simulated fault at {step}")
            raise UnavailableError(f"simulated: expected an answer, got none at {step}")

    def restart(self, *, crash_at: int | None = None, rate: float = 0.0) -> None:
        """The machine is up again; counting begins anew."""
        self.crashed = None
        self.steps = 0
        self.crash_at, self.rate = crash_at, rate


def no_faults(step: str) -> None:
    """The hook of a run in which nothing breaks."""
