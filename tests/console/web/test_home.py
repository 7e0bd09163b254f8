"""Home by role: what waits, in numbers that are the API's and lead to where it is worked on."""

import gzip
import json
import re
from typing import Any

import pytest

from console.web_app import Built
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import begun
from tests.console.desk import DAY, HOUR, opened
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen
from verify.entries import format_time

MOST_BYTES = 300_000
HAN = re.compile(r"[\u4e00-\u9fff]")


async def filled(house: House, staff: Staff) -> str:
    """A case of an officer with an inspection that nobody recorded, and a recording that no case has."""
    async with opened(house) as desk:
        officer = await staff.person()
        device = await desk.device("记录仪 7")
        begin = desk.now - 6 * HOUR
        await desk.custody(device, "issued", begin - 4 * DAY, officer)
        course = await begun(
            house, desk.client, number="沪司检〔2026〕7号", people=[officer],
            organ=staff.organ(), unit=staff.unit(),
        )  # fmt: skip
        await course.to_the_end(upto="inform")
        await desk.recording(device, begin - 3 * DAY, HOUR)
        await desk.run()
    return officer


async def asked(seen: Seen, path: str, language: str = "zh-CN") -> Any:
    headers = {"Accept-Language": language}
    answer = await seen.page.request.get(f"{seen.house.url}{path}", headers=headers)
    assert answer.ok, await answer.text()
    return await answer.json()


async def ready(seen: Seen) -> None:
    await until(
        seen.page,
        "document.querySelector('main') && !document.querySelector('.state-block.loading')",
    )
    await seen.page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_an_officer_sees_his_inbox_his_devices_and_what_his_cases_lack(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    officer = await filled(small, staff)
    seen = await open_as(officer, "/", locale=locale)
    await ready(seen)
    inbox = await asked(seen, "/api/inbox?person=me")
    missing = await asked(seen, "/api/missing?person=me")
    number = seen.page.locator("[data-number=inbox]")
    assert await number.inner_text() == str(len(inbox["items"])) == "1"
    assert len(missing["cases"]) == 1
    assert await seen.page.locator("[data-number=lacking]").inner_text() == "1"
    panel = await seen.page.locator("[data-missing]").inner_text()
    assert "沪司检〔2026〕7号" in panel
    assert "记录仪 7" in await seen.page.locator("[data-devices]").inner_text()
    assert await seen.page.locator("[data-rates]").count() == 0
    if locale == "en":
        own = re.sub(r"沪司检〔2026〕7号|记录仪 7|律所检查", "", await seen.text())
        assert not HAN.search(own), HAN.findall(own)
    assert await seen.serious() == []
    await number.click()
    await until(seen.page, "location.pathname === '/app/inbox'")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_guide_says_what_is_next_from_what_is_there(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    """Each step has the API's number and leads to where it is done; a step that is done is gone."""
    officer = await filled(small, staff)
    async with opened(small) as desk:
        device = await desk.device("记录仪 8")
        await desk.custody(device, "issued", desk.now - DAY, officer)
        offset = {
            "at": format_time(desk.now),
            "offset_ms": 3200,
            "uncertainty_ms": 500,
            "way": "dock",
        }
        await desk.call("POST", f"/api/devices/{device}/offsets", 201, offset)
    seen = await open_as(officer, "/", locale=locale)
    await ready(seen)
    guide = seen.page.locator("[data-guide]")
    missing = await asked(seen, "/api/missing?person=me")
    inbox = await asked(seen, "/api/inbox?person=me")
    explain = guide.locator("[data-step=explain]")
    assert missing["cases"][0]["case"]["id"] in (
        await explain.locator("a").get_attribute("href") or ""
    )
    choose = guide.locator("[data-step=choose], [data-step=confirm]")
    assert str(len(inbox["items"])) in await choose.inner_text()
    assert await guide.locator("[data-step=approvals], [data-start]").count() == 0
    assert "沪司检〔2026〕7号" in await guide.inner_text(), "a look at the newest case"
    row = seen.page.locator("[data-devices] tr", has_text="记录仪 8")
    assert "+3.2 s ± 0.5 s" in await row.inner_text()
    row = seen.page.locator("[data-devices] tr", has_text="记录仪 7")
    detail = await asked(seen, "/api/devices?person=me")
    assert {one["name"] for one in detail["devices"]} == {"记录仪 7", "记录仪 8"}
    assert re.search(r"\d{4}-\d\d-\d\d", (await row.locator("td").nth(3).inner_text()))
    upcoming = await asked(seen, "/api/upcoming?person=me", locale)
    case = seen.page.locator(f"[data-case='{upcoming['cases'][0]['case']['id']}']")
    assert upcoming["cases"][0]["stage"]["label"] in await case.inner_text()
    await explain.locator("a").click()
    await until(
        seen.page, "location.pathname.startsWith('/app/cases/') && location.hash === '#coverage'"
    )


@pytest.mark.parametrize(
    ("role", "start"),
    [
        (Role.OFFICER, ["upload", "case"]), (Role.SECURITY_ADMIN, ["people"]),
        (Role.SYSTEM_ADMIN, ["devices", "rules"]), (Role.AUDIT_ADMIN, ["audit"]),
    ],
)  # fmt: skip
async def test_a_newcomer_is_told_where_to_begin(
    open_as: Opens, staff: Staff, role: Role, start: list[str]
) -> None:
    for locale in LANGUAGES:
        seen = await open_as(await staff.person(role), "/", locale=locale)
        await ready(seen)
        await until(seen.page, "document.querySelector('[data-guide] li') !== null")
        items = seen.page.locator("[data-start]")
        found = [await items.nth(n).get_attribute("data-start") for n in range(await items.count())]
        assert found == start
        await items.last.locator("a").click()
        await until(seen.page, "location.pathname !== '/app/' && document.querySelector('h1')")


async def test_what_is_missing_this_week_goes_on_beyond_the_first_page(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """Nine cases lack something: eight are shown, and all of them after a click."""
    async with opened(small) as desk:
        for n in range(9):
            course = await begun(
                small,
                desk.client,
                number=f"沪司检〔2026〕{n}号",
                organ=staff.organ(),
                unit=staff.unit(),
            )
            await course.to_the_end(upto="inform")
    seen = await open_as(await staff.person(Role.UNIT_HEAD), "/")
    await ready(seen)
    cases = "[data-missing] > ul > li"
    assert await seen.page.locator(cases).count() == 8
    assert await seen.page.locator("[data-number=lacking]").inner_text() == "9"
    await seen.page.click("[data-missing] [data-more]")
    await until(seen.page, f"document.querySelectorAll('{cases}').length === 9")
    assert await seen.page.locator("[data-more]").count() == 0


@pytest.mark.parametrize(
    ("role", "panels"),
    [
        (Role.SYSTEM_ADMIN, ["health", "proposals"]), (Role.SECURITY_ADMIN, ["people"]),
        (Role.AUDIT_ADMIN, ["denied", "acts"]), (Role.OFFICER, []),
    ],
)  # fmt: skip
async def test_each_administrator_has_panels_of_his_own(
    open_as: Opens, staff: Staff, small: House, role: Role, panels: list[str]
) -> None:
    officer = await staff.person()
    client = await staff.browser(officer)
    async with client.get("/api/audit") as answer:
        assert answer.status == 403
    seen = await open_as(await staff.person(role), "/")
    await ready(seen)
    if panels:
        await until(
            seen.page, f"document.querySelectorAll('[data-panel]').length === {len(panels)}"
        )
    found = seen.page.locator("[data-panel]")
    names = [await found.nth(n).get_attribute("data-panel") for n in range(await found.count())]
    assert names == panels
    if role is Role.AUDIT_ADMIN:
        assert "officer city one" in await seen.page.locator("[data-panel=denied]").inner_text()
        assert await seen.page.locator("[data-step=denied]").count() == 1
    assert await seen.serious() == []


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_supervisor_sees_the_rates_of_his_units_as_the_api_tells_them(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    await filled(small, staff)
    seen = await open_as(await staff.person(Role.SUPERVISOR, "bureau"), "/", locale=locale)
    await ready(seen)
    await until(seen.page, "document.querySelector('.trend canvas') !== null")
    first = await seen.page.locator("[data-rates] .hint").inner_text()
    day = re.search(r"\d{4}-\d\d-\d\d", first)
    assert day is not None
    told = await asked(seen, f"/api/statistics?by=week&first={day[0]}")
    assert told["total"]["counts"]["received"] == 1
    for row in told["units"]:
        if row["unit"] is None:
            continue
        cells = seen.page.locator(f"[data-unit='{row['unit']['id']}'] [data-count]")
        shown = {
            await cells.nth(n).get_attribute("data-count"): await cells.nth(n).inner_text()
            for n in range(await cells.count())
        }
        assert shown == {name: str(row["counts"][name]) for name in shown}
    assert await seen.page.locator("[data-rate=coverage]").inner_text() == "—"
    drawn = await seen.page.evaluate(
        "(() => { const c = document.querySelector('.trend canvas');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " return d.some((v, n) => n % 4 === 3 && v > 0) })()"
    )
    assert drawn
    assert "%" in (await seen.page.get_attribute(".trend", "aria-label") or "")
    await seen.page.click("[data-rates] .whatis button >> nth=0")
    assert await seen.page.locator("[data-rates] .whatis-text").first.is_visible()
    await seen.page.keyboard.press("Escape")
    assert await seen.page.locator("[data-rates] .whatis-text").first.is_hidden()
    await seen.page.select_option("[data-rates] select", "year")
    await until(
        seen.page, "document.querySelectorAll('[data-rates] .rates-table tbody tr').length >= 12"
    )
    assert await seen.serious() == []
    unit = staff.unit("city", "one")
    await seen.page.click(f"[data-unit='{unit}'] a")
    await until(seen.page, f"location.search === '?unit={unit}'")


@pytest.mark.parametrize(
    ("role", "rates", "works"),
    [
        (Role.UNIT_HEAD, True, True), (Role.ORGAN_HEAD, True, True), (Role.ARCHIVIST, True, True),
        (Role.REVIEWER, False, True), (Role.STATION_KEEPER, False, False),
        (Role.SYSTEM_ADMIN, False, False), (Role.SECURITY_ADMIN, False, False),
        (Role.AUDIT_ADMIN, False, False),
    ],
)  # fmt: skip
async def test_each_role_has_its_own_home_and_nothing_in_it_is_refused(
    open_as: Opens, staff: Staff, small: House, role: Role, rates: bool, works: bool
) -> None:
    await filled(small, staff)
    for locale in LANGUAGES:
        seen = await open_as(await staff.person(role), "/", locale=locale)
        await ready(seen)
        if rates:
            await until(seen.page, "document.querySelector('[data-units]') !== null")
        assert await seen.page.locator("[data-rates]").count() == int(rates)
        assert await seen.page.locator("[data-missing]").count() == int(works)
        assert await seen.page.locator(".state-block.denied, .state-block.error").count() == 0
        text = await seen.text()
        assert not re.search(r"\b(home|nav|state)\.[a-z_]+", text)
        assert await seen.serious() == []


async def test_signing_out_everywhere_ends_every_session(
    open_as: Opens, staff: Staff, small: House
) -> None:
    person = await staff.person()
    other = await open_as(person, "/help")
    seen = await open_as(person, "/account")
    await seen.page.click("[data-everywhere]")
    await seen.page.click("dialog[open] .button.main")
    await until(seen.page, "location.pathname === '/login'")
    for one in (seen, other):
        answer = await one.page.request.get(f"{small.url}/api/session")
        assert answer.status == 401


@pytest.mark.parametrize("role", [Role.OFFICER, Role.UNIT_HEAD, Role.SYSTEM_ADMIN])
async def test_the_script_of_the_first_page_is_small(
    open_as: Opens, staff: Staff, small: House, role: Role
) -> None:
    """What the browser loads on /app/ after sign-in, as compressed as the server sends it."""
    seen = await open_as(await staff.person(role), "/")
    await ready(seen)
    loaded = await seen.page.evaluate(
        "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.endsWith('.js'))"
    )
    built = Built().files
    names = {url.rsplit("/", 1)[1] for url in loaded}
    sizes = {name: len(gzip.compress(built[name][0], 6)) for name in names}
    assert len(sizes) > 3
    assert sum(sizes.values()) <= MOST_BYTES, json.dumps(sizes, indent=1)
