"""E04, E05, M04 in a real browser: finding a case, its holes, filing it, and who sees nothing."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import NUMBER, Course, begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen

PARTY = "和平律师事务所"
WORDS = {
    "zh-CN": {
        "save": "存为常用查找", "explain": "填写中断说明", "asked": "已提交审批", "approve": "批准",
        "explained": "已作中断说明", "file": "归档", "filed": "已归档", "leader": "带缺陷归档，负责人：周主任",
        "missing": "40 秒",
    },
    "en": {
        "save": "Save this search", "explain": "Explain this hole", "asked": "Sent for approval",
        "approve": "Approve", "explained": "explained", "file": "File the case", "filed": "Filed",
        "leader": "Filed with defects in the name of 周主任", "missing": "40 s",
    },
}  # fmt: skip
HOLE = "#coverage .hole button"


async def with_hole(house: House, staff: Staff) -> Course:
    """An officer's inspection, all done, with forty seconds that nobody recorded."""
    officer = await staff.person()
    course = await begun(
        house, await house.client(), organ=staff.organ(), unit=staff.unit(), people=[officer],
        parties=[PARTY],
    )  # fmt: skip
    await course.to_the_end()
    await course.point("arrived", 0)
    await course.point("left", 600)
    await course.recording(-10, 300)
    await course.recording(340, 610)
    return course


def quoted(text: str) -> str:
    """As a string of a selector or of a script."""
    return json.dumps(text, ensure_ascii=False)


async def count(seen: Seen, selector: str, wanted: int) -> None:
    test = f"document.querySelectorAll({quoted(selector)}).length === {wanted}"
    await until(seen.page, test)


async def says(seen: Seen, selector: str, text: str) -> None:
    """Wait until this text stands there."""
    where = quoted(selector)
    await until(
        seen.page,
        f"[...document.querySelectorAll({where})]"
        f".some((one) => one.textContent.includes({quoted(text)}))",
    )


async def denials(house: House, object_: str) -> list[str]:
    """Who was refused this object, by the entries of the log."""
    async with house.database.read() as conn:
        e, d = tables.entry.c, tables.disclosure.c
        query = select(e.chain, d.disclosed).where(e.type == "access.denied", d.index == e.index)
        rows = (await conn.execute(query)).all()
    return [row.disclosed for row in rows if object_ in row.chain]


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_case_is_found_by_two_characters_and_the_search_is_kept(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, officer = WORDS[locale], await staff.person()
    client, place = await small.client(), {"organ": staff.organ(), "unit": staff.unit()}
    await begun(small, client, people=[officer], parties=[PARTY], **place)
    await begun(small, client, number="沪司检〔2026〕2号", people=[officer], **place)
    seen = await open_as(officer, "/cases", locale=locale)
    await count(seen, ".case-list tbody tr", 2)
    await seen.page.keyboard.press("/")
    await seen.page.keyboard.type("和平")
    await count(seen, ".case-list tbody tr", 1)
    assert await seen.page.evaluate("new URLSearchParams(location.search).get('text')") == "和平"
    await seen.page.click(f".saved button:text-is({quoted(words['save'])})")
    await seen.page.fill("dialog input", "和平的案件")
    await seen.page.click("dialog button.main")
    await says(seen, ".saved [aria-pressed=true]", "和平的案件")
    # Another day: the chip brings the same cases back.
    await seen.go("/cases")
    await count(seen, ".case-list tbody tr", 2)
    await seen.page.click(".saved button[aria-pressed]")
    await count(seen, ".case-list tbody tr", 1)
    assert await seen.serious() == []
    # The keyboard goes from the list into the case.
    await seen.page.focus(".case-list tbody a")
    await seen.page.keyboard.press("Enter")
    await says(seen, ".kicker", NUMBER)
    assert PARTY in await seen.text()
    await until(seen.page, "document.querySelector('.flow img')?.naturalWidth > 100")
    assert await seen.serious() == []
    other = await open_as(await staff.person(Role.REVIEWER), "/cases", locale=locale)
    await count(other, ".case-list tbody tr", 2)
    await count(other, ".saved [aria-pressed]", 0)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_m04_a_hole_is_explained_by_one_and_approved_by_another(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    seen = await open_as(await staff.person(), f"/cases/{course.case}", locale=locale)
    await says(seen, "#coverage .hole", words["missing"])
    await seen.page.click(f"{HOLE}:text-is({quoted(words['explain'])})")
    await seen.page.select_option("dialog select", "battery")
    await seen.page.fill("dialog textarea", "电池耗尽，更换后继续")
    await seen.page.click("dialog button.main")
    await says(seen, "body", words["asked"])
    # The asker may only take it back.
    await seen.go("/approvals?which=asked")
    await says(seen, ".approvals", "电池耗尽")
    await count(seen, ".approvals button", 1)
    head = await open_as(await staff.person(Role.UNIT_HEAD), "/approvals", locale=locale)
    await says(head, ".approvals", "电池耗尽")
    assert await head.serious() == []
    await head.page.click(f".approvals button:text-is({quoted(words['approve'])})")
    await head.page.fill("dialog textarea", "情况属实")
    await head.page.click("dialog button.main")
    await count(head, ".approvals li", 0)
    await seen.go(f"/cases/{course.case}")
    await says(seen, "#coverage .hole", words["explained"])
    await count(seen, HOLE, 0)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_m04_filing_over_a_hole_takes_a_leaders_name_and_the_mark_stays(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    leader = await staff.person(Role.UNIT_HEAD, name="周主任")
    seen = await open_as(leader, f"/cases/{course.case}", locale=locale)
    await says(seen, "#coverage .hole", words["missing"])
    marks = await seen.page.locator(".case-marks li").count()
    file = f"main button:text-is({quoted(words['file'])})"
    await seen.page.click(file)
    await count(seen, f"dialog option[value='{leader}']", 1)
    await seen.page.fill("dialog[open] textarea", "负责人同意带缺陷归档")
    await seen.page.click("dialog button.main")
    # Refused where it was tried, in a sentence and with what to do next.
    await until(seen.page, "document.querySelector('dialog [role=alert]') !== null")
    assert not (await course.shown())["filed"]
    seen.wrong[:] = [one for one in seen.wrong if "409" not in one]
    await seen.page.select_option("dialog select", leader)
    await seen.page.click("dialog button.main")
    await says(seen, "h1", words["filed"])
    await count(seen, ".case-marks li", marks + 1)
    await says(seen, "main", words["leader"])
    await seen.page.click("#trail summary")
    await says(seen, "#trail", "负责人同意带缺陷归档")
    await course.recording(290, 350)  # found afterwards: the mark stays
    later = await open_as(await staff.person(), f"/cases/{course.case}", locale=locale)
    await count(later, ".case-marks li", marks + 1)
    await later.go("/cases?marked=true")
    await count(later, ".case-list tbody tr .chip.bad", 1)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_who_may_not_see_a_case_sees_nothing_of_it_and_the_refusal_is_on_record(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    course = await with_hole(small, staff)
    stranger = await staff.person(organ="county")
    seen = await open_as(stranger, "/cases?text=和平", locale=locale)
    await until(seen.page, "document.querySelector('.state-block') !== null")
    await count(seen, ".case-list", 0)
    assert await denials(small, course.case) == []
    await seen.page.goto(f"{small.url}/app/cases/{course.case}")
    await until(seen.page, "document.querySelector('main [role=alert], main .denied') !== null")
    content = await seen.page.content()
    for secret in (PARTY, NUMBER, "律所检查"):
        assert secret not in content
    (refusal,) = await denials(small, course.case)
    assert stranger in refusal
    seen.wrong[:] = [one for one in seen.wrong if "403" not in one]


async def test_the_case_sheet_prints_without_its_buttons(
    open_as: Opens, staff: Staff, small: House, tmp_path: Path
) -> None:
    course = await with_hole(small, staff)
    seen = await open_as(await staff.person(), f"/cases/{course.case}")
    await says(seen, "#coverage .hole", "40")
    await seen.page.emulate_media(media="print")
    assert await seen.page.is_visible("#coverage .hole")
    assert not await seen.page.is_visible(HOLE)
    assert not await seen.page.is_visible("nav")
    await seen.page.pdf(path=tmp_path / "case.pdf")
    assert (tmp_path / "case.pdf").stat().st_size > 10_000
