"""Signing in with a password and a code, the first change of both, and being locked out."""

import pyotp
import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import select

from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import PASSWORD, Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES

NEW = "a longer new passphrase 7"
ROLE = {"zh-CN": "安全管理员", "en": "Security administrator"}
LOCKED = {"zh-CN": "账号暂被锁定", "en": "the account is locked for a while"}
SUBMIT = "form:not([autocomplete=off]) button.main"


async def form(browser: Browser, house: House, locale: str) -> Page:
    context = await browser.new_context(locale=locale, viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    await page.goto(f"{house.url}/")
    await until(page, "location.pathname === '/login'")
    return page


async def enter(page: Page, account: str, password: str, code: str = "") -> None:
    await page.fill("#account", account)
    await page.fill("#password", password)
    await page.fill("#code", code)
    await page.click(SUBMIT)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_password_and_a_code_open_the_desk(
    small: House, staff: Staff, browser: Browser, locale: str
) -> None:
    """Also: the code that was used once is no code any more."""
    secret = pyotp.random_base32()
    person = await staff.person(Role.SECURITY_ADMIN, name="sec")
    await staff.password(person, totp=secret)
    page = await form(browser, small, locale)
    await enter(page, "sec", PASSWORD)
    await until(page, "document.querySelector('[role=alert]') !== null")
    code = pyotp.TOTP(secret).at(small.clock.now_ms() // 1000)
    await enter(page, "sec", PASSWORD, code)
    await until(page, "location.pathname === '/app/' && document.querySelector('h1') !== null")
    assert ROLE[locale] in await page.inner_text("header.topbar")
    other = await form(browser, small, locale)
    await enter(other, "sec", PASSWORD, code)
    await until(other, "document.querySelector('[role=alert]') !== null")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_first_sign_in_changes_the_password_and_sets_the_code_up(
    small: House, staff: Staff, browser: Browser, locale: str
) -> None:
    person = await staff.person(Role.SECURITY_ADMIN, name="sec")
    await staff.password(person, must_change=True)
    page = await form(browser, small, locale)
    await enter(page, "sec", PASSWORD)
    await until(page, "location.pathname === '/password'")
    for name, value in (("old", PASSWORD), ("new", NEW), ("again", NEW)):
        await page.fill(f"[name={name}]", value)
    await page.click("main button.main")
    await until(page, "document.querySelector('[data-second] [name=password]') !== null")
    await page.fill("[name=password]", NEW)
    await page.click("main button.main")
    await until(page, "document.querySelector('[name=code]') !== null")
    secret = (await page.locator("[data-key]").inner_text()).replace(" ", "")
    await page.fill("[name=code]", pyotp.TOTP(secret).at(small.clock.now_ms() // 1000))
    await page.click("main button.main")
    await until(page, "location.pathname === '/app/' && document.querySelector('h1') !== null")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_after_too_many_wrong_passwords_the_right_one_does_not_help(
    small: House, staff: Staff, browser: Browser, locale: str
) -> None:
    """The answer does not say which of the reasons it is: nobody learns that an account exists."""
    person = await staff.person()
    await staff.password(person)
    page, said = await form(browser, small, locale), set[str]()
    for _ in range(12):
        await enter(page, "officer-city-one", "wrong passphrase 1")
        await until(page, "document.querySelector('[role=alert]') !== null")
        said.add(await page.inner_text("[role=alert]"))
        async with small.database.read() as conn:
            query = select(tables.credential.c.locked_until_ms).where(
                tables.credential.c.person == person
            )
            until_ms = (await conn.execute(query)).scalar_one()
        if until_ms is not None and until_ms > small.clock.now_ms():
            break
    else:
        pytest.fail("the account was never locked")
    await enter(page, "officer-city-one", PASSWORD)
    await until(page, "document.querySelector('[role=alert]') !== null")
    assert await page.evaluate("location.pathname") == "/login"
    assert len(said) == 1, "the answer never says which of the reasons it is"
    assert LOCKED[locale] in said.pop()
