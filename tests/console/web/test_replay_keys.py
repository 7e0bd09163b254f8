"""Issue 5, 1 and 4: mark, clip, receipt and verification by keys alone; frames, sound and thumbnails."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Download
from sqlalchemy import select

from ingest.media import wishes
from storage import tables
from tests.console.conftest import House
from tests.console.course import Course
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.test_clips_api import working
from tests.console.web.conftest import LANGUAGES, Opens, Seen
from tests.console.web.replayed import begin, film, officers_case, press, recorded, shot
from tests.console.web.test_replay import FOUR, GAP, READY, four_tracks
from verify.notes import VerifierKey
from verify.receipt import check_receipt

TABS = 120


async def tab_to(seen: Seen, selector: str) -> None:
    """Go there as whoever has no mouse does."""
    for _ in range(TABS):
        await seen.page.keyboard.press("Tab")
        if await seen.page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            return
    raise AssertionError(f"{selector}: expected to reach it by Tab")


async def one_track(
    house: House, staff: Staff, content: bytes, seconds: int, kind: str = "video"
) -> tuple[Course, str, str]:
    """A case with one recording, probed by the real pipeline."""
    course, officer = await officers_case(house, staff)
    item = await house.item(content, name="一.mp4", verdict=None, sidecar=True)
    await recorded(
        house, course, item, device=1, start=0, end=seconds, kind=kind, offset_ms=12_300,
        time_source="embedded",
    )  # fmt: skip
    await house.publisher.publish()
    now_ms = house.clock.now_ms()
    await house.database.write(lambda c: wishes.enqueue(c, "probe", item, now_ms=now_ms))
    return course, officer, item


async def taken(seen: Seen, selector: str) -> Download:
    await tab_to(seen, selector)
    async with seen.page.expect_download() as waiting:
        await press(seen, "Enter")
    return await waiting.value


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_mark_clip_receipt_and_verification_by_keys_alone(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path, locale: str
) -> None:
    course, officer, item = await one_track(small, staff, film(tmp_path, 12), 12)
    async with working(small, tmp_path / "work"):
        seen = await open_as(officer, f"/cases/{course.case}/replay?item={item}", locale=locale)
        await until(seen.page, "document.querySelector('#purpose') !== null")
        await seen.page.focus("#purpose")
        await seen.page.keyboard.type("法制审核")
        await press(seen, "Enter")
        await until(seen.page, f"{READY} === 1")
        # A range of five seconds, three seconds in, and a mark of it.
        await press(seen, "k", "Home", "n", "ArrowRight", "ArrowRight", "ArrowRight", "i")
        await press(seen, *["ArrowRight"] * 5, "o", "m")
        await seen.page.keyboard.type("当事人拒绝签名")
        await shot(seen, f"mark-{locale}")
        await tab_to(seen, ".mark-form button.main")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('.mark-list li') !== null")
        async with small.database.read() as conn:
            m = tables.mark.c
            row = (await conn.execute(select(m.start_ms, m.end_ms))).one()
        assert (row.end_ms - row.start_ms) == 5000
        # What is under the hand: its facts, an excerpt of the range, its receipt.
        await tab_to(seen, "canvas.lanes")
        await until(seen.page, "document.querySelector('.hover-card') !== null")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('.facts') !== null")
        assert "+12.3 s" in await seen.text(), (
            "the correction of the clock is in the facts and the lane"
        )
        await until(seen.page, "document.querySelector('.trail-box li') !== null")
        await tab_to(seen, "[data-make=clip]")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('[data-clip=made]') !== null")
        clip = await taken(seen, "[data-clip=made] button")
        assert clip.suggested_filename.startswith("excerpt-")
        await small.publisher.publish()
        receipt = await taken(seen, "[data-clip=made] a")
        proof = Path(await receipt.path()).read_text("utf-8")
        assert check_receipt(proof, [VerifierKey.parse(small.parts.vkey)])
        await shot(seen, f"clip-{locale}")
        assert await seen.serious() == []
        # The original, byte by byte, beside the pictures.
        await tab_to(seen, "#tab-facts")
        await press(seen, "ArrowRight")
        await until(seen.page, "document.querySelector('.verify-beside button.main') !== null")
        await tab_to(seen, ".verify-beside button.main")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('[data-verdict]') !== null")
        await tab_to(seen, ".key-box button")
        await press(seen, "Enter")
        await until(seen.page, "document.querySelector('[data-verdict=good]') !== null")
        assert await seen.page.locator(".not-checked li").count() > 3
        await shot(seen, f"verified-{locale}")
        assert await seen.serious() == []
        await press(seen, "?")
        await until(seen.page, "document.querySelector('dialog.keys[open]') !== null")
        await press(seen, "Escape")
        await until(seen.page, "document.querySelector('dialog.keys[open]') === null")


async def test_a_step_is_a_frame_and_speed_and_sound_are_those_that_were_chosen(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, _ = await four_tracks(small, staff, tmp_path, rate=50)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="en")
    await begin(seen, FOUR)
    await seen.page.evaluate(
        """() => { const v = document.querySelector('.tile video'); window.frame = [];
          const note = (_, f) => { frame.push(f.mediaTime); v.requestVideoFrameCallback(note) }; v.requestVideoFrameCallback(note) }"""
    )
    await until(seen.page, "frame.length > 20")
    await press(seen, "k")
    await seen.page.wait_for_timeout(600)
    for key, by in ((".", 0.02), (".", 0.02), (".", 0.02), (",", -0.02)):
        before = await seen.page.evaluate("frame.at(-1)")
        await press(seen, key)
        await until(seen.page, f"frame.at(-1) !== {before}")
        await seen.page.wait_for_timeout(300)
        assert await seen.page.evaluate("frame.at(-1)") - before == pytest.approx(by, abs=0.003)
    heard = "[...document.querySelectorAll('.tile video')].map((v) => !v.muted)"
    assert await seen.page.evaluate(heard) == [True, False, False, False]
    await tab_to(seen, ".lane-name:nth-child(3) .toggle:last-child")
    await press(seen, "Enter")
    assert await seen.page.evaluate(heard) == [False, False, True, False]
    rate = "document.querySelector('.transport select').value"
    for key, expected in ((">", "16"), ("<", "0.25")):
        await press(seen, *[key] * 8)
        assert await seen.page.evaluate(rate) == expected
    await press(seen, "k")
    await until(seen.page, "document.querySelector('.tile video').playbackRate < 0.4")


async def test_what_one_points_at_is_shown_at_its_second_and_told_in_words(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, item = await one_track(small, staff, film(tmp_path, 30), 30)
    sound = await small.item(film(tmp_path, 30), name="声.mp4", verdict=None)
    await recorded(
        small, course, sound, device=2, start=0, end=30, kind="audio", carrier="recorder",
        uncertainty_ms=0,
    )  # fmt: skip
    now_ms = small.clock.now_ms()
    await small.database.write(lambda c: wishes.enqueue(c, "probe", sound, now_ms=now_ms))
    await course.point("arrived", 5)
    async with working(small, tmp_path / "work"):
        seen = await open_as(officer, f"/cases/{course.case}/replay", locale="zh-CN")
        await until(seen.page, "document.querySelector('canvas.lanes') !== null")
        box = await seen.page.locator("canvas.lanes").bounding_box()
        assert box is not None
        low = await seen.page.evaluate(
            "document.querySelector('canvas.overview').getBoundingClientRect().bottom"
        )
        assert low <= 768, "the whole time line is on the first screen"
        per_second = box["width"] / 34  # thirty of recording, two more at each side
        for _ in range(40):
            await seen.page.mouse.move(box["x"] + 26 * per_second, box["y"] + 12)
            await seen.page.mouse.move(box["x"] + 26.2 * per_second, box["y"] + 12)
            if await seen.page.locator(".hover-card span.thumb").count():
                break
            await seen.page.wait_for_timeout(500)
        style = await seen.page.locator(".hover-card .thumb").evaluate(
            "(e) => [e.style.backgroundImage, e.style.backgroundPosition]"
        )
        assert f"/api/items/{item}/sprites/0" in style[0]
        assert style[1].startswith("-320px"), "the third picture: that of the twentieth second on"
        assert "设备时钟快 12.3 秒，已校正" in await seen.page.locator(".hover-card").inner_text()
        await seen.page.mouse.move(box["x"] + 33.5 * per_second, box["y"] + 12)
        assert GAP["zh-CN"] in await seen.page.locator(".hover-card").inner_text()
        await shot(seen, "hover")
        # The wave is drawn: its colour is in the lane of the sound.
        wave = """() => { const c = document.querySelector('canvas.lanes'), d = c.getContext('2d').getImageData(0, 31, c.width, 38).data;
          let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i] === 0x35 && d[i + 1] === 0x59 && d[i + 2] === 0x7c) n += 1; return n > 500 }"""
        for _ in range(60):
            if await seen.page.evaluate(wave):
                break
            await seen.page.reload()
            await until(seen.page, "document.querySelector('canvas.lanes') !== null")
            await seen.page.wait_for_timeout(1000)
        assert await seen.page.evaluate(wave)


async def test_points_and_marks_of_the_head_are_gone_to_by_a_click(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer, _ = await four_tracks(small, staff, tmp_path)
    body = {"start": course.at(12), "end": course.at(18), "category": "key", "text": "出示证件"}
    await course.call("POST", "/marks", 201, body)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="en")
    await until(seen.page, "document.querySelector('canvas.head') !== null")
    await until(seen.page, "document.querySelectorAll('.happenings .mark').length === 1")
    box = await seen.page.locator("canvas.head").bounding_box()
    assert box is not None
    clock = "document.querySelector('[data-clock]').textContent"

    def at(seconds: float) -> float:
        """80 s with two more at each side are the whole case."""
        return box["x"] + (seconds + 2) / 84 * box["width"]

    await seen.page.mouse.move(at(14), box["y"] + box["height"] - 8)
    await until(seen.page, "document.querySelector('.hover-card .hit') !== null")
    assert "出示证件" in await seen.page.locator(".hover-card").inner_text()
    await seen.page.mouse.click(at(14), box["y"] + box["height"] - 8)
    await until(seen.page, "document.querySelector('#tab-marks[aria-selected=true]') !== null")
    first = await seen.page.evaluate(clock)
    await seen.page.mouse.click(at(5.1), box["y"] + 22 + 20 + 11)
    await until(seen.page, f"{clock} !== {json.dumps(first)}")
    assert (await seen.page.evaluate(clock)).endswith(".000"), "to the point itself, not beside it"
