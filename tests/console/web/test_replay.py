"""E01, E08 in a real browser: four tracks in step, a gap, a mark, a clip, and by keys alone."""

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage import tables
from tests.console.conftest import House
from tests.console.course import Course, begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.test_clips_api import working
from tests.console.web.conftest import LANGUAGES, Opens, Seen

SHOTS = Path("/tmp/shots/replay")
GAP = {"zh-CN": "此时段无录像", "en": "Nothing recorded here"}
FRAMES = """(() => { window.seenFrames = {}; document.querySelectorAll('video').forEach((video, n) => {
  window.seenFrames[n] = []
  const note = (_, frame) => { window.seenFrames[n].push(frame.mediaTime); video.requestVideoFrameCallback(note) }
  video.requestVideoFrameCallback(note) }) })()"""
TIMES = "[...document.querySelectorAll('video')].map((one) => one.currentTime)"
READY = "document.querySelectorAll('.tile[data-standing=ready]').length"
CLOCK = "document.querySelector('[data-clock]').textContent"


def film(folder: Path, seconds: int) -> bytes:
    path = folder / f"film-{seconds}.mp4"
    recipe = (
        f"-f lavfi -i testsrc2=s=320x180:r=25:d={seconds} -f lavfi -i sine=d={seconds} -c:v libx264 "
        "-preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -movflags +faststart"
    )
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe.split(), f"file:{path}"]
    subprocess.run(command, check=True, timeout=60)
    return path.read_bytes()


async def four_tracks(house: House, staff: Staff, folder: Path) -> tuple[Course, str, list[str]]:
    """Thirty seconds of four cameras, twenty of nothing, and thirty of the first camera again."""
    officer = await staff.person()
    course = await begun(
        house, await house.client(), organ=staff.organ(), unit=staff.unit(), people=[officer]
    )
    content, items = film(folder, 30), []
    for device, start in [(1, 0), (2, 0), (3, 0), (4, 0), (1, 50)]:
        item = await house.item(content, publish=False, name=f"{device}-{start}.mp4")
        fields: dict[str, Any] = {
            "item": item, "start": course.at(start), "end": course.at(start + 30), "kind": "video",
            "carrier": "body_camera", "sound": True, "uncertainty_ms": 500, "marks": [],
            "policy": "shipped-1", "why": "probed", "device": f"{device:032x}",
        }  # fmt: skip
        await house.record("item.attributed", f"i:{item}", **fields)
        await course.call("POST", "/links", 201, {"item": item, "reason": "现场"})
        items.append(item)
    await course.point("arrived", 5)
    await house.publisher.publish()
    return course, officer, items


async def press(seen: Seen, *keys: str) -> None:
    for key in keys:
        await seen.page.keyboard.press(key)


async def begin_by_keys(seen: Seen) -> None:
    """Say the purpose and begin, without a mouse."""
    await until(seen.page, "document.querySelector('#purpose') !== null")
    await seen.page.focus("#purpose")
    await seen.page.keyboard.type("法制审核")
    await press(seen, "Enter")
    try:
        await until(seen.page, f"{READY} === 4", 25)
    except TimeoutError:
        tiles = "[...document.querySelectorAll('.tile')].map((t) => [t.dataset.standing, t.innerText, t.querySelector('video').outerHTML, t.querySelector('video').readyState, t.querySelector('video').currentTime, String(t.querySelector('video').error?.message)])"
        print(await seen.page.evaluate(tiles), seen.wrong, await seen.text())
        await shot(seen, "stuck")
        raise


async def shot(seen: Seen, name: str) -> None:
    if SHOTS.is_dir():  # made by whoever wants to look
        await seen.page.screenshot(path=SHOTS / f"{name}.png")


async def entries(house: House, type_: str) -> int:
    async with house.database.read() as conn:
        query = select(tables.entry.c.index).where(tables.entry.c.type == type_)
        return len((await conn.execute(query)).all())


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_four_tracks_run_in_step_and_a_gap_is_no_frozen_frame(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path, locale: str
) -> None:
    course, officer, _ = await four_tracks(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale=locale)
    await until(seen.page, "document.querySelector('#purpose') !== null")
    assert await entries(small, "view.granted") == 0, "nothing is looked at before the purpose"
    await begin_by_keys(seen)
    assert await entries(small, "view.granted") == 4
    await seen.page.evaluate(FRAMES)
    await until(seen.page, "Object.values(seenFrames).every((one) => one.length > 20)", 40)
    for frames in await seen.page.evaluate("Object.values(seenFrames)"):
        assert max(frames) > min(frames) + 0.5, "frames really advance"
    apart = []
    for _ in range(20):
        times = await seen.page.evaluate(TIMES)
        apart.append(max(times) - min(times))
        await seen.page.wait_for_timeout(100)
    # The figure is that of the bench; this machine may be busy.  Uncontrolled players drift on.
    assert statistics.median(apart) < 0.1
    assert await seen.page.evaluate(
        "[...document.querySelectorAll('video, audio')].filter((one) => !one.muted).length"
    ) == 1  # fmt: skip
    await shot(seen, f"playing-{locale}")
    assert await seen.serious() == []

    await press(seen, "End", "j", "j", "j", "j")  # the last of it lies 40 s after the gap began
    await until(seen.page, "document.querySelectorAll('.tile[data-standing=gap]').length === 4")
    assert GAP[locale] in await seen.text()
    hidden = "[...document.querySelectorAll('.tile video')].every((v) => getComputedStyle(v).visibility === 'hidden')"
    assert await seen.page.evaluate(hidden), "no frame stands where nothing was recorded"
    before = await seen.page.evaluate(CLOCK)
    await until(seen.page, f"{CLOCK} !== {json.dumps(before)}")
    await shot(seen, f"gap-{locale}")


async def test_mark_and_clip_by_keys_alone_and_both_are_on_record(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, items = await four_tracks(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay?item={items[0]}")
    await begin_by_keys(seen)
    await press(seen, " ", "Home", "ArrowRight", "i", "ArrowRight", "ArrowRight", "ArrowRight", "o")
    await until(seen.page, "document.querySelector('[data-make=clip]:not([disabled])') !== null")
    async with working(small, tmp_path / "work"):
        await seen.page.focus("[data-make=clip]")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('[data-clip=made]') !== null", 60)
    assert await entries(small, "view.granted") == 4
    await seen.page.focus("[data-clip=made] button")
    async with seen.page.expect_download() as coming:
        await press(seen, "Enter")
    taken = await (await coming.value).path()
    kind = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", taken]
    found = subprocess.run(kind, capture_output=True, text=True, check=True, timeout=30).stdout
    assert "h264" in found
    assert await entries(small, "view.granted") == 5, "taking it is a view of its own"
    await shot(seen, "clip")
    await seen.page.evaluate("document.activeElement.blur()")
    await press(seen, "m")
    await until(seen.page, "document.activeElement.tagName === 'TEXTAREA'")
    await seen.page.keyboard.type("<b>出示证件</b>")
    await seen.page.focus(".mark-form button.main")
    await press(seen, "Enter")
    await until(seen.page, "document.querySelector('.mark-list li') !== null")
    listed = await seen.page.locator(".mark-list").inner_text()
    assert "<b>出示证件</b>" in listed, "text stays text"
    await shot(seen, "marks")
