"""E01: a photo of the time line is looked at under a view of its own; keys and the whole screen."""

import subprocess
from pathlib import Path

from tests.console.conftest import House
from tests.console.course import Course
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import Opens
from tests.console.web.replayed import begin, entries, film, officers_case, press, recorded, shot

STAGE = "document.querySelector('.stage') !== null"
VIEWED = """fetch('/api/items/{item}/viewed').then((r) => r.json())
  .then((found) => found.people[0].views.filter((one) => one.bytes.length > 0).length)
  .then((n) => {{ window.looks = n }}), window.looks"""


def picture(folder: Path) -> bytes:
    path = folder / "photo.jpg"
    recipe = f"-f lavfi -i testsrc2=s=1600x900 -frames:v 1 file:{path}"
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe.split()], check=True, timeout=60
    )
    return path.read_bytes()


async def photo_case(
    house: House, staff: Staff, folder: Path, *, video: bool
) -> tuple[Course, str, str]:
    course, officer = await officers_case(house, staff)
    photo = await house.item(
        picture(folder), publish=False, name="门牌.jpg", verdict="image", mime="image/jpeg"
    )
    linked: list[tuple[str, str, int, int]] = [(photo, "photo", 5, 5)]
    if video:
        item = await house.item(film(folder, 12), publish=False, name="一.mp4")
        linked.append((item, "video", 0, 12))
    for number, (item, kind, start, end) in enumerate(linked, 1):
        await recorded(
            house, course, item, device=number, start=start, end=end, kind=kind,
            sound=kind == "video",
        )  # fmt: skip
    await house.publisher.publish()
    return course, officer, photo


async def test_a_photo_is_looked_at_by_keys_under_a_view_of_its_own(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, photo = await photo_case(small, staff, tmp_path, video=False)
    seen = await open_as(officer, f"/cases/{course.case}/replay?item={photo}", locale="en")
    big = "document.querySelector('.photo-view img')?.naturalWidth === 1600"
    assert await entries(small, "view.granted") == 0, "nothing is looked at before the purpose"
    await begin(seen, STAGE)
    await until(seen.page, big)
    await press(seen, "Escape")
    await until(seen.page, "document.querySelector('.photo-view') === null")
    assert "This case has no video" in await seen.text()
    await seen.page.focus("canvas.lanes")
    await press(seen, "Enter")
    await until(seen.page, big)
    assert await entries(small, "view.granted") == 2
    await shot(seen, "photo")
    assert await seen.serious() == []
    await press(seen, "Escape")
    await until(seen.page, "document.querySelector('.photo-view') === null")
    await until(seen.page, f"{VIEWED.format(item=photo)} === 2")


async def test_the_whole_screen_keeps_clock_and_time_line_and_a_mark_leaves_it(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, _ = await photo_case(small, staff, tmp_path, video=True)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="zh-CN")
    await begin(seen, STAGE)
    await press(seen, "f")
    await until(seen.page, "document.querySelector('.replay.full') !== null")
    for what in ("[data-clock]", "canvas.lanes", ".tile video"):
        assert await seen.page.locator(what).first.is_visible(), what
    assert not await seen.page.locator(".side").is_visible()
    await shot(seen, "full")
    await press(seen, "m")
    await until(seen.page, "document.querySelector('.replay.full') === null")
    await until(seen.page, "document.activeElement?.matches('#panel-marks textarea')")


async def test_a_case_without_recordings_asks_for_no_purpose(
    open_as: Opens, small: House, staff: Staff
) -> None:
    course, officer = await officers_case(small, staff)
    await course.point("arrived", 5)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="en")
    await until(seen.page, "document.querySelector('.stage-ask') !== null")
    assert await seen.page.locator("#purpose").count() == 0
    await shot(seen, "none")
    assert await seen.serious() == []
