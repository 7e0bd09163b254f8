"""Cases of 10,000 recordings and an inbox of a million: how long answers take, and how that grows.

`python -m bench scale`, or `python -m bench.scale [--quick]` with a small world; ends with 1 where
a p95 is not under 100 ms.  Real requests to the real application over HTTP, one after another, in
one process with their client, so a figure holds the client's part as well.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from aiohttp import ClientSession
from sqlalchemy import Connection, create_engine

from bench import scale_case, scale_world
from bench.__main__ import show
from bench.machine import Table, folder, quantile
from bench.scale_world import Person, id_of
from console.settings import ConsoleSettings
from console.tokens import digest, new_secret
from storage import bulk, tables
from storage.access import Right
from storage.database import Database
from storage.rights import Role
from tests import services
from tests.console.conftest import House, opened
from verify.entries import format_time

LIMIT_MS = 100


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large, and how often."""

    cases: Sequence[int] = (10, 100, 1_000, 10_000)
    inbox: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    requests: int = 200
    warming: int = 5
    numbered: int = 10_000  # small cases that recordings may belong to
    days: int = 100  # of duties and of cameras handed out


QUICK = Sizes((10, 40), (1_000,), requests=1, warming=1, numbered=100, days=2)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one kind of request took, in milliseconds."""

    each: Sequence[float]
    cpu: float  # of this process: server and client together
    size: int  # bytes of the last answer

    def p(self, part: float) -> float:
        return quantile(self.each, part)


@dataclass(slots=True)
class Result:
    """Rows of a table in the making, and the names of what was too slow."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    reference: float = 1.0

    def add(self, what: str, size: str, taken: Taken, *, judged: bool = True) -> None:
        p50, p95 = taken.p(0.5), taken.p(0.95)
        verdict = "" if not judged else "yes" if p95 < LIMIT_MS else "**no**"
        if judged and p95 >= LIMIT_MS:
            self.slow.append(f"{what}, {size}")
        figures = (p50, p95, max(taken.each), taken.cpu)
        self.rows.append((
            what, size, *(f"{value:.1f}" for value in figures), f"{taken.size / 1000:.1f}",
            f"{p50 / self.reference:.1f}", verdict,
        ))  # fmt: skip


COLUMNS = (
    "request", "size", "p50 ms", "p95 ms", "most ms", "cpu ms", "answer kB",
    "p50 to the reference", f"p95 < {LIMIT_MS} ms",
)  # fmt: skip


def measure(_rounds: int, sizes: Sizes = Sizes()) -> list[Table]:
    with folder() as where, services.postgres() as server:
        return [
            asyncio.run(_measured(name, url, where / name, sizes))
            for name, url in (
                ("SQLite", f"sqlite:///{where / 'liuhen.db'}"), ("PostgreSQL", server.fresh()),
            )
        ]  # fmt: skip


async def _measured(name: str, url: str, where: Path, sizes: Sizes) -> Table:
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    end_ms, result, filled = int(time.time() * 1000), Result(), 0.0
    with _filling(url) as fill:
        begun = time.monotonic()
        secrets = _agency(fill, sizes, end_ms)
        filled += time.monotonic() - begun
        async with _serving(url, where, secrets) as (house, callers):
            program = callers["a program"]
            ready = await _taken(program, itertools.repeat("/readyz"), sizes)
            result.reference = ready.p(0.5)
            result.add("reference: SELECT 1 (/readyz)", "", ready, judged=False)
            there = 0
            for size in sizes.inbox:
                begun = time.monotonic()
                for rows in scale_world.waiting(there, size, end_ms):
                    scale_world.write(fill, rows)
                    fill.commit()
                _analyse(fill)
                there = size
                filled += time.monotonic() - begun
                await _inbox(result, callers, size, sizes)
            for size in sizes.cases:
                await _case(result, callers, house, size, sizes)
    note = f"{name} was filled in {filled:.0f} s."
    if result.slow:
        note += f"  Not under {LIMIT_MS} ms: {'; '.join(result.slow)}."
    return Table(f"Scale, {name}", COLUMNS, result.rows, note, missed=bool(result.slow))


# --- the world ------------------------------------------------------------------------------


@contextmanager
def _filling(url: str) -> Iterator[Connection]:
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


def _analyse(fill: Connection) -> None:
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


def _agency(fill: Connection, sizes: Sizes, end_ms: int) -> dict[str, str]:
    """All but the inbox; the secrets of the callers."""
    parts = [
        scale_world.agency(end_ms, sizes.days), scale_case.rule_list(),
        scale_world.numbered_cases(end_ms, sizes.numbered),
        *(scale_case.one(size, place, end_ms) for place, size in enumerate(sizes.cases)),
    ]  # fmt: skip
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
async def _serving(
    url: str, where: Path, secrets: dict[str, str]
) -> AsyncIterator[tuple[House, dict[str, ClientSession]]]:
    async with opened(url, where, ConsoleSettings()) as house:
        yield (
            house,
            {
                name: house.session({"Authorization": f"Bearer {secret}"})
                for name, secret in secrets.items()
            },
        )


# --- asking ---------------------------------------------------------------------------------


async def _get(client: ClientSession, path: str) -> bytes:
    async with client.get(path) as answer:
        body = await answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body[:300]!r}"
    return body


async def _taken(client: ClientSession, paths: Iterator[str], sizes: Sizes) -> Taken:
    """The same kind of request again and again."""
    for path in itertools.islice(paths, sizes.warming):
        await _get(client, path)
    each, used, body = [], time.process_time(), b""
    for path in itertools.islice(paths, sizes.requests):
        begun = time.perf_counter()
        body = await _get(client, path)
        each.append(1000 * (time.perf_counter() - begun))
    cpu = 1000 * (time.process_time() - used) / len(each)
    return Taken(each, cpu, len(body))


async def _following(client: ClientSession, path: str, sizes: Sizes) -> Taken | None:
    """Page after page by the cursor of the one before; from the first again at the end."""
    each: list[float] = []
    cursor: str | None = None
    used, asked, body = time.process_time(), 0, b""
    while len(each) < sizes.requests:
        more = "" if cursor is None else f"{'&' if '?' in path else '?'}cursor={cursor}"
        begun = time.perf_counter()
        body = await _get(client, path + more)
        if cursor is not None:
            each.append(1000 * (time.perf_counter() - begun))
        asked += 1
        cursor = json.loads(body)["next"]
        if cursor is None and not each:
            return None  # all of it is on the first page
    return Taken(each, 1000 * (time.process_time() - used) / asked, len(body))


INBOX: Mapping[str, Sequence[tuple[str, str]]] = {  # caller -> what he asks for besides
    "an officer": (("", ""), ("overdue", "overdue=true")),
    "a head of 5 units": (
        ("", ""), ("overdue", "overdue=true"), ("one unit", f"unit={id_of('unit', 15)}"),
        ("one officer", f"person={id_of('person', 95)}"),
    ),
    "a head of a unit long quiet": (("", ""),),
    "a supervisor of 3 organs": (
        ("", ""), ("one organ", f"organ={id_of('organ', 1)}"), ("unclaimed", "unclaimed=true"),
    ),
    "a program": (("", ""), ("overdue", "overdue=true"), ("unclaimed", "unclaimed=true")),
}  # fmt: skip


async def _inbox(
    result: Result, callers: Mapping[str, ClientSession], size: int, sizes: Sizes
) -> None:
    """First and following pages, without and with filters."""
    for name, asked in INBOX.items():
        for words, query in asked:
            path = f"/api/inbox?{query}".rstrip("?")
            what = f"inbox, {name}" + (f", {words}" if words else "")
            result.add(
                f"{what}, first page", f"{size:,}",
                await _taken(callers[name], itertools.repeat(path), sizes),
            )  # fmt: skip
            if (taken := await _following(callers[name], path, sizes)) is not None:
                result.add(f"{what}, following pages", f"{size:,}", taken)


async def _case(
    result: Result, callers: Mapping[str, ClientSession], house: House, size: int, sizes: Sizes
) -> None:
    """The page of the case, then what is reckoned over all its recordings."""
    case, officer = scale_case.case_id(size), callers["an officer"]
    path = f"/api/cases/{case}"
    plain = await _taken(officer, itertools.repeat(path), sizes)
    result.add("reference: the case alone", f"{size:,}", plain, judged=False)
    middle = format_time(scale_case.middle_ms(size, house.clock.now_ms()))
    for what, asked in (
        ("coverage", "/coverage"), ("time line", "/timeline"),
        ("time line from the middle, 200", f"/timeline?limit=200&from={quote(middle)}"),
    ):  # fmt: skip
        again = await _taken(officer, itertools.repeat(path + asked), sizes)
        result.add(what, f"{size:,}", again)
        if "middle" not in what:
            after = await _after_a_change(officer, house, case, path + asked, sizes)
            result.add(f"{what}, after a change", f"{size:,}", after)


async def _after_a_change(
    client: ClientSession, house: House, case: str, path: str, sizes: Sizes
) -> Taken:
    """Each request comes after an act in the case and must show it."""
    each: list[float] = []
    used, body, before = 0.0, b"", await _get(client, path)
    for number in range(max(1, sizes.requests // 4)):
        at = format_time(house.clock.now_ms())
        await house.record(
            "case.point", f"c:{case}", case=case, point="arrived", occasion=f"later {number}",
            at=at, source="bench",
        )  # fmt: skip
        began, begun = time.process_time(), time.perf_counter()
        body = await _get(client, path)
        each.append(1000 * (time.perf_counter() - begun))
        used += time.process_time() - began
        assert body != before, f"{path}: expected the change in the answer, got the one before"
        before = body
    return Taken(each, 1000 * used / len(each), len(body))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small world: does it run at all")
    found = measure(1, QUICK if parser.parse_args(arguments).quick else Sizes())
    for table in found:
        show(table)
    sys.exit(any(table.missed for table in found))


if __name__ == "__main__":
    main()
