"""The pages in a real Chromium: it plays, seeks, changes while one looks, and leaves its trail."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, async_playwright
from sqlalchemy import insert

from console.ranges import merged
from storage import tables
from tests.console.conftest import House

CHROMIUM = "/usr/bin/chromium-headless-shell"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Twelve seconds that Chromium plays, large enough that seeking needs new ranges."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=12",
            "-f", "lavfi", "-i", "sine=frequency=300:duration=12", "-c:v", "libx264", "-preset",
            "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "8M", "-c:a", "aac",
            "-movflags", "+faststart", str(path),
        ],
        check=True, timeout=60,
    )  # fmt: skip
    return path.read_bytes()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield started
        await started.close()


async def signed_in(house: House, browser: Browser, locale: str) -> tuple[Page, list[str]]:
    """A page of a person, and what goes wrong in it."""
    _, secret = await house.token(name="李敏")
    context = await browser.new_context(locale=locale, viewport={"width": 1366, "height": 768})
    page, wrong = await context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    await page.goto(f"{house.url}/login")
    await page.fill("#token", secret)
    await page.click("form[autocomplete=off] button")
    await page.wait_for_url(f"{house.url}/app/")
    return page, wrong


async def until(page: Page, script: str, seconds: float = 40) -> None:
    """Wait for a truth in the page (the pages' policy forbids Playwright's own evaluator)."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await page.evaluate(script):
                    return
            except Error as error:  # the page is being loaded again: look at the new one
                if "context was destroyed" not in str(error):
                    raise
            await asyncio.sleep(0.05)


TIME = "document.querySelector('video').currentTime"


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_the_video_plays_seeks_by_key_and_leaves_two_entries(
    small: House, browser: Browser, film: bytes, locale: str
) -> None:
    item, client = await small.item(film), await small.client()
    before = len(await small.trail(client, item))
    page, wrong = await signed_in(small, browser, locale)
    await page.goto(f"{small.url}/items/{item}")
    await page.click("[data-start]")
    await until(page, f"{TIME} > 0.4")
    frames = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    assert await page.evaluate(frames) > 5
    for n in range(200):
        await page.evaluate(
            "t => { document.querySelector('video').currentTime = t }", (n * 7.3) % 11.5
        )
        await asyncio.sleep(0.01)
    await page.keyboard.press("k")
    await until(page, "document.querySelector('video').paused")
    await page.keyboard.press("Home")
    await until(page, f"{TIME} === 0")
    await page.keyboard.press(".")
    await until(page, f"Math.abs({TIME} - 0.04) < 0.001")
    await page.keyboard.press("l")
    await until(page, f"Math.abs({TIME} - 10.04) < 0.01")
    await page.goto(f"{small.url}/verify")  # leaving closes the view
    async with asyncio.timeout(10):
        while (entries := (await small.trail(client, item))[before:])[-1]["type"] != "view.closed":
            await asyncio.sleep(0.1)
    assert [e["type"] for e in entries] == ["view.granted", "view.closed"]
    served = entries[1]["fields"]["served"]
    assert served == [list(i) for i in merged((a, b) for a, b in served)]
    assert served[0][0] == 0
    assert served[-1][1] <= len(film)
    assert wrong == []


@pytest.mark.parametrize(
    ("locale", "stored", "sealed", "playable"),
    [
        ("zh-CN", "已存储 ×1", "已封存", "可以播放"),
        ("en", "Stored ×1", "Sealed", "Playable"),
    ],
)
async def test_states_change_while_one_looks_and_the_recording_becomes_playable(
    small: House,
    browser: Browser,
    film: bytes,
    locale: str,
    stored: str,
    sealed: str,
    playable: str,
) -> None:
    item = await small.item(film, verdict=None, publish=False)
    page, wrong = await signed_in(small, browser, locale)
    await page.goto(f"{small.url}/items/{item}")
    word = page.locator("[data-word]")
    assert await word.inner_text() == stored
    await small.publisher.publish()
    await until(page, f"document.querySelector('[data-word]').textContent === '{sealed}'")
    row = {"item": item, "verdict": "native", "reason": None, "probe": "{}", "duration_ms": 12000}
    await small.database.write(lambda c: c.execute(insert(tables.media).values(row)).close())
    await until(page, f"document.querySelector('[data-word]').textContent === '{playable}'")
    await until(page, "document.querySelector('[data-start]').checkVisibility()")
    await page.click("[data-start]")
    await until(page, f"{TIME} > 0.2")
    assert wrong == []


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_what_the_page_says_about_verifying_can_be_followed(
    small: House, browser: Browser, film: bytes, tmp_path: Path, locale: str
) -> None:
    item = await small.item(film, name="现场 '1'.mp4")
    page, wrong = await signed_in(small, browser, locale)
    await page.goto(f"{small.url}/items/{item}")
    for selector in (".receipt a.button", "[data-download] button"):
        async with page.expect_download() as waiting:
            await page.click(selector)
        download = await waiting.value
        await download.save_as(tmp_path / download.suggested_filename)
    commands = await page.locator(".recipe pre").all_inner_texts()
    assert len(commands) == 2
    for command in commands:
        runnable = re.sub(r"^python ", f"'{sys.executable}' ", command)
        done = await asyncio.create_subprocess_shell(
            runnable, cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(done.communicate(), 60)
        assert done.returncode == 0, (command, said.decode())
    assert wrong == []


async def test_a_case_is_opened_and_a_recording_linked_by_hand(
    small: House, browser: Browser, film: bytes
) -> None:
    number = "沪城管罚〔2026〕18号"
    item = await small.item(film, wish=number)
    page, wrong = await signed_in(small, browser, "zh-CN")
    await page.goto(f"{small.url}/desk")
    await page.fill("[name=number]", number)
    await page.fill("[name=title]", "占道经营")
    await page.fill("[name=officers]", "张三、李四")
    await page.click("form[data-then=url] button.main")
    await page.wait_for_url(f"{small.url}/cases/*")
    assert "张三、李四" in await page.inner_text("main")
    await page.goto(f"{small.url}/desk")
    await page.click("text=确认关联")
    await until(page, "!document.body.textContent.includes('确认关联')")
    await page.goto(f"{small.url}/items/{item}")
    assert number in await page.inner_text("#cases")
    await page.goto(f"{small.url}/desk")
    await page.click("summary")
    await page.fill("[name=number]", number)
    await page.fill("[name=title]", "又一次")
    await page.click("form[data-then=url] button.main")
    await until(page, "document.querySelector('.problem:not([hidden])') !== null")
    assert "这个案号已被使用" in await page.inner_text(".open-case")
    assert [w for w in wrong if "409" not in w] == []
