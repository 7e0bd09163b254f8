"""What people and spreadsheets write in cells: times, numbers, names; and what cannot be read."""

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.registers import sheet, tables
from cases.registers.cells import WORDS, Cells, minutes_of_day, when
from cases.registers.people import AMBIGUOUS, Directory, Names
from cases.registers.sheet import Cell, Line
from verify.errors import MalformedError

ZONE = "Asia/Shanghai"
NOW = 1_798_000_000_000  # after all that these sheets tell of


def wall(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "ms", "day"),
    [
        ("2026-11-23 08:05", wall(2026, 11, 23, 8, 5), False),
        ("2026/11/3 8:05:07", wall(2026, 11, 3, 8, 5, 7), False),
        ("２０２６．１１．２３　８：０５", wall(2026, 11, 23, 8, 5), False),
        ("2026年11月23日8时5分", wall(2026, 11, 23, 8, 5), False),
        ("2026年11月23日 8点", wall(2026, 11, 23, 8), False),
        ("2026-11-23", wall(2026, 11, 23), True),
        ("2026年11月23日", wall(2026, 11, 23), True),
        ("2026-11-23T08:05:00", wall(2026, 11, 23, 8, 5), False),
        ("2026-11-23T08:04:59.999997", wall(2026, 11, 23, 8, 5), False),
        ("2026-11-23T00:05:00Z", wall(2026, 11, 23, 8, 5), False),
        ("2026-11-23T08:05:00+08:00", wall(2026, 11, 23, 8, 5), False),
        ("20261123080500", wall(2026, 11, 23, 8, 5), False),
        ("46349", wall(2026, 11, 23), True),  # how a spreadsheet counts days
        ("46349.336805556", wall(2026, 11, 23, 8, 5), False),
    ],
)
def test_times_are_read_as_people_write_them(text: str, ms: int, day: bool) -> None:
    found = when(text, ZONE)
    assert (found.ms, found.day) == (ms, day)


@pytest.mark.parametrize(
    "text", ["", "昨天", "2026-13-01", "2026-02-30", "8:00", "2026-11-23 25:00", "12"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        when(text, ZONE)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused_by_name(text: str) -> None:
    with contextlib.suppress(MalformedError):
        when(text, ZONE)
    minutes_of_day(text)


def test_times_of_day() -> None:
    assert [minutes_of_day(t) for t in ("8:00", "08:30:00", "22时", "24:00", "25:00", "8")] == [
        480, 510, 1320, 1440, None, None,
    ]  # fmt: skip


def directory() -> Directory:
    people, devices = Names(), Names()
    for word, id_ in (("甲", "1"), ("乙", "2"), ("乙", "3"), ("310", "1")):
        people.add(word, id_)
    devices.add("记录仪 1", "d")
    return Directory(people, devices, Names(), Names())


def line(**cells: str) -> Line:
    return Line(7, {code: Cell(text, f"A {code}") for code, text in cells.items()}, {})


def reads(code: str, text: str, how: str, **more: object) -> tuple[object, list[str]]:
    cells = Cells(directory(), ZONE, NOW)
    value = getattr(cells, how)(line(**{code: text}), code, **more)
    return value, [problem.code for problem in cells.problems]


def test_numbers_shares_and_flags() -> None:
    assert reads("n", "１，２００", "whole") == (1200, [])
    assert reads("n", "-2.5", "whole", times=1000) == (-2500, [])
    assert reads("n", "2.5", "whole") == (None, ["number"])
    assert reads("n", "3.0", "whole") == (3, [])
    assert reads("n", "约3", "whole") == (None, ["number"])
    assert [reads("p", t, "percent")[0] for t in ("85%", "８５", "0.85", "100", "1", "101", "满")] == [
        85, 85, 85, 100, 1, None, None,
    ]  # fmt: skip
    assert [reads("f", t, "flag")[0] for t in ("是", "√", "N", "异常", "也许")] == [
        True, True, False, False, None,
    ]  # fmt: skip


def test_a_name_is_one_person_or_a_problem() -> None:
    cells = Cells(directory(), ZONE, NOW)
    assert cells.people(line(person="甲、310"), ["person"]) == ["1"]
    assert cells.person(line(person="乙"), ["person"]) is None
    assert cells.person(line(person="丁"), ["person"]) is None
    assert [p.code for p in cells.problems] == ["person_ambiguous", "person_unknown"]
    assert [(p.row, p.column) for p in cells.problems] == [(7, "A person")] * 2
    assert directory().people.find("乙") == AMBIGUOUS


def test_every_problem_has_words_in_both_languages() -> None:
    for zh, en in WORDS.values():
        assert zh
        assert en
        assert zh == en == "{got}" or zh != en


def read(kind: str, text: str, encoding: str = "utf-8") -> tables.Read:
    found = sheet.read(text.encode(encoding), "csv", tables.COLUMNS[kind], needed=tables.LEAST)
    return tables.read(kind, found, directory(), ZONE, NOW)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_of_any_common_encoding_and_delimiter(encoding: str) -> None:
    for delimiter in ",\t;":
        rows = [["姓名", "开始时间", "结束时间"], ["甲", "2026-11-23 8:00", "2026-11-23 18:00"]]
        found = read("rosters", "\r\n".join(delimiter.join(r) for r in rows), encoding)
        assert [f.person for f in found.facts] == ["1"], (encoding, delimiter)


def test_a_row_that_ends_before_it_begins_and_a_column_twice_are_told() -> None:
    text = "姓名,开始时间,结束时间\n甲,2026-11-23 18:00,2026-11-23 8:00\n"
    assert [p.code for p in read("rosters", text).problems] == ["time_order"]
    text = "姓名,值班人,开始时间,结束时间\n甲,甲,2026-11-23 8:00,2026-11-23 18:00\n"
    assert [p.code for p in read("rosters", text).problems] == ["column_twice"]
    text = "姓名,开始时间\n甲,2026-11-23 8:00\n"
    assert [p.code for p in read("rosters", text).problems] == ["column_missing"]


def test_the_end_of_a_validity_in_days_is_the_end_of_that_day() -> None:
    found = read("device-users", "警号,姓名,生效日期,失效日期\n000123,甲,2026-01-01,2026-12-31\n")
    (fact,) = found.facts
    assert (fact.valid_from_ms, fact.valid_until_ms) == (wall(2026, 1, 1), wall(2027, 1, 1))


def test_the_time_of_the_device_beside_the_right_one_is_an_offset() -> None:
    found = read(
        "offsets", "设备,标准时间,设备时间\n记录仪 1,2026-11-23 8:00:00,2026-11-23 8:00:05\n"
    )
    (fact,) = found.facts
    assert (fact.offset_ms, fact.uncertainty_ms) == (5000, 1000)


def columns(kind: str, text: str) -> list[tuple[int | None, str, str]]:
    return [(p.row, p.column, p.code) for p in read(kind, text).problems]


def test_a_serial_number_that_stands_twice_is_a_problem_of_the_second_row() -> None:
    text = "设备名称,设备编号\n记录仪 2,ABC\n记录仪 3,ABC\n"
    (found,) = read("devices", text).problems
    assert (found.row, found.column, found.code) == (3, "B 设备编号", "twice")
    assert found.zh == "“ABC”在第 2 行已出现"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("devices", "设备名称,设备编号,型号\n,,X1\n", ("B 设备编号", "empty")),
        ("devices", "设备名称,型号\n,X1\n", ("A 设备名称", "empty")),
        ("devices", "设备名称,时区\n记录仪 2,北京时间\n", ("B 时区", "zone")),
        ("custody", "设备编号,领用人,领用时间\n记录仪 1,,2026-11-23 8:00\n", ("B 领用人", "empty")),
        ("custody", "设备编号,账号,领用时间\n记录仪 1,,2026-11-23 8:00\n", ("B 账号", "empty")),
        ("custody", "设备编号,领用时间\n记录仪 1,2026-11-23 8:00\n", ("人员", "empty")),
        ("custody", "设备编号,动作,时间,备注\n记录仪 1,归还,,甲\n", ("C 时间", "empty")),
        ("device-users", "警号,姓名,生效日期\n12,,2026-01-01\n", ("B 姓名", "empty")),
        ("device-users", "警号,执法证号,生效日期\n12,310,\n", ("C 生效日期", "empty")),
        ("offsets", "设备,测量时间,偏差（毫秒）\n记录仪 1,2026-11-23 8:00,\n", ("C 偏差（毫秒）", "empty")),
        ("offsets", "设备,测量时间\n记录仪 1,2026-11-23 8:00\n", ("偏差", "empty")),
        ("rosters", "值班人员,值班开始,值班结束\n甲,,2026-11-23 8:00\n", ("B 值班开始", "empty")),
        ("rosters", "值班人员,日期,值班开始,值班结束\n甲,,8:00,18:00\n", ("B 日期", "empty")),
        ("rosters", "值班人员,值班开始,值班结束\n甲,8:00,18:00\n", ("日期", "empty")),
        ("rosters", "值班人员,值班开始,值班结束\n,2026-11-23 8:00,2026-11-23 18:00\n", ("A 值班人员", "empty")),
    ],
)  # fmt: skip
def test_a_problem_names_the_sheets_own_column(
    kind: str, text: str, expected: tuple[str, str]
) -> None:
    assert columns(kind, text) == [(2, *expected)]


def test_a_duty_that_ends_when_it_begins_is_a_problem() -> None:
    text = "姓名,日期,值班开始,值班结束\n甲,2026-11-23,8:00,8:00\n"
    assert columns("rosters", text) == [(2, "D 值班结束", "time_order")]
    text = "姓名,开始时间,结束时间\n甲,2026-11-23 8:00,2026-11-23 8:00\n"
    assert columns("rosters", text) == [(2, "C 结束时间", "time_order")]


def test_a_clock_measured_later_than_now_is_a_problem() -> None:
    text = "设备,测量时间,偏差（秒）\n记录仪 1,2036-11-23 8:00,2\n"
    assert columns("offsets", text) == [(2, "B 测量时间", "future")]


@given(st.binary(max_size=300), st.sampled_from(sorted(tables.COLUMNS)))
def test_any_bytes_are_facts_or_problems_or_refused(data: bytes, kind: str) -> None:
    try:
        found = sheet.read(data, "csv", tables.COLUMNS[kind], needed=tables.LEAST)
    except MalformedError:
        return
    made = tables.read(kind, found, directory(), ZONE, NOW)
    assert not (made.facts and made.problems)
    assert made.facts or made.problems
