"""Cases of 10,000 recordings and an inbox of a million: how long answers take, and how that grows.

`python -m bench scale`, or `python -m bench.scale [--quick]` with a small world; ends with 1 where
a p95 is not under 100 ms.  Real requests to the real application over HTTP, one after another, in
one process with their client, so a figure holds the client's part as well.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine

from bench import scale_case, scale_requests, scale_world
from bench.__main__ import alone
from bench.machine import Table, folder
from bench.scale_requests import Callers, Sizes, Taken
from bench.scale_world import Person, Rows, id_of
from console.settings import ConsoleSettings
from console.tokens import digest, new_secret
from liuhen.serve import collect_rarely
from storage import bulk, tables
from storage.access import Right
from storage.database import Database
from storage.rights import Role
from tests import services
from tests.console.conftest import House, opened

LIMIT_MS = 100
FULL = Sizes()
QUICK = Sizes((10, 40), (1_000,), requests=1, warming=1, numbered=100, days=2)


@dataclass(slots=True)
class Grown:
    """A table in the making: what a request took at each size."""

    title: str
    sizes: Sequence[int]
    reference: Taken
    rows: dict[str, dict[int, Taken]] = field(default_factory=dict)

    def add(self, what: str, size: int, taken: Taken) -> None:
        self.rows.setdefault(what, {})[size] = taken
        sys.stderr.write(
            f"{self.title}, {size:,}: {what}: {_both(taken)}, cpu {taken.cpu:.1f} ms\n"
        )

    def table(self) -> Table:
        slow = [
            f"{what} at {size:,}"
            for what, found in self.rows.items()
            for size, taken in found.items()
            if taken.p(0.95) >= LIMIT_MS
        ]
        columns = (
            "request", *(f"{size:,}" for size in self.sizes), "most", "cpu", "answer kB",
            "to the reference",
        )  # fmt: skip
        reference = ("SELECT 1 (/readyz)", *([_both(self.reference)] + [""] * (len(columns) - 2)))
        note = "p50 / p95 in ms; the last four columns are of the largest."
        note += f"  Not under {LIMIT_MS} ms: {'; '.join(slow)}." if slow else (
            f"  Every p95 is under {LIMIT_MS} ms."
        )  # fmt: skip
        rows = [reference, *(self._row(what, found) for what, found in self.rows.items())]
        return Table(self.title, columns, rows, note, missed=bool(slow))

    def _row(self, what: str, found: dict[int, Taken]) -> tuple[str, ...]:
        last = found[max(found)]
        return (
            what, *(_both(found[size]) if size in found else "" for size in self.sizes),
            f"{max(last.each):.0f}", f"{last.cpu:.1f}", f"{last.size / 1000:.0f}",
            f"{last.p(0.5) / self.reference.p(0.5):.1f}",
        )  # fmt: skip


def _both(taken: Taken) -> str:
    return f"{taken.p(0.5):.1f} / {taken.p(0.95):.1f}"


def measure(_rounds: int, sizes: Sizes = FULL) -> list[Table]:
    with folder() as where, services.postgres() as server:
        return [
            table
            for name, url in (
                ("SQLite", f"sqlite:///{where / 'liuhen.db'}"), ("PostgreSQL", server.fresh()),
            )
            for table in asyncio.run(_measured(name, url, where / name, sizes))
        ]  # fmt: skip


async def _measured(name: str, url: str, where: Path, sizes: Sizes) -> list[Table]:
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    end_ms = int(time.time() * 1000)
    with filling(url) as fill:
        begun = time.monotonic()
        parts = [
            scale_world.agency(end_ms, sizes.days), scale_case.rule_list(),
            scale_world.numbered_cases(end_ms, sizes.numbered),
            *(scale_case.one(size, place, end_ms) for place, size in enumerate(sizes.cases)),
        ]  # fmt: skip
        secrets = agency(fill, parts, end_ms)
        filled = time.monotonic() - begun
        async with serving(url, where, secrets) as (house, callers):
            ready = await scale_requests.taken(
                callers["a program"], itertools.repeat("/readyz"), sizes
            )
            inbox = Grown(f"Inbox, {name}", sizes.inbox, ready)
            cases = Grown(f"Case, {name}", sizes.cases, ready)
            for there, size in itertools.pairwise((0, *sizes.inbox)):
                begun = time.monotonic()
                for rows in scale_world.waiting(there, size, end_ms):
                    scale_world.write(fill, rows)
                    fill.commit()
                analyse(fill)
                filled += time.monotonic() - begun
                async for what, taken in scale_requests.inbox(callers, sizes):
                    inbox.add(what, size, taken)
            for size in sizes.cases:
                async for what, taken in scale_requests.case(callers, house, size, sizes):
                    cases.add(what, size, taken)
    sys.stderr.write(f"{name} was filled in {filled:.0f} s\n")
    return [inbox.table(), cases.table()]


# --- the world ------------------------------------------------------------------------------


@contextmanager
def filling(url: str) -> Iterator[Connection]:
    """A connection that writes quickly; what it writes need not survive the machine."""
    lite = url.startswith("sqlite")
    engine = create_engine(url if lite else url.replace("postgresql:", "postgresql+psycopg:"))
    quick = ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-300000", "PRAGMA busy_timeout=20000")
    with engine.connect() as connection:
        for statement in quick if lite else ("SET synchronous_commit=off",):
            connection.exec_driver_sql(statement)
        connection.commit()
        yield connection
    engine.dispose()


def analyse(fill: Connection) -> None:
    """PostgreSQL's autovacuum would do it within a minute; SQLite has nothing of the kind."""
    if fill.dialect.name == "postgresql":
        fill.exec_driver_sql("ANALYZE")
        fill.commit()


WHO: dict[str, Person | None] = {
    "an officer": scale_case.TEAM[0],
    "a head of 5 units": scale_world.people()[3],
    "a head of a unit long quiet": scale_world.people()[scale_world.QUIET_UNIT],
    "a supervisor of 3 organs": next(p for p in scale_world.people() if p.role is Role.SUPERVISOR),
    "a program": None,
}


def agency(fill: Connection, parts: Iterable[Rows], end_ms: int) -> dict[str, str]:
    """What is there before the first request; the secrets of the callers."""
    for rows in parts:
        scale_world.write(fill, rows)
        fill.commit()
    secrets = {name: new_secret() for name in WHO}
    for number, (name, person) in enumerate(WHO.items()):
        token, actor = id_of("token", number), person.id if person else id_of("program", number)
        rights = scale_world.as_json(sorted(map(str, (Right.READ, Right.CASE))))
        bulk.insert(
            fill, tables.token,
            ("id", "name", "rights", "actor", "issued_index", "issued_ms", "person"),
            [(token, name, rights, f"u:{actor}", 1, end_ms, person and person.id)],
        )  # fmt: skip
        row = (token, digest(secrets[name]))
        bulk.insert(fill, tables.token_secret, ("token", "digest"), [row])
    fill.commit()
    return secrets


@asynccontextmanager
async def serving(
    url: str, where: Path, secrets: dict[str, str]
) -> AsyncIterator[tuple[House, Callers]]:
    async with opened(url, where, ConsoleSettings()) as house:
        collect_rarely()  # as the server does
        yield (
            house,
            {
                name: house.session({"Authorization": f"Bearer {secret}"})
                for name, secret in secrets.items()
            },
        )


def main(arguments: Sequence[str] | None = None) -> None:
    alone("bench.scale", __doc__, lambda quick: measure(1, QUICK if quick else FULL), arguments)


if __name__ == "__main__":
    main()
