"""What fails in the middle of a replay says why, and goes on by itself where it can."""

import asyncio
from pathlib import Path

import pytest

from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen
from tests.console.web.replayed import begin, entries, press, shot
from tests.console.web.test_replay_photo import STAGE
from tests.console.web.test_replay_swap import two_files
from tests.console.web.test_trouble import gone

READY = "document.querySelector('.tile[data-standing=ready]') !== null"
FAILED = "document.querySelector('.tile[data-standing=failed]') !== null"
MOVES = "(() => { const v = document.querySelector('.tile video'); const t = window.last ?? v.currentTime; window.last = v.currentTime; return v.currentTime > t && t > 0 })()"
WHY = {
    "lost": {"zh-CN": "存储中已找不到这份文件。", "en": "no longer in any store"},
    "damaged": {"zh-CN": "文件可能已损坏", "en": "may be damaged"},
}


def stored(house: House) -> list[Path]:
    """The originals, as the directory store has them."""
    root: Path = house.store._disk.root  # type: ignore[attr-defined]
    return [one for one in root.rglob("*") if one.is_file() and one.stat().st_size > 50_000]


async def note(seen: Seen) -> str:
    return await seen.page.locator(".tile-note").inner_text()


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("fault", ["lost", "damaged"])
async def test_bytes_that_are_lost_or_damaged_are_told(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path, fault: str, locale: str
) -> None:
    course, officer = await two_files(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale=locale)
    for path in stored(small):
        path.chmod(0o600)
        if fault == "lost":
            path.unlink()
        else:
            path.write_bytes(b"\0" * path.stat().st_size)
    await begin(seen, STAGE)
    await until(seen.page, FAILED)
    await until(seen.page, f"document.body.innerText.includes('{WHY[fault][locale]}')")
    await shot(seen, f"{fault}-{locale}")
    assert await seen.serious() == []
    seen.wrong.clear()  # the browser reports what it could not load


async def test_a_server_that_was_gone_is_back_and_the_picture_goes_on(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer = await two_files(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="zh-CN")
    await seen.page.route(f"{small.url}/api/**", gone)
    await begin(seen, STAGE)
    await until(seen.page, FAILED)
    assert "服务器恢复后自动继续" in await note(seen)
    await shot(seen, "gone")
    await seen.page.unroute(f"{small.url}/api/**", gone)
    await until(seen.page, READY)
    await until(seen.page, MOVES)
    seen.wrong.clear()


async def test_a_view_that_ended_while_the_page_slept_is_asked_for_anew(
    open_as: Opens, small: House, staff: Staff, tmp_path: Path
) -> None:
    course, officer = await two_files(small, staff, tmp_path)
    seen = await open_as(officer, f"/cases/{course.case}/replay", locale="zh-CN")
    await begin(seen, STAGE)
    await until(seen.page, READY)
    await press(seen, "k")
    before = await entries(small, "view.granted")
    small.clock.shift_ms += 1_000_000  # timers of a page that sleeps do not run
    assert await small.views.sweep() >= 1
    # The file that follows is under an old grant, too; and what is here is loaded from the begin.
    await seen.page.evaluate("document.querySelector('.tile video').load()")
    await until(seen.page, READY)
    await press(seen, "k")
    await until(seen.page, MOVES)
    async with asyncio.timeout(20):
        while await entries(small, "view.granted") == before:
            await asyncio.sleep(0.1)
    assert not await seen.page.evaluate(FAILED), "nobody is asked to do anything"
    seen.wrong.clear()
