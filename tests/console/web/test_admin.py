"""Administration in a real browser: what is wrong, mended; each administrator's own rooms.

A new person comes in, a token is issued, used and revoked, sheets with errors are brought in.
"""

import json
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import Connection, update

from storage import tables
from storage.jobs import enqueue
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_api import call
from tests.console.test_browser import until
from tests.console.test_rules_api import BAD, GOOD
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.test_account import no_401
from tests.console.web.test_home import ready
from tests.console.web.test_signin import NEW, enter, form

TEXT: dict[str, str] = {
    "zh-CN": "后台任务失败",
    "en": "Jobs failed",
}


async def shows(page: Any, text: str) -> None:
    await until(page, f"document.querySelector('main')?.innerText.includes({text!r})")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_a_failed_job_is_found_by_health_and_run_again(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    def failed(conn: Connection) -> None:
        now = small.clock.now_ms()
        enqueue(conn, "probe", {"item": "f" * 32}, key="probe:x", lane="quick", now_ms=now)
        conn.execute(update(tables.job).values(state="failed", error="no picture"))

    await small.database.write(failed)
    person = await staff.person(Role.SYSTEM_ADMIN)
    seen = await open_as(person, "/admin/health", locale=locale)
    await shows(seen.page, TEXT[locale])
    assert "admin.health" not in await seen.text()
    await seen.page.click("main a[href$='/admin/jobs?state=failed']")
    await shows(seen.page, "no picture")
    await seen.page.click("main tbody button")
    for _ in range(50):
        if small.retried:
            break
        await seen.page.wait_for_timeout(100)
    assert small.retried == ["probe:x"]


@pytest.mark.parametrize(
    ("role", "has", "lacks"),
    [
        (Role.SYSTEM_ADMIN, "/admin/health", "/admin/audit"),
        (Role.SECURITY_ADMIN, "/admin/tokens", "/admin/health"),
        (Role.AUDIT_ADMIN, "/admin/audit", "/admin/jobs"),
    ],
)
async def test_three_administrators_have_their_own_rooms(
    staff: Staff, open_as: Opens, role: Role, has: str, lacks: str
) -> None:
    seen = await open_as(await staff.person(role), "/")
    await until(seen.page, f"document.querySelector('nav a[href$=\"{has}\"]')")
    assert await seen.page.query_selector(f"nav a[href$='{lacks}']") is None


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_new_person_comes_in_with_a_password_that_is_shown_once(
    small: House, staff: Staff, open_as: Opens, browser: Browser, locale: str
) -> None:
    seen = await open_as(await staff.person(Role.SECURITY_ADMIN), "/admin/people", locale=locale)
    page = seen.page
    await ready(seen)
    await page.click(".page-actions .button.main")
    dialog = page.locator("dialog[open]")
    await dialog.locator("input").nth(0).fill("周宁")
    await dialog.locator("input").nth(1).fill("zhouning")
    await dialog.locator("select").nth(0).select_option(staff.organ())
    await dialog.locator("select").nth(1).select_option(staff.unit())
    assert await seen.serious() == []
    await dialog.locator("textarea").fill("入职")
    await dialog.locator("button.main").click()
    await until(page, "document.querySelector('[data-secret]') !== null")
    once = (await page.inner_text("[data-secret]")).strip()
    await page.click("dialog[open] .button.main")
    await page.reload()
    await shows(page, "周宁")
    assert once not in await page.content(), "it is shown once"
    assert await page.locator("tr", has_text="周宁").locator(".chip.wait").count() == 1
    other = await form(browser, small, locale)
    await enter(other, "zhouning", once)
    await until(other, "location.pathname === '/password'")
    for name, value in (("old", once), ("new", NEW), ("again", NEW)):
        await other.fill(f"[name={name}]", value)
    await other.click("main button.main")
    await until(other, "location.pathname === '/app/' && document.querySelector('h1') !== null")
    assert "周宁" in await other.inner_text("header.topbar")
    await page.reload()
    await shows(page, "周宁")
    assert await page.locator("tr", has_text="周宁").locator(".chip.wait").count() == 0
    stale = await form(browser, small, locale)
    await enter(stale, "zhouning", once)
    await until(stale, "document.querySelector('[role=alert]') !== null")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_token_is_shown_once_works_and_is_refused_when_revoked(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    seen = await open_as(await staff.person(Role.SECURITY_ADMIN), "/admin/tokens", locale=locale)
    page = seen.page
    await ready(seen)
    await page.click(".page-actions .button.main")
    dialog = page.locator("dialog[open]")
    await dialog.locator("input").nth(0).fill("采集站 9")
    await dialog.locator("button.main").click()
    await until(page, "document.querySelector('[data-secret]') !== null")
    secret = (await page.inner_text("[data-secret]")).strip()
    await page.click("dialog[open] .button.main")
    program = small.session({"Authorization": f"Bearer {secret}"})
    async with program.get("/api/session") as answer:
        assert (answer.status, (await answer.json())["rights"]) == (200, ["upload"])
    await page.reload()
    await shows(page, "采集站 9")
    assert secret not in await page.content()
    row = page.locator("tr", has_text="采集站 9")
    await row.locator("button").click()
    assert await page.locator("dialog[open] button.main").is_disabled(), "a reason is asked for"
    await page.fill("dialog[open] textarea", "设备遗失")
    await page.click("dialog[open] button.main")
    await until(page, "document.querySelector('dialog[open]') === null")
    async with program.get("/api/session") as answer:
        assert answer.status == 401
    await page.reload()
    await shows(page, "采集站 9")
    assert await page.locator("tr", has_text="采集站 9").locator("button").count() == 0


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_address_of_anothers_page_is_refused_in_words_and_on_record(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    """By each administrator and by an officer; the data behind it is refused to his browser, too."""
    auditor = await staff.signed_in(Role.AUDIT_ADMIN, name="auditor")
    for role, pages in (
        (Role.OFFICER, {"health": "health/system", "jobs": "jobs", "audit": "audit"}),
        (Role.SYSTEM_ADMIN, {"audit": "audit"}),
        (Role.SECURITY_ADMIN, {"health": "health/system", "jobs": "jobs", "audit": "audit"}),
        (Role.AUDIT_ADMIN, {"health": "health/system", "jobs": "jobs"}),
    ):
        name = f"{role} city one"
        seen = await open_as(await staff.person(role), "/help", locale=locale)
        for page, api in pages.items():
            await seen.go(f"/admin/{page}")
            await until(seen.page, "document.querySelector('.state-block.denied') !== null")
            assert await seen.page.locator(".state-block.denied .state-actions a").count() == 1
            assert await seen.page.locator("main table tbody tr").count() == 0
            assert await seen.serious() == []
            answer = await seen.page.request.get(f"{small.url}/api/{api}")
            assert (answer.status, (await answer.json())["code"]) == (403, "denied"), page
        no_401(seen.wrong)
        told = await call(small, auditor, "GET", "/api/audit?type=access.denied&limit=100", 200)
        routes = [json.dumps(one) for one in told["entries"] if one["who"] == name]
        assert all(any(f"/api/{api}" in one for one in routes) for api in pages.values()), routes


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_rule_list_with_errors_is_named_by_row_and_comes_in_when_mended(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    seen = await open_as(await staff.person(Role.SYSTEM_ADMIN), "/admin/rules", locale=locale)
    page = seen.page
    await ready(seen)
    before = (await call(small, await small.client(), "GET", "/api/rules", 200))["rules"]

    async def choose(text: str) -> None:
        sheet = {"name": "清单.csv", "mimeType": "text/csv", "buffer": text.encode()}
        await page.set_input_files("input[type=file]", sheet)  # type: ignore[arg-type]

    await choose(BAD)
    await until(page, "document.querySelector('[data-errors]') !== null")
    rows = page.locator(".sheet-problems tbody tr:has(.chip.bad)")
    assert await rows.count() == 2
    assert [(await rows.nth(n).locator("td").first.inner_text()) for n in range(2)] == ["2", "3"]
    assert "千里眼" in await rows.first.inner_text()
    assert await page.locator(".rules-import .button.main").is_disabled()
    assert await seen.serious() == []
    await choose(GOOD)
    await until(page, "document.querySelectorAll('.preview tbody tr').length === 1")
    assert (await call(small, await small.client(), "GET", "/api/rules", 200))["rules"] == before
    await page.click(".rules-import .button.main")
    await until(page, "document.querySelector('.preview') === null")
    after = (await call(small, await small.client(), "GET", "/api/rules", 200))["rules"]
    assert [one["name"] for one in after if one not in before] == ["清单"]
    await shows(page, "清单")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_roster_with_errors_names_row_and_column_and_comes_in_when_mended(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    await staff.person(name="执法人员甲")
    head = "人员,开始,结束,边远\n"
    bad = (
        head
        + "某某,2026-11-23 08:00,2026-11-23 18:00,否\n执法人员甲,2026-13-41,2026-11-23 18:00,否\n"
    )
    seen = await open_as(await staff.person(Role.UNIT_HEAD), "/admin/rosters", locale=locale)
    page = seen.page
    await ready(seen)
    await page.click("details.import summary")

    async def choose(text: str) -> None:
        sheet = {"name": "十一月.csv", "mimeType": "text/csv", "buffer": text.encode()}
        await page.set_input_files("input[type=file]", sheet)  # type: ignore[arg-type]

    await choose(bad)
    await until(page, "document.querySelectorAll('.sheet-problems tbody tr').length >= 2")
    rows = page.locator(".sheet-problems tbody tr")
    said = [await rows.nth(n).locator("td").all_inner_texts() for n in range(await rows.count())]
    assert [(one[0], one[1][0]) for one in said] == [("2", "A"), ("3", "B")]
    no_401(seen.wrong)
    assert await page.locator("details.import .button.main").count() == 0
    await choose(head + "执法人员甲,2026-11-23 08:00,2026-11-23 18:00,否\n")
    await page.locator("details.import .button.main").click()
    await until(page, "document.querySelector('details.panel:not(.import)') !== null")
    listed = (await call(small, await small.client(), "GET", "/api/rosters", 200))["rosters"]
    assert len(listed[0]["shifts"]) == 1
