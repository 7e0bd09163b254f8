"""Cases from sheets and from another system: each row an act, repeated without effect, failures named."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from cases import imports
from cases.recording import csvfile
from cases.registers import people, sheet
from storage import tables
from storage.database import Database
from storage.ledger import Draft, Ledger
from tests.storage.samples import ManualClock
from verify.errors import MalformedError

ACTOR = "u:" + "5" * 32
ORGAN, UNIT, ONE = "a" * 32, "b" * 32, "c" * 32
MAPPING = {"key": "AJBS", "number": "AJBH", "title": "AJMC", "officers": "ZFRYXM", "unit": "CBJG"}


class Room:
    def __init__(self, database: Database, ledger: Ledger) -> None:
        self.database, self.ledger, self.made = database, ledger, 0

    async def record(self, type_: str, **fields: Any) -> None:
        self.made += 1
        draft = Draft(type_, "sys", ACTOR, fields)
        await self.ledger.record(f"test:{self.made}", lambda _: [draft])

    async def directory(self) -> people.Directory:
        async with self.database.read() as conn:
            return await conn.run_sync(people.directory)

    async def rows(
        self, rows: list[dict[str, object]], *, mapping: Any = MAPPING, system: str = "粤执法"
    ) -> list[imports.Outcome]:
        found = imports.from_rows(
            rows, imports.mapping_of(mapping), await self.directory(), organ=ORGAN
        )
        done = await imports.record(self.ledger, ACTOR, found.said, system=system)
        return sorted([*found.failed, *done], key=lambda one: one.row)

    async def types(self) -> list[str]:
        async with self.database.read() as conn:
            e = tables.entry.c
            return list((await conn.execute(select(e.type).order_by(e.index))).scalars())

    async def case(self, id_: str) -> Any:
        async with self.database.read() as conn:
            t = tables.case
            return (await conn.execute(select(t).where(t.c.id == id_))).one()


@pytest.fixture
async def room(migrated_url: str) -> AsyncIterator[Room]:
    database = await Database.open(migrated_url)
    try:
        ledger = Ledger(database, ManualClock())
        await ledger.begin("log.example/imports", "log.example/imports+00000000+AAAA")
        ledger.open()
        room = Room(database, ledger)
        await room.record("organ.set", organ=ORGAN, name="某市司法局")
        await room.record("unit.set", unit=UNIT, organ=ORGAN, name="执法一科", ended=False)
        await room.record(
            "user.changed", person=ONE, account="jia", name="执法人员甲", organ=ORGAN, unit=UNIT,
            roles=["officer"], certificate="31001234567", reason="入职",
        )  # fmt: skip
        yield room
    finally:
        await database.close()


def row(n: int, **more: object) -> dict[str, object]:
    return {
        "AJBS": f"K{n}", "AJBH": f"沪司检〔2026〕{n}号", "AJMC": f"检查 {n}",
        "ZFRYXM": "执法人员甲、外聘人员", "CBJG": "执法一科", **more,
    }  # fmt: skip


async def test_the_same_rows_again_change_nothing(room: Room) -> None:
    first = await room.rows([row(1), row(2)])
    assert [one.status for one in first] == ["created", "created"]
    before = await room.types()
    again = await room.rows([row(1), row(2)])
    assert [(a.status, a.case) for a in again] == [("unchanged", b.case) for b in first]
    assert await room.types() == before
    case = await room.case(str(first[0].case))
    assert (case.organ, case.unit, case.people) == (ORGAN, UNIT, f'["{ONE}"]')
    assert case.officers == '["执法人员甲","外聘人员"]'
    assert (case.external_system, case.external_key) == ("粤执法", "K1")


async def test_what_changed_there_is_described_anew_here_and_nothing_else_is_lost(
    room: Room,
) -> None:
    (made,) = await room.rows([row(1)])
    before = await room.types()
    (changed,) = await room.rows([row(1, AJMC="检查(更名)")])
    assert (changed.status, changed.case) == ("changed", made.case)
    assert (await room.types())[len(before) :] == ["case.changed"]
    case = await room.case(str(made.case))
    assert (case.title, case.people, case.unit) == ("检查(更名)", f'["{ONE}"]', UNIT)
    (short,) = await room.rows(
        [{"AJBS": "K1", "AJBH": row(1)["AJBH"], "AJMC": "检查(更名)"}]
    )  # what a row does not say stays
    assert short.status == "unchanged"


async def test_a_row_that_is_not_good_is_named_and_holds_no_other_up(room: Room) -> None:
    found = await room.rows(
        [row(1), row(2, AJBH=""), row(3, CBJG="没有的科"), row(4), row(5, AJBH=row(1)["AJBH"])]
    )
    assert [one.status for one in found] == ["created", "failed", "failed", "created", "failed"]
    problems = [one.problem for one in found if one.problem is not None]
    assert [(p.row, p.column, p.code) for p in problems] == [
        (2, "AJBH", "empty"), (3, "CBJG", "unit_unknown"), (5, "", "refused"),
    ]  # fmt: skip
    assert problems[1].zh == "没有部门“没有的科”"
    assert (await room.types()).count("case.opened") == 2
    (moved,) = await room.rows([row(1, AJBH="沪司检〔2026〕99号")])  # a number is not followed
    assert moved.status == "failed"


async def test_certificates_must_be_known_and_names_may_be_strangers(room: Room) -> None:
    mapping = {**MAPPING, "certificates": "ZFZH"}
    found = await room.rows(
        [row(1, ZFZH="３１００１２３４５６７"), row(2, ZFZH="99"), row(3, ZFRYXM=["外聘人员"])],
        mapping=mapping,
    )
    assert [one.status for one in found] == ["created", "failed", "created"]
    assert found[1].problem is not None
    assert found[1].problem.code == "person_unknown"
    assert (await room.case(str(found[0].case))).people == f'["{ONE}"]'
    assert (await room.case(str(found[2].case))).people == "[]"


async def test_a_procedure_is_taken_in_the_version_of_that_day(room: Room) -> None:
    mapping = {**MAPPING, "procedure": "CX"}
    found = await room.rows([row(1, CX="inspection"), row(2, CX="nothing")], mapping=mapping)
    assert [one.status for one in found] == ["created", "failed"]
    case = await room.case(str(found[0].case))
    assert case.procedure.startswith("inspection@")


async def test_a_sheet_is_read_by_its_headings_and_repeated_by_number(room: Room) -> None:
    data = csvfile.write(
        [
            ("案件台账",),
            ("案号", "案件名称", "执法类别", "承办人", "当事人", "承办部门", "地点"),
            ("沪司检〔2026〕1号", "律所检查", "行政检查", "执法人员甲", "某律所", "执法一科", "某路1号"),
            ("", "缺号", "行政检查", "", "", "", ""),
        ]
    )  # fmt: skip
    read = sheet.read(data, "csv", imports.COLUMNS, needed=imports.LEAST)
    found = imports.from_sheet(read, await room.directory(), organ=ORGAN)
    assert [(f.row, f.problem and f.problem.column) for f in found.failed] == [(4, "A 案号")]
    (made,) = await imports.record(room.ledger, ACTOR, found.said, system=None)
    case = await room.case(str(made.case))
    assert (case.kind, case.unit, case.parties) == ("inspection", UNIT, '["某律所"]')
    (again,) = await imports.record(room.ledger, ACTOR, found.said, system=None)
    assert (again.status, again.case) == ("unchanged", made.case)


def test_a_mapping_names_our_fields_and_an_example_is_shipped_as_one() -> None:
    example = imports.mapping_of("example-pinyin")
    assert example["number"] == "AJBH"
    for bad in (
        "nothing",
        {"number": "A"},
        {"number": "A", "title": "B", "x": "C"},
        3,
        {"number": 1},
    ):
        with pytest.raises(MalformedError):
            imports.mapping_of(bad)


def of_sheet(text: str, directory: people.Directory) -> imports.Read:
    found = sheet.read(text.encode(), "csv", imports.COLUMNS, needed=imports.LEAST)
    return imports.from_sheet(found, directory, organ=ORGAN)


async def test_of_two_rows_of_one_number_in_a_sheet_the_second_fails_and_names_the_first(
    room: Room,
) -> None:
    text = "案号,案件名称,外部编号\n1号,检查 1,K1\n2号,检查 2,K2\n1号,检查 3,K3\n"
    found = of_sheet(text, await room.directory())
    assert [one.row for one in found.said] == [2, 3]
    ((failed,), (problem,)) = found.failed, [one.problem for one in found.failed]
    assert problem is not None
    assert (failed.row, failed.status, problem.column, problem.code) == (
        4, "failed", "A 案号", "twice",
    )  # fmt: skip
    assert problem.zh == "“1号”在第 2 行已出现"
    done = await imports.record(room.ledger, ACTOR, found.said, system=None)
    assert [one.status for one in done] == ["created", "created"]
    assert (await room.case(str(done[0].case))).title == "检查 1"


async def test_a_preview_says_what_the_second_case_of_one_number_will_be(room: Room) -> None:
    found = imports.from_rows(
        [row(1), row(2, AJBH=row(1)["AJBH"]), row(3)], imports.mapping_of(MAPPING),
        await room.directory(), organ=ORGAN,
    )  # fmt: skip
    tried = await room.database.ask(
        lambda conn: imports.preview(conn, ACTOR, found.said, system="粤执法")
    )
    done = await imports.record(room.ledger, ACTOR, found.said, system="粤执法")
    for outcomes in (tried, done):
        assert [one.status for one in outcomes] == ["created", "failed", "created"]


async def test_of_two_rows_of_one_key_the_second_fails(room: Room) -> None:
    found = await room.rows([row(1), row(1, AJMC="检查(更名)"), row(2)])
    assert [one.status for one in found] == ["created", "failed", "created"]
    assert found[1].problem is not None
    assert (found[1].problem.column, found[1].problem.code) == ("AJBS", "twice")


async def test_a_row_of_a_sheet_that_says_too_little_names_the_sheets_own_column(
    room: Room,
) -> None:
    text = "案件编号,案由,执法证号\n1号,检查 1,000\n2号,,31001234567\n"
    found = of_sheet(text, await room.directory())
    problems = [one.problem for one in found.failed if one.problem is not None]
    assert [(p.row, p.column, p.code) for p in problems] == [
        (2, "C 执法证号", "person_unknown"), (3, "B 案由", "empty"),
    ]  # fmt: skip
