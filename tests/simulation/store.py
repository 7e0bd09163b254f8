"""A simulated object store: another machine, which keeps what it took and may not answer.

Guarantee: the contract of `storage.objects.port`, enforced rather than recorded: no key of
`evidence` or `log` can change or go, retention only grows.  A call that fails may have had its
effect (step «after»), and a `create` in `evidence` without an answer may land later, as one more
version, after the caller has written the same again: that is what a slow network does.
The same seed and the same calls give the same result.
"""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from storage.objects import rules
from storage.objects.content import as_content
from storage.objects.port import Class, Content, Stored
from tests.simulation.faults import Crash, Step, no_faults
from verify.errors import ConflictError, NotFoundError, UnavailableError, VerificationError

PIECE = 1 << 16


@dataclass
class Version:
    stored: Stored
    data: bytes


class SimulatedStore:
    """Objects in memory; `objects` is open to tests that break something on purpose."""

    def __init__(
        self,
        seed: int,
        step: Step = no_faults,
        *,
        name: str = "simulated",
    ) -> None:
        self.name = name
        self.step = step
        self.away = False  # no answer to anything
        self.objects: dict[tuple[Class, str], list[Version]] = {}
        self._random = random.Random(seed)
        self._count = 0
        self._late: list[tuple[int, str, Version]] = []  # creates that land after so many calls

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        rules.check_key(key)
        until = rules.retention(class_, retain_until)
        content = as_content(content)
        data = b"".join([piece async for piece in content.read()])
        if len(data) != content.size:
            raise VerificationError(f"content: expected {content.size} bytes, got {len(data)}")
        with self._call(f"versions {key}"):
            held = list(self.objects.get((class_, key), ()))
        for version in held:
            if version.data == data:
                if until is not None and (version.stored.retain_until or until) < until:
                    await self.extend(key, version.stored.version, until)
                return version.stored
        if held:
            raise ConflictError(f"{self.name} {key}: expected the same bytes, got others")
        self._count += 1
        name = f"v{self._count}" if class_ is Class.EVIDENCE else None
        made = Version(Stored(key, len(data), name, until), data)
        try:
            with self._call(f"put {key}"):
                self._land(class_, made)
        except (UnavailableError, Crash):
            taken = self.objects.get((class_, key), ())
            if class_ is Class.EVIDENCE and made not in taken and self._random.random() < 0.3:
                self._late.append((self._random.randrange(1, 8), key, made))
            raise
        return made.stored

    async def replace(self, class_: Class, key: str, data: bytes) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        with self._call(f"replace {key}"):
            self.objects[class_, key] = [Version(Stored(key, len(data)), bytes(data))]

    async def delete(self, class_: Class, key: str) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        with self._call(f"delete {key}"):
            self.objects.pop((class_, key), None)

    async def stat(self, class_: Class, key: str, *, version: str | None = None) -> Stored:
        with self._call(f"stat {key}"):
            return self._find(class_, key, version).stored

    async def versions(self, class_: Class, key: str) -> list[Stored]:
        rules.check_key(key)
        with self._call(f"versions {key}"):
            return [version.stored for version in self.objects.get((class_, key), ())]

    async def read(
        self,
        class_: Class,
        key: str,
        *,
        version: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        with self._call(f"read {key}"):
            data = self._find(class_, key, version).data[start:end]
        for at in range(0, len(data), PIECE):
            yield data[at : at + PIECE]

    async def list(self, class_: Class, prefix: str = "") -> AsyncIterator[str]:
        rules.check_prefix(prefix)
        with self._call(f"list {class_}/{prefix}"):
            keys = sorted(key for kind, key in self.objects if kind is class_)
        for key in keys:
            if key.startswith(prefix):
                yield key

    async def extend(self, key: str, version: str | None, retain_until: datetime) -> None:
        until = rules.whole_second(retain_until)
        with self._call(f"extend {key}"):
            found = self._find(Class.EVIDENCE, key, version)
            rules.check_longer(key, found.stored.retain_until, until)
            found.stored = replace(found.stored, retain_until=until)

    async def hold(self, key: str, version: str | None, *, on: bool) -> None:
        with self._call(f"hold {key}"):
            found = self._find(Class.EVIDENCE, key, version)
            found.stored = replace(found.stored, hold=on)

    async def check(self) -> None:
        with self._call("check"):
            pass

    async def close(self) -> None:
        """Nothing is kept open."""

    # For tests

    def settle(self) -> None:
        """Everything that was still on its way arrives now."""
        self._arrive(everything=True)

    def damage(self, class_: Class, key: str, at: int, *, version: int = 0) -> None:
        """Flip one bit, as a broken disk or an intruder does."""
        found = self.objects[class_, key][version]
        found.data = found.data[:at] + bytes([found.data[at] ^ 1]) + found.data[at + 1 :]

    def lose(self, class_: Class, key: str) -> None:
        """Take away what no right of the port can."""
        del self.objects[class_, key]

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self._arrive(everything=False)
        if self.away:
            raise UnavailableError(f"{self.name}: expected an answer, got none")
        self.step(f"store {name} (before)")
        yield
        self.step(f"store {name} (after)")

    def _arrive(self, *, everything: bool) -> None:
        waiting, self._late = self._late, []
        for left, key, made in waiting:
            if everything or left <= 1:
                self._land(Class.EVIDENCE, made)
            else:
                self._late.append((left - 1, key, made))

    def _land(self, class_: Class, made: Version) -> None:
        held = self.objects.setdefault((class_, made.stored.key), [])
        if class_ is not Class.EVIDENCE and held:  # If-None-Match: *
            raise ConflictError(f"{self.name} {made.stored.key}: expected no object, got one")
        held.append(made)

    def _find(self, class_: Class, key: str, version: str | None) -> Version:
        rules.check_key(key)
        for found in self.objects.get((class_, key), ()):
            if version in (None, found.stored.version):
                return found
        named = "an object" if version is None else f"version {version}"
        raise NotFoundError(f"{self.name} {key}: expected {named}, got none")


def in_a_year(now: datetime | None = None) -> datetime:
    """A retention for tests: whole seconds, in the time to come."""
    return (now or datetime.now(UTC)).replace(microsecond=0) + timedelta(days=365)
