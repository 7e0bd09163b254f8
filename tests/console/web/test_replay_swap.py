"""E10: what is seen goes on without a break where one file takes the place of another."""

import asyncio
from pathlib import Path
from typing import Any

from storage import tables
from tests.console.conftest import House
from tests.console.course import Course
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.test_clips_api import working
from tests.console.test_live_api import hevc
from tests.console.web.conftest import Opens, Seen
from tests.console.web.replayed import begin, film, officers_case, recorded
from tests.console.web.test_replay_keys import one_track

# Thirty times a second: what stands in the picture, and where.
LOOK = """(() => {
  window.looked = [];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [32, 18];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  setInterval(() => {
    const tile = document.querySelector('.tile'), video = tile.querySelector('video');
    context.drawImage(video, 0, 0, 32, 18);
    const data = context.getImageData(0, 0, 32, 18).data;
    let light = 0;
    for (let i = 0; i < data.length; i += 4) light = Math.max(light, data[i], data[i + 1], data[i + 2]);
    context.clearRect(0, 0, 32, 18);
    looked.push({ at: performance.now() / 1000, time: video.currentTime, light, standing: tile.dataset.standing,
      live: video.currentSrc.startsWith('blob:'), hidden: getComputedStyle(video).visibility === 'hidden',
      muted: video.muted, source: video.currentSrc });
  }, 33);
})()"""


async def watched(seen: Seen) -> None:
    """Begin, and note from then on what is seen."""
    await begin(seen, "document.querySelector('.tile[data-standing=ready]') !== null")
    await until(seen.page, "document.querySelector('.tile video').currentTime > 0.3")
    await seen.page.evaluate(LOOK)


def unbroken(looked: list[dict[str, Any]], later: float = 0) -> None:
    """Around the moment when another file is seen: always a picture, and the next one."""
    swap = next(n for n, one in enumerate(looked) if one["source"] != looked[0]["source"])
    near = [one for one in looked if abs(one["at"] - looked[swap]["at"]) < 1]
    for one in near:
        assert one["standing"] == "ready", one
        assert not one["hidden"]
        assert one["light"] > 60, f"black: {one}"
        assert not one["muted"]
    before, after = looked[swap - 1], looked[swap]
    moved, passed = after["time"] + later - before["time"], after["at"] - before["at"]
    assert -0.1 < moved < passed + 0.3, f"jumped by {moved} in {passed}: {before} {after}"
    assert near[-1]["time"] > after["time"] + 0.3, "and goes on"


async def test_the_whole_copy_takes_the_place_of_a_conversion_that_is_watched_without_a_break(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    content = await asyncio.to_thread(hevc, tmp_path, 90)
    course, officer, item = await one_track(small, staff, content, 90)
    async with working(small, tmp_path / "work"):
        seen = await open_as(officer, f"/cases/{course.case}/replay?item={item}")
        await watched(seen)
        await until(seen.page, "looked.some((one) => !one.live)", 120)
        await seen.page.wait_for_timeout(1500)
        looked = await seen.page.evaluate("looked")
    assert looked[0]["live"], "the test watches one that is still converted"
    unbroken(looked)
    assert looked[-1]["time"] > looked[0]["time"] + 1
    assert "/media" in looked[-1]["source"]
    # Each kind of bytes under a view of its own, and that of the pieces has ended.
    async with asyncio.timeout(20):
        while True:
            async with small.database.read() as conn:
                v = tables.view.c
                views = (await conn.execute(tables.view.select().order_by(v.granted_index))).all()
            if views[0].closed_index is not None:
                break
            await asyncio.sleep(0.2)
    assert [one.closed_index is None for one in views] == [False, True]
    seen.wrong.clear()  # the list of pieces that are no more


async def two_files(house: House, staff: Staff, folder: Path) -> tuple[Course, str]:
    course, officer = await officers_case(house, staff)
    for number, start in enumerate((0, 8)):
        item = await house.item(film(folder, 8), publish=False, name=f"{number}.mp4")
        await recorded(house, course, item, device=1, start=start, end=start + 8)
    await house.publisher.publish()
    return course, officer


async def test_the_file_that_follows_goes_on_without_a_break(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer = await two_files(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay")
    await watched(seen)
    await until(seen.page, "new Set(looked.map((one) => one.source)).size === 2")
    await seen.page.wait_for_timeout(1500)
    looked = await seen.page.evaluate("looked")
    unbroken(looked, 8)
