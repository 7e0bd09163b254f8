"""How often somebody may fail to sign in: per name and address, and per address.

Guarantee: of the names that are tried at one address, no more than the limit fail in five minutes,
and none of them more often than that; of many sent at once none slips past.  One person who
mistypes keeps nobody else of the same address out.  Memory is bounded.
Not covered: failures at one account from many addresses (`console.passwords.Lockout`).
"""

import asyncio
import ipaddress
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from console.errors import TooManyAttemptsError
from storage.errors import UnauthenticatedError

WINDOW_S = 300.0


class Attempts:
    """Failed sign-ins of five minutes.

    A house of many people has one address.  So what counts against all of it is how many different
    names failed, which is what a guesser through a list needs; a name that gets in was none of
    them.  One name's own failures count against that name alone.  Those that could be too many
    wait for the answers to the ones before.
    """

    def __init__(self, limit: int, *, addresses: int = 10_000) -> None:
        self._limit, self._addresses = limit, addresses
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def check(self, who: str, name: str, now: float, *, known: bool = False) -> None:
        """TooManyAttemptsError if this name, or too many others, failed at this address lately."""
        place = self._places.get(who)
        if place is None:
            return
        while place.failed and now - place.failed[0][0] > WINDOW_S:
            place.failed.popleft()
        if self._full([found for _, found in place.failed], name, known=known):
            raise TooManyAttemptsError(
                f"sign-in: expected at most {self._limit} failures in 5 minutes, got more"
            )

    def fail(self, who: str, name: str, now: float) -> None:
        """Count a failure."""
        self._place(who).failed.append((now, name))
        self._places.move_to_end(who)

    def forgive(self, who: str, name: str) -> None:
        """This name got in: it was somebody who mistyped."""
        place = self._place(who)
        kept = [one for one in place.failed if one[1] != name]
        place.failed.clear()
        place.failed.extend(kept)

    @asynccontextmanager
    async def trying(self, who: str, name: str, *, known: bool = False) -> AsyncIterator[None]:
        """One try, counted as failed if the block raises a refusal; TooManyAttemptsError.

        `known`: this browser has signed in with this name before, so other names are not its own.
        """
        clock = asyncio.get_running_loop().time
        place = self._place(who)
        while True:
            self.check(who, name, clock(), known=known)
            now = [found for _, found in place.failed]
            if not self._full([*now, *place.trying], name, known=known):
                break
            await place.ended.wait()
        place.trying.append(name)
        try:
            yield
        except UnauthenticatedError:
            self.fail(who, name, clock())
            raise
        else:
            self.forgive(who, name)
        finally:
            place.trying.remove(name)
            place.ended.set()
            place.ended = asyncio.Event()

    def _full(self, names: list[str], name: str, *, known: bool) -> bool:
        others = set(names)
        return names.count(name) >= self._limit or (
            not known and name not in others and len(others) >= self._limit
        )

    def _place(self, who: str) -> "_Place":
        place = self._places.setdefault(who, _Place(deque(maxlen=self._limit**2)))
        while len(self._places) > self._addresses:
            self._places.popitem(last=False)
        return place


@dataclass(slots=True)
class _Place:
    """What was tried at an address: when which name failed, and which are being tried now."""

    failed: deque[tuple[float, str]]
    trying: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def neighbourhood(said: str) -> str:
    """What one subscriber has: an IPv4 address, or a /64 of IPv6, where he picks what he likes."""
    try:
        found = ipaddress.ip_address(said)
    except ValueError:
        return said
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped or ipaddress.ip_network((found, 64), strict=False))
