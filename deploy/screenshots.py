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


async def take(browser: Browser, base: str, data: Path, out: Path, sizes: list[str]) -> None:
    token = json.loads((data / "demo.json").read_text())["person"]
    for size in sizes:
        for lang in ("zh-CN", "en"):
            width, height = SIZES[size]
            context = await browser.new_context(
                viewport={"width": width, "height": height}, locale=lang
            )
            page = await context.new_page()
            await page.goto(f"{base}/login")
            await shot(page, out / f"login.{size}.{lang}.png")
            await page.fill("input[name=token]", token)
            await page.press("input[name=token]", "Enter")
            await page.wait_for_url(f"{base}/")
            await shot(page, out / f"home.{size}.{lang}.png")
            await page.click("a[href^='/cases/']")
            await page.wait_for_load_state()
            await shot(page, out / f"case.{size}.{lang}.png")
            items = await page.eval_on_selector_all(
                "a[href^='/items/']", "links => [...new Set(links.map(a => a.pathname))]"
            )
            for number, item in enumerate(p for p in items if p.count("/") == 2):
                await page.goto(base + item)
                await page.wait_for_timeout(800)
                await shot(page, out / f"item{number}.{size}.{lang}.png")
            await page.goto(f"{base}/verify")
            await shot(page, out / f"verify.{size}.{lang}.png")
            await context.close()


async def readme(browser: Browser, base: str, data: Path, out: Path) -> None:
    """The README's picture: a recording that really plays, in both languages."""
    token = json.loads((data / "demo.json").read_text())["person"]
    for lang in ("zh-CN", "en"):
        context = await browser.new_context(viewport={"width": 1366, "height": 860}, locale=lang)
        page = await context.new_page()
        await page.goto(f"{base}/login")
        await page.fill("input[name=token]", token)
        await page.press("input[name=token]", "Enter")
        await page.wait_for_url(f"{base}/")
        await page.click(f"a:has-text('{HOLE[0]}')")
        await page.wait_for_timeout(1200)
        await page.screenshot(path=str(out / f"case.{lang}.png"))
        await page.goto(f"{base}/")
        await page.click(f"a:has-text('{COMPLETE[0]}')")
        await page.click("a:has-text('_0001.mp4'):has-text('DSJL907')")
        await page.click("[data-start]")
        await page.wait_for_timeout(3000)
        await page.keyboard.press("k")
        await page.wait_for_timeout(1200)
        await page.screenshot(path=str(out / f"item.{lang}.png"))
        await context.close()


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
