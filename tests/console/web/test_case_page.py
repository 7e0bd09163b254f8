"""M04, M11, M12, M15 in a real browser: the page of a case by keys alone, its recordings, and the way in
for somebody who may not see it."""

from typing import Any

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import Course, begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen
from tests.console.web.test_cases import count, denials, quoted, says, with_hole

WORDS = {
    "zh-CN": {
        "late": "逾期上传", "explain": "填写中断说明", "send": "提交审批", "asked": "已提交审批",
        "approve": "批准", "file": "归档", "file_now": "归档并写入记录", "filed": "已归档",
        "waits": "待审批", "approved": "已批准",
    },
    "en": {
        "late": "uploaded late", "explain": "Explain this hole", "send": "Send for approval",
        "asked": "Sent for approval", "approve": "Approve", "file": "File the case",
        "file_now": "File and record", "filed": "Filed", "waits": "Waiting", "approved": "Approved",
    },
}  # fmt: skip
ITEMS = ".case-items tbody tr"


async def tab_to(seen: Seen, test: str, most: int = 120) -> None:
    """Press Tab until what is focused passes the test: nothing is clicked."""
    for _ in range(most):
        await seen.page.keyboard.press("Tab")
        if await seen.page.evaluate(f"(e => {test})(document.activeElement)"):
            return
    raise AssertionError(f"no way by Tab to {test}")


def named(text: str) -> str:
    return f"e.textContent.trim() === {quoted(text)}"


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_m04_by_keys_alone_a_case_is_opened_its_hole_explained_and_it_is_filed(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    seen = await open_as(await staff.person(), "/cases", locale=locale)
    keys = seen.page.keyboard
    await count(seen, ".case-list tbody tr", 1)
    await tab_to(seen, f"e.getAttribute('href') === '/app/cases/{course.case}'")
    await keys.press("Enter")
    await says(seen, "#coverage .hole", "40")
    await tab_to(seen, named(words["explain"]))
    shown = await seen.page.evaluate(
        "(e => getComputedStyle(e).outlineStyle !== 'none')(document.activeElement)"
    )
    assert shown, "whoever works by keys sees where he is"
    await keys.press("Enter")
    await until(seen.page, "document.querySelector('dialog[open]') !== null")
    await tab_to(seen, "e.tagName === 'TEXTAREA'")
    await keys.type("电池耗尽，更换后继续")
    await tab_to(seen, "e.matches('dialog button.main')")
    await keys.press("Enter")
    await says(seen, "body", words["asked"])
    head = await open_as(await staff.person(Role.UNIT_HEAD), "/approvals", locale=locale)
    await says(head, ".approvals", "电池耗尽")
    await tab_to(head, named(words["approve"]))
    await head.page.keyboard.press("Enter")
    await until(head.page, "document.querySelector('dialog[open]') !== null")
    await head.page.keyboard.type("情况属实")
    await tab_to(head, "e.matches('dialog button.main')")
    await head.page.keyboard.press("Enter")
    await count(head, ".approvals li", 0)
    await seen.go(f"/cases/{course.case}")
    await count(seen, "#coverage .hole button", 0)
    await tab_to(seen, named(words["file"]))
    await keys.press("Enter")
    await until(seen.page, "document.querySelector('dialog[open]') !== null")
    await tab_to(seen, "e.matches('dialog button.main')")
    await keys.press("Enter")
    await says(seen, "h1", words["filed"])
    assert (await course.shown())["filed"]
    assert await seen.serious() == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_m12_a_recording_is_found_linked_with_its_mark_and_unlinked_for_a_reason(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    officer = await staff.person()
    mine = {"person": officer, "unit": staff.unit(), "organ": staff.organ()}
    late = await course.recording(9000, 9060, link=False, **mine)
    await small.record(
        "item.late", f"i:{late}", item=late, ended=course.at(9060), due=course.at(9100),
        sealed=course.at(9999), basis="recording", policy="shipped-1",
    )  # fmt: skip
    seen = await open_as(officer, f"/cases/{course.case}", locale=locale)
    await count(seen, ITEMS, 2)
    await seen.page.click("#items .head-line button")
    await count(seen, ".to-link input", 1)
    await says(seen, ".to-link", words["late"])
    assert await seen.page.is_disabled("dialog button.main")
    await seen.page.fill("dialog input[type=search]", "9000-")
    await seen.page.check(".to-link input")
    await seen.page.fill("dialog textarea", "同一次检查")
    assert await seen.serious() == []
    await seen.page.click("dialog button.main")
    await count(seen, ITEMS, 3)
    await says(seen, ITEMS, words["late"])
    await says(seen, ITEMS, "同一次检查")
    await seen.page.click(f"{ITEMS}:first-child button")
    assert await seen.page.is_disabled("dialog button.main"), "unlinking needs a reason"
    await seen.page.fill("dialog[open] textarea", "不是本案")
    await seen.page.click("dialog[open] button.main")
    await count(seen, ITEMS, 2)
    await seen.page.click("#trail summary")
    await says(seen, "#trail", "不是本案")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_m15_who_is_denied_asks_with_a_purpose_and_sees_the_case_until_the_day_given(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    colleague = await staff.person(unit="two")
    seen = await open_as(colleague, "/cases", locale=locale)
    await seen.page.goto(f"{small.url}/app/cases/{course.case}")
    await until(seen.page, "document.querySelector('.state-block.denied') !== null")
    assert "律所检查" not in await seen.page.content()
    seen.wrong[:] = [one for one in seen.wrong if "403" not in one]
    assert await seen.serious() == []
    await seen.page.click(".ask-access button")
    await seen.page.fill("dialog textarea", "同一当事人另案调查")
    await seen.page.click("dialog button.main")
    await says(seen, ".ask-access", words["waits"])
    await count(seen, ".ask-access button", 0)
    head = await open_as(await staff.person(Role.UNIT_HEAD), "/approvals", locale=locale)
    await says(head, ".approvals", "同一当事人另案调查")
    await head.page.click(f".approvals button:text-is({quoted(words['approve'])})")
    day = await head.page.input_value("dialog input[type=date]")
    sooner = f"{day[:8]}{int(day[8:]) - 1:02}" if int(day[8:]) > 1 else day
    await head.page.fill("dialog input[type=date]", sooner)
    await head.page.fill("dialog textarea", "同意")
    await head.page.click("dialog button.main")
    await count(head, ".approvals li", 0)
    await seen.page.goto(f"{small.url}/app/cases/{course.case}")
    await says(seen, "h1", "律所检查")
    await count(seen, ".ask-access", 0)
    await seen.go("/approvals?which=asked")
    await says(seen, ".approvals", sooner)
    assert await denials(small, course.case), "the first look is on record as refused"


async def test_who_no_approval_would_help_is_not_sent_to_ask(
    open_as: Opens, staff: Staff, small: House
) -> None:
    course = await with_hole(small, staff)
    seen = await open_as(await staff.person(organ="county"), "/cases")
    await seen.page.goto(f"{small.url}/app/cases/{course.case}")
    await until(seen.page, "document.querySelector('.state-block.denied') !== null")
    await count(seen, ".ask-access", 0)
    seen.wrong[:] = [one for one in seen.wrong if "403" not in one]


async def many(house: House, staff: Staff, recordings: int) -> Course:
    officer = await staff.person()
    course = await begun(
        house, await house.client(), organ=staff.organ(), unit=staff.unit(), people=[officer]
    )
    for at in range(recordings):
        await course.recording(at * 60, at * 60 + 50)
    return course


async def test_many_recordings_come_by_pages_and_the_head_stays(
    open_as: Opens, staff: Staff, small: House
) -> None:
    course = await many(small, staff, 52)
    seen = await open_as(await staff.person(), f"/cases/{course.case}")
    await count(seen, ITEMS, 50)
    await says(seen, "#items h2", "52")
    await says(seen, ".pages", "第 1 至 50 条，共 52 条")
    await seen.page.click(".pages button:last-child")
    await count(seen, ITEMS, 2)
    await says(seen, ".pages", "第 51 至 52 条，共 52 条")
    await seen.page.click(".pages button:first-child")
    await count(seen, ITEMS, 50)
    # Wherever one reads, number, state and acts are in sight, and cover no heading that is gone to.
    await seen.page.click(".case-parts button:nth-child(3)")
    box: Any = "(s => document.querySelector(s).getBoundingClientRect())"
    at = await seen.page.evaluate(
        f"[{box}('.case-head').top, {box}('.case-head').bottom, {box}('#items h2').top, "
        f"{box}('.topbar').bottom]"
    )
    head_top, head_bottom, heading, topbar = at
    assert abs(head_top - topbar) <= 1
    assert heading >= head_bottom
    assert await seen.page.is_visible(".case-head .kicker")
    assert await seen.page.is_visible(".case-head .page-actions a")


async def test_the_chart_opens_at_the_stage_and_grows_by_choice(
    open_as: Opens, staff: Staff, small: House
) -> None:
    course = await with_hole(small, staff)
    seen = await open_as(await staff.person(), f"/cases/{course.case}")
    img = "document.querySelector('.flow img')"
    await until(seen.page, f"{img}?.naturalWidth > 100")
    flow = "document.querySelector('.flow')"
    await until(seen.page, f"{img}.clientWidth <= {flow}.clientWidth")
    # The case stands at its last stage: what is in sight is the lower part of the chart.
    await until(seen.page, f"{flow}.scrollTop > 0")
    before = await seen.page.evaluate(f"{img}.clientWidth")
    await seen.page.click(".flow-chart .row-of-buttons button:nth-child(3)")
    await until(seen.page, f"{img}.clientWidth > {before}")
    await until(seen.page, f"{flow}.scrollWidth > {flow}.clientWidth || {flow}.scrollTop > 0")
    await seen.page.click(".flow-chart .row-of-buttons button:nth-child(1)")
    await until(seen.page, f"{img}.clientWidth === {before}")
    address = await seen.page.get_attribute(".flow-chart a", "href")
    text = await (await seen.page.context.request.get(f"{small.url}{address}")).text()
    assert "部分" in text, "coverage stands on the chart"
