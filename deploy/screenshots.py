"""Pictures for the documents, taken from the demo's pages in a real browser.

`make screenshots`, or `python -m deploy.screenshots --data FOLDER --out docs/images`.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from deploy.demo.__main__ import command, wait_ready
from deploy.demo.cases import COMPLETE, HOLE

SIZES = {"desk": (1366, 768), "wide": (1920, 1080), "phone": (390, 844)}


def browser_path() -> str:
    """Debian's Chromium plays H.264; the browser that Playwright would fetch does not."""
    for name in ("chromium-headless-shell", "chromium"):
        if found := shutil.which(name):
            return found
    raise SystemExit("screenshots: expected Debian's chromium-headless-shell, got none")


PAGES = {
    "home": "/app/", "inbox": "/app/inbox", "overdue": "/app/overdue", "cases": "/app/cases",
    "approvals": "/app/approvals", "upload": "/app/upload", "verify": "/app/verify",
    "help": "/app/help", "account": "/app/account", "organs": "/app/admin/organs",
    "people": "/app/admin/people", "tokens": "/app/admin/tokens",
    "procedures": "/app/admin/procedures", "rules": "/app/admin/rules",
    "policies": "/app/admin/policies", "rosters": "/app/admin/rosters",
    "devices": "/app/admin/devices", "jobs": "/app/admin/jobs", "audit": "/app/admin/audit",
}  # fmt: skip


async def signed_in(browser: Browser, base: str, data: Path, lang: str, size: str) -> Page:
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, locale=lang)
    page = await context.new_page()
    await page.goto(f"{base}/login")
    await page.fill("input[name=token]", json.loads((data / "demo.json").read_text())["person"])
    await page.press("input[name=token]", "Enter")
    await page.wait_for_url(f"{base}/app/")
    return page


async def opened(page: Page, base: str, number: str) -> str:
    """Open the case with this number from the list; its address."""
    await page.goto(f"{base}/app/cases")
    await page.click(f"a:has-text('{number}')")
    await page.wait_for_selector("#coverage")
    await page.wait_for_timeout(1200)
    return page.url


async def play(page: Page, case: str) -> None:
    """The replay of a case, a few seconds in, standing still."""
    await page.goto(f"{case}/replay")
    await page.fill("#purpose", "演示")
    await page.press("#purpose", "Enter")
    await page.wait_for_selector("video")
    await page.wait_for_timeout(9000)
    await page.locator("canvas.lanes").focus()
    await page.keyboard.press("k")
    await page.wait_for_timeout(1200)


async def take(browser: Browser, base: str, data: Path, out: Path, sizes: list[str]) -> None:
    """Every page, in both languages and these sizes."""
    for size in sizes:
        for lang in ("zh-CN", "en"):
            page = await signed_in(browser, base, data, lang, size)
            for name, address in PAGES.items():
                await page.goto(base + address)
                await page.wait_for_timeout(1200)
                await shot(page, out / f"{name}.{size}.{lang}.png")
            case = await opened(page, base, HOLE[0])
            await shot(page, out / f"case.{size}.{lang}.png")
            await play(page, case)
            await shot(page, out / f"replay.{size}.{lang}.png")
            await page.context.close()


async def readme(browser: Browser, base: str, data: Path, out: Path) -> None:
    """The README's pictures: the replay of a case, and the case that lacks forty seconds."""
    for lang in ("zh-CN", "en"):
        page = await signed_in(browser, base, data, lang, "desk")
        await opened(page, base, HOLE[0])
        await page.screenshot(path=str(out / f"case.{lang}.png"))
        await play(page, await opened(page, base, COMPLETE[0]))
        await page.screenshot(path=str(out / f"replay.{lang}.png"))
        await page.context.close()


async def shot(page: Page, path: Path) -> None:
    await page.screenshot(path=str(path), full_page=True)


async def main(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "LIUHEN_PATHS_DATA": str(args.data.resolve()),
        "LIUHEN_SERVER_PORT": str(args.port),
    }
    if not (args.data / "demo.json").exists():
        await command(
            "deploy.demo", "--data", str(args.data), "--port", str(args.port), "--leave",
            env=env, show=True,
        )  # fmt: skip
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "liuhen", "serve", env=env, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    base = f"http://127.0.0.1:{args.port}"
    try:
        await wait_ready(base, server)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=browser_path(),
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            if args.readme:
                await readme(browser, base, args.data, args.out)
            else:
                await take(browser, base, args.data, args.out, args.sizes)
            await browser.close()
    finally:
        server.terminate()
        await server.wait()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("--data", type=Path, default=Path("var/liuhen"))
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--port", type=int, default=8788)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--readme", action="store_true", help="only the pictures of the README")
    sys.exit(asyncio.run(main(parser.parse_args())))
