"""The register of devices in a real browser: registered, put in a unit, given a user's code, out of use."""

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_api import call
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.test_home import ready


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_device_is_registered_changed_and_given_a_code_without_a_sheet(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    await staff.person(name="执法人员甲")
    seen = await open_as(await staff.person(Role.SYSTEM_ADMIN), "/admin/devices", locale=locale)
    page, admin = seen.page, await small.client()
    await ready(seen)

    async def devices() -> list[dict[str, object]]:
        found = await call(small, admin, "GET", "/api/devices", 200)
        return [one for one in found["devices"] if one["name"].startswith("记录仪 ")]

    async def send() -> None:
        """Twice at once: the second press must record nothing more."""
        await page.locator("dialog .button.main").dblclick()
        await until(page, "document.querySelector('dialog[open]') === null")

    await page.click(".page-head .button.main")
    assert await page.evaluate("document.activeElement === document.querySelector('dialog input')")
    fields = page.locator("dialog input[maxlength]")
    await page.locator("dialog .button.main").click()  # without a name
    assert await page.locator("dialog[open]").count() == 1
    await fields.nth(0).fill("记录仪 31")
    await fields.nth(1).fill("SN-31")
    await fields.nth(2).fill("某厂")
    await send()
    (made,) = await devices()
    assert (made["serial"], made["maker"], made["unit"]) == ("SN-31", "某厂", None)

    row = page.locator("tbody tr", has_text="记录仪 31")
    await row.locator("button").last.click()
    await page.locator("dialog select").nth(1).select_option(staff.unit("city", "two"))
    await page.locator("dialog textarea").fill("调配")
    await send()
    (now,) = await devices()
    assert (now["id"], now["serial"], now["maker"]) == (made["id"], "SN-31", "某厂")
    assert now["organ"] == staff.organ()
    assert now["unit"]["id"] == staff.unit("city", "two")

    await row.locator("td:last-child button").nth(2).click()
    await page.locator("dialog input[maxlength]").fill("020431")
    await page.locator("dialog select").select_option(label="执法人员甲")
    await send()
    detail = await call(small, admin, "GET", f"/api/devices/{made['id']}", 200)
    assert [(one["code"], one["person"]["name"]) for one in detail["codes"]] == [
        ("020431", "执法人员甲")
    ]

    await row.locator("button").last.click()
    await page.locator("dialog input[type=checkbox]").check()
    await page.locator("dialog textarea").fill("报废")
    await send()
    await until(page, "document.querySelector('tbody .chip') !== null")
    (ended,) = await devices()
    assert ended["ended"] is not None
    assert ended["unit"]["id"] == staff.unit("city", "two")
    assert await seen.serious() == []


async def test_who_is_on_a_later_page_of_the_register_is_found(
    small: House, staff: Staff, open_as: Opens
) -> None:
    for n in range(105):
        await staff.person(name=f"某人{n:03}")
    seen = await open_as(await staff.person(Role.SECURITY_ADMIN), "/admin/people")
    await ready(seen)
    page, rows = seen.page, seen.page.locator("main tbody tr")
    assert await rows.count() == 100
    hidden = [
        n for n in range(105) if await page.locator(f"td:has-text('某人{n:03}')").count() == 0
    ]
    assert hidden
    await page.fill("input[type=search]", f"某人{hidden[-1]:03}")
    await until(page, "document.querySelectorAll('main tbody tr').length === 1")
    await page.fill("input[type=search]", "")
    await until(page, "document.querySelectorAll('main tbody tr').length > 105")
