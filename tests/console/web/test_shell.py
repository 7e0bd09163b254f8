"""The frame around every page: who looks, in which language, what he may enter, and the way out."""

import pytest

from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens

FRAME = {
    "zh-CN": ("留痕", "执法人员", "没有这个页面", "退出"),
    "en": ("Liuhen", "Officer", "There is no such page", "Sign out"),
}


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_frame_speaks_one_language_and_says_who_looks(
    open_as: Opens, staff: Staff, locale: str
) -> None:
    seen = await open_as(await staff.person(), "/nowhere", locale=locale)
    brand, role, missing, leave = FRAME[locale]
    assert missing in await seen.text()
    top = await seen.page.locator("header.topbar").inner_text()
    assert all(word in top for word in (brand, role, leave))
    assert await seen.page.get_attribute("html", "lang") == locale
    assert await seen.serious() == []


async def test_the_language_is_changed_where_one_is(open_as: Opens, staff: Staff) -> None:
    seen = await open_as(await staff.person(), "/nowhere?x=1")
    await seen.page.click("a.language")
    await until(seen.page, "document.documentElement.lang === 'en'")
    assert seen.page.url.endswith("/app/nowhere?x=1")


async def test_who_is_not_signed_in_is_led_to_sign_in_and_back(
    open_as: Opens, staff: Staff, small: House
) -> None:
    await staff.password(await staff.person())
    seen = await open_as(None, "/nowhere?x=1")
    await until(seen.page, "location.pathname === '/login'")
    await seen.page.fill("#account", "officer-city-one")
    await seen.page.fill("#password", "correct horse battery staple 9")
    await seen.page.click("form:not([autocomplete=off]) button.main")
    await until(seen.page, "location.pathname === '/app/nowhere' && document.querySelector('h1')")
    seen.wrong.clear()  # the browser reports the 401 that led to the sign-in


async def test_signing_out_ends_the_session(open_as: Opens, staff: Staff, small: House) -> None:
    seen = await open_as(await staff.person(), "/nowhere")
    await seen.page.click("header.topbar button.plain")
    await until(seen.page, "location.pathname === '/login'")
    answer = await seen.page.request.get(f"{small.url}/api/session")
    assert answer.status == 401
    assert seen.wrong == []
