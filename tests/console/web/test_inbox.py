"""The inbox by keyboard alone: one key for one, one key for many, and what was done by mistake."""

import pytest

from tests.console.conftest import House
from tests.console.desk import DAY, HOUR, Desk
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen

ROWS = "document.querySelectorAll('[data-row]').length"
WORDS = {
    "zh-CN": ("本案执法人员", "已归档", "全部归档完毕"),
    "en": ("officer of this case", "filed", "All of it is filed"),
}


async def waiting(small: House, staff: Staff, many: int) -> tuple[Desk, str, str, list[str]]:
    """An officer on a visit with his camera: its recordings wait, and their case is proposed."""
    desk = Desk(small, staff, await small.client())
    officer = await staff.person()
    device = await desk.device()
    start = desk.now - DAY
    await desk.custody(device, "issued", start - HOUR, officer)
    case = await desk.case("沪司检〔2026〕8号", [officer])
    await desk.visit(case, start, start + HOUR)
    items = [
        await desk.recording(device, start + n * 60_000, 50_000, name=f"现场{n}.mp4")
        for n in range(many)
    ]
    await desk.run()
    return desk, officer, case, items


async def linked(desk: Desk, case: str) -> int:
    return len((await desk.call("GET", f"/api/cases/{case}?limit=200", 200))["items"])


async def press(seen: Seen, *keys: str) -> None:
    for key in keys:
        await seen.page.keyboard.press(key)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_recording_is_filed_by_one_key_and_taken_back(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk, officer, case, items = await waiting(small, staff, 3)
    why, filed, done = WORDS[locale]
    seen = await open_as(officer, "/inbox", locale=locale)
    await until(seen.page, f"{ROWS} === 3")
    assert why in await seen.text()
    assert await seen.serious() == []
    await seen.page.locator("[data-row]").first.focus()
    await press(seen, "Enter")
    await until(seen.page, f"{ROWS} === 2")
    assert await linked(desk, case) == 1
    assert filed in await seen.page.inner_text(".messages")
    focused = "document.activeElement.matches('[data-row]')"
    await until(seen.page, focused)
    await seen.page.click(".messages .button")  # undo
    await until(seen.page, f"{ROWS} === 3")
    assert await linked(desk, case) == 0
    await press(seen, "Control+a", "y")
    await until(seen.page, f"{ROWS} === 0", 30)
    assert await linked(desk, case) == 3
    assert done in await seen.text()
    assert len(items) == 3


async def test_many_are_filed_at_once_and_each_refusal_stands_in_its_row(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Forty, of which somebody else has filed two in the meantime."""
    desk, officer, case, items = await waiting(small, staff, 40)
    seen = await open_as(officer, "/inbox")
    await until(seen.page, f"{ROWS} === 40")
    for item in items[:2]:
        await desk.call("POST", f"/api/cases/{case}/links", 201, {"item": item, "reason": "x"})
    await seen.page.locator("[data-row]").first.focus()
    await press(seen, "Control+a", "Enter")
    await until(seen.page, f"{ROWS} === 2", 60)
    await until(seen.page, "document.querySelectorAll('[data-row] [role=alert]').length === 2")
    assert await linked(desk, case) == 40
    seen.wrong.clear()


async def test_a_proposal_is_refused_with_a_reason_and_not_made_again(
    open_as: Opens, small: House, staff: Staff
) -> None:
    desk, officer, case, (item,) = await waiting(small, staff, 1)
    seen = await open_as(officer, "/inbox", size="phone")
    await until(seen.page, f"{ROWS} === 1")
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert await seen.page.evaluate(wide), "a phone shows it without scrolling sideways"
    await seen.page.locator("[data-row]").first.focus()
    await press(seen, "n")
    await until(seen.page, "document.querySelector('dialog[open] textarea') !== null")
    await seen.page.fill("dialog[open] textarea", "时间不符")
    await seen.page.click("dialog[open] button[type=submit]")
    await until(seen.page, "document.querySelector('.proposal') === null")
    assert (await desk.row(item))["proposals"] == []
    assert await linked(desk, case) == 0
