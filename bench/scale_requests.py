"""What `bench.scale` asks: pages of the inbox by several callers, coverage and time line of a case.

Guarantee: what a request must show is looked at: an answer after an act differs from the one before.
Not covered: several requests at once.
"""

import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import ClientSession
from sqlalchemy import select

from bench import scale_case
from bench.machine import quantile
from bench.scale_world import id_of
from storage import tables
from tests.console.conftest import House
from verify.entries import format_time

Callers = Mapping[str, ClientSession]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large, and how often."""

    cases: Sequence[int] = (10, 100, 1_000, 10_000)
    inbox: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    requests: int = 200
    warming: int = 5
    numbered: int = 10_000  # small cases that recordings may belong to
    days: int = 100  # of duties and of cameras handed out


@dataclass(frozen=True, slots=True)
class Taken:
    """What one kind of request took, in milliseconds."""

    each: Sequence[float]
    cpu: float  # of this process: server and client together
    size: int  # bytes of the last answer

    def p(self, part: float) -> float:
        return quantile(self.each, part)


async def _get(client: ClientSession, path: str) -> bytes:
    async with client.get(path) as answer:
        body = await answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body[:300]!r}"
    return body


async def taken(client: ClientSession, paths: Iterator[str], sizes: Sizes) -> Taken:
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


async def following(client: ClientSession, path: str, sizes: Sizes) -> Taken | None:
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
        ("one officer", f"person={id_of('person', 95)}"), ("50 rows", "limit=50"),
    ),
    "a head of a unit long quiet": (("", ""),),
    "a supervisor of 3 organs": (
        ("", ""), ("one organ", f"organ={id_of('organ', 1)}"), ("unclaimed", "unclaimed=true"),
    ),
    "a program": (("", ""), ("overdue", "overdue=true"), ("unclaimed", "unclaimed=true")),
}  # fmt: skip


async def inbox(callers: Callers, sizes: Sizes) -> AsyncIterator[tuple[str, Taken]]:
    """First and following pages, without and with filters."""
    for name, asked in INBOX.items():
        for words, query in asked:
            path = f"/api/inbox?{query}".rstrip("?")
            what = name + (f", {words}" if words else "")
            yield f"{what}, first page", await taken(callers[name], itertools.repeat(path), sizes)
            if (found := await following(callers[name], path, sizes)) is not None:
                yield f"{what}, following pages", found


async def case(
    callers: Callers, house: House, size: int, sizes: Sizes
) -> AsyncIterator[tuple[str, Taken]]:
    """What is reckoned over all recordings of a case: again, and after something has changed."""
    id_, officer = scale_case.case_id(size), callers["an officer"]
    path = f"/api/cases/{id_}"
    for what in ("coverage", "timeline"):
        asked = f"{path}/{what}"
        yield f"{what}, again", await taken(officer, itertools.repeat(asked), sizes)
        for change, acts in (
            ("a time is corrected", _corrections(house, id_)),
            ("a recording's times change", _attributions(house, size)),
        ):
            yield f"{what}, after {change}", await _after(officer, asked, acts, sizes)
    middle = scale_case.middle_ms(size, house.clock.now_ms())
    pages = (
        f"{path}/timeline?limit=200&from={quote(format_time(middle + n * 1000))}"
        for n in itertools.count()
    )
    yield "timeline, 200 from somewhere", await taken(officer, pages, sizes)


Acts = AsyncIterator[None]
"""Something is recorded at each step."""


async def _corrections(house: House, case: str) -> Acts:
    """When the officers arrived is noted anew again and again."""
    p = tables.case_point.c
    query = select(p.index, p.at_ms).where(
        p.case == case, p.point == "arrived", p.occasion == "1", p.text.is_(None)
    )
    async with house.database.read() as conn:
        index, at_ms = (await conn.execute(query.order_by(p.index.desc()))).one()
    for number in itertools.count(1):
        event = await house.record(
            "case.point", f"c:{case}", case=case, point="arrived", occasion="1", source="bench",
            at=format_time(at_ms - number * 10), replaces=index, text="corrected",
        )  # fmt: skip
        index = event.index
        yield


async def _attributions(house: House, size: int) -> Acts:
    """One recording of the case turns out to be less and less sure of its time."""
    item, person = id_of(f"case:{size}:0", 0), scale_case.TEAM[0]
    a = tables.attribution.c
    async with house.database.read() as conn:
        row = (await conn.execute(select(*a).where(a.item == item))).one()
    for number in itertools.count(1):
        await house.record(
            "item.attributed", f"i:{item}", item=item, device=row.device, person=person.id,
            unit=row.unit, organ=row.organ, start=format_time(row.start_ms),
            end=format_time(row.end_ms), kind=row.kind, carrier=row.carrier, sound=bool(row.sound),
            uncertainty_ms=row.uncertainty_ms + number, marks=[], policy=row.policy, why="register",
        )  # fmt: skip
        yield


async def _after(client: ClientSession, path: str, acts: Acts, sizes: Sizes) -> Taken:
    """Each request comes after an act and must show it."""
    each: list[float] = []
    used, body, before = 0.0, b"", await _get(client, path)
    async for _ in acts:
        began, begun = time.process_time(), time.perf_counter()
        body = await _get(client, path)
        each.append(1000 * (time.perf_counter() - begun))
        used += time.process_time() - began
        assert body != before, f"{path}: expected the change in the answer, got the one before"
        before = body
        if len(each) == sizes.requests:
            break
    return Taken(each, 1000 * used / len(each), len(body))
