"""E01: twelve cameras of which four are seen, eight hours, and files that are not what they say."""

from pathlib import Path

import pytest

from tests.console.conftest import House
from tests.console.course import Course
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.look import misfits
from tests.console.web.replayed import begin, film, officers_case, press, recorded, shot

HOURS = 8 * 3600
SHORT = {
    "zh-CN": "文件到此结束，比登记的时段短。",
    "en": "The file ends before its stated time does.",
}


async def many(house: House, staff: Staff, folder: Path) -> tuple[Course, str]:
    """Device 1: four seconds that say eight hours, and another file over it; 2: not playable; ten more."""
    course, officer = await officers_case(house, staff)
    content = film(folder, 4)
    for number, (device, start, end) in enumerate(
        [(1, 0, HOURS), (1, 20, 24), *((device, 1, 5) for device in range(2, 13))]
    ):
        verdict = "none" if device == 2 else "native"
        item = await house.item(content, publish=False, name=f"{number}.mp4", verdict=verdict)
        await recorded(house, course, item, device=device, start=start, end=end)
    await house.publisher.publish()
    return course, officer


@pytest.mark.parametrize(("locale", "size"), [(LANGUAGES[0], "office"), (LANGUAGES[1], "large")])
async def test_four_of_many_are_chosen_and_what_is_short_or_broken_says_so(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path, locale: str, size: str
) -> None:
    course, officer = await many(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale=locale, size=size)
    await begin(seen, "document.querySelectorAll('.tile').length === 4")
    await shot(seen, f"many-{locale}")
    # A file that says eight hours has four seconds: told as its end, not as a camera that was off.
    # One that does not play, after a moment without recording, keeps none of the others waiting.
    await until(seen.page, "document.querySelector('.tile[data-standing=unplayable]') !== null")
    first = "document.querySelector('.tile')"
    await until(seen.page, f"{first}.innerText.includes('{SHORT[locale]}')")
    toggles = seen.page.locator(".lane-name .toggle:first-of-type")
    pressed = "[...document.querySelectorAll('.lane-name .toggle:first-of-type')].filter((b) => b.getAttribute('aria-pressed') === 'true').length"
    assert await seen.page.evaluate(pressed) == 4
    await toggles.nth(8).click()
    assert await seen.page.evaluate(pressed) == 4, "a fifth is refused in words"
    await toggles.nth(0).click()
    await toggles.nth(8).click()
    await until(seen.page, f"{pressed} === 4 && document.querySelectorAll('.tile').length === 4")
    await press(seen, "0")
    await seen.page.wait_for_timeout(500)
    await shot(seen, f"hours-{locale}")
    assert await misfits(seen.page) == []
    assert await seen.serious() == []
