"""E05, M11 in a real browser: recordings found by what is said of them, cases sifted and sorted, a sheet
of cases tried before it is recorded."""

from pathlib import Path
from typing import Any

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.test_cases import PARTY, count, quoted, says, with_hole

WORDS = {
    "zh-CN": {"save": "存为常用查找", "late": "逾期上传", "go": "导入其中 2 件", "refused": "不能导入",
              "unknown": "没有", "done": "导入完成", "skipped": "未导入 1 行"},
    "en": {"save": "Save this search", "late": "uploaded late", "go": "Import 2 cases",
           "refused": "refused", "unknown": "there is no", "done": "Imported", "skipped": "1 row refused"},
}  # fmt: skip
ROWS = ".recording-list tbody tr"


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_recording_is_found_by_two_characters_and_leads_to_its_case_and_proof(
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
    seen = await open_as(officer, "/recordings", locale=locale)
    await count(seen, ROWS, 3)
    await seen.page.keyboard.press("/")
    await seen.page.keyboard.type(PARTY[:2])
    await count(seen, ROWS, 2)
    assert await seen.page.evaluate("new URLSearchParams(location.search).get('text')") == PARTY[:2]
    await seen.page.click(f".saved button:text-is({quoted(words['save'])})")
    await seen.page.fill("dialog input", "和平的记录")
    await seen.page.click("dialog button.main")
    await says(seen, ".saved [aria-pressed=true]", "和平的记录")
    assert await seen.serious() == []
    # Not among the searches for cases, and back with one click.
    await seen.go("/cases")
    await count(seen, ".case-list tbody tr", 1)
    await count(seen, ".saved button[aria-pressed]", 0)
    await seen.go("/recordings")
    await count(seen, ROWS, 3)
    await seen.page.click(".saved button[aria-pressed]")
    await count(seen, ROWS, 2)
    # The late one keeps its mark, and waits in the inbox.
    await seen.go("/recordings?late=true")
    await count(seen, ROWS, 1)
    await says(seen, ROWS, words["late"])
    assert await seen.page.locator(f"{ROWS} a[href='/app/inbox']").count() == 2
    # By keys: down the list, into the replay of its case.
    await seen.go(f"/recordings?case={course.case}")
    await count(seen, ROWS, 2)
    assert await seen.page.locator(f"{ROWS} a[href$='/verify']").count() == 2
    await seen.page.focus(".recording-list tbody a.first")
    await seen.page.keyboard.press("ArrowDown")
    await seen.page.keyboard.press("Enter")
    await until(seen.page, f"location.pathname === '/app/cases/{course.case}/replay'")


async def test_a_list_that_is_found_by_walking_is_asked_on_until_its_end(
    open_as: Opens, staff: Staff, small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of one step each: what is far back is found all the same, and nobody presses a button."""
    course = await with_hole(small, staff)
    for n in range(6):
        await course.recording(9000 + n, 9001 + n, link=False)
    monkeypatch.setattr("cases.item_search._STEP", 2)
    monkeypatch.setattr("console.answers.PAGE_S", 0)
    seen = await open_as(await staff.person(Role.SUPERVISOR), f"/recordings?text={PARTY}")
    await count(seen, ROWS, 2)
    assert await seen.page.locator("main .hint[role=status]").count() == 0
    await seen.go("/recordings?text=没有这样的名称")
    await seen.page.wait_for_selector(".state-block.empty")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_who_may_not_see_a_recording_does_not_find_it(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    await with_hole(small, staff)
    stranger = await staff.person(Role.ORGAN_HEAD, organ="county")
    seen = await open_as(stranger, f"/recordings?text={PARTY}", locale=locale)
    await until(seen.page, "document.querySelector('.state-block.empty') !== null")
    await count(seen, ROWS, 0)
    assert await seen.serious() == []


async def test_cases_with_a_hole_are_sifted_by_the_server_and_sorted(
    open_as: Opens, staff: Staff, small: House
) -> None:
    course = await with_hole(small, staff)
    place: dict[str, Any] = {"organ": staff.organ(), "unit": staff.unit()}
    for number in ("丙", "甲", "乙"):
        await begun(
            small, await small.client(), number=number, people=[await staff.person()], **place
        )
    seen = await open_as(await staff.person(), "/cases?sort=oldest")
    await count(seen, ".case-list tbody tr", 4)
    first = "document.querySelector('.case-list tbody a').getAttribute('href')"
    assert await seen.page.evaluate(first) == f"/app/cases/{course.case}"
    await seen.page.click(".filters label.tick:has-text('未说明的缺口')")
    await count(seen, ".case-list tbody tr", 1)
    assert await seen.page.evaluate(first) == f"/app/cases/{course.case}"
    assert await seen.page.evaluate("new URLSearchParams(location.search).get('hole')") == "true"
    await says(seen, "main [role=status]", "4")
    await seen.page.click(".filters label.tick:has-text('期限已超')")
    await until(seen.page, "document.querySelector('.state-block.empty') !== null")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_sheet_of_cases_is_tried_first_and_what_is_left_out_is_told(
    open_as: Opens, staff: Staff, small: House, locale: str, tmp_path: Path
) -> None:
    words, head = WORDS[locale], await staff.person(Role.UNIT_HEAD)
    sheet = tmp_path / "案件.csv"
    sheet.write_text(
        "案号,案件名称,执法类别,部门\n甲1,无证执业,行政检查,one\n甲2,收费,检查,没有的部门\n甲3,广告,检查,one\n",
        "utf-8",
    )
    seen = await open_as(head, "/cases/import", locale=locale)
    await seen.page.set_input_files("input[type=file]", str(sheet))
    await count(seen, ".import-rows tbody tr", 3)
    refused = ".import-rows tbody tr:first-child"
    await says(seen, refused, words["refused"])
    await says(seen, refused, "甲2")
    await says(seen, refused, "没有的部门")
    await says(seen, f"{refused} .number", "3")
    assert await seen.serious() == []
    await seen.go("/cases")
    await until(seen.page, "document.querySelector('.state-block.empty') !== null")  # only tried
    await seen.go("/cases/import")
    await seen.page.set_input_files("input[type=file]", str(sheet))
    await seen.page.click(f"button:text-is({quoted(words['go'])})")
    await says(seen, ".import-result h2", words["done"])
    await says(seen, ".import-result", words["skipped"])
    async with seen.page.expect_download() as download:
        await seen.page.click(".import-result .row-of-buttons button")
    kept = Path(await (await download.value).path()).read_text("utf-8-sig")
    assert "甲2" in kept
    assert "甲1" not in kept
    await seen.page.click(".import-rows a:text-is('甲1')")
    await says(seen, "h1", "无证执业")
