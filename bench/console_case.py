"""The page of a case with 10,000 recordings: from the click in the list to the page that answers a key.

Reference: the same click on a case without recordings, on the same server.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Page, async_playwright
from sqlalchemy import create_engine

from bench import scale_case, scale_world
from bench.console import holds
from bench.machine import Table
from console import sessions
from console.settings import ConsoleSettings
from deploy.screenshots import browser_path
from storage.database import Database
from tests.console.conftest import House, opened

RECORDINGS, TIMES = 10_000, 7
AIM_MS = 2000.0
LIST = "document.querySelectorAll('.case-list tbody a').length === 2"
SHOWN = """document.querySelectorAll('.case-items tbody tr').length === {rows}
  && document.querySelector('#coverage tbody tr, #coverage .state-block.empty') !== null"""
LISTENS = "addEventListener('focusin', () => { window.answered = true }, { once: true })"


def filled(path: Path, end_ms: int) -> None:
    """An agency with one case of all these recordings and one of none."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as fill:
        parts = (
            scale_world.agency(end_ms, 1), scale_case.rule_list(),
            scale_case.one(RECORDINGS, 0, end_ms), scale_case.one(0, 1, end_ms),
        )  # fmt: skip
        for rows in parts:
            scale_world.write(fill, rows)
    engine.dispose()


async def taken(page: Page, house: House, case: str, rows: int) -> float:
    """Milliseconds from the click until a pressed Tab has moved the focus on the whole page."""
    await page.goto(f"{house.url}/app/cases")
    await holds(page, LIST)
    begun = time.monotonic()
    await page.click(f".case-list a[href$='{case}']", no_wait_after=True)
    await holds(page, SHOWN.format(rows=rows))
    await page.evaluate(LISTENS)
    await page.keyboard.press("Tab")
    await holds(page, "window.answered === true")
    return (time.monotonic() - begun) * 1000


async def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as name:
        folder, end_ms = Path(name), int(time.time() * 1000)
        url = f"sqlite:///{folder / 'liuhen.db'}"
        database = await Database.open(url)
        await database.migrate()
        await database.close()
        await asyncio.to_thread(filled, folder / "liuhen.db", end_ms)
        async with (
            opened(url, folder / "data", ConsoleSettings()) as house,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(
                executable_path=browser_path(), args=["--no-sandbox"]
            )
            context = await browser.new_context(viewport={"width": 1366, "height": 768})
            session = await sessions.begin(
                house.database, None, person=scale_case.TEAM[0].id, now_ms=house.clock.now_ms(),
                lasting=house.parts.settings.lasting,
            )  # fmt: skip
            await context.add_cookies(
                [{"name": sessions.COOKIE, "value": session.value, "url": house.url}]
            )
            page = await context.new_page()
            cases = ((f"{RECORDINGS:,} recordings", RECORDINGS, 50), ("no recordings", 0, 0))
            rows: list[list[str]] = []
            worst = 0.0
            for what, size, shown in cases:
                id_ = scale_case.case_id(size)
                each = [await taken(page, house, id_, shown) for _ in range(TIMES)]
                rows.append([what, *_said(each)])
                worst = max(worst, each[0], statistics.median(each))
            await browser.close()
    return [
        Table(
            "The page of a case, from the click to the answer to a key",
            ["case", "first ms", "p50 ms of the others", "most ms of the others"], rows,
            note=f"Aim: under {AIM_MS:.0f} ms.  The first is with nothing kept of the case.",
            missed=worst >= AIM_MS,
        )
    ]  # fmt: skip


def _said(each: Sequence[float]) -> list[str]:
    return [f"{ms:.0f}" for ms in (each[0], statistics.median(each[1:]), max(each[1:]))]


def measure(_rounds: int) -> list[Table]:
    return asyncio.run(run())
