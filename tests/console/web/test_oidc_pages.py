"""Signing in by the provider through the sign-in page, in a browser; what goes wrong is told in words."""

import pytest
from playwright.async_api import Browser, Page

from storage.rights import Role
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.test_oidc import SUBJECT, Town, town, unknown_subject
from tests.console.web.conftest import LANGUAGES

__all__ = ["town"]
LEAVE = "a[href^='/login/oidc']"
NOT_KNOWN = {"zh-CN": "认证方没有确认您的身份", "en": "did not confirm who you are"}
AWAY = {"zh-CN": "没有正常回应", "en": "does not answer properly"}
OWN_CODE = {"zh-CN": "须使用动态口令", "en": "asks for a one-time code"}


async def begin(browser: Browser, place: Town, locale: str) -> Page:
    context = await browser.new_context(locale=locale, viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    await page.goto(f"{place.house.url}/app/cases?state=open")
    await until(page, "location.pathname === '/login'")
    await page.click(LEAVE)
    return page


async def refusal(page: Page) -> str:
    await until(page, "document.querySelector('[role=alert]') !== null")
    return await page.inner_text("[role=alert]")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_the_provider_signs_in_and_leads_back_to_where_one_was(
    town: Town, browser: Browser, locale: str
) -> None:
    page = await begin(browser, town, locale)
    await until(page, "location.pathname === '/app/cases' && document.querySelector('h1')")
    assert page.url.endswith("/app/cases?state=open")
    assert "lin" in await page.inner_text("header.topbar")
    assert await page.get_attribute("html", "lang") == locale


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_whom_the_provider_names_and_nobody_knows_reads_what_to_do(
    town: Town, browser: Browser, locale: str
) -> None:
    """And one may try again from the same page, which still leads to where one was."""
    town.provider.change = unknown_subject
    page = await begin(browser, town, locale)
    assert NOT_KNOWN[locale] in await refusal(page)
    town.provider.change = lambda _self, _claims: None
    await page.click(LEAVE)
    await until(page, "location.pathname === '/app/cases' && document.querySelector('h1')")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_provider_that_is_no_provider_is_told_before_one_leaves(
    town: Town, browser: Browser, locale: str
) -> None:
    town.provider.issuer = "https://another.example"
    page = await begin(browser, town, locale)
    assert AWAY[locale] in await refusal(page)
    assert page.url.startswith(town.house.url), "the browser was sent nowhere"
    town.provider.issuer = None
    await page.click(LEAVE)
    await until(page, "location.pathname === '/app/cases' && document.querySelector('h1')")


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_user_who_says_no_at_the_provider_is_back_at_the_sign_in(
    town: Town, browser: Browser, locale: str
) -> None:
    town.provider.agrees = False
    page = await begin(browser, town, locale)
    assert NOT_KNOWN[locale] in await refusal(page)


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_role_with_a_code_of_its_own_is_sent_to_the_form(
    town: Town, browser: Browser, locale: str
) -> None:
    await Staff(town.house).change(
        town.person, "lin", [Role.SECURITY_ADMIN], "city", "one", subject=SUBJECT
    )
    page = await begin(browser, town, locale)
    assert OWN_CODE[locale] in await refusal(page)
