"""A real Chromium before the real server, signed in as a person of the staff."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from console import sessions
from tests.console.conftest import House
from tests.console.staff import Staff, settled
from tests.console.test_browser import CHROMIUM, until

AXE = Path(__file__).parents[3] / "console/web/node_modules/axe-core/axe.min.js"
SIZES = {"office": (1366, 768), "large": (1920, 1080), "phone": (390, 844)}
LANGUAGES = ["zh-CN", "en"]


@dataclass
class Seen:
    """A page and what went wrong in it: errors of scripts, of the policy, and other hosts."""

    page: Page
    house: House
    wrong: list[str] = field(default_factory=list)

    async def go(self, address: str) -> None:
        """Open a page of the app and wait until its title stands."""
        await self.page.goto(f"{self.house.url}/app{address}")
        await until(self.page, "document.querySelector('h1') !== null")

    async def text(self) -> str:
        return await self.page.locator("main").inner_text()

    async def serious(self) -> list[str]:
        """axe-core's serious and critical findings, in words."""
        await self.page.evaluate(AXE.read_text("utf-8") + "; undefined")
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]


Opens = Callable[..., Awaitable[Seen]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
            ],
        )  # fmt: skip
        yield started
        await started.close()


@pytest.fixture
async def staff(small: House) -> Staff:
    return await settled(small)


@pytest.fixture
async def open_as(small: House, browser: Browser) -> AsyncIterator[Opens]:
    """`await open_as(person, "/cases", locale="en", size="phone")`: the page, signed in.

    The test fails if anything went wrong in a page that it does not clear from `wrong`.
    """
    made: list[Seen] = []

    async def opens(
        person: str | None, address: str = "/", *, locale: str = "zh-CN", size: str = "office"
    ) -> Seen:
        width, height = SIZES[size]
        context = await browser.new_context(
            locale=locale, viewport={"width": width, "height": height}, has_touch=size == "phone"
        )
        if person is not None:
            await sign_in(small, context, person)
        seen = Seen(await context.new_page(), small)
        page = seen.page
        page.on("pageerror", lambda error: seen.wrong.append(str(error)))
        page.on("console", lambda m: seen.wrong.append(m.text) if _is_wrong(m) else None)
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((small.url, "blob:", "data:"))
                else seen.wrong.append(f"another host: {r.url}")
            ),
        )
        made.append(seen)
        await seen.go(address)
        return seen

    yield opens
    assert [wrong for seen in made for wrong in seen.wrong] == []


def _is_wrong(message: ConsoleMessage) -> bool:
    """Errors, but for pictures and waves that are not there (yet): the browser reports each it lacks."""
    return message.type == "error" and not message.location["url"].endswith(
        ("/poster", "/sprites", "/peaks")
    )


async def sign_in(house: House, context: BrowserContext, person: str) -> None:
    """Give the browser a session of this person, as if he had signed in."""
    session = await sessions.begin(
        house.database, None, person=person, now_ms=house.clock.now_ms(),
        lasting=house.parts.settings.lasting,
    )  # fmt: skip
    await context.add_cookies(
        [{"name": sessions.COOKIE, "value": session.value, "url": house.url, "httpOnly": True}]
    )
