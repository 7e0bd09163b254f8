"""A server that is gone, and comes back: what each page says meanwhile, and that it recovers."""

import asyncio

import pytest
from playwright.async_api import Route

from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import PASSWORD, Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.look import misfits
from tests.console.web.test_home import filled, ready

GONE = {"zh-CN": "连不上服务器", "en": "cannot be reached"}

AGAIN = """(() => {
  const found = [...document.querySelectorAll('.state-block.offline button')];
  found.forEach((one) => one.click());
  return found.length > 0;
})()"""


async def gone(route: Route) -> None:
    """The connection is refused, as by a server that does not run."""
    await route.abort("connectionrefused")


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize(
    ("role", "page"),
    [
        (Role.OFFICER, "/"), (Role.OFFICER, "/account"), (Role.UNIT_HEAD, "/"),
        (Role.SYSTEM_ADMIN, "/admin/health"), (Role.SYSTEM_ADMIN, "/admin/devices"),
        (Role.SECURITY_ADMIN, "/admin/people"), (Role.AUDIT_ADMIN, "/admin/audit"),
    ],
)  # fmt: skip
async def test_a_page_says_that_the_server_is_gone_and_recovers(
    open_as: Opens, staff: Staff, small: House, role: Role, page: str, locale: str
) -> None:
    await filled(small, staff)
    seen = await open_as(await staff.person(role), "/help", locale=locale)
    await ready(seen)
    await seen.page.route(f"{small.url}/api/**", gone)
    await seen.page.click(f"header.topbar a[href='/app{page}'], nav.sidenav a[href='/app{page}']")
    await until(seen.page, "document.querySelector('.state-block.offline') !== null")
    said = await seen.page.locator(".state-block.offline").first.inner_text()
    assert GONE[locale] in said
    assert await seen.serious() == []
    assert await misfits(seen.page) == []
    await seen.page.unroute(f"{small.url}/api/**", gone)
    async with asyncio.timeout(40):
        while await seen.page.evaluate(AGAIN):  # health asks again by itself, too
            await asyncio.sleep(0.3)
    await ready(seen)
    assert await seen.page.locator(".state-block.offline, .state-block.error").count() == 0
    seen.wrong.clear()  # the browser reports each call that nobody answered


async def test_what_was_typed_stays_when_the_server_is_gone(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """A form is refused where it stands, and sent again without typing it again."""
    person = await staff.person()
    await staff.password(person)
    seen = await open_as(person, "/account")
    await ready(seen)
    await seen.page.click("[data-second] button")
    await seen.page.fill("[data-second] [name=password]", PASSWORD)
    await seen.page.route(f"{small.url}/api/**", gone)
    await seen.page.click("[data-second] button.main")
    await until(seen.page, "document.querySelector('[data-second] [role=alert]') !== null")
    assert GONE["zh-CN"] in await seen.page.inner_text("[data-second] [role=alert]")
    assert await seen.page.input_value("[data-second] [name=password]") == PASSWORD
    await seen.page.unroute(f"{small.url}/api/**", gone)
    await seen.page.click("[data-second] button.main")
    await until(seen.page, "document.querySelector('[data-key]') !== null")
    seen.wrong.clear()


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_room_whose_files_cannot_come_leaves_the_page_as_it_is(
    open_as: Opens, staff: Staff, locale: str
) -> None:
    """Not the browser's own error page; once the server is back the same link works."""
    seen = await open_as(await staff.person(), "/help", locale=locale)
    page = seen.page
    await page.route("**/*", gone)
    await page.click("nav a[href$='/cases']")
    await until(page, "document.querySelector('.message.bad') !== null")
    assert GONE[locale] in await page.locator(".message.bad").inner_text()
    assert await page.locator("h1").count() == 1
    assert page.url.endswith("/help")
    await page.unroute("**/*")
    await page.click("nav a[href$='/cases']")
    await until(
        page,
        "location.pathname.endsWith('/cases') && document.querySelector('main table, main .state-block') !== null",
    )
    seen.wrong[:] = [
        one
        for one in seen.wrong
        if "ERR_CONNECTION_REFUSED" not in one and "imported module" not in one
    ]
