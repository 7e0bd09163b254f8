"""The inbox by keyboard alone: one key for a group, for one, for many, and what was done by mistake."""

import pytest

from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import last_types, size
from tests.console.desk import DAY, HOUR, Desk
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen
from tests.console.web.heap import heap
from verify.entries import format_time

ROWS = "document.querySelectorAll('[data-row]').length"
WORDS = {
    "zh-CN": ("本案执法人员", "已关联", "全部关联完毕"),
    "en": ("officer of this case", "linked", "All of it is linked"),
}
MINUTE = 60_000


async def waiting(
    small: House, staff: Staff, many: int, *, apart: int = MINUTE
) -> tuple[Desk, str, str, list[str]]:
    """An officer on a visit with his camera: its recordings wait, and their case is proposed."""
    desk = Desk(small, staff, await small.client())
    officer = await staff.person()
    device = await desk.device()
    start = desk.now - DAY
    await desk.custody(device, "issued", start - HOUR, officer)
    case = await desk.case("沪司检〔2026〕8号", [officer])
    await desk.visit(case, start, start + HOUR)
    items = [
        await desk.recording(device, start + n * apart, 50_000, name=f"现场{n}.mp4")
        for n in range(many)
    ]
    await desk.run()
    return desk, officer, case, items


async def linked(desk: Desk, case: str) -> int:
    return len((await desk.call("GET", f"/api/cases/{case}?limit=200", 200))["items"])


async def press(seen: Seen, *keys: str) -> None:
    for key in keys:
        await seen.page.keyboard.press(key)


async def at_hand(seen: Seen, lines: int) -> None:
    """So many lines, and the hand on the first."""
    await until(seen.page, f"{ROWS} === {lines}")
    await seen.page.locator("[data-row]").first.focus()


async def step_ms(seen: Seen, steps: int) -> float:
    """What a step of the hand takes of the page's own thread, whatever else the machine does."""
    cdp = await seen.page.context.new_cdp_session(seen.page)
    await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def taken() -> float:
        metrics = (await cdp.send("Performance.getMetrics"))["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

    before = await taken()
    for _ in range(steps):
        await seen.page.keyboard.press("j")
    return (await taken() - before) * 1000 / steps


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_recordings_of_one_visit_are_filed_by_one_key_and_taken_back(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk, officer, case, _ = await waiting(small, staff, 3)
    why, filed, done = WORDS[locale]
    seen = await open_as(officer, "/inbox", locale=locale)
    await at_hand(seen, 1)
    assert await seen.page.locator("[data-group='3']").count() == 1
    assert why in await seen.text()
    assert await seen.serious() == []
    await press(seen, "Enter")
    await until(seen.page, f"{ROWS} === 0")
    assert await linked(desk, case) == 3
    assert filed in await seen.page.inner_text(".messages")
    assert done in await seen.text()
    await seen.page.click(".messages .button")  # undo
    await until(seen.page, f"{ROWS} === 1")
    assert await linked(desk, case) == 0
    await until(seen.page, "document.activeElement.matches('[data-row]')")
    await press(seen, "ArrowRight")
    await until(seen.page, f"{ROWS} === 4")
    assert await seen.serious() == []


async def test_single_ones_of_a_group_are_left_out_or_filed_alone(
    open_as: Opens, small: House, staff: Staff
) -> None:
    desk, officer, case, items = await waiting(small, staff, 4)
    seen = await open_as(officer, "/inbox")
    await at_hand(seen, 1)
    await press(
        seen, "x", "ArrowRight", "ArrowDown", "ArrowDown", "x", "Enter"
    )  # all but the second
    await until(seen.page, f"{ROWS} === 1")
    assert await linked(desk, case) == 3
    assert [row["id"] for row in await desk.inbox()] == [items[1]]
    await press(seen, "Enter")
    await until(seen.page, f"{ROWS} === 0")
    assert await linked(desk, case) == 4


async def test_many_are_filed_at_once_and_each_refusal_stands_in_its_row(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Forty, of which somebody else has filed two in the meantime: the group opens to show them."""
    desk, officer, case, items = await waiting(small, staff, 40)
    seen = await open_as(officer, "/inbox")
    await at_hand(seen, 1)
    for item in items[:2]:
        await desk.call("POST", f"/api/cases/{case}/links", 201, {"item": item, "reason": "x"})
    await press(seen, "Control+a", "Enter")
    await until(seen.page, "document.querySelectorAll('[data-row] [role=alert]').length === 2", 60)
    assert await seen.page.evaluate(ROWS) == 3
    assert await linked(desk, case) == 40
    seen.wrong.clear()


async def test_the_next_line_need_not_wait_for_the_answer(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Five single ones, hours apart: five keys in one breath, each filed once."""
    desk, officer, case, _ = await waiting(small, staff, 5, apart=4 * HOUR)
    seen = await open_as(officer, "/inbox")
    await at_hand(seen, 5)
    await press(seen, "Enter", "Enter", "Enter", "Enter", "Enter")
    await until(seen.page, f"{ROWS} === 0", 40)
    assert await linked(desk, case) == 5
    links = await desk.table(tables.link)
    assert len(links) == 5


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_group_is_refused_with_a_reason_on_a_phone_and_not_proposed_again(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk, officer, case, items = await waiting(small, staff, 2)
    seen = await open_as(officer, "/inbox", size="phone", locale=locale)
    await at_hand(seen, 1)
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert await seen.page.evaluate(wide), "a phone shows it without scrolling sideways"
    assert await seen.serious() == []
    await seen.page.tap(".shot")  # the preview opens in the line
    await until(seen.page, "document.querySelector('.peek .facts') !== null")
    assert await seen.page.evaluate(wide)
    await press(seen, "n")
    await until(seen.page, "document.querySelector('dialog[open] textarea') !== null")
    await seen.page.fill("dialog[open] textarea", "时间不符")
    await seen.page.click("dialog[open] button[type=submit]")
    await until(seen.page, "document.querySelector('.proposal') === null")
    assert await seen.page.evaluate(ROWS) == 2, "without a proposal each stands alone"
    assert [(await desk.row(item))["proposals"] for item in items] == [[], []]
    assert await linked(desk, case) == 0


async def test_two_thousand_recordings_are_filed_by_a_key_for_each_visit(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Forty visits of fifty recordings: no step takes 50 ms, and 40 keys file all of them."""
    desk = Desk(small, staff, await small.client())
    officer = await staff.person()
    cases = await heap(desk, officer, 40, 50)
    seen = await open_as(officer, "/inbox")
    await until(
        seen.page, "document.querySelector('.acts')?.innerText.includes('2\\u2009000')", 120
    )
    await at_hand(seen, 40)
    assert await step_ms(seen, 39) < 50
    assert await seen.page.evaluate("document.querySelectorAll('main *').length") < 5000
    await press(seen, "Home", *["Enter"] * 40)
    await until(seen.page, f"{ROWS} === 0", 300)
    assert [await linked(desk, case) for case in (cases[0], cases[-1])] == [50, 50]
    assert await desk.inbox() == []


async def test_a_list_longer_than_a_page_is_walked_by_keys(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Single recordings without a case: 90 lines, 40 of them drawn."""
    desk = Desk(small, staff, await small.client())
    officer = await staff.person()
    device = await desk.device()
    await desk.custody(device, "issued", desk.now - 9 * DAY, officer)
    for n in range(90):
        await desk.recording(device, desk.now - DAY + n * MINUTE, 50_000, name=f"n{n}.mp4")
    await desk.run()
    seen = await open_as(officer, "/inbox", locale="en")
    await until(seen.page, "document.querySelector('.inbox-pages')?.innerText.includes('of 90')")
    await at_hand(seen, 40)
    await press(seen, "PageDown")
    await until(seen.page, "document.querySelector('.inbox-pages').innerText.includes('41–80')")
    await press(seen, "End")
    await until(seen.page, f"{ROWS} === 10 && document.activeElement.innerText.includes('n0.mp4')")
    await seen.page.click(".inbox-pages button >> nth=0")
    await until(seen.page, "document.querySelector('.inbox-pages').innerText.includes('41–80')")
    assert await seen.serious() == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_head_filters_by_unit_with_those_below_and_by_officer(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk = Desk(small, staff, await small.client())
    names = {}
    for unit in ("one", "one-below", "two"):
        person = await staff.person(unit=unit)
        device = await desk.device(f"记录仪 {unit}", unit=staff.unit(unit=unit))
        await desk.custody(device, "issued", desk.now - 2 * DAY, person)
        await desk.recording(device, desk.now - DAY, HOUR, name=f"{unit}.mp4")
        names[unit] = person
    await desk.run()
    head = await staff.person(Role.UNIT_HEAD)
    seen = await open_as(head, "/inbox", locale=locale)
    await until(seen.page, f"{ROWS} === 2")  # of his unit and of the one below it
    units = seen.page.locator("select[name=unit]")
    assert [text.strip() for text in await units.locator("option").all_inner_texts()][1:] == [
        "one", "one-below",
    ]  # fmt: skip
    await units.select_option(staff.unit(unit="one-below"))
    await until(seen.page, f"{ROWS} === 1")
    assert "one-below.mp4" in await seen.page.inner_text(".inbox")
    await units.select_option(staff.unit())
    await until(seen.page, f"{ROWS} === 2")
    officers = seen.page.locator("select[name=officer]")
    await officers.select_option(names["one"])
    await until(seen.page, f"{ROWS} === 1")
    assert names["one"] in seen.page.url
    await seen.page.reload()
    await until(seen.page, f"{ROWS} === 1")
    assert "one.mp4" in await seen.page.inner_text(".inbox")
    assert await seen.serious() == []
    own = await open_as(names["two"], "/inbox", locale=locale)
    await until(own.page, f"{ROWS} === 1")
    assert await own.page.locator("select").count() == 0
    assert "two.mp4" in await own.page.inner_text(".inbox")


CLOCKS = {
    "zh-CN": ("24 小时内，没有值班记录，自录制结束起算", "逾期 4 小时", "7 日内，自入库起算", "已逾期 2 天"),
    "en": (
        "within 24 hours, no roster: runs from the end of the recording", "4 h late",
        "within 7 days, runs from the sealing", "2 days overdue",
    ),
}  # fmt: skip


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_each_line_says_which_clocks_run_until_when_and_what_is_overdue(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk, start = Desk(small, staff, await small.client()), small.clock.now_ms() - 28 * HOUR
    officer, device = await staff.person(), await desk.device()
    await desk.custody(device, "issued", start - HOUR, officer)
    body = {"at": format_time(start), "offset_ms": 0, "uncertainty_ms": 0}
    await desk.call("POST", f"/api/devices/{device}/offsets", 201, body)
    await desk.recording(device, start - 10 * MINUTE, 5 * MINUTE)
    await desk.run()
    upload, late, link, over = CLOCKS[locale]
    seen = await open_as(officer, "/inbox", locale=locale)
    await at_hand(seen, 1)
    said = await seen.page.inner_text(".clocks")
    assert upload in said
    assert late in said
    assert link in said
    assert over not in said
    assert await seen.page.locator(".clocks b.over").count() == 1
    later = "const then = Date.now() + 9 * 86400000 + 600000; Date.now = () => then;"
    await seen.page.add_init_script(later)
    await seen.page.reload()
    await at_hand(seen, 1)
    assert over in await seen.page.inner_text(".clocks")
    assert await seen.page.locator(".clocks b.over").count() == 2


async def test_the_hand_and_the_pointer_show_a_preview_and_no_view_is_taken(
    open_as: Opens, small: House, staff: Staff
) -> None:
    """Posters are pictures of the recording, no view of it: nothing is recorded, nothing played."""
    _, officer, _, _ = await waiting(small, staff, 2, apart=4 * HOUR)
    seen = await open_as(officer, "/inbox")
    await at_hand(seen, 2)
    since = await size(small)
    preview = "document.querySelector('.inbox-preview')?.innerText"
    await until(seen.page, f"{preview}.includes('现场1.mp4')")
    await press(seen, "j")
    await until(seen.page, f"{preview}.includes('现场0.mp4')")
    await seen.page.hover("[data-row] >> nth=0")
    await until(seen.page, f"{preview}.includes('现场1.mp4')")
    await seen.page.hover("h1")
    await until(seen.page, f"{preview}.includes('现场0.mp4')")
    await press(seen, "p")
    await until(seen.page, "document.querySelector('.inbox-preview') === null")
    assert await last_types(small, since) == []
    assert await seen.page.locator("video, audio").count() == 0


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_nothing_waits_no_right_and_no_network_say_what_to_do(
    open_as: Opens, small: House, staff: Staff, locale: str
) -> None:
    desk, officer, case, _ = await waiting(small, staff, 1)
    other = await open_as(await staff.person(name="second"), "/inbox", locale=locale)
    await until(other.page, "document.querySelector('.state-block.empty a') !== null")
    denied = await open_as(await staff.person(Role.SECURITY_ADMIN), "/inbox", locale=locale)
    await until(denied.page, "document.querySelector('.state-block.denied') !== null")
    denied.wrong.clear()
    seen = await open_as(officer, "/inbox", locale=locale)
    await at_hand(seen, 1)
    await seen.page.context.set_offline(True)
    await press(seen, "Enter")
    await until(seen.page, "document.querySelector('[data-row] [role=alert]') !== null")
    await seen.page.context.set_offline(False)
    await press(seen, "Enter")  # nothing was lost: the same key again
    await until(seen.page, f"{ROWS} === 0")
    assert await linked(desk, case) == 1
    seen.wrong.clear()
