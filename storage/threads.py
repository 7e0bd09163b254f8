"""Blocking work in a thread, without letting go of it half done.

Guarantee: when `in_thread` ends, returned, raised or cancelled, its function has ended too, so a
caller's `finally` never closes a file under a thread that still writes to it (the number of a
closed file is given to the next one opened, and the bytes would land there).
Not covered: a function that never returns; give every wait inside it a limit.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads(Protocol):
    """How blocking work is run: `in_thread` in a server, `inline` in a simulation."""

    async def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it in a thread of the loop's pool; a cancelled caller waits until it has ended."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:  # noqa: BLE001 - it is in `work`, and raised from there
            break
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # seen: the cancellation is what the caller asked for
        raise cancelled
    return work.result()


async def inline(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it here and now: every step in one order, which a seed can repeat."""
    return function(*args, **kwargs)
