"""The numbers of the agency in a real browser: read in words, proposed in a form, sent as data."""

import json

import pytest
from sqlalchemy import select

from cases.policy import shipped_value
from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import Opens

WORDS = {
    "zh-CN": ("缺口超过多久须作中断说明", "2秒钟", "24 小时", "2 个工作日"),
    "en": ("A hole longer than this must be explained", "2 seconds", "24 hours", "2 working days"),
}


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_m08_numbers_are_read_in_words_and_proposed_in_a_form(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    person = await staff.person(Role.SYSTEM_ADMIN)
    seen = await open_as(person, "/admin/policies", locale=locale)
    page = seen.page
    await until(page, "document.querySelectorAll('main tbody tr').length > 10")
    for word in WORDS[locale]:
        assert word in await seen.text()
    await page.click(".page-actions .main")
    labels = page.locator(".policy-fields label")
    assert await labels.count() == sum(len(part) for part in shipped_value().values())
    assert await seen.serious() == []
    await page.fill(".dialog input[maxlength='64']", "city-2")
    await labels.nth(0).locator("input").fill("3.5")
    term = labels.nth(10)
    await term.locator("input").fill("0")
    await term.locator("select").select_option("d")
    await page.locator(".policy-fields textarea").first.fill("2026-12-31，2027-01-04")
    await page.locator(".dialog textarea").last.fill("a circular of the bureau")
    await page.click(".dialog .button.main")
    await until(page, "document.querySelector('.dialog') === null")
    await until(page, "document.querySelector('main').innerText.includes('city-2')")
    e = tables.entry.c
    query = (
        select(tables.disclosure.c.disclosed)
        .join(tables.entry, e.index == tables.disclosure.c.index)
        .where(e.type == "policy.proposed")
    )
    async with small.database.read() as conn:
        disclosed = json.loads((await conn.execute(query)).scalar_one())
    fields = {name: value for _, name, value in disclosed}
    wanted = json.loads(json.dumps(shipped_value()))
    wanted["coverage"]["hole_ms"], wanted["upload"]["term"] = 3500, "0d"
    wanted["holidays"]["off"] = ["2026-12-31", "2027-01-04"]
    assert fields["value"] == wanted
