"""Handing recordings over in a real browser, to a server that really seals them in two stores."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright
from sqlalchemy import delete, func, select

from console.settings import ConsoleSettings
from ingest.receive import BATCH
from storage import tables
from storage.database import Database
from storage.disk_real import FolderDisk
from storage.rights import Role
from tests.console.conftest import House, opened
from tests.console.desk import HOUR, Desk
from tests.console.staff import PASSWORD, Staff
from tests.console.test_browser import CHROMIUM, until
from tests.console.web.conftest import LANGUAGES, SIZES, Opens, Seen, sign_in
from tests.console.web.line import Line
from tests.console.web.look import misfits, misspoken, too_small
from tests.ingest.test_sealing import Faulty

SHOTS = os.environ.get("LIUHEN_SHOTS")
NUMBER = "沪司检〔2026〕9号"
MIB = 1 << 20


@pytest.fixture
def second(tmp_path: Path) -> Faulty:
    """The other store: away when a test says so."""
    return Faulty(FolderDisk(tmp_path / "second"), "objects", name="second")


@pytest.fixture
async def small(tmp_path: Path, second: Faulty) -> AsyncIterator[House]:
    url = f"sqlite:///{tmp_path / 'liuhen.db'}"
    database = await Database.open(url)
    await database.migrate()
    await database.close()
    async with opened(url, tmp_path / "data", ConsoleSettings(), [second]) as house:
        yield house


class Room:
    """The upload room as an officer uses it."""

    def __init__(self, seen: Seen, folder: Path) -> None:
        self.seen, self.page, self.folder = seen, seen.page, folder
        self.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    async def choose(self, *paths: Path) -> None:
        field = ".drop input[type=file]:not([webkitdirectory]):not([capture])"
        await self.page.set_input_files(field, [str(path) for path in paths])

    async def send(self) -> None:
        await self.page.click(".chosen > .row-of-buttons .main")

    async def standing(self, name: str, *wanted: str, seconds: float = 60) -> None:
        """Wait until the row of this file stands so."""
        script = f"""(() => {{ const row = [...document.querySelectorAll('.queue li')].find((one) =>
            one.querySelector('b').textContent === {json.dumps(name)});
            return row && {json.dumps(wanted)}.includes(row.dataset.standing) }})()"""
        try:
            await until(self.page, script, seconds)
        except TimeoutError:
            raise AssertionError(await self.page.inner_text("main")) from None

    async def row(self, name: str) -> str:
        return await self.page.locator(".queue li", has_text=name).first.inner_text()

    async def shot(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
async def officer(staff: Staff, small: House) -> str:
    """An officer with a camera of his own and another of his unit."""
    desk = Desk(small, staff, await small.client())
    person = await staff.person(name="王敏")
    await staff.person(name="陈立")
    camera = await desk.device("执法记录仪 A", serial="DSJL907")
    await desk.device("执法记录仪 B", serial="DSJL908")
    await desk.custody(camera, "issued", desk.now - 400 * 24 * HOUR, person)
    await desk.case(NUMBER, [person])
    return person


async def opened_by(open_as: Opens, person: str, folder: Path, **more: Any) -> Room:
    seen = await open_as(person, "/upload", **more)
    await until(
        seen.page, "document.querySelector('.settings option[value=\"执法记录仪 A\"]') !== null"
    )
    return Room(seen, folder)


async def announced(house: House) -> dict[str, Any]:
    """By name: source, wished case and manifest, as they were recorded."""
    u, s = tables.upload.c, tables.source.c
    query = select(u.name, s.name.label("source"), u.case_number, u.manifest).where(
        s.id == u.source
    )
    async with house.database.read() as conn:
        rows = (await conn.execute(query)).all()
    return {
        row.name: (row.source, row.case_number, json.loads(row.manifest or "{}")) for row in rows
    }


WORDS = {
    "zh-CN": ("据文件名", "据文件夹", "存储 ×2", "同一回执", "上传回执"),
    "en": ("from the name", "from the folder", "stored ×2", "Same receipt", "Receipt of an upload"),
}  # fmt: skip
DATA = (
    "执法记录仪",
    "王敏",
    "陈立",
    "city",
    NUMBER,
    "card/",
    "other/",
    "现场 3.mp4",
    "现场.mp4",
    "目录.xyz",
    "空.mp4",
    "复制.mp4",
    "log.example/console",
)


async def looked_at(room: Room, name: str, locale: str, *sizes: str) -> None:
    """Nothing cut off, nothing outside, one language, nothing serious for axe; pictures if wanted."""
    wrong: list[str] = []
    for kind in sizes:
        width, height = SIZES[kind]
        await room.page.set_viewport_size({"width": width, "height": height})
        await room.page.wait_for_timeout(150)
        wrong += [f"{kind}: {one}" for one in await misfits(room.page)]
        await room.shot(f"{name}.{kind}.{locale}")
    await room.page.set_viewport_size(dict(zip(("width", "height"), SIZES[sizes[0]], strict=True)))
    wrong += await misspoken(room.page, locale, DATA) + await room.seen.serious()
    assert wrong == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_folder_is_proposed_for_set_file_by_file_and_arrives_in_the_ledger(
    open_as: Opens, officer: str, small: House, tmp_path: Path, locale: str
) -> None:
    room = await opened_by(open_as, officer, tmp_path / "card", locale=locale)
    by_name, by_folder, copies, same, sheet = WORDS[locale]
    first = room.file(f"{NUMBER}/DSJL907_020417_20261120192300_0001.mp4", b"one" * 1000)
    room.file(f"{NUMBER}/Thumbs.db", b"x")
    room.file("other/DSJL908_020417_20261120192400_0002.mp4", b"two" * 1000)
    room.file("other/现场 3.mp4", b"three" * 1000)
    await room.page.set_input_files("input[webkitdirectory]", str(tmp_path / "card"))
    await until(room.page, "document.querySelectorAll('.look tbody tr').length === 3")
    shown = await room.page.inner_text(".chosen")
    assert shown.count(by_name) == 2
    assert by_folder in shown
    await looked_at(room, "check", locale, "office", "large", "phone")

    async def edit(name: str, field: str, value: str) -> None:
        await room.page.locator(".look tr", has_text=name).locator("button").click()
        await room.page.locator(field).select_option(label=value)
        await room.page.locator(".set .row-of-buttons .button").first.click()

    await edit("现场 3", ".set label:nth-of-type(1) select", "执法记录仪 B")
    await edit("现场 3", ".set label:nth-of-type(2) select", "陈立")
    await room.page.locator(".look thead input").check()  # all of them
    await room.page.fill(".set input[list]", "沪司检〔2026〕10号")
    await room.page.locator(".set .row-of-buttons .button").first.click()
    await room.send()
    for name in ("DSJL907_020417_20261120192300_0001.mp4", "现场 3.mp4"):
        await room.standing(name, "sealed", "playable", "unplayable")
    said = await announced(small)
    assert said["DSJL907_020417_20261120192300_0001.mp4"] == (
        "执法记录仪 A", "沪司检〔2026〕10号", {"user": "020417"},
    )  # fmt: skip
    source, case, manifest = said["现场 3.mp4"]
    assert (source, case, list(manifest)) == ("执法记录仪 B", "沪司检〔2026〕10号", ["person"])
    a, i = tables.attribution.c, tables.item.c
    query = select(a.person).where(a.item == i.id, i.name == "现场 3.mp4")

    async def whose() -> str | None:
        async with small.database.read() as conn:
            return (await conn.execute(query)).scalar()

    async with asyncio.timeout(30):
        while await whose() != manifest["person"]:
            await asyncio.sleep(0.1)

    assert copies in await room.row("DSJL907")
    await looked_at(room, "queue", locale, "office", "large", "phone")

    # the same bytes under another name: held already, the same receipt
    again = room.file("复制.mp4", first.read_bytes())
    await room.page.select_option(".settings select", label="执法记录仪 A")
    await room.choose(again)
    await room.send()
    await room.standing("复制.mp4", "sealed", "playable", "unplayable")
    assert same in await room.row("复制.mp4")
    assert "复制.mp4" not in await announced(small)

    await room.page.reload()
    await until(room.page, "document.querySelectorAll('.queue li').length === 4")
    await room.page.click(".page-actions a >> nth=0")
    await until(room.page, "document.querySelectorAll('.receipt-list tbody tr').length === 4")
    await looked_at(room, "receipts", locale, "office", "large", "phone")
    await room.page.click(".receipt-choice [aria-pressed=false]")
    await until(room.page, "document.querySelectorAll('.receipt-text').length === 4")
    texts = await room.page.locator(".receipt-text").all_inner_texts()
    proofs = [text.split("\n")[1:3] for text in texts]  # the entry and its index
    assert proofs[2] == proofs[3]  # the list is in the order of paths
    assert len({*map(tuple, proofs)}) == 3
    await room.page.emulate_media(media="print")
    assert sheet in await room.seen.text()
    breaks = "getComputedStyle(document.querySelector('.receipt-sheet')).breakAfter"
    assert await room.page.evaluate(breaks) == "page"
    assert not await room.page.locator(".page-actions").is_visible()
    await room.shot(f"sheets.print.{locale}")
    pdf = await room.page.pdf()
    assert pdf.count(b"/Type /Page\n") >= 4 or pdf.count(b"/Type /Page") >= 5
    await room.page.emulate_media(media="screen")
    await looked_at(room, "sheets", locale, "office", "phone")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_empty_and_strange_files_are_told_in_words(
    open_as: Opens, officer: str, small: House, tmp_path: Path, locale: str
) -> None:
    room = await opened_by(open_as, officer, tmp_path / "card", locale=locale, size="phone")
    empty = {"zh-CN": "1 个文件是空的（0 字节）", "en": "1 file is empty (0 bytes)"}[locale]
    strange = {
        "zh-CN": "1 个文件不是常见的音像或图片格式",
        "en": "1 file is of no common format",
    }[locale]
    await room.choose(
        room.file("空.mp4", b""), room.file("目录.xyz", b"a"), room.file("现场.mp4", b"b")
    )
    await until(room.page, "document.querySelectorAll('.look tbody tr').length === 2")
    shown = await room.page.inner_text(".chosen")
    assert empty in shown
    assert strange in shown
    await looked_at(room, "empty", locale, "phone")
    await room.send()
    await room.standing("目录.xyz", "unplayable", seconds=90)
    assert "空.mp4" not in await announced(small)
    await room.choose(tmp_path / "card/空.mp4")
    await room.page.click(".note .button")
    await room.send()
    await room.standing("空.mp4", "unplayable", seconds=90)


async def test_how_many_copies_there_are_is_seen_while_a_store_is_away(
    open_as: Opens, officer: str, second: Faulty, tmp_path: Path
) -> None:
    second.away = True
    room = await opened_by(open_as, officer, tmp_path)
    await room.choose(room.file("现场.mp4", b"x" * 100_000))
    await room.send()
    await room.standing("现场.mp4", "stored")
    assert "已存储 ×1" in await room.row("现场.mp4")
    assert "恢复后自动封存" in await room.row("现场.mp4")
    second.away = False
    await room.standing("现场.mp4", "sealed", "playable", "unplayable")
    assert "存储 ×2" in await room.row("现场.mp4")


async def test_an_upload_goes_on_after_a_dead_line_and_after_a_reload(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path)
    whole = 32 * MIB
    path = room.file("现场.mp4", os.urandom(whole))
    async with Line(int(small.url.rpartition(":")[2])) as line:
        await room.page.goto(f"{line.url}/app/upload")
        await until(room.page, "document.querySelector('.settings option') !== null")
        await room.choose(path)
        line.pace = 2 * MIB
        await room.send()
        await arrived(small, BATCH // 2)
        await room.page.context.set_offline(True)  # told at once, not when the browser gives up
        await room.standing("现场.mp4", "broken", seconds=5)
        await room.page.context.set_offline(False)
        await room.standing("现场.mp4", "sending", seconds=30)
        await arrived(small, await arrived(small, 1) + 1)
        line.cut()
        await room.standing("现场.mp4", "broken", seconds=60)
        assert "恢复后自动继续" in await room.row("现场.mp4")
        line.down = False
        before = await arrived(small, 1)
        await room.standing("现场.mp4", "sending", seconds=60)
        await arrived(small, before + MIB)
        await room.page.reload()
        await room.standing("现场.mp4", "away")
        assert "再次选择" in await room.page.inner_text("main")
        line.pace, line.sent = None, 0
        before = await arrived(small, 1)
        await room.choose(path)
        await room.standing("现场.mp4", "sealed", "playable", "unplayable")
        assert before > MIB
        assert line.sent < whole - before + 300_000, "only what was missing was sent again"
    room.seen.wrong.clear()  # a line that is cut is told in the browser's console


async def arrived(house: House, least: int) -> int:
    """Wait until so many bytes of the one upload are durable; how many they are."""
    async with asyncio.timeout(60):
        while True:
            async with house.database.read() as conn:
                offset = (
                    await conn.execute(select(func.max(tables.transfer.c.offset)))
                ).scalar() or 0
            if offset >= least:
                return int(offset)
            await asyncio.sleep(0.05)


async def test_who_is_signed_out_signs_in_on_the_page_and_the_upload_goes_on(
    open_as: Opens, officer: str, small: House, staff: Staff, tmp_path: Path
) -> None:
    await staff.password(officer)
    room = await opened_by(open_as, officer, tmp_path)
    path = room.file("现场.mp4", os.urandom(6 * MIB))
    async with Line(int(small.url.rpartition(":")[2])) as line:
        await room.page.goto(f"{line.url}/app/upload")
        await until(room.page, "document.querySelector('.settings option') !== null")
        await room.choose(path, room.file("第二.mp4", b"2" * 1000))
        line.pace = MIB
        await room.send()
        await arrived(small, 1)
        await small.database.write(lambda conn: conn.execute(delete(tables.session)).close())
        await room.standing("现场.mp4", "locked", seconds=60)
        await room.shot("locked")
        assert "重新登录" in await room.page.inner_text("main")
        line.pace = None
        await room.page.click(".banner button")
        await until(
            room.page, "document.querySelector('dialog[open] input[type=password]') !== null"
        )
        assert await room.seen.serious() == []
        await room.shot("signin")
        await room.page.fill("dialog input[type=password]", "wrong")
        await room.page.click("dialog .main")
        await until(room.page, "document.querySelector('dialog .problem') !== null")
        await room.page.fill("dialog input[type=password]", PASSWORD)
        await room.page.click("dialog .main")
        await until(room.page, "document.querySelector('dialog[open]') === null")
        for name in ("现场.mp4", "第二.mp4"):
            await room.standing(name, "sealed", "playable", "unplayable")
    room.seen.wrong.clear()  # refusals are told in the browser's console


async def test_a_session_made_in_another_tab_is_taken_up_and_an_unreadable_file_is_told(
    open_as: Opens, officer: str, staff: Staff, tmp_path: Path
) -> None:
    """One tab, one row: the page's own word for a session's end must not be needed."""
    await staff.password(officer)
    room = await opened_by(open_as, officer, tmp_path)
    other = await room.page.context.new_page()
    await other.goto(f"{room.page.url.partition('/app')[0]}/login")
    account = await room.page.evaluate("fetch('/api/session').then((a) => a.json())")
    await other.fill("input[name=account]", account["account"])
    await other.fill("input[name=password]", PASSWORD)
    await other.press("input[name=password]", "Enter")
    await until(other, "location.pathname.startsWith('/app')")
    await room.choose(room.file("现场.mp4", b"x" * 5000))
    await room.send()
    await room.standing("现场.mp4", "sealed", "playable", "unplayable")
    assert await room.page.locator(".banner").count() == 0, "the same person: nothing to be asked"

    # A card that is pulled out: the browser says «network error», as for a link that is down.
    gone = room.file("拔卡.mp4", b"y" * 5000)
    await room.choose(gone)
    await room.page.evaluate(
        "File.prototype.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) })"
    )
    await room.page.route("**/api/uploads/", lambda route: route.abort())
    await room.send()
    await room.standing("拔卡.mp4", "failed", seconds=60)
    room.seen.wrong.clear()  # refusals are told in the browser's console


async def test_three_thousand_files_are_one_quick_list_that_a_reload_keeps(
    open_as: Opens, officer: str, tmp_path: Path
) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    for n in range(3000):
        (
            folder / f"DSJL907_020417_20261120{n // 3600:02}{n // 60 % 60:02}{n % 60:02}_{n:04}.mp4"
        ).write_bytes(b"%d" % n)
    room = await opened_by(open_as, officer, folder)
    page = room.page
    await page.evaluate(
        """() => { window.tasks = []; new PerformanceObserver((list) => {
        for (const one of list.getEntries()) window.tasks.push(one.duration)
        }).observe({ type: 'longtask' })
        window.said = []
        new MutationObserver(() => window.said.push(document.querySelector('.drop p').textContent.replaceAll('\u2009', '')))
          .observe(document.querySelector('.drop'), { subtree: true, characterData: true, childList: true }) }"""
    )
    await page.set_input_files("input[webkitdirectory]", str(folder))
    await until(page, "document.querySelectorAll('.look tbody tr').length === 50")
    await page.locator(".look thead input").check()
    await page.fill(".set input[list]", NUMBER)
    await page.locator(".set .row-of-buttons .button").first.click()
    await until(
        page, f"document.querySelector('.look tbody tr').textContent.includes({json.dumps(NUMBER)})"
    )
    taken, *looked = await page.evaluate("window.tasks")  # the first is the browser's own: its list
    longest = max(looked, default=0)
    await page.evaluate("window.tasks = []")
    await room.send()
    await until(page, "document.querySelectorAll('.queue li').length === 50")
    await page.click(".queue-head .button >> nth=0")  # pause all
    await until(page, "document.querySelector('.queue li[data-standing=sending]') === null")
    await page.click(".pager button >> nth=1")
    await until(page, "document.querySelector('.pager').textContent.includes('51')")
    moving = max(await page.evaluate("window.tasks"), default=0)
    print(
        f"3,000 files: the browser takes the list in {taken:.0f} ms; longest task after it "
        f"{longest:.0f} ms when chosen, {moving:.0f} ms in the queue"
    )
    assert max(longest, moving) < 1500
    said = "".join(await page.evaluate("window.said"))
    assert re.search(r"识别文件 [1-9]\d* / 3000", said), "how far it is, is said"
    await page.wait_for_timeout(500)
    await page.reload()
    await until(page, "document.querySelectorAll('.queue li').length === 50")
    sights = await page.inner_text(".sights")
    assert "3\u2009000" in sights
    await page.set_input_files("input[webkitdirectory]", str(folder))
    await until(page, "document.querySelector('.queue li:not([data-standing=away])') !== null")
    await page.click(".queue-head .button >> nth=0")


def resident(pid: int) -> int:
    """Bytes of memory of this process and all below it."""
    total, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            fields = Path(f"/proc/{one}/statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")  # not shared
            for task in Path(f"/proc/{one}/task").iterdir():
                left += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return total


def below(pid: int) -> list[int]:
    """This process and all that it started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def browsers() -> list[int]:
    """The browser that this test started: Chromium processes below this one."""
    found, left = [], [os.getpid()]
    while left:
        one = left.pop()
        for task in Path(f"/proc/{one}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                name = Path(f"/proc/{child}/comm").read_text()
                if "chrom" in name or "headless" in name:
                    found.append(child)
                else:
                    left.append(child)
    return found


async def test_a_file_of_gigabytes_is_hashed_and_sent_in_bounded_memory(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path)
    path = tmp_path / "长录像.mp4"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # nothing but zeros, and no room on the disk
    (browser,) = browsers()
    session = await room.page.context.new_cdp_session(room.page)
    await session.send("Performance.enable")

    async def heap() -> int:
        metrics = (await session.send("Performance.getMetrics"))["metrics"]
        return int(next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize"))

    before, most, heaps = resident(browser), 0, [await heap()]
    await room.choose(path)
    await room.send()
    async with asyncio.timeout(300):
        sent = 0
        while sent < 256 * MIB:
            await asyncio.sleep(0.2)
            most = max(most, resident(browser))
            heaps.append(await heap())
            async with small.database.read() as conn:
                sent = (await conn.execute(select(tables.transfer.c.offset))).scalar() or 0
    await room.page.click(".queue-acts .button")
    await room.standing("长录像.mp4", "paused")
    print(
        f"3 GiB: browser {before >> 20} MiB before, {most >> 20} MiB at most while hashing and sending; "
        f"heap of the page at most {max(heaps) >> 20} MiB"
    )
    assert most - before < 400 * MIB
    assert max(heaps) < 100 * MIB


async def test_a_phone_records_sound_and_takes_a_film(
    open_as: Opens, officer: str, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path, size="phone")
    page: Page = room.page
    await page.context.grant_permissions(["microphone"])
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    captures = page.locator("input[capture]")
    assert [await captures.nth(n).get_attribute("accept") for n in range(2)] == [
        "video/*",
        "image/*",
    ]
    await captures.nth(0).set_input_files(str(room.file("20261120_101500.mp4", b"film" * 100)))
    await until(page, "document.querySelectorAll('.look tbody tr').length === 1")
    await page.locator(".drop > .row-of-buttons > button").click()
    await until(page, "document.querySelector('meter')?.value > 0")
    await page.wait_for_timeout(2200)
    await room.shot("recording")
    await page.locator(".drop > .row-of-buttons > button").click()
    await until(page, "document.querySelectorAll('.look tbody tr').length === 2")
    names = await page.locator(".look td[data-data]").all_inner_texts()
    sound = next(name.split(" ")[0] for name in names if ".webm" in name)
    # What was made here may be nowhere else: a reload keeps it.
    await page.reload()
    await until(page, "document.querySelectorAll('.look tbody tr').length === 2")
    shown = await page.inner_text(".look")
    assert sound in shown
    assert "20261120_101500.mp4" in shown
    await room.send()
    await room.standing(sound, "sealed", "playable", seconds=90)
    await room.standing("20261120_101500.mp4", "unplayable", seconds=90)
    files = """new Promise((told) => indexedDB.databases().then(([{ name }]) => {
      indexedDB.open(name).onsuccess = ({ target }) => {
        target.result.transaction('files').objectStore('files').count().onsuccess = (e) => told(e.target.result)
      } }))"""
    assert await page.evaluate(files) == 0, "sealed, so it is kept here no longer"


async def test_another_tab_waits_until_the_first_is_closed(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path)
    other = await room.page.context.new_page()
    await other.goto(f"{small.url}/app/upload")
    await until(
        other, "document.querySelector('main')?.textContent.includes('另一个标签页正在上传')"
    )
    await room.page.close()
    await until(other, "document.querySelector('.drop') !== null")


async def test_who_hands_over_for_another_unit_sees_his_upload_and_its_receipt(
    open_as: Opens, officer: str, small: House, staff: Staff, tmp_path: Path
) -> None:
    """A keeper of the station hands over what a colleague recorded; no refusal is recorded."""
    keeper = await staff.person(Role.STATION_KEEPER, name="站长")
    room = await opened_by(open_as, keeper, tmp_path)
    await room.choose(room.file("现场.mp4", b"x" * 5000))
    await room.page.select_option(".settings select", label="执法记录仪 A")
    await room.send()
    await room.standing("现场.mp4", "sealed", "playable", "unplayable")
    async with small.database.read() as conn:
        denied = (await conn.execute(select(tables.denial))).all()
    assert denied == []
    assert officer


async def test_a_file_of_the_same_name_size_and_time_with_other_bytes_is_not_passed_over(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    """A camera whose clock was reset names and dates its next film as the one before."""
    room = await opened_by(open_as, officer, tmp_path)
    name = "DSJL907_020417_20200101000000_0001.mp4"
    path = room.file(name, b"one" * 5000)
    os.utime(path, (1_577_836_800, 1_577_836_800))
    await room.choose(path)
    await room.send()
    await room.standing(name, "sealed", "playable", "unplayable")
    await room.choose(path)
    await until(room.page, "document.querySelector('main').textContent.includes('内容相同')")
    assert await room.page.locator(".look tbody tr").count() == 0, "the same bytes: nothing to do"

    room.file(name, b"two" * 5000)
    os.utime(path, (1_577_836_800, 1_577_836_800))
    await room.choose(path)
    await until(room.page, "document.querySelectorAll('.look tbody tr').length === 1")
    assert "同名，内容不同" in await room.page.inner_text(".look")
    await room.shot("namesake")
    await room.send()
    sealed = """[...document.querySelectorAll('.queue li')].filter((one) =>
        ['sealed', 'playable', 'unplayable'].includes(one.dataset.standing)).length === 2"""
    await until(room.page, sealed, 60)
    async with small.database.read() as conn:
        kept = (await conn.execute(select(tables.item.c.sha256))).scalars().all()
    assert len(set(kept)) == 2
    await room.choose(path)  # the second one again: known by its bytes, too
    await until(room.page, "document.querySelector('main').textContent.includes('内容相同')")
    await room.page.wait_for_timeout(300)
    assert await room.page.locator(".look tbody tr").count() == 0


async def test_a_photo_is_kept_over_a_reload_and_without_room_it_is_told(
    open_as: Opens, officer: str, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path, size="phone")
    page = room.page
    photo = page.locator("input[capture][accept='image/*']")
    await photo.set_input_files(str(room.file("IMG_20261120_101500.jpg", b"photo" * 1000)))
    await until(page, "document.querySelectorAll('.look tbody tr').length === 1")
    await page.reload()
    await until(page, "document.querySelectorAll('.look tbody tr').length === 1")
    assert "IMG_20261120_101500.jpg" in await page.inner_text(".look")
    await room.send()
    await room.standing("IMG_20261120_101500.jpg", "sealed", "playable", "unplayable", seconds=90)
    # A film larger than what is kept of all: the page says so, and takes it all the same.
    path = tmp_path / "20261120_101600.mp4"
    with path.open("wb") as file:
        file.truncate(5 << 30)
    await page.locator("input[capture][accept='video/*']").set_input_files(str(path))
    await until(page, "document.querySelector('.messages')?.textContent.includes('没有空间')")
    await until(page, "document.querySelectorAll('.look tbody tr').length === 1")
    await room.shot("noroom")


async def test_among_hundreds_a_device_and_a_case_are_found_by_typing(
    open_as: Opens, officer: str, small: House, staff: Staff, tmp_path: Path
) -> None:
    desk = Desk(small, staff, await small.client())
    for n in range(60):
        await desk.device(f"队里的记录仪 {n:03}", serial=f"QX{n:05}")
    await desk.device("仓库的记录仪", serial="ZZ77777")
    for n in range(60):
        await desk.device(f"新的记录仪 {n:03}", serial=f"XN{n:05}")
    room = await opened_named(open_as, officer, tmp_path)
    page = room.page
    assert await page.input_value(".settings [role=combobox]") == "执法记录仪 A", "one's own first"
    await page.click(".settings [role=combobox]")
    await until(page, "document.querySelector('.settings .pick-box').offsetParent !== null")
    assert "还有更多" in await page.inner_text(".settings .pick-box")
    await page.keyboard.type("仓库")
    await until(page, "document.querySelectorAll('.settings [role=option]').length === 1")
    await room.shot("pick")
    assert await room.seen.serious() == []
    await page.keyboard.press("Enter")
    assert await page.input_value(".settings [role=combobox]") == "仓库的记录仪"
    # Typed and not chosen: it stays what it was.
    await page.fill(".settings [role=combobox]", "新的")
    await page.keyboard.press("Escape")
    assert await page.input_value(".settings [role=combobox]") == "仓库的记录仪"
    # A name says a device that no first page has.
    await room.choose(
        room.file("QX00003_020417_20261120192300_0001.mp4", b"a" * 100),
        room.file("现场.mp4", b"b" * 100),
    )
    await until(
        page, "document.querySelector('.look tbody')?.textContent.includes('队里的记录仪 003')"
    )
    await room.send()
    await room.standing("现场.mp4", "sealed", "playable", "unplayable")
    said = await announced(small)
    assert said["现场.mp4"][0] == "仓库的记录仪"
    assert said["QX00003_020417_20261120192300_0001.mp4"][0] == "队里的记录仪 003"


async def opened_named(open_as: Opens, person: str, folder: Path) -> Room:
    seen = await open_as(person, "/upload")
    await until(seen.page, "document.querySelector('.settings [role=combobox]')?.value !== ''")
    return Room(seen, folder)


async def test_a_link_that_went_silent_while_the_lid_was_closed_is_taken_up_anew(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    """No end of the connection is told: nothing comes any more, and the page wakes up late."""
    room = await opened_by(open_as, officer, tmp_path)
    path = room.file("现场.mp4", os.urandom(24 * MIB))
    await room.page.clock.install()
    async with Line(int(small.url.rpartition(":")[2])) as line:
        await room.page.goto(f"{line.url}/app/upload")
        await until(room.page, "document.querySelector('.settings option') !== null")
        await room.choose(path)
        line.pace = 2 * MIB
        await room.send()
        await arrived(small, 1)
        line.silent = True
        await asyncio.sleep(2)
        line.pace, before = None, line.sent
        await room.page.clock.fast_forward(90_000)
        line.silent = False  # a new connection works; those of before stay dead
        await room.standing("现场.mp4", "sealed", "playable", "unplayable", seconds=120)
        assert line.sent - before < 24 * MIB, "what was there was not sent again"
    room.seen.wrong.clear()


async def test_a_finger_finds_what_it_wants_on_a_phone(
    open_as: Opens, officer: str, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path, size="phone")
    for n in range(6):
        room.file(f"现场{n}.mp4", b"%d" % n * 100)
    room.file("空.mp4", b"")
    await room.choose(*sorted(tmp_path.glob("*.mp4")))
    await until(room.page, "document.querySelectorAll('.look tbody tr').length === 6")
    await room.page.locator(".look .plain").first.click()
    assert await too_small(room.page) == []
    await room.shot("touch-check")
    await room.send()
    await room.standing("现场5.mp4", "sealed", "playable", "unplayable")
    assert await too_small(room.page) == []
    assert await misfits(room.page) == []
    await room.shot("touch-queue")


async def test_a_browser_that_was_killed_knows_what_is_left_when_the_folder_is_chosen_again(
    officer: str, small: House, tmp_path: Path
) -> None:
    """The battery is dead in the middle: opened again, it says which files are left, and goes on."""
    card = tmp_path / "card"
    async with async_playwright() as playwright:
        opened_with: dict[str, Any] = {
            "executable_path": CHROMIUM, "args": ["--no-sandbox"], "locale": "zh-CN",
        }  # fmt: skip

        async def begin(url: str) -> Room:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile", **opened_with
            )
            await sign_in(small, context, officer)
            await context.add_cookies(
                [one | {"domain": "127.0.0.1"} for one in await context.cookies(small.url)]  # type: ignore[misc]
            )
            page = await context.new_page()
            await page.goto(f"{url}/app/upload")
            await until(page, "document.querySelector('.settings option') !== null")
            return Room(Seen(page, small), card)

        async with Line(int(small.url.rpartition(":")[2])) as line:
            room = await begin(line.url)
            small_one = room.file("一.mp4", b"1" * 5000)
            large = room.file("二.mp4", os.urandom(12 * MIB))
            last = room.file("三.mp4", b"3" * 5000)
            await room.choose(small_one)
            await room.send()
            await room.standing("一.mp4", "sealed", "playable", "unplayable")
            line.pace = MIB
            await room.choose(large, last)
            await room.send()
            await arrived(small, 7000)
            for process in [one for top in browsers() for one in below(top)]:
                os.kill(process, signal.SIGKILL)
            line.pace = None
            await asyncio.sleep(2)
            room = await begin(line.url)
            await room.standing("二.mp4", "away")
            await room.standing("一.mp4", "sealed", "playable", "unplayable")
            assert "1 个文件在页面关闭前没有传完" in await room.page.inner_text("main")
            await room.shot("killed")
            await room.page.set_input_files("input[webkitdirectory]", str(card))
            for name in ("二.mp4", "三.mp4"):
                await room.standing(name, "sealed", "playable", "unplayable")
            await room.page.context.close()


async def test_a_file_that_changes_while_it_is_sent_is_told_and_chosen_again(
    open_as: Opens, officer: str, small: House, tmp_path: Path
) -> None:
    room = await opened_by(open_as, officer, tmp_path)
    path = room.file("现场.mp4", os.urandom(8 * MIB))
    async with Line(int(small.url.rpartition(":")[2])) as line:
        await room.page.goto(f"{line.url}/app/upload")
        await until(room.page, "document.querySelector('.settings option') !== null")
        await room.choose(path)
        line.pace = MIB
        await room.send()
        await arrived(small, 1)
        path.write_bytes(os.urandom(9 * MIB))  # the camera writes on
        line.pace = None
        line.cut()
        line.down = False
        await room.standing("现场.mp4", "failed", seconds=90)
        assert "重新选择这个文件" in await room.row("现场.mp4")
        await room.shot("changed")
        await room.choose(path)
        await until(room.page, "document.querySelector('.look tbody tr') !== null")
        await room.send()
        sealed = """[...document.querySelectorAll('.queue li')].some((one) =>
            ['sealed', 'playable', 'unplayable'].includes(one.dataset.standing))"""
        await until(room.page, sealed, 60)
    room.seen.wrong.clear()
