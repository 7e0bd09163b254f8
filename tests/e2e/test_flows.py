"""What officers, reviewers and administrators do all day, in a real browser before the real server.

The demo's town: its people, devices, roster and two cases, one of which lacks forty seconds.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyotp
import pytest
from playwright.async_api import Browser, Page, async_playwright

from deploy.demo.api import Api
from tests.console.test_browser import CHROMIUM, until
from tests.e2e.relay import Relay
from tests.e2e.server import RealServer
from tests.e2e.test_demo import demo

PASSWORD = "a long enough passphrase 9"
LANGUAGES = ["zh-CN", "en"]
MB = 1 << 20


@dataclass
class Town:
    """The demo's data, and the passwords of its people."""

    data: Path
    once: dict[str, str]
    cases: list[str]
    secrets: dict[str, str] = field(default_factory=dict)  # of second factors
    changed: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    data = tmp_path_factory.mktemp("town") / "data"
    said = demo(data)
    once = dict(re.findall(r"^    ([a-z-]+) +(\S+) {3}\S", said, re.MULTILINE))
    return Town(data, once, re.findall(r"/app/cases/([0-9a-f]{32}) ", said))


@dataclass
class Here:
    """The running server, a browser, and what went wrong in its pages."""

    town: Town
    server: RealServer
    browser: Browser
    wrong: list[str] = field(default_factory=list)

    async def api(self, account: str) -> Api:
        """A program of this person; his first sign-in is done on the way."""
        api, known = Api(self.server.url), account in self.town.changed
        if not known:
            await api.sign_in(account, self.town.once[account])
            new = {"old": self.town.once[account], "new": PASSWORD}
            await api.call("POST", "/api/session/password", new)
            session = await api.call("GET", "/api/session")
            if session["must_totp"]:
                begun = await api.call("POST", "/api/session/totp", {"password": PASSWORD})
                self.town.secrets[account] = begun["secret"]
                code = await fresh_code(pyotp.TOTP(begun["secret"]))
                await api.call("POST", "/api/session/totp/confirm", {"code": code})
            self.town.changed.add(account)
        return api

    async def page(self, account: str, locale: str, base: str | None = None) -> Page:
        """A page of this person, signed in by the form."""
        api = await self.api(account)
        await api.close()
        context = await self.browser.new_context(
            locale=locale, viewport={"width": 1366, "height": 768}
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        await page.goto(f"{base or self.server.url}/login")
        await page.fill("#account", account)
        await page.fill("#password", PASSWORD)
        if account in self.town.secrets:
            totp = pyotp.TOTP(self.town.secrets[account])
            await page.fill("#code", await fresh_code(totp))
        await page.click("form:not([autocomplete=off]) button.main")
        await until(page, "location.pathname === '/app/' && document.querySelector('h1') !== null")
        return page


USED: dict[str, str] = {}


async def fresh_code(totp: pyotp.TOTP) -> str:
    """A code that was not used before: each is good once."""
    for _ in range(70):
        code = totp.now()
        if USED.get(totp.secret) != code:
            USED[totp.secret] = code
            return code
        await asyncio.sleep(0.5)
    raise AssertionError("no fresh code within its time")


@asynccontextmanager
async def living(town: Town) -> AsyncIterator[Here]:
    server = RealServer(town.data.parent, {"LIUHEN_PATHS_DATA": str(town.data)})
    await server.start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            yield Here(town, server, browser)
            await browser.close()
    finally:
        await server.stop()


@pytest.fixture
async def here(town: Town) -> AsyncIterator[Here]:
    async with living(town) as found:
        yield found


def own(wrong: list[str], *expected: str) -> list[str]:
    """What went wrong, but for what the test brought about (the browser reports each refusal)."""
    return [one for one in wrong if not any(part in one for part in expected)]


def card(folder: Path, town: Town, device: str, user: str) -> Path:
    """A device's folder: a recording of its own, and what a computer left on it."""
    now = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(minutes=2)
    inside = folder / f"card-{device}" / "DCIM" / "100MEDIA"
    inside.mkdir(parents=True)
    clip = inside / f"{device}_{user}_{now:%Y%m%d%H%M%S}_0009.mp4"
    whole = next((town.data / "footage").glob("complete/DSJ*_0001.mp4"))
    shutil.copy(whole, clip)
    with clip.open("ab") as more:  # a `free` box: no other recording has these bytes
        size = 24 * MB
        more.write((size + 8).to_bytes(4, "big") + b"free" + os.urandom(size))
    (inside / "Thumbs.db").write_bytes(b"x")
    return clip


@pytest.mark.parametrize(
    ("locale", "account", "device", "user", "words"),
    [
        ("zh-CN", "officer-a", "DSJL907", "020417", ("连接中断", "操作系统留下的文件", "律师")),
        ("en", "officer-b", "DSJL908", "020418", ("Link broken", "operating system", "公证")),
    ],
)
async def test_an_officer_uploads_a_folder_over_a_cut_link_and_files_it(
    here: Here, tmp_path: Path, locale: str, account: str, device: str, user: str,
    words: tuple[str, str, str],
) -> None:  # fmt: skip
    clip = card(tmp_path, here.town, device, user)
    cut = asyncio.Event()

    async def event() -> None:
        cut.set()

    async with Relay(here.server.port, after=9 * MB, event=event) as relay:
        page = await here.page(account, locale, relay.url)
        await page.goto(f"{relay.url}/app/upload")
        await until(page, "Boolean(document.querySelector('.settings select')?.value)")
        await page.locator("input[webkitdirectory]").set_input_files(tmp_path / f"card-{device}")
        await until(page, "document.querySelector('.chosen') !== null")
        chosen = await page.inner_text(".chosen")
        assert all(part in chosen for part in (device, user, "1"))
        await page.click(".chosen summary")
        assert words[1] in await page.inner_text(".chosen")
        await page.click(".chosen button.main")
        await asyncio.wait_for(cut.wait(), 30)
        sealed = (
            "['sealed','playable'].includes(document.querySelector('.queue li').dataset.standing)"
        )
        await until(page, sealed, 60)
        digest = await page.inner_text(".queue .digest")
        await page.reload()  # what is finished is not kept as unfinished
        await until(page, "document.querySelector('h1') !== null")
        assert hashlib.sha256(clip.read_bytes()).hexdigest() in digest
        await page.goto(f"{relay.url}/app/inbox")
        await until(page, "document.querySelectorAll('[data-row]').length > 0", 30)
        await page.locator("[data-row]", has_text=clip.name).first.focus()
        await page.keyboard.press("s")
        await until(page, "document.querySelector('dialog[open] input') !== null")
        await page.keyboard.type(words[2])
        await until(
            page,
            f"document.querySelector('dialog[open] .found').textContent.includes('{words[2]}')",
        )
        await page.keyboard.press("Enter")
        await until(page, f"!document.body.textContent.includes('{clip.name}')")
    api = await here.api("officer-c")
    await api.sign_in("officer-c", PASSWORD)
    linked = [
        item["name"]
        for case in here.town.cases
        for item in (await api.call("GET", f"/api/cases/{case}?limit=200"))["items"]
    ]
    await api.close()
    assert clip.name in linked
    assert own(here.wrong, "ERR_", "Failed to load resource") == []


async def test_a_hole_is_explained_by_the_officer_and_approved_by_the_head(here: Here) -> None:
    case = here.town.cases[1]
    page = await here.page("officer-b", "zh-CN")
    assert await page.inner_text("[data-number=lacking]") == "1"
    await page.goto(f"{here.server.url}/app/cases/{case}")
    await until(page, "document.querySelector('.hole button') !== null")
    assert "40 秒" in await page.inner_text(".hole")
    await page.click(".hole button")
    await page.fill("dialog[open] textarea", "执法记录仪更换电池")
    await page.select_option("dialog[open] select", "battery")
    await page.click("dialog[open] button[type=submit]")
    await until(page, "document.querySelector('.hole').textContent.includes('待审批')")
    assert await page.locator(".hole button").count() == 0
    head = await here.page("head-first", "en")
    await head.goto(f"{here.server.url}/app/approvals")
    await until(head, "document.querySelector('.approvals li') !== null")
    assert "执法记录仪更换电池" in await head.inner_text(".approvals")
    await head.click(".approvals button.main")
    await head.fill("dialog[open] textarea", "agreed")
    await head.click("dialog[open] button[type=submit]")
    await until(head, "document.querySelector('.state-block.empty') !== null")
    await page.reload()
    await until(page, "document.querySelector('.hole')?.textContent.includes('已作中断说明')")
    assert own(here.wrong) == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_denied_user_sees_nothing_and_the_denial_is_on_record(
    here: Here, locale: str
) -> None:
    case = here.town.cases[1]
    page = await here.page("officer-a", locale)
    for address in (f"/app/cases/{case}", f"/app/cases/{case}/replay"):
        await page.goto(f"{here.server.url}{address}")
        await until(page, "document.querySelector('.state-block.denied') !== null")
        text = await page.inner_text("body")
        assert "公证处" not in text
        assert "0002" not in text
    audit = await here.page("audit", locale)
    await audit.goto(f"{here.server.url}/app/admin/audit?type=access.denied")
    await until(audit, "document.querySelector('tbody tr') !== null")
    assert "执法人员甲" in await audit.inner_text("tbody")
    await audit.goto(f"{here.server.url}/app/cases/{case}")
    await until(audit, "document.querySelector('.state-block.denied') !== null")
    assert own(here.wrong, "403") == []


async def test_an_administrator_imports_a_rule_list_with_errors(here: Here, tmp_path: Path) -> None:
    head = "序号,执法类别,执法事项,记录环节,记录场合,记录方式,记录人,开始记录时间点,记录内容,结束记录时间点,存储期限,应当/可以,备注\n"
    good = "1,行政检查,现场检查,调查取证,现场,录像,执法人员,到达现场,全过程,离开现场,永久,应当,\n"
    bad = "2,行政检查,询问,调查取证,询问室,心灵感应,执法人员,开始,全过程,结束,永久,应当,\n"
    sheet = tmp_path / "list.csv"
    sheet.write_text(head + good + bad, "utf-8")
    page = await here.page("system", "zh-CN")
    await page.goto(f"{here.server.url}/app/admin/rules")
    await page.locator("input[type=file]").set_input_files(sheet)
    await until(page, "document.querySelector('[data-errors]') !== null")
    told = await page.inner_text(".sheet-problems")
    assert "4" in told or "3" in told  # the row that is wrong
    assert "记录方式" in told
    assert await page.locator(".rules-import button.main").is_disabled()
    sheet.write_text(head + good, "utf-8")
    await page.locator("input[type=file]").set_input_files(sheet)
    await until(page, "document.querySelector('.rules-import button.main')?.disabled === false")
    fields = page.locator(".rules-import .settings input")
    await fields.nth(0).fill("新清单")
    await fields.nth(1).fill("2")
    await asyncio.sleep(1)  # it is read again under its name
    await until(page, "document.querySelector('.rules-import button.main')?.disabled === false")
    await page.click(".rules-import button.main")
    await until(page, "document.querySelector('tbody')?.textContent.includes('新清单')")
    assert own(here.wrong, "422") == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_reviewer_replays_marks_and_verifies(here: Here, locale: str) -> None:
    """Frames advance, the view is on record before, a mark is made by keyboard, the file verifies."""
    case = here.town.cases[0]
    page = await here.page("reviewer", locale)
    await page.goto(f"{here.server.url}/app/cases/{case}/replay")
    await until(page, "document.querySelector('#purpose') !== null")
    await page.fill("#purpose", "review")
    await page.keyboard.press("Enter")
    await until(
        page, "[...document.querySelectorAll('video')].some((v) => v.currentTime > 0.5)", 30
    )
    frames = "Math.max(...[...document.querySelectorAll('video')].map((v) => v.getVideoPlaybackQuality().totalVideoFrames))"
    assert await page.evaluate(frames) > 5
    await page.locator("canvas.lanes").focus()
    for key in ("k", "i", "ArrowRight", "o", "m"):
        await page.keyboard.press(key)
        await asyncio.sleep(0.1)
    await until(page, "document.querySelector('.mark-form textarea') === document.activeElement")
    await page.keyboard.type("<b>拒绝签字</b>")
    await page.click(".mark-form button.main")
    await until(
        page, "document.querySelector('.mark-list')?.textContent.includes('<b>拒绝签字</b>')"
    )
    reviewer = await here.api("reviewer")
    await reviewer.sign_in("reviewer", PASSWORD)
    trail = await reviewer.call("GET", f"/api/cases/{case}/trail?limit=200")
    types = [entry["type"] for entry in trail["entries"]]
    assert "mark.made" in types
    items = (await reviewer.call("GET", f"/api/cases/{case}?limit=50"))["items"]
    seen = set()
    for item in items:
        views = await reviewer.call("GET", f"/api/items/{item['id']}/trail?limit=200")
        seen |= {entry["type"] for entry in views["entries"]}
    await reviewer.close()
    assert "view.granted" in seen
    assert own(here.wrong) == []


async def test_an_excerpt_is_cut_by_keyboard_and_the_recording_verified(here: Here) -> None:
    """The original stays as it is; the excerpt has a fingerprint and a receipt of its own."""
    reviewer = await here.api("reviewer")
    await reviewer.sign_in("reviewer", PASSWORD)
    case = here.town.cases[0]
    items = (await reviewer.call("GET", f"/api/cases/{case}?limit=50"))["items"]
    item = next(one["id"] for one in items if one["name"].endswith("_0001.mp4"))
    page = await here.page("reviewer", "en")
    await page.goto(f"{here.server.url}/app/cases/{case}/replay?item={item}")
    await until(page, "document.querySelector('#purpose') !== null")
    await page.fill("#purpose", "review")
    await page.keyboard.press("Enter")
    await until(page, "document.querySelector('[data-make=clip]') !== null")
    await page.keyboard.press("k")
    await page.locator("canvas.lanes").focus()
    for key in ("i", "ArrowRight", "ArrowRight", "o"):
        await page.keyboard.press(key)
        await asyncio.sleep(0.1)
    await until(page, "!document.querySelector('[data-make=clip]').disabled")
    await page.focus("[data-make=clip]")
    await page.keyboard.press("Enter")
    await until(page, "document.querySelector('[data-clip=made]') !== null", 60)
    (clip,) = (await reviewer.call("GET", f"/api/items/{item}/clips"))["clips"]
    assert re.fullmatch(r"[0-9a-f]{64}", clip["made"]["sha256"])
    assert clip["made"]["from_ms"] <= clip["asked"]["from_ms"]
    trail = await reviewer.call("GET", f"/api/items/{item}/trail?limit=200")
    await reviewer.close()
    types = [entry["type"] for entry in trail["entries"]]
    assert {"clip.asked", "clip.made", "view.granted"} <= set(types)
    await page.goto(f"{here.server.url}/app/items/{item}/verify")
    await until(page, "document.querySelector('form button.main') !== null")
    await page.focus("form button.main")
    await page.keyboard.press("Enter")
    await until(page, "document.querySelector('[data-verdict]') !== null", 30)
    # Everything holds but the key, which nobody compared with one from elsewhere yet.
    assert await page.get_attribute("[data-verdict]", "data-verdict") == "incomplete"
    assert own(here.wrong) == []


async def test_every_page_of_the_demo_is_reached_by_what_the_screen_says(here: Here) -> None:
    """Nobody reads a manual: from the desk by visible links to the place of the hole."""
    page = await here.page("officer-b", "zh-CN")
    # In the list of what is missing, or of the open cases once the hole is explained.
    named = page.locator("main .desk-list a, main table a", has_text="执检〔2026〕0002号").first
    await named.wait_for()
    links = await page.locator("main a").all_inner_texts()
    assert any("上传" in text for text in links)
    assert json.dumps(links, ensure_ascii=False).count("执检〔2026〕0002号") >= 1
    await named.click()
    await until(page, "document.querySelector('.hole a') !== null")
    await page.locator(".hole a").first.click()
    await until(
        page,
        "location.pathname.endsWith('/replay') && document.querySelector('canvas.lanes') !== null",
    )
    assert "21:23" in await page.inner_text("[data-clock]") or await page.inner_text("[data-clock]")
    assert own(here.wrong) == []
