"""Finding cases by two characters, and the searches that a person keeps; E05 over HTTP."""

from typing import Any

import pytest
from sqlalchemy import select

from storage import grams, tables
from storage.database import Database
from storage.rights import Role
from tests.console.conftest import SOURCE, House
from tests.console.course import NUMBER, begun, size
from tests.console.staff import settled
from tests.console.test_api import call
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records
from verify.entries import format_time

Seen = list[str]


async def found(house: House, who: Any, **query: str) -> Seen:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = await call(house, who, "GET", f"/api/cases?{asked}", 200)
    return [case["number"] for case in page["cases"]]


async def test_two_characters_find_a_case_in_each_of_its_words(house: House) -> None:
    staff, client = await settled(house), await house.client()
    named = await staff.person(Role.OFFICER, name="欧阳海")
    place = {"organ": staff.organ(), "unit": staff.unit()}
    await begun(
        house, client, number="沪司罚〔2026〕7号", title="无证执业", parties=["和平律师事务所"],
        officers=["司徒明"], people=[named], place={"text": "武宁路 200 号"}, **place,
    )  # fmt: skip
    await begun(house, client, number="沪司罚〔2026〕8号", title="平和处置 Alpha", **place)
    first, second = "沪司罚〔2026〕7号", "沪司罚〔2026〕8号"
    for text in ("7号", "无证", "和平", "司徒", "欧阳", "武宁", "和平律师事务所"):
        assert await found(house, client, text=text) == [first], text
    assert await found(house, client, text="alPHA") == [second]
    assert await found(house, client, text="司罚") == [second, first]
    assert await found(house, client, text="平") == [second, first]
    for text in ("和处", "平师", "%25%25", "__", "号无", "甲乙"):
        expected = [second] if text == "和处" else []
        assert await found(house, client, text=text) == expected, text
    assert await found(house, client, place="武宁") == [first]
    assert await found(house, client, place="无证") == []
    stranger = await staff.signed_in(Role.ORGAN_HEAD, "county")
    assert await found(house, stranger, text="和平") == []


async def test_cases_are_found_by_device_and_by_when_they_were_opened(house: House) -> None:
    client = await house.client()
    course = await begun(house, client, number="一")
    item = await course.recording(0, 60)
    house.clock.shift_ms += 7_200_000
    between = format_time(house.clock.now_ms())
    house.clock.shift_ms += 7_200_000
    await begun(house, client, number="二")
    assert await found(house, client, **{"from": between}) == ["二"]
    assert await found(house, client, until=between) == ["一"]
    assert await found(house, client, device=SOURCE) == ["一"]
    assert await found(house, client, device="0" * 32) == []
    await course.call("POST", f"/links/{item}/unlink", 201, {"reason": "错误"})
    assert await found(house, client, device=SOURCE) == []


async def test_what_a_case_was_called_before_is_not_found_and_a_rebuild_finds_the_same(
    house: House, tmp_path: Any
) -> None:
    client = await house.client()
    course = await begun(house, client, parties=["和平律师事务所"])
    await course.call("POST", "/changes", 201, {"parties": ["光明公司"], "reason": "更正"})
    assert await found(house, client, text="和平") == []
    assert await found(house, client, text="光明") == [NUMBER]
    kept, rows = await records(house.database), await dump(house.database)
    empty = f"sqlite:///{tmp_path / 'again.db'}"
    database = await Database.open(empty)
    await database.migrate()
    await database.close()
    again, replayed = await brought_back(empty, kept)
    assert replayed.unexplained == ()
    assert again["case_gram"] == rows["case_gram"] != []


async def test_nothing_of_erased_words_is_left_in_the_pairs(house: House) -> None:
    client = await house.client()
    course = await begun(house, client, parties=["和平律师事务所"])
    async with house.database.read() as conn:
        query = select(tables.case.c.changed_index).where(tables.case.c.id == course.case)
        index = (await conn.execute(query)).scalar_one()
        e = tables.entry.c
        leaf = (await conn.execute(select(e.leaf).where(e.index == index))).scalar_one()
    await house.record(
        "field.erased", f"c:{course.case}", index=index, leaf=bytes(leaf).hex(),
        names=["parties"],
        ground="court", approver="u:1",
    )  # fmt: skip
    async with house.database.read() as conn:
        left = set((await conn.execute(select(tables.case_gram.c.gram))).scalars())
    assert "和平" not in left
    assert "司检" in left


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []), (["一"], []), (["张三"], ["张三"]), (["AbA", "ab"], ["ab", "ba"]),
        (["a  b"], [" b", "a "]), (["ß"], ["ss"]),
    ],
)  # fmt: skip
def test_pairs(texts: Seen, expected: Seen) -> None:
    assert grams.of(texts) == expected


async def test_a_person_keeps_searches_that_nobody_else_sees(small: House) -> None:
    staff = await settled(small)
    mine, other = await staff.signed_in(), await staff.signed_in(Role.REVIEWER)
    since = await size(small)
    body = {"name": "我的超期案件", "filter": {"text": "和平", "state": "open"}}
    made = await call(small, mine, "POST", "/api/searches", 201, body)
    assert (await call(small, mine, "GET", "/api/searches", 200))["searches"] == [made]
    assert made == body | {"id": made["id"]}
    assert (await call(small, other, "GET", "/api/searches", 200))["searches"] == []
    address = f"/api/searches/{made['id']}"
    await call(small, other, "PATCH", address, 404, {"name": "x"})
    await call(small, other, "DELETE", address, 404)
    renamed = await call(small, mine, "PATCH", address, 200, {"name": "本周"})
    assert (renamed["name"], renamed["filter"]) == ("本周", body["filter"])
    await call(small, mine, "POST", "/api/searches", 409, body | {"name": "本周"})
    second = await call(small, mine, "POST", "/api/searches", 201, body)
    await call(small, mine, "PATCH", f"/api/searches/{second['id']}", 409, {"name": "本周"})
    await call(small, other, "POST", "/api/searches", 201, body)  # names are one's own
    await call(small, mine, "DELETE", address, 204)
    await call(small, mine, "DELETE", address, 404)
    for wrong in ({"name": "x"}, {"name": "", "filter": {}}, {"name": "x", "filter": {"a": 1}}):
        await call(small, mine, "POST", "/api/searches", 400, wrong)
    assert await size(small) == since, "they are no evidence"
    await call(small, await small.client(), "GET", "/api/searches", 403)


async def test_a_person_has_fifty_searches_at_most(small: House) -> None:
    mine = await (await settled(small)).signed_in()
    for n in range(50):
        await call(small, mine, "POST", "/api/searches", 201, {"name": str(n), "filter": {}})
    await call(small, mine, "POST", "/api/searches", 409, {"name": "50", "filter": {}})
