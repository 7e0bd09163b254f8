"""Lists of cases and of recordings among a million: how long a page takes, and how that grows.

`python -m bench search`, or `python -m bench.search [--quick]` with a small world; ends with 1 where
a p95 is not under 100 ms.  Requests as in `bench.scale`.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

from bench import scale, scale_requests, scale_world, search_world
from bench.__main__ import alone
from bench.machine import Table, folder
from bench.scale import Grown
from bench.scale_requests import Callers, Sizes, Taken
from bench.scale_world import DAY_MS, id_of
from storage.database import Database
from tests import services
from verify.entries import format_time

FULL = Sizes(cases=(10_000, 100_000), inbox=(), requests=40, warming=2)
QUICK = Sizes(cases=(60,), inbox=(), requests=1, warming=1, days=2)
WHO = ("an officer", "a head of 5 units", "a supervisor of 3 organs", "a program")


def asked(cases: int, end_ms: int) -> dict[str, Sequence[tuple[str, dict[str, str]]]]:
    """What is asked of each list: in words, and as the address has it."""
    middle = search_world.case_id(cases // 2)
    old = {
        "from": format_time(end_ms - 400 * DAY_MS),
        "until": format_time(end_ms - 399 * DAY_MS),
    }
    who, device = id_of("person", 95), id_of("device", 95)
    return {
        "/api/items": (
            ("all", {}),
            ("two characters of a party", {"text": "赵建"}),
            ("two characters of a street", {"text": "武宁"}),
            ("a number of a case", {"text": search_world.called(cases // 2)}),
            ("a part of a file's name", {"text": f"{4 * 16 + 1_000_000}"}),
            ("what no recording has", {"text": "凤凰"}),
            ("of one case", {"case": middle}),
            ("of a unit and those below", {"unit": id_of("unit", 3)}),
            ("of one officer", {"person": who}),
            ("of one device", {"device": device}),
            ("photos, of which there are none", {"kind": "photo"}),
            ("linked", {"linked": "true"}),
            ("late, of which there are none", {"late": "true"}),
            ("a day long ago", old),
            ("a place", {"place": "武宁"}),
            ("one officer, a day long ago", {"person": who, **old}),
        ),
        "/api/cases": (
            ("all", {}),
            ("by number", {"sort": "number"}),
            ("two characters of a party", {"text": "赵建"}),
            ("two characters of a street", {"text": "武宁"}),
            ("what no case has", {"text": "凤凰"}),
            ("a device", {"device": device}),
            ("open", {"state": "open"}),
            ("marked", {"marked": "true"}),
            ("a day long ago", old),
            ("a hole", {"hole": "true"}),
            ("overdue", {"overdue": "true"}),
            ("open and overdue", {"state": "open", "overdue": "true"}),
            ("a hole, of one officer", {"hole": "true", "person": who}),
        ),
    }


def measure(_rounds: int, sizes: Sizes = FULL) -> list[Table]:
    with folder() as where, services.postgres() as server:
        return [
            asyncio.run(_measured(name, url, where / name, sizes))
            for name, url in (
                ("SQLite", f"sqlite:///{where / 'liuhen.db'}"), ("PostgreSQL", server.fresh()),
            )
        ]  # fmt: skip


async def _measured(name: str, url: str, where: object, sizes: Sizes) -> Table:
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    end_ms = int(time.time() * 1000)
    with scale.filling(url) as fill:
        secrets = scale.agency(
            fill, [scale_world.agency(end_ms, sizes.days), search_world.law(end_ms)], end_ms
        )
        async with scale.serving(url, where, secrets) as (_, callers):
            ready = await scale_requests.taken(
                callers["a program"], itertools.repeat("/readyz"), sizes
            )
            most = max(sizes.cases)
            table = Grown(f"Lists, {name}", sizes.cases, ready)
            for there, size in itertools.pairwise((0, *sizes.cases)):
                begun = time.monotonic()
                for rows in search_world.cases(there, size, most, end_ms):
                    scale_world.write(fill, rows)
                    fill.commit()
                scale.analyse(fill)
                sys.stderr.write(f"{name}, {size:,}: filled in {time.monotonic() - begun:.0f} s\n")
                async for what, taken in requests(callers, size, end_ms, sizes):
                    table.add(what, size, taken)
    return table.table()


async def requests(
    callers: Callers, cases: int, end_ms: int, sizes: Sizes
) -> AsyncIterator[tuple[str, Taken]]:
    """First and following pages of each list."""
    for path, questions in asked(cases, end_ms).items():
        for name, (words, query) in itertools.product(WHO, questions):
            address = f"{path}?{urlencode(query)}".rstrip("?")
            what = f"{path.rpartition('/')[2]}, {name}: {words}"
            client = callers[name]
            yield (
                f"{what}, first",
                await scale_requests.taken(client, itertools.repeat(address), sizes),
            )
            if (found := await scale_requests.following(client, address, sizes)) is not None:
                yield f"{what}, following", found


def main(arguments: Sequence[str] | None = None) -> None:
    alone("bench.search", __doc__, lambda quick: measure(1, QUICK if quick else FULL), arguments)


if __name__ == "__main__":
    main()
