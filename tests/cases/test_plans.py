"""What is asked of large tables walks an index: a page of the inbox, coverage, the time line.

The rows are few here, so PostgreSQL is told to leave out what it would rather do with few; then its
plan says whether there is an index that answers in the order that is asked for.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bench import scale_case, scale_world
from bench.scale_world import id_of
from cases import kept
from cases.inbox import queries
from cases.inbox.queries import Asked, Filter
from cases.recorded import Recorded
from storage import tables
from storage.access import Visible
from storage.database import Database

END_MS, SIZE, WAITING = 1_790_000_000_000, 40, 600
MIDDLE = str(scale_world.FIRST_INDEX + 3 * (1_000_000 - WAITING // 2))
SORTED = "USE TEMP B-TREE FOR ORDER BY"
LARGE = frozenset(
    table.name
    for table in (
        tables.entry, tables.waiting, tables.item, tables.upload, tables.attribution, tables.link,
        tables.late, tables.flag, tables.copy, tables.media, tables.case, tables.case_person,
        tables.case_point, tables.case_stage, tables.document, tables.approval, tables.filing,
        tables.shift, tables.custody, tables.device_offset, tables.refusal,
    )
)  # fmt: skip


def _units(*numbers: int) -> frozenset[str]:
    return frozenset(id_of("unit", number) for number in numbers)


OFFICER, HEAD = scale_case.TEAM[0].id, scale_world.people()[3].id
CALLERS = {
    "officer": Visible(person=OFFICER),
    "head": Visible(person=HEAD, units=_units(3, 15, 18), headed_units=_units(3, 15, 18)),
    "keeper": Visible(person=HEAD, units=_units(3)),
    "supervisor": Visible(
        person=HEAD, units=_units(0, 3), unowned=True,
        organs=frozenset(id_of("organ", n) for n in range(3)),
    ),
    "program": Visible(everything=True, unowned=True, private=True),
    "program of an organ": Visible(organs=frozenset({id_of("organ", 1)}), private=True),
}  # fmt: skip
FILTERS = {
    "": Filter(),
    "overdue": Filter(overdue=True),
    "unclaimed": Filter(unclaimed=True),
    "person": Filter(person=OFFICER),
    "unit": Filter(unit=id_of("unit", 3)),
    "organ": Filter(organ=id_of("organ", 0)),
}


@pytest.fixture
async def filled(migrated_url: str) -> AsyncIterator[Database]:
    database = await Database.open(migrated_url)

    def fill(conn: Connection) -> None:
        for rows in (
            scale_world.agency(END_MS, days=2), scale_world.numbered_cases(END_MS),
            scale_case.rule_list(), scale_case.one(SIZE, 0, END_MS),
            *scale_world.waiting(1_000_000 - WAITING, 1_000_000, END_MS),
        ):  # fmt: skip
            scale_world.write(conn, rows)
        conn.exec_driver_sql("INSERT INTO head VALUES (1, 'log.example', 5, '', '', 0, '', 0)")
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ANALYZE")

    try:
        await database.write(fill)
        yield database
    finally:
        await database.close()


async def asked(database: Database, work: Callable[[Connection], Any]) -> list[tuple[str, Any]]:
    """The statements of this work, each with the plan that the database makes for it."""
    found: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        found.append((text, values))

    def run(conn: Connection) -> list[tuple[str, Any]]:
        event.listen(conn, "before_cursor_execute", note)
        work(conn)
        statements = list(found)
        if conn.dialect.name == "postgresql":
            for name in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
                conn.exec_driver_sql(f"SET LOCAL enable_{name} = off")
        return [(text, _plan(conn, text, values)) for text, values in statements]

    return await database.write(run)


def _plan(conn: Connection, text: str, values: Any) -> list[str]:
    """The steps that touch a table or sort, as `KIND table index`."""
    if conn.dialect.name == "sqlite":
        rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return [str(row[3]) for row in rows]
    found = conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", values).scalar()
    plan = found if isinstance(found, list) else json.loads(str(found))
    return list(_steps(plan[0]["Plan"]))


def _steps(node: dict[str, Any]) -> Iterator[str]:
    kind = node["Node Type"]
    if "Relation Name" in node:
        index = node.get("Index Name")
        whole = kind == "Seq Scan"
        yield f"{'SCAN' if whole else 'SEARCH'} {node['Relation Name']}" + (
            f" USING INDEX {index}" if index else ""
        )
    elif "Sort" in kind:
        yield SORTED
    for child in node.get("Plans", ()):
        yield from _steps(child)


def walked(plan: list[str]) -> list[str]:
    """The steps that read a large table from one end to the other without an index."""
    whole = re.compile(r"SCAN (\w+)(?! USING (COVERING )?INDEX)")
    return [step for step in plan if (m := whole.match(step)) and m[1] in LARGE]


async def test_a_page_of_the_inbox_walks_indexes(filled: Database) -> None:
    wrong = {}
    for (caller, visible), (words, wanted) in product(CALLERS.items(), FILTERS.items()):
        found = await asked(filled, page(Asked(visible, visible, "Asia/Shanghai", END_MS, wanted)))
        walks = [plan for text, plan in found if "waiting" in text and "LIMIT" in text.upper()]
        steps = [step for _, plan in found for step in walked(plan)]
        steps += [step for plan in walks for step in plan if SORTED in step]
        if steps:
            wrong[caller, words] = steps
    assert wrong == {}


def page(question: Asked) -> Callable[[Connection], Any]:
    """The work of answering a page from the middle."""
    return lambda conn: queries.inbox(conn, question, cursor=MIDDLE, limit=10)


async def test_the_coverage_of_a_case_walks_indexes(filled: Database) -> None:
    case = scale_case.case_id(SIZE)

    def work(conn: Connection) -> None:
        known = Recorded()
        for _ in range(2):
            assert known.judged(conn, case, END_MS)[0].tracks == SIZE
        kept.touched(conn, case, frozenset(), 0, kept.size_of(conn))

    found = await asked(filled, work)
    assert len(found) > 5
    assert [step for _, plan in found for step in walked(plan)] == []
