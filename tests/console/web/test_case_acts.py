"""The acts of the case page in a real browser: what is refused says what is lacking, and nobody undoes
another's words."""

from pathlib import Path

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, SIZES, Opens, Seen
from tests.console.web.look import misfits
from tests.console.web.test_cases import PARTY, count, quoted, says, with_hole

WORDS = {
    "zh-CN": {
        "change": "修改案件信息", "stale": "他人已修改", "point": "记时间点", "future": "时间在将来",
        "document": "制作文书", "done": "已写入记录。",
    },
    "en": {
        "change": "Change", "stale": "Somebody changed", "point": "Note a time point",
        "future": "in the future for ever", "document": "Issue a document",
        "done": "Recorded.",
    },
}  # fmt: skip
PARTIES = "dialog[open] textarea >> nth=1"
REASON = "dialog[open] textarea >> nth=-1"


async def press(seen: Seen, text: str) -> None:
    await seen.page.click(f"main button:text-is({quoted(text)})")
    await until(seen.page, "document.querySelector('dialog[open]') !== null")


def forgive(seen: Seen, status: int) -> None:
    """The browser reports the refusal that the test asks for."""
    seen.wrong[:] = [one for one in seen.wrong if str(status) not in one]


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_two_who_change_a_case_at_once_undo_nothing_of_each_other(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    seen = await open_as(await staff.person(), f"/cases/{course.case}", locale=locale)
    await press(seen, words["change"])
    assert await seen.page.is_disabled("dialog[open] button.main"), "nothing is changed yet"
    await seen.page.fill(PARTIES, f"{PARTY}\nExample Co., Ltd.")
    await seen.page.fill(REASON, "补充当事人")
    # Meanwhile a colleague.
    await course.call("POST", "/changes", 201, {"parties": [PARTY, "丁某"], "reason": "补充"})
    await seen.page.click("dialog[open] button.main")
    await says(seen, "dialog [role=alert]", words["stale"])
    assert (await course.shown())["parties"] == [PARTY, "丁某"]
    assert await seen.page.input_value(PARTIES) == f"{PARTY}\nExample Co., Ltd.", "it can be copied"
    forgive(seen, 409)
    # Pressing again changes nothing: only who has seen the colleague's words goes on.
    await seen.page.click("dialog[open] button.main")
    await says(seen, "dialog [role=alert]", words["stale"])
    forgive(seen, 409)
    await says(seen, ".parties", "丁某")
    await seen.page.keyboard.press("Escape")
    await press(seen, words["change"])
    assert await seen.page.input_value(PARTIES) == f"{PARTY}\n丁某"
    await seen.page.fill(PARTIES, f"{PARTY}\n丁某\nExample Co., Ltd.")
    await seen.page.fill(REASON, "补充当事人")
    assert await seen.serious() == []
    await seen.page.click("dialog[open] button.main")
    await says(seen, ".parties", "Example Co., Ltd.")
    await says(seen, "body", words["done"])
    assert (await course.shown())["parties"] == [PARTY, "丁某", "Example Co., Ltd."]


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_colleague_is_let_into_the_case_and_taken_out_again(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, course = WORDS[locale], await with_hole(small, staff)
    officer = await staff.person()
    colleague = await staff.person(name="同科人员")
    seen = await open_as(officer, f"/cases/{course.case}", locale=locale)
    await press(seen, words["change"])
    await count(seen, f"dialog[open] .people-field option[value='{colleague}']", 1)
    await seen.page.select_option("dialog[open] .people-field select", colleague)
    await says(seen, "dialog .people-field li", "同科人员")
    await seen.page.fill(REASON, "共同承办")
    await seen.page.click("dialog[open] button.main")
    await count(seen, "dialog[open]", 0)
    assert (await course.shown())["people"] == [officer, colleague]
    other = await open_as(colleague, f"/cases/{course.case}", locale=locale)
    await says(other, "h1", "律所检查")
    await press(seen, words["change"])
    await seen.page.click("dialog[open] .people-field li:nth-child(2) button")
    await seen.page.fill(REASON, "不再承办")
    await seen.page.click("dialog[open] button.main")
    await count(seen, "dialog[open]", 0)
    assert (await course.shown())["people"] == [officer]


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_refused_document_says_what_is_lacking_and_the_future_is_warned_of(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    words, officer = WORDS[locale], await staff.person()
    course = await begun(
        small, await small.client(), organ=staff.organ(), unit=staff.unit(), people=[officer]
    )
    await course.issue("inspection_approval")
    await course.act("approved")
    seen = await open_as(officer, f"/cases/{course.case}", locale=locale)
    await press(seen, words["document"])
    refused = "document.querySelectorAll('dialog[open] [role=alert] .lacks li').length > 0"
    await seen.page.select_option("dialog[open] select", "inspection_record")
    await seen.page.click("dialog[open] button.main")
    await until(seen.page, refused)
    forgive(seen, 409)
    assert await seen.serious() == []
    await seen.page.keyboard.press("Escape")
    await press(seen, words["point"])
    await count(seen, "dialog .at-future", 0)
    await seen.page.fill("dialog[open] input[type=datetime-local]", "2150-01-01T00:00:00")
    await says(seen, "dialog .at-future", words["future"])


async def test_who_may_only_look_is_offered_no_act(
    open_as: Opens, staff: Staff, small: House
) -> None:
    course = await begun(
        small, await small.client(), organ=staff.organ(), unit=staff.unit(),
        people=[await staff.person()],
    )  # fmt: skip
    seen = await open_as(await staff.person(), f"/cases/{course.case}")
    await until(seen.page, "document.querySelector('#course details button') !== null")
    for person in (
        await staff.person(Role.ARCHIVIST),
        await staff.person(Role.SUPERVISOR, organ="bureau", unit=None),
    ):
        seen = await open_as(person, f"/cases/{course.case}")
        await says(seen, "#course", "下一步")
        await count(seen, "#course .block:first-child button", 0)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_forty_parties_and_a_long_title_fit_and_all_are_printed(
    open_as: Opens, staff: Staff, small: House, locale: str, tmp_path: Path
) -> None:
    officer = await staff.person()
    names = [f"第{n}号当事人有限责任公司" for n in range(1, 41)]
    course = await begun(
        small, await small.client(), organ=staff.organ(), unit=staff.unit(), people=[officer],
        parties=names, title="对某某市某某区某某街道" * 40, number="沪司检〔2026〕第" + "1" * 80,
    )  # fmt: skip
    for size in SIZES:
        seen = await open_as(officer, f"/cases/{course.case}", locale=locale, size=size)
        await says(seen, ".parties", names[0])
        assert await misfits(seen.page) == []
        if size == "office":
            # The head that stays leaves most of the window to what is read.
            high = await seen.page.evaluate("document.querySelector('.case-head').clientHeight")
            assert high < 768 / 2
            await seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            await says(seen, ".parties", names[-1])
        await seen.go("/cases")
        await count(seen, ".case-list tbody tr", 1)
        assert await misfits(seen.page) == []
        if size == "large":
            # One case does not push the others out of sight.
            row = "document.querySelector('.case-list tbody tr').clientHeight"
            assert await seen.page.evaluate(row) < 150
