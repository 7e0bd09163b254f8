"""One's own account in the page: password, second factor with its picture, sessions one by one."""

import os
import re
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser

from console import sessions
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import PASSWORD, Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens
from tests.console.web.look import misfits, misspoken
from tests.console.web.test_home import ready
from tests.console.web.test_signin import NEW, enter, form

WEAK = {"zh-CN": "新密码", "en": "The new password"}
SHOTS = os.environ.get("LIUHEN_SHOTS")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0"


def no_401(wrong: list[str]) -> None:
    """The browser reports each refusal on its console; nothing else may be there."""
    assert all("status of 4" in one for one in wrong), wrong
    wrong.clear()


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_second_factor_is_set_up_with_a_picture_and_used(
    open_as: Opens, staff: Staff, small: House, browser: Browser, locale: str
) -> None:
    person = await staff.person()
    await staff.password(person)
    seen = await open_as(person, "/account", locale=locale)
    await ready(seen)
    second = seen.page.locator("[data-second]")
    await second.locator("button").click()
    await second.locator("[name=password]").fill("not this one")
    await second.locator("button.main").click()
    await until(seen.page, "document.querySelector('[data-second] [role=alert]') !== null")
    assert await seen.page.locator(".banner").count() == 0, "a wrong password ends no session"
    no_401(seen.wrong)
    await second.locator("[name=password]").fill(PASSWORD)
    await seen.page.keyboard.press("Enter")
    await until(seen.page, "document.querySelector('[data-second] svg path') !== null")
    drawn = await second.locator("svg path").get_attribute("d") or ""
    assert len(re.findall("M", drawn)) > 300, "a QR code of an address has hundreds of dark squares"
    assert await seen.serious() == []
    assert await misfits(seen.page) == []
    assert await misspoken(seen.page, locale, ("officer city one", "officer-city-one")) == []
    if SHOTS:
        await seen.page.screenshot(
            path=str(Path(SHOTS) / f"account-qr.{locale}.png"), full_page=True
        )
    secret = (await second.locator("[data-key]").inner_text()).replace(" ", "")
    totp = pyotp.TOTP(secret)
    await second.locator("[name=code]").fill(totp.at(small.clock.now_ms() // 1000))
    await seen.page.keyboard.press("Enter")
    await until(seen.page, "document.querySelector('[data-second] .chip.good') !== null")
    assert await seen.page.locator("[data-second] svg").count() == 0, "the key is shown once"
    page = await form(browser, small, locale)
    await enter(page, "officer-city-one", PASSWORD)
    await until(page, "document.querySelector('[role=alert]') !== null")
    small.clock.shift_ms += 30_000  # the code of the set-up is used
    await enter(page, "officer-city-one", PASSWORD, totp.at(small.clock.now_ms() // 1000))
    await until(page, "location.pathname === '/app/'")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_weak_password_is_refused_in_words_and_a_good_one_ends_other_sessions(
    open_as: Opens, staff: Staff, small: House, browser: Browser, locale: str
) -> None:
    person = await staff.person()
    await staff.password(person)
    other = await open_as(person, "/help", locale=locale)
    seen = await open_as(person, "/account", locale=locale)
    await ready(seen)
    part = seen.page.locator("[data-password]")
    await part.locator("button").click()

    async def fill(old: str, new: str, again: str) -> None:
        for name, value in (("old", old), ("new", new), ("again", again)):
            await part.locator(f"[name={name}]").fill(value)

    await fill(PASSWORD, NEW, NEW + "x")
    assert await part.locator("button.main").is_disabled(), "two different new ones are not sent"
    await fill(PASSWORD, "short", "short")
    await part.locator("button.main").click()
    await until(seen.page, "document.querySelector('[data-password] [role=alert]') !== null")
    assert WEAK[locale] in await part.locator("[role=alert]").inner_text()
    no_401(seen.wrong)
    await fill(PASSWORD, NEW, NEW)
    await part.locator("button.main").click()
    await until(seen.page, "document.querySelector('[data-password] form') === null")
    assert (await seen.page.request.get(f"{small.url}/api/session")).status == 200
    assert (await other.page.request.get(f"{small.url}/api/session")).status == 401
    await until(seen.page, "document.querySelectorAll('[data-session]').length === 1")
    page = await form(browser, small, locale)
    await enter(page, "officer-city-one", NEW)
    await until(page, "location.pathname === '/app/'")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_one_session_among_several_is_known_and_ended(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    """By its browser and address; those of others are neither listed nor ended."""
    person, stranger = await staff.person(), await staff.person(name="stranger")
    seen = await open_as(person, "/account", locale=locale)
    other = await open_as(person, "/help", locale=locale)
    far = await sessions.begin(
        small.database, None, person=person, now_ms=small.clock.now_ms(),
        lasting=small.parts.settings.lasting, agent=FIREFOX, address="192.0.2.7",
    )  # fmt: skip
    theirs = await sessions.begin(
        small.database, None, person=stranger, now_ms=small.clock.now_ms(),
        lasting=small.parts.settings.lasting,
    )  # fmt: skip
    await seen.page.reload()
    await until(seen.page, "document.querySelectorAll('[data-session]').length === 3")
    row = seen.page.locator("[data-session]", has_text="192.0.2.7")
    assert "Firefox 128 · Windows" in await row.inner_text()
    assert await seen.page.locator("[data-session] button").count() == 2, "not the one that looks"
    await row.locator("button").click()
    await until(seen.page, "document.querySelectorAll('[data-session]').length === 2")
    client = small.session({"Cookie": f"{sessions.COOKIE}={far.value}"})
    async with client.get("/api/session") as answer:
        assert answer.status == 401
    assert (await other.page.request.get(f"{small.url}/api/session")).status == 200
    mine = await staff.browser(person)
    async with mine.delete(f"/api/sessions/{sessions.digest(theirs.value)[:32]}") as answer:
        assert answer.status == 404
    client = small.session({"Cookie": f"{sessions.COOKIE}={theirs.value}"})
    async with client.get("/api/session") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_whose_role_needs_a_code_sets_it_up_first_in_the_page(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    person = await staff.person(Role.SECURITY_ADMIN, name="sec")
    await staff.password(person)
    seen = await open_as(person, "/cases", locale=locale)
    await until(seen.page, "location.pathname === '/app/account'")
    await until(seen.page, "document.querySelector('[data-second] [name=password]') !== null")
    assert await seen.page.locator("nav.sidenav").count() == 0, "nothing else before that"
    if SHOTS:
        await seen.page.screenshot(
            path=str(Path(SHOTS) / f"account-first.{locale}.png"), full_page=True
        )
    await seen.page.fill("[data-second] [name=password]", PASSWORD)
    await seen.page.click("[data-second] button.main")
    await until(seen.page, "document.querySelector('[data-key]') !== null")
    secret = (await seen.page.inner_text("[data-key]")).replace(" ", "")
    await seen.page.fill(
        "[data-second] [name=code]", pyotp.TOTP(secret).at(small.clock.now_ms() // 1000)
    )
    await seen.page.click("[data-second] button.main")
    await until(seen.page, "location.pathname === '/app/' && document.querySelector('nav.sidenav')")
