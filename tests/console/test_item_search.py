"""E05 over HTTP: recordings found by what is said of them, and never by what the caller may not know."""

from typing import Any

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import Course, begun
from tests.console.staff import Staff, settled
from tests.console.test_api import call
from verify.entries import format_time

DAY_S = 86_400


@pytest.fixture
async def staff(house: House) -> Staff:
    return await settled(house)


async def ids(house: House, who: Any, **query: str) -> list[str]:
    """What is found, by pages of two."""
    found, cursor = list[str](), ""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    while True:
        page = await call(house, who, "GET", f"/api/items?{asked}&limit=2{cursor}", 200)
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def case_of(house: House, staff: Staff, number: str, **more: Any) -> Course:
    place = {"organ": staff.organ(), "unit": staff.unit()}
    return await begun(house, await house.client(), number=number, **(place | more))


async def test_a_recording_is_found_by_each_thing_that_is_said_of_it(
    house: House, staff: Staff
) -> None:
    client = await house.client()
    officer = await staff.person(name="欧阳海")
    below = staff.unit(unit="one-below")
    course = await case_of(
        house,
        staff,
        "沪司检〔2026〕77号",
        parties=["和平律师事务所"],
        place={"text": "武宁路 200 号"},
    )
    mine = {"person": officer, "unit": below, "organ": staff.organ()}
    first = await course.recording(0, 60, **mine)
    photo = await course.recording(3 * DAY_S, 3 * DAY_S + 1, kind="photo", link=False)
    other = await course.recording(7 * DAY_S, 7 * DAY_S + 60, link=False)
    everything = [other, photo, first]
    assert await ids(house, client) == everything
    for text in ("77号", "司检", "和平", "武宁", "欧阳", "0-60-", first, "律师事务所"):
        assert await ids(house, client, text=text) == [first], text
    assert await ids(house, client, text="器") == []
    detail = await call(house, client, "GET", f"/api/items/{photo}", 200)
    assert await ids(house, client, text=detail["sha256"].upper())
    assert photo in await ids(house, client, text=str(detail["sealed"]["index"]))
    assert await ids(house, client, text=detail["source"]["name"][:2]) == everything
    assert await ids(house, client, device=detail["source"]["id"]) == everything
    assert await ids(house, client, kind="photo") == [photo]
    assert await ids(house, client, person=officer) == [first]
    assert await ids(house, client, unit=below) == [first]
    assert await ids(house, client, unit=staff.unit()) == [first]  # with the units below it
    assert await ids(house, client, unit=staff.unit(unit="two")) == []
    assert await ids(house, client, case=course.case) == [first]
    assert await ids(house, client, place="武宁") == [first]
    assert await ids(house, client, place="和平") == []
    assert await ids(house, client, linked="true") == [first]
    assert await ids(house, client, linked="false") == [other, photo]
    span = {"from": course.at(30), "until": course.at(4 * DAY_S)}
    assert await ids(house, client, **span) == [photo, first]
    assert await ids(house, client, **{"from": course.at(61)}) == [other, photo]


async def test_a_late_recording_keeps_its_mark_in_the_list_and_in_its_case(
    house: House, staff: Staff
) -> None:
    client, course = await house.client(), await case_of(house, staff, "一")
    late, _ = await course.recording(0, 60), await course.recording(60, 90)
    sealed = format_time(house.clock.now_ms())
    await house.record(
        "item.late", f"i:{late}", item=late, ended=course.at(60), due=course.at(120), sealed=sealed,
        basis="recording", policy="shipped-1",
    )  # fmt: skip
    assert await ids(house, client, late="true") == [late]
    (found,) = (await call(house, client, "GET", "/api/items?late=true", 200))["items"]
    assert (found["late"]["ended"], found["late"]["due"]) == (course.at(60), course.at(120))
    assert [case["number"] for case in found["cases"]] == ["一"]
    shown = await course.shown()
    assert shown["item_count"] == 2
    assert {one["id"]: one["late"] is not None for one in shown["items"]}[late]
    await course.call("POST", f"/links/{late}/unlink", 201, {"reason": "关联错误"})
    assert (await course.shown())["item_count"] == 1
    assert await ids(house, client, late="true") == [late]  # the mark is the recording's


async def test_a_hit_tells_nothing_of_a_case_that_its_finder_may_not_see(
    house: House, staff: Staff
) -> None:
    officer = await staff.person(name="欧阳海")
    private = await case_of(
        house, staff, "密〔2026〕1号", parties=["不可说"], private=True, place={"text": "无名路"}
    )
    item = await private.recording(0, 60, person=officer, unit=staff.unit(), organ=staff.organ())
    his, head = await staff.browser(officer), await staff.signed_in(Role.UNIT_HEAD)
    for query in ({"text": "不可说"}, {"text": "密〔"}, {"place": "无名"}, {"case": private.case}):
        assert await ids(house, his, **query) == []
        assert await ids(house, head, **query) == [item]
    (found,) = (await call(house, his, "GET", "/api/items?text=欧阳", 200))["items"]
    assert found["cases"] == []
    for stranger in (
        await staff.signed_in(Role.ORGAN_HEAD, "county"), await staff.signed_in(unit="two")
    ):  # fmt: skip
        assert await ids(house, stranger) == []
        assert await ids(house, stranger, text="欧阳") == []


async def test_an_officer_finds_exactly_what_he_may_see(house: House, staff: Staff) -> None:
    """The search that begins with his own leaves out nothing that the long way would show."""
    officer = await staff.person(name="欧阳海")
    course = await case_of(house, staff, "一", people=[officer])
    other = await case_of(house, staff, "二")
    in_case = await course.recording(0, 60)
    attributed = await course.recording(60, 90, link=False, person=officer)
    await other.recording(90, 120, unit=staff.unit())
    device = (await call(house, await house.client(), "GET", f"/api/items/{in_case}", 200))[
        "source"
    ]
    his = await staff.browser(officer)
    assert await ids(house, his) == [attributed, in_case]
    await house.record(
        "device.custody", f"s:{device['id']}", device=device["id"], what="issued", person=officer,
        at=format_time(house.clock.now_ms()),
    )  # fmt: skip
    unclaimed = await house.item(publish=False, name="z.mp4")
    assert await ids(house, his) == [unclaimed, attributed, in_case]


async def test_a_walk_that_has_taken_its_time_ends_a_page_and_the_pages_have_everything(
    house: House, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await house.client()
    course = await case_of(house, staff, "沪司检〔2026〕78号", parties=["和平律师事务所"])
    first = await course.recording(0, 60)
    days = await course.recording(0, 3 * DAY_S, kind="audio", link=False)
    rest = [await course.recording(9 * DAY_S + n, 9 * DAY_S + n + 1, link=False) for n in range(9)]
    everything = [*reversed(rest), days, first]
    monkeypatch.setattr("cases.item_search._STEP", 2)
    monkeypatch.setattr("console.answers.PAGE_S", 0)
    page = await call(house, client, "GET", "/api/items?text=和平", 200)
    assert page["items"] == []
    assert page["next"] is not None
    assert await ids(house, client, text="和平") == [first]
    assert await ids(house, client, linked="false") == everything[:-1]
    assert await ids(house, client, kind="audio") == [days]
    span = {"from": course.at(2 * DAY_S), "until": course.at(2 * DAY_S + 60)}
    assert await ids(house, client, **span) == [days]  # began a day before and longer
    monkeypatch.setattr("cases.item_search._RARE", 1)  # nothing is rare: all is walked
    monkeypatch.setattr("cases.item_search._FEW", 1)
    monkeypatch.setattr("cases.case_list._RARE", 1)
    assert await ids(house, client, **span) == [days]
    assert await ids(house, client, text="和平") == [first]
    assert await ids(house, client, text="78号") == [first]
    assert await ids(house, client, kind="video") == [*reversed(rest), first]


async def test_cases_are_sifted_by_what_must_be_reckoned_and_paged(
    house: House, staff: Staff
) -> None:
    client = await house.client()
    whole, hole, quiet = [await case_of(house, staff, name) for name in ("甲3", "甲1", "甲2")]
    for course in (whole, hole):
        await course.to_the_end()
        await course.point("arrived", 0)
        await course.point("left", 600)
    await whole.recording(-10, 610)
    await hole.recording(-10, 300)

    async def numbers(query: str) -> list[str]:
        found, cursor = list[str](), ""
        while True:
            page = await call(house, client, "GET", f"/api/cases?limit=1&{query}{cursor}", 200)
            assert page["looked_at"] >= len(page["cases"])
            found += [case["number"] for case in page["cases"]]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    assert await numbers("hole=true") == ["甲1"]
    assert await numbers("hole=true&text=甲3") == []
    assert await numbers("overdue=true") == []
    assert await numbers("sort=oldest") == ["甲3", "甲1", "甲2"]
    assert await numbers("sort=number") == ["甲1", "甲2", "甲3"]
    assert await numbers("sort=number_back") == ["甲3", "甲2", "甲1"]
    house.clock.shift_ms += 400 * DAY_S * 1000  # nobody went on with it
    assert quiet.case
    overdue = await numbers("overdue=true&sort=number")
    shown = {c.case: await c.shown() for c in (whole, hole, quiet)}
    late = {
        one["number"] for one in shown.values()
        if any(d["overdue"] and d["met"] is None for d in one["deadlines"])
    }  # fmt: skip
    assert late
    assert overdue == sorted(late)


async def test_a_row_that_names_no_unit_is_a_case_of_the_importers_own_unit_and_moves_no_known_case(
    house: House, staff: Staff
) -> None:
    organ = await staff.signed_in(Role.ORGAN_HEAD, "city", None)
    elsewhere = {"number": "甲9", "title": "x", "kind": "other", "unit": staff.unit("city", "two")}
    await call(house, organ, "POST", "/api/cases", 201, elsewhere)
    head = await staff.signed_in(Role.UNIT_HEAD)
    headers = {"Content-Type": "text/csv"}
    for client, csv in (
        (head, "案号,案由\n甲1,收费\n"), (head, "案号,案由\n甲1,收费（改）\n"),
        (organ, "案号,案由\n甲1,收费（再改）\n甲9,y\n"),
    ):  # fmt: skip
        async with client.post("/api/imports/cases", data=csv.encode(), headers=headers) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            assert found["counts"]["failed"] == 0
    shown = (await call(house, organ, "GET", "/api/cases", 200))["cases"]
    assert {one["number"]: (one["title"], one["unit"]) for one in shown} == {
        "甲1": ("收费（再改）", staff.unit()), "甲9": ("y", staff.unit("city", "two")),
    }  # fmt: skip


async def test_a_sheet_is_tried_as_it_would_be_recorded_and_a_row_elsewhere_is_left_out_alone(
    house: House, staff: Staff
) -> None:
    head = await staff.signed_in(Role.UNIT_HEAD)
    csv = "案号,案件名称,部门\n甲1,收费,one\n甲2,广告,two\n".encode()

    async def sent(query: str, body: bytes, expected: int = 200) -> Any:
        headers = {"Content-Type": "text/csv"}
        async with head.post(f"/api/imports/cases{query}", data=body, headers=headers) as answer:
            assert answer.status == expected
            return await answer.json()

    tried = await sent("?dry_run=true", csv)
    assert [row["status"] for row in tried["results"]] == ["created", "failed"]
    assert (await call(house, head, "GET", "/api/cases", 200))["cases"] == []
    done = await sent("", csv)
    assert [row["status"] for row in done["results"]] == ["created", "failed"]
    (shown,) = (await call(house, head, "GET", "/api/cases", 200))["cases"]
    assert (shown["number"], done["results"][0]["case"]) == ("甲1", shown["id"])
    assert done["results"][1]["number"] == "甲2"
    again = await sent("?dry_run=true", csv)
    assert again["results"][0]["status"] == "unchanged"
    await sent("", "案号,案件名称,部门\n甲2,广告,two\n".encode(), 403)  # none of it is his
